"""Where models are kept on this machine and where they may come from. No torch."""

from __future__ import annotations

import os
from pathlib import Path

from vqanim.cache import cache_folder
from vqanim.files import sha256_of

__all__ = ["cache_folder", "extra_catalogue", "is_offline", "mirrors", "models_folder", "sha256_of"]


def models_folder() -> Path:
    """The part of the cache for models that were fetched. A mirror has the same layout."""
    return cache_folder() / "models"


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
