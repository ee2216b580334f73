"""Curves over time: their marks, and how they become lines of points, SVG for pages, text for terminals.

What is plotted are tracks (see timeline.tracks), each over the whole time in equal parts. Values [N, F] are
several curves on one scale.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vqanim.timeline.tracks import Track

Floats = NDArray[np.float64]
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Marks:
    """A time axis and what is marked on it. All times are in seconds."""

    seconds: float  # length of the axis
    shots: tuple[tuple[float, str], ...] = ()  # (start, name)
    beats: tuple[float, ...] = ()
    bars: tuple[float, ...] = ()  # the beats with which bars begin
    sections: tuple[tuple[float, str], ...] = ()  # (start, label) of the parts of a song


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
    """A curve as lines of points (x, y) within a box; where it has no value it is interrupted. span: the
    values at the bottom and at the top. columns: parts of the curve at most; of each its lowest and highest
    value are points. Values stand in the middle of their share of the width."""
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


SVG_WIDTH, SVG_HEIGHT = 1000, 48  # of the drawing of one plot, in units of its own
MOST_COLUMNS, LEAST_COLUMNS, ALL_COLUMNS = 1000, 100, 100_000
"""Points of a curve: no screen has more than the first; all curves of a page have about the last."""
MOST_BEATS = 400
TITLES = {"prompts": "weights", "similarity": "similarity to the prompts", "picture": "the picture"}
TITLES |= {group: group for group in ("losses", "pace", "sound")}
"""Headings of groups whose plots need no unit; other groups are called as they are."""


@dataclass(frozen=True)
class SvgRow:
    """A plot as a row of a page; every text is plain."""

    name: str
    group: str
    text: str = ""  # beside the plot, while no cursor is over it
    values: str = ""  # what the cursor shows: curve;curve, each v,v,v
    lines: tuple[tuple[str, str], ...] = ()  # (class, points) of polylines
    colors: tuple[str, ...] = ()  # a band of equal parts, `#rrggbb` each, or nothing
    area: str = ""  # points of a polygon


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


BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
"""Characters of rising height; the second for terminals that lack the first."""
LEAST_WIDTH, MOST_WIDTH = 60, 120  # columns of a plot with its name and range
LABEL, RANGE = 26, 18  # columns of these
_UNITS = {"factor per second": " x/s", "degrees per second": " deg/s", "frame widths per second": " widths/s"}


def text_plots(tracks: Sequence[Track], marks: Marks) -> list[str]:
    """Lines for standard output: the shots, the beats, two lines for each track, the seconds."""
    total = shutil.get_terminal_size((80, 24)).columns
    width = min(MOST_WIDTH, max(LEAST_WIDTH, total - 1)) - LABEL - RANGE
    lines = [_text_labels(marks.shots, marks.seconds, width)] if len(marks.shots) > 1 else []
    lines += [_beat_line(marks, width)] if marks.beats else []
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
    ramp, size = _ramp(), max(1, round(rate / 4))
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
    """A curve, with its name before it and its largest and smallest value behind. A column shows the largest
    of its values, so that no flash is lost."""
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
    last = f"{name:<{LABEL}}{below}  {_number(track.low)}{_UNITS.get(track.unit, '')}"
    return [f"{'':<{LABEL}}{above}  {_number(track.high)}", last]


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
    beats, bars, name, every = marks.beats, marks.bars, "beats", 1
    if len(beats) > width / 2:
        while len(bars[::every]) > width / 2:
            every *= 2
        beats, bars, name = (), bars[::every], "bars" if every == 1 else f"every {every} bars"
    line = [" "] * width
    for times, sign in ((beats, "."), (bars, "|")):
        for time in times:
            line[min(width - 1, int(time / marks.seconds * width))] = sign
    return f"{name:<{LABEL}}{''.join(line)}".rstrip()


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
