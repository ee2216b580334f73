"""How long painting took on this machine, kept between runs so that the next film can be estimated. No torch.

A render learns while it paints; `plan --measure` learns from a few frames. What was learned lies in one small
JSON file, by models with their cutouts and by device; a broken file counts as none.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vqanim.errors import OutputError
from vqanim.files import make_folder, write_atomic

NAME = "speeds.json"
VERSION = 1
"""Of the file; another one is not read."""
MAX_BYTES = 1_000_000
MOST_KEPT = 100
"""Combinations of models and device; those not used for longest are forgotten."""

KINDS = ("step", "carry", "move", "begin", "film")
"""Seconds by size: of a step; of carrying a frame beside its steps; of a frame that is only moved; of a
first frame beside its steps; of a film frame in all the films that a render makes."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Speed:
    """What was measured of some models on a device."""

    models: str
    """Names, with the cutouts of each perceptor: see `models_key`."""
    device: str
    """`cpu, 2 threads`, or the name of a GPU."""
    start: float | None = None
    """Seconds until the models are loaded."""
    memory: int | None = None
    """Bytes at most, of the process or, on a GPU, of its memory."""
    memory_size: Size | None = None
    """Size of the film that took so much."""
    png: float | None = None
    """Bytes a pixel of a saved frame."""
    seconds: Mapping[str, Mapping[Size, float]] = field(default_factory=dict)
    """By kind (one of KINDS) and size."""

    def at(self, kind: str, size: Size) -> tuple[float | None, bool]:
        """Seconds at a size, and whether that very size was measured; None when nothing is known.

        Between sizes that were measured the time runs in a straight line with the pixels; beyond the
        largest it grows with them, and below the smallest it is no shorter than their share.
        """
        known = self.seconds.get(kind, {})
        if size in known:
            return known[size], True
        if not known:
            return None, False
        pixels, points = _pixels(size), sorted((_pixels(each), value) for each, value in known.items())
        below = [point for point in points if point[0] <= pixels]
        above = [point for point in points if point[0] > pixels]
        if below and above:
            (x0, y0), (x1, y1) = below[-1], above[0]
            return y0 + (y1 - y0) * (pixels - x0) / (x1 - x0), False
        x, y = below[-1] if below else above[0]
        return y * pixels / x, False


def models_key(generator: str, perceptors: Iterable[tuple[str, int]]) -> str:
    """`pocket + pocket x12`: what a step's time depends on, apart from size and device.

    perceptors: names, and how many cutouts each looks at.
    """
    return " + ".join([generator, *(f"{name} x{cutouts}" for name, cutouts in perceptors)])


def _pixels(size: Size) -> int:
    return size[0] * size[1]


@dataclass
class Samples:
    """Collects what one run measures of some models; the middle value of each kind and size counts."""

    models: str
    device: str
    start: float | None = None
    memory: int | None = None
    memory_size: Size | None = None
    png: list[float] = field(default_factory=list)
    seconds: dict[tuple[str, Size], list[float]] = field(default_factory=dict)

    def add(self, kind: str, size: Size, seconds: float) -> None:
        """Take note of a measured time."""
        self.seconds.setdefault((kind, size), []).append(seconds)

    def merged(self, before: Speed | None) -> Speed:
        """What was known, with what was measured now in its place."""
        known = before or Speed(self.models, self.device)
        seconds = {kind: dict(sizes) for kind, sizes in known.seconds.items()}
        for (kind, size), values in self.seconds.items():
            seconds.setdefault(kind, {})[size] = statistics.median(values)
        return replace(
            known,
            start=known.start if self.start is None else self.start,
            memory=known.memory if self.memory is None else self.memory,
            memory_size=known.memory_size if self.memory is None else self.memory_size,
            png=statistics.median(self.png) if self.png else known.png,
            seconds=seconds,
        )


def read_speeds(folder: Path) -> tuple[Speed, ...]:
    """What was measured, the latest first; nothing when the file is missing or cannot be understood."""
    path = folder / NAME
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ()
        document = json.loads(path.read_text("utf-8"))
        if document["version"] != VERSION:
            return ()
        return tuple(_parse(entry) for entry in document["speeds"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def learn(folder: Path, samples: Iterable[Samples]) -> None:
    """Add what a run measured to what is known. A folder that cannot be written is no trouble."""
    known = {(speed.models, speed.device): speed for speed in read_speeds(folder)}
    fresh = []
    for each in samples:
        fresh.append(each.merged(known.pop((each.models, each.device), None)))
    if not fresh:
        return
    speeds = [*fresh, *known.values()][:MOST_KEPT]
    document = {"version": VERSION, "speeds": [_document(speed) for speed in speeds]}
    with suppress(OutputError):
        make_folder(folder)
        write_atomic(folder / NAME, json.dumps(document, indent=1) + "\n")


def _document(speed: Speed) -> dict[str, Any]:
    return {
        "models": speed.models,
        "device": speed.device,
        "start": speed.start,
        "memory": speed.memory,
        "memory_size": _shown(speed.memory_size) if speed.memory_size else None,
        "png": speed.png,
        "seconds": {
            kind: {_shown(size): round(value, 6) for size, value in sizes.items()}
            for kind, sizes in speed.seconds.items()
        },
    }


def _parse(entry: Any) -> Speed:
    """Raises ValueError, TypeError, KeyError or AttributeError for what was not written here."""
    memory, memory_size = entry["memory"], entry["memory_size"]
    return Speed(
        str(entry["models"]),
        str(entry["device"]),
        None if entry["start"] is None else _number(entry["start"]),
        None if memory is None else int(_number(memory)),
        None if memory_size is None else _size(memory_size),
        None if entry["png"] is None else _number(entry["png"]),
        {
            kind: {_size(size): _number(value) for size, value in sizes.items()}
            for kind, sizes in entry["seconds"].items()
            if kind in KINDS
        },
    )


def _number(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{value!r} is no length of time")
    return number


def _shown(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _size(text: str) -> Size:
    width, height = (int(side) for side in text.split("x"))
    if min(width, height) < 1:
        raise ValueError(f"{text!r} is no size")
    return width, height
