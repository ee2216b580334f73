"""Curves as small plots of text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vqanim.cli.formatting import number
from vqanim.preview.outline import Outline
from vqanim.timeline.tracks import Floats, Track

LEAST_WIDTH, MOST_WIDTH = 60, 120
"""Columns."""
LABEL = 26
"""Columns for the name of a curve."""
RANGE = 18
"""Columns for its smallest and largest value."""
ROWS = 2
"""Lines of a plot."""
BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN = " _.-=*#"
"""For terminals that lack blocks; darker is higher, within a line."""


def blocks() -> str:
    """Characters of rising height that standard output can show, the empty one first."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def plots(outline: Outline) -> list[str]:
    """Lines: the shots, then every curve that moves, then the seconds."""
    moving = [track for track in outline.tracks if not track.is_constant]
    if not moving:
        return []
    total = shutil.get_terminal_size((80, 24)).columns
    width = min(MOST_WIDTH, max(LEAST_WIDTH, total - 1)) - LABEL - RANGE
    characters = blocks()
    lines = []
    if len(outline.shots) > 1:
        marks = [(shot.at / outline.seconds, shot.name) for shot in outline.shots]
        lines.append(" " * LABEL + _marked(marks, width))
    if outline.beats:
        lines.append(_beat_line(outline, width))
    for track in moving:
        lines += plot(track, width, characters)
    marks = [(part, f"{number(round(outline.seconds * part, 1))}s") for part in (0, 0.25, 0.5, 0.75)]
    return [*lines, " " * LABEL + _marked(marks, width)]


def _beat_line(outline: Outline, width: int) -> str:
    """`|` where bars begin and `.` on the beats between; of many only bars, or every few of them."""
    beats, bars, name = outline.beats, outline.bars, "beats"
    if len(beats) > width / 2:
        every = 1
        while len(bars[::every]) > width / 2:
            every *= 2
        beats, bars = (), bars[::every]
        name = "bars" if every == 1 else f"every {every} bars"
    line = [" "] * width
    for moments, sign in ((beats, "."), (bars, "|")):
        for moment in moments:
            line[min(width - 1, int(moment / outline.seconds * width))] = sign
    return f"{name:<{LABEL}}{''.join(line)}".rstrip()


def plot(track: Track, width: int, characters: str) -> list[str]:
    """A curve, with its name before it and its largest and smallest value behind."""
    heights = _heights(_columns(track.values, width), track.low, track.high, len(characters) - 1)
    lines = []
    for row in range(ROWS):
        level = (len(characters) - 1) * (ROWS - 1 - row)
        drawn = "".join(
            characters[min(max(height - level, 0), len(characters) - 1)] if height is not None else " "
            for height in heights
        )
        name = _cut(track.name, LABEL - 2) if row == ROWS - 1 else ""
        value = number(track.high) if row == 0 else number(track.low)
        if row == ROWS - 1 and track.unit and track.group == "camera":
            value += f" {_UNITS.get(track.unit, '')}"
        lines.append(f"{name:<{LABEL}}{drawn:<{width}}  {value}".rstrip())
    return lines


_UNITS = {
    "factor per second": "x/s",
    "degrees per second": "deg/s",
    "frame widths per second": "widths/s",
}


def _columns(values: Floats, width: int) -> list[float | None]:
    """One value for each column: the largest of its frames, so that no flash is lost; None where none is."""
    edges = np.linspace(0, len(values), width + 1)
    found: list[float | None] = []
    for start, end in pairwise(edges.tolist()):
        first = min(int(start), len(values) - 1)
        part = values[first : max(first + 1, int(np.ceil(end)))]
        part = part[~np.isnan(part)]
        found.append(float(part.max()) if part.size else None)
    return found


def _heights(columns: Sequence[float | None], low: float, high: float, levels: int) -> list[int | None]:
    """1 to ROWS * levels, so that what is there is seen."""
    top, spread = ROWS * levels, high - low
    return [
        None if value is None else 1 + round((top - 1) * ((value - low) / spread if spread else 0.5))
        for value in columns
    ]


def _marked(marks: Sequence[tuple[float, str]], width: int) -> str:
    """A line with `|name` at parts of the width, cut where the next one begins."""
    line = [" "] * width
    places = [min(width - 1, int(part * width)) for part, _ in marks]
    for place, after, (_, name) in zip(places, [*places[1:], width], marks, strict=True):
        text = f"|{name}"[: max(1, after - place)]
        line[place : place + len(text)] = text
    return "".join(line).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 2].rstrip() + ".."
