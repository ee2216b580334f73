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
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from vqanim.files import read_bytes, refuse_special, writing
from vqanim.takes.digest import frame_hash

NAME = "record.jsonl"
MOST_BYTES = 512 * 2**20
"""Of a record; one of a hundred thousand frames with many prompts has a third of that."""

_LONGEST_LINE = 1 << 20  # bytes
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
        try:
            seconds = document.get("seconds")
            pairs = [
                tuple((str(text), float(value)) for text, value in document.get(name, ()))
                for name in ("similarities", "losses")
            ]
            return cls(None if seconds is None else float(seconds), *pairs)
        except (AttributeError, ValueError, TypeError):
            return None


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
    with suppress(OSError):
        for record in map(_parse, read_bytes(path, MOST_BYTES).split(b"\n")):
            if isinstance(record, FrameRecord):
                records[record.index] = record
            elif record is not None:
                records.pop(record, None)
    return records


def _parse(line: bytes) -> FrameRecord | int | None:
    """A record; the index of a frame that was moved away; or None for anything else."""
    try:
        fields = json.loads(line)
        if "superseded" in fields:
            return int(fields["index"])
        return FrameRecord(
            index=int(fields["index"]),
            digest=str(fields["digest"]),
            pixels=str(fields["pixels"]),
            painted=str(fields["painted"]),
            size=int(fields["size"]),
            mtime_ns=int(fields["mtime_ns"]),
            metrics=Metrics.read(fields.get("metrics")),
            params=str(fields.get("params", "")),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


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
            first = max(0, end - _LONGEST_LINE)
            file.seek(first)
            file.truncate(first + file.read(_LONGEST_LINE).rfind(b"\n") + 1)
        file.write(content.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
