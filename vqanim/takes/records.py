"""record.jsonl: what is known about the frames of a take, one JSON object a line, appended, never rewritten.

The frames themselves are the truth; a record only spares hashing their pixels again, and holds for as long as
size and modification time of the file are those that it names. So a lost or torn record costs time, nothing
else. Of several lines about one frame the newest counts.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from vqanim.files import writing

NAME = "record.jsonl"


Pairs: TypeAlias = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Figures:
    """How a frame was painted; nothing of the render depends on it, so that any of it may be missing."""

    seconds: float | None = None
    """Time for it, without saving; None for a frame of a timelapse, which is painted as a whole."""
    similarities: Pairs = ()
    """(prompt, mean cosine of the cutouts to it, -1..1) at the last step."""
    losses: Pairs = ()
    """(kind of terms, what they still lost, weights included) at the last step."""

    def document(self) -> dict[str, Any]:
        """What JSON holds: finite numbers of six digits."""
        document: dict[str, Any] = {} if self.seconds is None else {"seconds": _short(self.seconds)}
        for name, pairs in (("similarities", self.similarities), ("losses", self.losses)):
            if found := [[text, _short(value)] for text, value in pairs if math.isfinite(value)]:
                document[name] = found
        return document

    @classmethod
    def read(cls, document: object) -> Figures | None:
        """From JSON; None for anything else."""
        if not isinstance(document, dict):
            return None
        try:
            seconds = document.get("seconds")
            return cls(
                None if seconds is None else float(seconds),
                _pairs(document.get("similarities", ())),
                _pairs(document.get("losses", ())),
            )
        except (ValueError, TypeError):
            return None


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _pairs(document: Iterable[Any]) -> Pairs:
    return tuple((str(text), float(value)) for text, value in document)


@dataclass(frozen=True)
class Entry:
    """One line: a frame's digest and pixels, and the file in which they were seen."""

    index: int
    digest: str
    pixels: str
    """Pixel hash."""
    size: int
    """Bytes of the file."""
    mtime_ns: int
    painted: str
    """Hash of the pixels that belong to the digest: as they were painted, or changed and accepted."""
    figures: Figures | None = None
    """None in records of early versions."""

    def describes(self, stat: os.stat_result) -> bool:
        """Whether the file is still the one that was recorded."""
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def read_entries(path: Path) -> dict[int, Entry]:
    """The newest entry of every frame; lines that are torn, foreign or about moved frames do not count."""
    entries: dict[int, Entry] = {}
    try:
        content = path.read_bytes()
    except OSError:
        return entries
    for line in content.split(b"\n"):
        entry = _parse(line)
        if isinstance(entry, Entry):
            entries[entry.index] = entry
        elif entry is not None:
            entries.pop(entry, None)
    return entries


def _parse(line: bytes) -> Entry | int | None:
    """An entry; the index of a frame that was moved away; or None for anything else."""
    try:
        fields = json.loads(line)
        if "superseded" in fields:
            return int(fields["index"])
        return Entry(
            index=int(fields["index"]),
            digest=str(fields["digest"]),
            pixels=str(fields["pixels"]),
            size=int(fields["size"]),
            mtime_ns=int(fields["mtime_ns"]),
            painted=str(fields.get("painted", fields["pixels"])),
            figures=Figures.read(fields.get("figures")),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def append_entries(path: Path, entries: Iterable[Entry]) -> None:
    """Add a line an entry and wait until all are on the disk. Raises OutputError."""
    _append(path, map(_document, entries))


def _document(entry: Entry) -> dict[str, Any]:
    document = asdict(entry)
    del document["figures"]
    return document if entry.figures is None else {**document, "figures": entry.figures.document()}


def append_moved(path: Path, indices: Iterable[int], number: str) -> None:
    """Note that frames went to superseded/`number`. Raises OutputError."""
    _append(path, ({"index": index, "superseded": number} for index in indices))


def _append(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    content = "".join(json.dumps(line) + "\n" for line in lines)
    with writing(path), open(path, "a+b", opener=_open_no_link) as file:
        _cut_torn_line(file.fileno())
        file.write(content.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def _open_no_link(path: str, flags: int) -> int:
    """A record that is a link would let whoever made it choose which file grows."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _cut_torn_line(handle: int) -> None:
    """Drop what a killed writer left after the last line end; it would spoil the line that comes next."""
    end = os.lseek(handle, 0, os.SEEK_END)
    if end == 0 or _read_at(handle, end - 1, 1) == b"\n":
        return
    content = _read_at(handle, 0, end)
    os.ftruncate(handle, content.rfind(b"\n") + 1)


def _read_at(handle: int, offset: int, count: int) -> bytes:
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, count)
