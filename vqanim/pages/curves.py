"""Curves over the frames of a film as rows of HTML: SVG, with the values under a cursor (curves.js)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from vqanim.preview.chart import Point, lines_within, ticks
from vqanim.timeline.tracks import Track

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 1000, 48
"""Of the drawing of one curve, in units of its own."""
MOST_COLUMNS, LEAST_COLUMNS, ALL_COLUMNS = 1000, 100, 100_000
"""Points of a curve: no screen has more than the first; of all curves of a page together about the last."""
MOST_BEATS = 400
"""Of more only every fourth, or sixteenth, is marked."""
TITLES = {
    "prompts": "weights",
    "similarity": "similarity to the prompts",
    "losses": "losses",
    "picture": "the picture",
    "pace": "pace",
    "sound": "sound",
}
"""Headings of groups whose curves need no unit; others are called as they are."""


@dataclass(frozen=True)
class Lane:
    """One number over the film, of one render or of several on one scale."""

    name: str
    group: str
    unit: str
    curves: tuple[Floats, ...]
    """Each over the whole width, in as many equal parts as it has values; nan where there is none."""

    @property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest value of all."""
        known = [curve[~np.isnan(curve)] for curve in self.curves]
        return (
            min(float(curve.min()) for curve in known if curve.size) + 0.0,
            max(float(curve.max()) for curve in known if curve.size) + 0.0,
        )


@dataclass(frozen=True)
class Marks:
    """What stands behind all curves of a page."""

    seconds: float
    """Of the whole width."""
    shots: tuple[tuple[float, str], ...] = ()
    """(seconds, name)."""
    beats: tuple[float, ...] = ()
    """Seconds."""
    lines: str = field(init=False, default="")
    """All of it as SVG."""

    def __post_init__(self) -> None:
        beats = self.beats
        while len(beats) > MOST_BEATS:
            beats = beats[::4]
        drawn = _uprights("beats", (beat / self.seconds for beat in beats)) if beats else ""
        drawn += _uprights("mark", (at / self.seconds for at, _ in self.shots))
        object.__setattr__(self, "lines", drawn)


def _uprights(kind: str, parts: Iterable[float]) -> str:
    path = "".join(f"M{WIDTH * part:.1f} 0V{HEIGHT}" for part in parts)
    return f'<path class="{kind}" d="{path}"/>'


def lane(track: Track) -> Lane:
    """A track alone."""
    return Lane(track.name, track.group, track.unit, (track.values,))


def columns_for(lanes: int) -> int:
    """Points that each curve of a page may have."""
    return max(LEAST_COLUMNS, min(MOST_COLUMNS, ALL_COLUMNS // max(1, lanes)))


def plots(
    lanes: Sequence[Lane], marks: Marks, extra: str = "", titles: bool = True, columns: int | None = None
) -> str:
    """All rows, under the names of the shots and above the seconds.

    extra: further rows of HTML, which come last. titles: a heading for each group. columns: of each curve.
    """
    drawn = lane_rows(lanes, marks, columns or columns_for(len(lanes)), titles)
    shots = names([(at / marks.seconds, name) for at, name in marks.shots])
    seconds = names([(second / marks.seconds, f"{second:g}s") for second in ticks(marks.seconds)])
    return f'<div class="plots">\n{shots}{drawn}{extra}{seconds}</div>\n'


def lane_rows(
    lanes: Sequence[Lane], marks: Marks, columns: int, titles: bool = True, latest: bool = False
) -> str:
    """A row for each lane, under a heading for each group; latest: see `row`."""
    drawn = []
    for group, members in groupby(lanes, lambda lane: lane.group):
        if titles:
            drawn.append(f"<h3>{escape(TITLES.get(group, group))}</h3>\n")
        drawn += [row(member, marks, columns, latest) for member in members]
    return "".join(drawn)


def row(lane: Lane, marks: Marks, columns: int = MOST_COLUMNS, latest: bool = False) -> str:
    """A curve with its name before it and behind it the range of its values, or the latest one."""
    span = lane.span
    drawn = "".join(
        f'<polyline class="curve {"ab"[number % 2]}" points="{points}"/>'
        for number, curve in enumerate(lane.curves)
        for points in _points(curve, span, columns)
    )
    values = ";".join(",".join(_texts(thinned(curve, columns))) for curve in lane.curves)
    unit = f" ({lane.unit})" if lane.unit and lane.group not in TITLES else ""
    rest = f"{_text(span[0])} to {_text(span[1])}"
    if latest:
        rest = " / ".join(_text(curve[~np.isnan(curve)][-1]) for curve in lane.curves)
    return plot_row(lane.name + unit, lane.group, marks.lines + drawn, rest, values)


def plot_row(name: str, group: str, drawn: str, rest: str = "", values: str = "") -> str:
    """A row around a drawing. values: what a cursor shows instead of `rest`, curve;curve, each v,v,v."""
    kind = escape(group, quote=True)
    text = escape(name, quote=True)
    return (
        f'<div class="row of-{kind}"><span class="name" title="{text}">{text}</span>'
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text}" data-v="{escape(values, quote=True)}">{drawn}'
        f'<line class="cursor" x1="-9" x2="-9" y1="0" y2="{HEIGHT}"/></svg>'
        f"<output>{escape(rest)}</output></div>\n"
    )


def names(marks: Sequence[tuple[float, str]]) -> str:
    """Words at parts of the width, each with the room up to the next one."""
    ends = [*(part for part, _ in marks[1:]), 1.0]
    spans = "".join(
        f'<span style="left:{100 * part:.3f}%;width:{100 * max(0.0, max(end, part + 0.001) - part):.3f}%">'
        f"{escape(name)}</span>"
        for (part, name), end in zip(marks, ends, strict=True)
    )
    return f'<div class="row short"><span></span><div class="names">{spans}</div><span></span></div>\n'


def thinned(values: Floats, columns: int) -> Floats:
    """The value in the middle of each of so many equal parts; all of them where there are no more."""
    if len(values) <= columns:
        return values
    middles = (np.arange(columns) + 0.5) * len(values) / columns
    return values[middles.astype(int)]


def _points(curve: Floats, span: tuple[float, float], columns: int) -> Iterator[str]:
    if np.isnan(curve).all():
        return
    for line in lines_within(curve, span, (0, 2, WIDTH, HEIGHT - 2), columns):
        yield " ".join(_without_middles(_visible(line)))


def _visible(line: list[Point]) -> list[Point]:
    """A single point as a short line, which is drawn."""
    return line if len(line) > 1 else [line[0], (line[0][0] + 1, line[0][1])]


def _without_middles(line: list[Point]) -> Iterator[str]:
    """Points as SVG has them, without those between two others of the same height."""
    heights = [f"{y:.1f}" for _, y in line]
    for number, (x, _) in enumerate(line):
        ends = number in (0, len(line) - 1)
        if ends or not heights[number - 1] == heights[number] == heights[number + 1]:
            yield f"{x:.1f},{heights[number]}"


def _texts(values: Floats) -> list[str]:
    return ["" if math.isnan(value) else _text(value) for value in values.tolist()]


def _text(value: float) -> str:
    return f"{value:.4g}"
