"""What the films of a folder were made of, so that those that are up to date are left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqanim.files import write_atomic


@dataclass(frozen=True)
class Made:
    """A record beside the films: by file name, the digest of all that a file was made of, and its bytes."""

    name: str = "film.json"

    def knows(self, path: Path) -> bool:
        """True for a file, or a folder of frames, that was made here before."""
        return path.name in self._read(path)

    def is_current(self, path: Path, digest: str) -> bool:
        """Whether a file is there, was made of this and is as it was then."""
        entry = self._read(path).get(path.name)
        if not isinstance(entry, dict) or not path.exists():
            return False
        return entry == {"digest": digest, "bytes": _size(path)}

    def remember(self, digests: Mapping[Path, str], path: Path) -> None:
        """Take note of what a file was made of. Raises OutputError."""
        entries = {**self._read(path), path.name: {"digest": digests[path], "bytes": _size(path)}}
        write_atomic(path.with_name(self.name), json.dumps(entries, indent=2, sort_keys=True) + "\n")

    def _read(self, path: Path) -> dict[str, Any]:
        """What is recorded beside a file; nothing where that cannot be read."""
        try:
            entries = json.loads(path.with_name(self.name).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return path.stat().st_size
