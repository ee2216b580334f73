"""What all plots have in common: the marks of their time axis, and how a curve becomes lines of points.

What is plotted are tracks (see timeline.tracks), each over the whole time in equal parts. Values [N, F] are
several curves on one scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vqanim.timeline.tracks import Track

Floats = NDArray[np.float64]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Marks:
    """A time axis and what is marked on it. All times are in seconds."""

    seconds: float
    """Length of the axis."""
    shots: tuple[tuple[float, str], ...] = ()
    """(start, name)."""
    beats: tuple[float, ...] = ()
    bars: tuple[float, ...] = ()
    """The beats with which bars begin."""
    sections: tuple[tuple[float, str], ...] = ()
    """(start, label) of the parts of a song."""


def moving(tracks: Iterable[Track]) -> list[Track]:
    """The tracks that are worth a plot: those that move, and the weights of prompts."""
    return [track for track in tracks if track.group == "prompts" or not track.is_constant]


def spans(items: Sequence[tuple[float, str]], total: float) -> Iterator[tuple[float, float, str]]:
    """(start, share, name) in parts of `total` of items (start, name), each reaching up to the next."""
    ends = [*(at for at, _ in items[1:]), total]
    for (at, name), end in zip(items, ends, strict=False):  # of no items there is one end
        yield at / total, (end - at) / total, name


def round_times(seconds: float, count: float = 8) -> list[float]:
    """Round times for an axis, about `count` of them."""
    least = seconds / count
    power = 10.0 ** np.floor(np.log10(least))
    step = float(next(step * power for step in (1, 2, 5, 10) if step * power >= least))
    return [round(k * step, 9) for k in range(int(seconds / step + 1e-9) + 1)]


def curve_lines(values: Floats, span: Point, box: Box, columns: int) -> Iterator[list[Point]]:
    """A curve as lines of points (x, y) within a box; where it has no value it is interrupted.

    span: the values at the bottom and at the top. columns: parts of the curve at most; of each its lowest
    and highest value are points. Values stand in the middle of their share of the width.
    """
    left, top, right, bottom = box
    count, spread = len(values), span[1] - span[0]
    line: list[Point] = []
    for start, end in pairwise(np.linspace(0, count, min(columns, count) + 1).astype(int).tolist()):
        part = values[start:end]
        part = part[~np.isnan(part)]
        if not part.size:
            if line:
                yield line
            line = []
            continue
        x = left + (start + 0.5) * (right - left) / count
        shares = [(float(value) - span[0]) / spread if spread else 0.5 for value in (part.min(), part.max())]
        ends = [(x, bottom - (bottom - top) * share) for share in dict.fromkeys(shares)]
        if line and abs(line[-1][1] - ends[-1][1]) < abs(line[-1][1] - ends[0][1]):
            ends.reverse()
        line += ends
    if line:
        yield line
