"""Where models are kept on this machine, and whether the network may be used. No torch."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder for models; `VQANIM_CACHE` overrides it."""
    return Path(os.environ.get("VQANIM_CACHE") or platformdirs.user_cache_dir("vqanim"))


def is_offline() -> bool:
    """Whether `VQANIM_OFFLINE` forbids the network."""
    return os.environ.get("VQANIM_OFFLINE", "") not in ("", "0")
