"""The folder of everything that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder; `VQANIM_CACHE` overrides it."""
    return Path(os.environ.get("VQANIM_CACHE") or platformdirs.user_cache_dir("vqanim")).expanduser()
