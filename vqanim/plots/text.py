"""Curves as text for terminals."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vqanim.plots.curves import Floats, Marks
from vqanim.timeline.tracks import Track

BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
"""Characters of rising height; the second for terminals that lack the first."""
LEAST_WIDTH, MOST_WIDTH = 60, 120
"""Columns of a plot with its name and range."""
LABEL, RANGE = 26, 18
"""Columns of these."""
_UNITS = {
    "factor per second": " x/s",
    "degrees per second": " deg/s",
    "frame widths per second": " widths/s",
}


def text_plots(tracks: Sequence[Track], marks: Marks) -> list[str]:
    """Lines for standard output: the shots, the beats, two lines for each track, the seconds."""
    total = shutil.get_terminal_size((80, 24)).columns
    width = min(MOST_WIDTH, max(LEAST_WIDTH, total - 1)) - LABEL - RANGE
    lines = []
    if len(marks.shots) > 1:
        lines.append(_text_labels(marks.shots, marks.seconds, width))
    if marks.beats:
        lines.append(_beat_line(marks, width))
    for track in tracks:
        lines += _text_plot(track, width)
    quarters = [marks.seconds * part for part in (0, 0.25, 0.5, 0.75)]
    times = [(second, f"{_number(second, 1)}s") for second in quarters]
    return [*lines, _text_labels(times, marks.seconds, width)]


def sparkline(values: Floats, rate: float, columns: int = 60) -> str:
    """A curve with values in 0..1, `rate` a second, in one line: of each column the mean of the largest
    values of every quarter of a second."""
    if not len(values):
        return ""
    ramp = _ramp()
    size = max(1, round(rate / 4))
    peaks = np.maximum.reduceat(values, np.arange(0, len(values), size))
    edges = np.linspace(0, len(peaks), min(columns, len(peaks)) + 1).astype(int)
    heights = [float(peaks[first : max(last, first + 1)].mean()) for first, last in pairwise(edges.tolist())]
    return "".join(ramp[round(height * (len(ramp) - 1))] for height in heights)


def _ramp() -> str:
    """Characters of rising height that standard output can show, the empty one first."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _text_plot(track: Track, width: int) -> list[str]:
    """A curve, with its name before it and its largest and smallest value behind.

    A column shows the largest of its values, so that no flash is lost.
    """
    ramp, values = _ramp(), np.where(np.isnan(track.values), -np.inf, track.values)
    levels, spread = len(ramp) - 1, track.high - track.low
    edges = np.linspace(0, len(values), width + 1)
    heights = []
    for start, end in pairwise(edges.tolist()):
        first = min(int(start), len(values) - 1)
        highest = values[first : max(first + 1, math.ceil(end))].max()
        share = (highest - track.low) / spread if spread else 0.5
        heights.append(1 + round((2 * levels - 1) * share) if np.isfinite(highest) else 0)
    above = "".join(ramp[max(0, height - levels)] for height in heights)
    below = "".join(ramp[min(height, levels)] for height in heights)
    name = track.name if len(track.name) <= LABEL - 2 else track.name[: LABEL - 4].rstrip() + ".."
    unit = _UNITS.get(track.unit, "")
    return [
        f"{'':<{LABEL}}{above}  {_number(track.high)}",
        f"{name:<{LABEL}}{below}  {_number(track.low)}{unit}",
    ]


def _text_labels(items: Sequence[tuple[float, str]], total: float, width: int) -> str:
    """A line with `|name` at parts of the width, cut where the next one begins."""
    line = [" "] * width
    places = [min(width - 1, int(at / total * width)) for at, _ in items]
    for place, after, (_, name) in zip(places, [*places[1:], width], items, strict=True):
        text = f"|{name}"[: max(1, after - place)]
        line[place : place + len(text)] = text
    return (" " * LABEL + "".join(line)).rstrip()


def _beat_line(marks: Marks, width: int) -> str:
    """`|` where bars begin and `.` on the beats between; of many only bars, or every few of them."""
    beats, bars, name = marks.beats, marks.bars, "beats"
    if len(beats) > width / 2:
        every = 1
        while len(bars[::every]) > width / 2:
            every *= 2
        beats, bars = (), bars[::every]
        name = "bars" if every == 1 else f"every {every} bars"
    line = [" "] * width
    for times, sign in ((beats, "."), (bars, "|")):
        for time in times:
            line[min(width - 1, int(time / marks.seconds * width))] = sign
    return f"{name:<{LABEL}}{''.join(line)}".rstrip()


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
