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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from vqanim.files import refuse_special, writing
from vqanim.own_files import Damaged, find_fault, parse_json, read_lines
from vqanim.takes.digest import frame_hash

NAME = "record.jsonl"
MAX_LINE = 1 << 20
MAX_BYTES = 512 * 2**20
"""Of a record only the last so many bytes are read; one of a hundred thousand frames with many prompts has a
third of that."""
_MOVED = {"index": int, "superseded": str}
_FRAME = {
    "index": int,
    "digest": str,
    "pixels": str,
    "painted": str,
    "size": int,
    "mtime_ns": int,
    "params?": str,
}
_METRICS = {"seconds?": (float, None), "similarities?": [[(str, float)]], "losses?": [[(str, float)]]}


Pairs: TypeAlias = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Metrics:
    """How a frame was painted; nothing of the render depends on it, so that any of it may be missing."""

    seconds: float | None = None
    """Time for it, without saving; None for a frame of a timelapse, which is painted as a whole."""
    similarities: Pairs = ()  # (prompt, mean cosine of the cutouts to it, -1..1) at the last step
    losses: Pairs = ()  # (kind of terms, what they still lost, weights included) at the last step

    def document(self) -> dict[str, Any]:
        """What JSON holds: finite numbers of six digits."""
        document: dict[str, Any] = {} if self.seconds is None else {"seconds": _short(self.seconds)}
        for name, pairs in (("similarities", self.similarities), ("losses", self.losses)):
            if found := [[text, _short(value)] for text, value in pairs if math.isfinite(value)]:
                document[name] = found
        return document

    @classmethod
    def read(cls, document: Any) -> Metrics | None:
        """From JSON; None for anything else."""
        if find_fault(document, _METRICS):
            return None
        try:
            pairs = [
                tuple((str(text), float(value)) for text, value in document.get(name, ()))
                for name in ("similarities", "losses")
            ]
        except (ValueError, TypeError):  # not a text and a number
            return None
        seconds = document.get("seconds")
        return cls(None if seconds is None else float(seconds), *pairs)


def _short(value: float) -> float:
    return float(f"{value:.6g}")


@dataclass(frozen=True)
class FrameRecord:
    """A frame that is on the disk, and the file in which it was seen; one line of a record."""

    index: int
    digest: str  # chain digest of the plan that it was painted for
    pixels: str  # hash of the pixels that are in the file now, even if somebody painted over them
    painted: str  # hash of the pixels that it was painted with, or that were accepted in their place
    size: int = field(default=0, compare=False)  # bytes of the file
    mtime_ns: int = field(default=0, compare=False)
    metrics: Metrics | None = field(default=None, compare=False)
    params: str = ""  # hash of the file with the generator's parameters beside it; empty where there is none

    @property
    def identity(self) -> str:
        """What the frame was painted as, to those that are painted from it."""
        return frame_hash(self.painted, self.params)

    @property
    def edited(self) -> bool:
        """Whether somebody changed its pixels, and nobody has accepted that yet."""
        return self.pixels != self.painted

    def describes(self, stat: os.stat_result) -> bool:
        """Whether the file is still the one that was recorded."""
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def read_records(path: Path) -> dict[int, FrameRecord]:
    """The newest record of every frame; lines that are torn, foreign or about moved frames do not count."""
    records: dict[int, FrameRecord] = {}
    for record in map(_parse, read_lines(path, MAX_LINE, MAX_BYTES)):
        if isinstance(record, FrameRecord):
            records[record.index] = record
        elif record is not None:
            records.pop(record, None)
    return records


def _parse(line: bytes) -> FrameRecord | int | None:
    """A record; the index of a frame that was moved away; or None for anything else."""
    try:
        fields = parse_json(line, (_MOVED, _FRAME))
    except Damaged:
        return None
    if "superseded" in fields:
        return int(fields["index"])
    known = {name.rstrip("?"): fields[name.rstrip("?")] for name in _FRAME if name.rstrip("?") in fields}
    return FrameRecord(**known, metrics=Metrics.read(fields.get("metrics")))


def append_records(path: Path, records: Iterable[FrameRecord]) -> None:
    """Add a line a record and wait until all are on the disk. Raises OutputError."""
    _append(path, map(_document, records))


def _document(record: FrameRecord) -> dict[str, Any]:
    document = asdict(record)
    del document["metrics"]
    if not record.params:
        del document["params"]
    return document if record.metrics is None else {**document, "metrics": record.metrics.document()}


def append_moved(path: Path, indices: Iterable[int], number: str) -> None:
    """Note that frames went to superseded/`number`. Raises OutputError."""
    _append(path, ({"index": index, "superseded": number} for index in indices))


def _append(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    content = "".join(json.dumps(line) + "\n" for line in lines)
    # A record that is a link would let whoever made it choose which file grows.
    flag = getattr(os, "O_NOFOLLOW", 0)
    refuse_special(path)
    with (
        writing(path),
        open(path, "a+b", opener=lambda name, flags: os.open(name, flags | flag, 0o666)) as file,
    ):
        # What a killed writer left after the last line end would spoil the line that comes next.
        end = file.tell()
        file.seek(max(0, end - 1))
        if end and file.read(1) != b"\n":
            content = _ending(file, end) + content
        file.write(content.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def _ending(file: BinaryIO, end: int) -> str:
    """Cut off the torn last line of a file of so many bytes; where that is longer than any that is written
    here, it stays, and gets the end that is given here, so that nothing of a huge file is searched."""
    begin = max(0, end - MAX_LINE)
    file.seek(begin)
    found = file.read(end - begin).rfind(b"\n")
    if found < 0 and begin:
        return "\n"
    file.truncate(begin + found + 1)
    return ""
