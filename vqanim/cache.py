"""The folder of everything that can be made or fetched again, and where models may come from."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder; `VQANIM_CACHE` overrides it."""
    return Path(os.environ.get("VQANIM_CACHE") or platformdirs.user_cache_dir("vqanim")).expanduser()


def models_folder() -> Path:
    """The part of the cache for models that were fetched. A mirror has the same layout."""
    return cache_folder() / "models"


def converted_path(sha256: str) -> Path:
    """Where the converted weights of a checkpoint lie, or will."""
    return cache_folder() / "converted" / f"{sha256}.safetensors"


def is_offline() -> bool:
    """Whether `VQANIM_OFFLINE` forbids the network."""
    return os.environ.get("VQANIM_OFFLINE", "") not in ("", "0")


def mirrors() -> tuple[str, ...]:
    """Addresses of mirrors, tried before all others: `VQANIM_MIRROR`, one or several with spaces between."""
    return tuple(os.environ.get("VQANIM_MIRROR", "").split())


def extra_catalogue() -> Path | None:
    """A catalogue of the user's, in addition to the package's: `VQANIM_CATALOGUE`."""
    named = os.environ.get("VQANIM_CATALOGUE", "")
    return Path(named).expanduser() if named else None
