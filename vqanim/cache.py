"""The folder of everything that can be made or fetched again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder; `VQANIM_CACHE` overrides it."""
    return Path(os.environ.get("VQANIM_CACHE") or platformdirs.user_cache_dir("vqanim")).expanduser()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file of any size. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
