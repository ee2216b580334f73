"""A download that is not finished: a hidden file beside its target, and a note on where it came from.

The note decides whether a later attempt may go on where this one stopped. No torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from vqanim.files import make_folder, sync_file, sync_folder, write_atomic, writing


@dataclass(frozen=True)
class Origin:
    """What an address said about the file that it began to send."""

    address: str
    size: int | None
    """Bytes of the whole file."""
    mark: str | None
    """ETag or Last-Modified: changes when the file does."""


class Partial:
    """The part of a file that is here."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def origin(self) -> Origin | None:
        """Where they came from; None when nothing is known."""
        try:
            return Origin(**json.loads(self._note.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Start anew. Raises OutputError."""
        make_folder(self.path.parent)
        self.discard()
        write_atomic(self._note, json.dumps(asdict(origin)))

    def append(self) -> BinaryIO:
        """Open it for writing at its end. Raises OSError."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Remove it. Raises OutputError."""
        with writing(self._target):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def discard_if_empty(self) -> None:
        """Remove it when there is nothing in it. Raises OutputError."""
        if not self.size:
            self.discard()

    def finish(self) -> None:
        """It is whole: move it to its target. Raises OutputError."""
        with writing(self._target):
            sync_file(self.path)
            self.path.replace(self._target)
            sync_folder(self._target.parent)
            self._note.unlink(missing_ok=True)
