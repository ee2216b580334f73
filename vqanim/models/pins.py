"""Fingerprints of files whose SHA-256 nobody published: the first download gives it, and it holds ever after.

Each pin is a file of its own under `pins/` in the cache, so that processes need no lock. It outlives the
file that it is about, unless it is forgotten on purpose. No torch.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from vqanim.errors import InputError
from vqanim.files import make_folder, write_atomic, writing
from vqanim.models.cache import cache_folder


@dataclass(frozen=True)
class Pin:
    """What a file was when it was first seen."""

    sha256: str
    size: int
    """Bytes."""
    address: str
    """Where it came from; a path when it was put there by hand."""


def pin_path(place: str) -> Path:
    """Where the pin of a file lies. place: of the file, relative to the models' folder."""
    return cache_folder() / "pins" / f"{place}.json"


def read_pin(place: str) -> Pin | None:
    """The pin of a file, or None. Raises InputError for one that is damaged."""
    path = pin_path(place)
    try:
        pin = Pin(**json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: this pin cannot be read ({error}); delete it") from error
    if not (
        isinstance(pin.sha256, str) and re.fullmatch("[0-9a-f]{64}", pin.sha256) and type(pin.size) is int
    ):
        raise InputError(f"{path}: this pin holds no SHA-256 and size; delete it")
    return pin


def write_pin(place: str, pin: Pin) -> None:
    """Keep a pin. Raises OutputError."""
    path = pin_path(place)
    make_folder(path.parent)
    write_atomic(path, json.dumps(asdict(pin), indent=1) + "\n")


def forget_pin(place: str) -> None:
    """Remove a pin, if there is one. Raises OutputError."""
    with writing(pin_path(place)):
        pin_path(place).unlink(missing_ok=True)
