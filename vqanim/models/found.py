"""What a look at a user's files found: a generator of a family, and all that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Found:
    """A generator whose files can be used."""

    family: str
    about: str
    """What it is, in words."""
    config: tuple[str, str]
    """Name of the file with what weights do not show, and what it holds."""
    tensors: Mapping[str, Tensor]
    read: tuple[Path, ...]
    """Files that it was read from."""
    row: Mapping[str, Any] = field(default_factory=dict)
    """What its catalogue says besides."""
