"""Curves as SVG: numbers and paths; the elements around them are those of the page that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vqanim.plots.curves import Floats, Marks, Point, curve_lines, round_times, spans
from vqanim.timeline.tracks import Track

SVG_WIDTH, SVG_HEIGHT = 1000, 48
"""Of the drawing of one plot, in units of its own."""
MOST_COLUMNS, LEAST_COLUMNS, ALL_COLUMNS = 1000, 100, 100_000
"""Points of a curve: no screen has more than the first; all curves of a page have about the last."""
MOST_BEATS = 400
TITLES = {
    "prompts": "weights",
    "similarity": "similarity to the prompts",
    "losses": "losses",
    "picture": "the picture",
    "pace": "pace",
    "sound": "sound",
}
"""Headings of groups whose plots need no unit; other groups are called as they are."""


@dataclass(frozen=True)
class SvgRow:
    """A plot as a row of a page; every text is plain."""

    name: str
    group: str
    text: str = ""
    """Beside the plot, while no cursor is over it."""
    values: str = ""
    """What the cursor shows: curve;curve, each v,v,v."""
    lines: tuple[tuple[str, str], ...] = ()
    """(class, points) of polylines."""
    colors: tuple[str, ...] = ()
    """A band of equal parts, `#rrggbb` each, or nothing."""
    area: str = ""
    """Points of a polygon."""


def svg_marks(marks: Marks) -> list[tuple[str, str]]:
    """Beats and shots as (class, path). Of very many beats only every fourth, sixteenth, ... is marked."""
    beats = marks.beats
    while len(beats) > MOST_BEATS:
        beats = beats[::4]
    times = (("beats", beats), ("mark", [at for at, _ in marks.shots]))
    parts = ((kind, [SVG_WIDTH * time / marks.seconds for time in some]) for kind, some in times if some)
    return [(kind, "".join(f"M{x:.1f} 0V{SVG_HEIGHT}" for x in some)) for kind, some in parts]


def svg_labels(marks: Marks) -> tuple[list[tuple[float, float, str]], ...]:
    """The shots, and round times, as (left, width, text) in percent of the width."""
    times = [(second, f"{second:g}s") for second in round_times(marks.seconds)]
    return tuple(
        [(100 * at, 100 * max(0.001, share), text) for at, share, text in spans(items, marks.seconds)]
        for items in (marks.shots, times)
    )


def columns_for(plots: int) -> int:
    """Points that each curve may have on a page with so many plots."""
    return max(LEAST_COLUMNS, min(MOST_COLUMNS, ALL_COLUMNS // max(1, plots)))


def svg_rows(tracks: Sequence[Track]) -> list[SvgRow]:
    """Tracks as the rows of a page that has no others."""
    columns = columns_for(len(tracks))
    return [svg_row(track, columns) for track in tracks]


def svg_row(track: Track, columns: int, latest: bool = False) -> SvgRow:
    """A plot with the range of its values beside it, or the latest value of each curve."""
    curves = np.atleast_2d(track.values)
    span, box = (track.low, track.high), (0, 2, SVG_WIDTH, SVG_HEIGHT - 2)
    lines = tuple(
        ("ab"[number % 2], _svg_points(line))
        for number, curve in enumerate(curves)
        for line in curve_lines(curve, span, box, columns)
    )
    values = ";".join(",".join(map(_text, _thinned(curve, columns).tolist())) for curve in curves)
    unit = f" ({track.unit})" if track.unit and track.group not in TITLES else ""
    text = f"{span[0]:.4g} to {span[1]:.4g}"
    if latest:
        text = " / ".join(_text(curve[~np.isnan(curve)][-1]) for curve in curves)
    return SvgRow(track.name + unit, track.group, text, values, lines)


def waveform_row(peaks: Floats) -> SvgRow:
    """The waveform of a song from the smallest and largest sample of each of its parts [N, 2]."""
    loudest = float(np.abs(peaks).max()) or 1.0
    middle, scale = SVG_HEIGHT / 2, (SVG_HEIGHT / 2 - 2) / loudest
    x = (np.arange(len(peaks)) + 0.5) * SVG_WIDTH / len(peaks)
    points = [*zip(x, peaks[:, 1], strict=True), *reversed([*zip(x, peaks[:, 0], strict=True)])]
    area = " ".join(f"{x:.1f},{middle - scale * value:.1f}" for x, value in points)
    return SvgRow("waveform", "sound", area=area)


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value + 0.0:.4g}"


def _thinned(values: Floats, columns: int) -> Floats:
    """The value in the middle of each of so many equal parts; all of them where there are no more."""
    if len(values) <= columns:
        return values
    middles = (np.arange(columns) + 0.5) * len(values) / columns
    return values[middles.astype(int)]


def _svg_points(line: list[Point]) -> str:
    """Points without those between two others of the same height; a single one as a short line."""
    if len(line) == 1:
        line = [*line, (line[0][0] + 1, line[0][1])]
    heights = [f"{y:.1f}" for _, y in line]
    return " ".join(
        f"{x:.1f},{heights[n]}"
        for n, (x, _) in enumerate(line)
        if n in (0, len(line) - 1) or not heights[n - 1] == heights[n] == heights[n + 1]
    )
