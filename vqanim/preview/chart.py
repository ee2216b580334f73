"""Curves of a film drawn into a picture. Pillow is imported where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqanim.files import staged, writing
from vqanim.preview.outline import Outline
from vqanim.timeline.tracks import Track

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

Floats = NDArray[np.float64]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""
Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

WIDTH = 1200
LEFT, RIGHT, TOP, BOTTOM = 270, 120, 64, 40
ROW, LEAST_ROW = 64, 26
"""Pixels of height of a curve; less where there are many."""
MOST_HEIGHT = 12_000
GAP = 8

PAPER, INK, FAINT = "#ffffff", "#1d2330", "#d5d9e2"
COLORS = {
    "prompts": "#c2410c",
    "camera": "#1d4ed8",
    "guidance": "#15803d",
    "carry": "#7e22ce",
    "effects": "#b45309",
}
OTHER = "#475569"


def pick_tracks(outline: Outline) -> list[Track]:
    """The curves that are worth a picture: those that move, and the weights of prompts."""
    return [track for track in outline.tracks if track.group == "prompts" or not track.is_constant]


def envelope(values: Floats, columns: int) -> list[tuple[int, float, float]]:
    """(first frame, smallest, largest) of each of so many parts of a curve that have a value."""
    parts = min(columns, len(values))
    edges = np.linspace(0, len(values), parts + 1).astype(int)
    found = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        part = part[~np.isnan(part)]
        if part.size:
            found.append((start, float(part.min()), float(part.max())))
    return found


def lines_of(track: Track, box: Box, columns: int) -> list[list[Point]]:
    """A curve as lines of points (x, y) within a box; where it has no value it is interrupted.

    Frames stand in the middle of their share of the width; the smallest value is at the bottom.
    """
    return lines_within(track.values, (track.low, track.high), box, columns)


def lines_within(values: Floats, span: tuple[float, float], box: Box, columns: int) -> list[list[Point]]:
    """The same for values whose smallest and largest are given."""
    left, top, right, bottom = box
    count, low_end, spread = len(values), span[0], span[1] - span[0]
    width = (right - left) / count

    def height(value: float) -> float:
        return bottom - (bottom - top) * ((value - low_end) / spread if spread else 0.5)

    lines: list[list[Point]] = []
    gone = count / min(columns, count) * 1.5
    last = -gone * 2
    for start, low, high in envelope(values, columns):
        if start - last > gone:
            lines.append([])
        x = left + (start + 0.5) * width
        ends = [low] if low == high else [low, high]
        if (
            lines[-1]
            and len(ends) == 2
            and abs(lines[-1][-1][1] - height(high)) < abs(lines[-1][-1][1] - height(low))
        ):
            ends.reverse()
        lines[-1] += [(x, height(value)) for value in ends]
        last = start
    return lines


def draw_chart(outline: Outline, path: Path) -> None:
    """Draw every curve that moves to a PNG, with the shots marked. Raises OutputError."""
    from PIL import Image, ImageDraw

    tracks = pick_tracks(outline)
    row = max(LEAST_ROW, min(ROW, MOST_HEIGHT // max(1, len(tracks))))
    height = TOP + row * max(1, len(tracks)) + BOTTOM
    image = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    area = (float(LEFT), float(TOP), float(WIDTH - RIGHT), float(height - BOTTOM))
    draw.text((16, 10), outline.title, INK, font(18))
    _draw_axes(draw, outline, area)
    for index, track in enumerate(tracks):
        top = TOP + row * index
        _draw_track(draw, track, (area[0], top + GAP / 2, area[2], top + row - GAP / 2))
    with writing(path), staged(path) as temporary:
        image.save(temporary, "PNG")


def _draw_axes(draw: ImageDraw.ImageDraw, outline: Outline, area: Box) -> None:
    """Shots above, seconds below."""
    left, top, right, bottom = area
    ends = [*(shot.at for shot in outline.shots[1:]), outline.seconds]
    for shot, end in zip(outline.shots, ends, strict=True):
        x = left + (right - left) * shot.at / outline.seconds
        draw.line([(x, top - 20), (x, bottom)], FAINT)
        room = (right - left) * (end - shot.at) / outline.seconds
        draw.text((x + 4, top - 20), fitted(shot.name, font(13), room - 6), INK, font(13))
    for second in ticks(outline.seconds):
        x = left + (right - left) * second / outline.seconds
        draw.line([(x, bottom), (x, bottom + 4)], INK)
        draw.text((x, bottom + 6), f"{second:g}s", INK, font(12), anchor="ma")
    draw.line([(left, bottom), (right, bottom)], INK)


def _draw_track(draw: ImageDraw.ImageDraw, track: Track, box: Box) -> None:
    left, top, right, bottom = box
    color = COLORS.get(track.group, OTHER)
    middle = (top + bottom) / 2
    draw.text((16, middle), fitted(track.name, font(13), LEFT - 28), color, font(13), anchor="lm")
    draw.line([(left, bottom + GAP / 2), (right, bottom + GAP / 2)], FAINT)
    for line in lines_of(track, (left, top + 1, right, bottom - 1), int(right - left)):
        stroke(draw, line, color)
    small = font(11)
    draw.text((right + 8, top), f"{track.high:.4g}", INK, small)
    draw.text((right + 8, bottom), f"{track.low:.4g}", INK, small, anchor="ls")


def stroke(draw: ImageDraw.ImageDraw, line: Sequence[Point], color: str) -> None:
    """A line of points, or a dot where there is one."""
    if len(line) == 1:
        x, y = line[0]
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=color)
    else:
        draw.line(list(line), color, width=2)


def ticks(seconds: float) -> list[float]:
    """Round moments for an axis, some eight of them."""
    wanted = seconds / 8
    power = 10.0 ** np.floor(np.log10(wanted))
    step = float(next(step * power for step in (1, 2, 5, 10) if step * power >= wanted))
    return [round(k * step, 9) for k in range(int(seconds / step + 1e-9) + 1)]


def font(size: int) -> Font:
    """Pillow's own font, at a size in pixels."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def fitted(text: str, font: Font, width: float) -> str:
    """As much of a text as a width in pixels shows."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}..") > width:
        text = text[:-1]
    return f"{text.rstrip()}.." if text else ""
