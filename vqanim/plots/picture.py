"""Curves as pictures, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vqanim.files import staged, writing
from vqanim.plots.curves import Box, Floats, Marks, Point, curve_lines, round_times, spans
from vqanim.timeline.tracks import Track

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER, INK, FAINT = "#ffffff", "#1d2330", "#d5d9e2"
# By group, or by the name of a signal.
COLORS = {"prompts": "#c2410c", "camera": "#1d4ed8", "guidance": "#15803d", "carry": "#7e22ce"}
COLORS |= {"effects": "#b45309", "loudness": "#3566b0", "bass": "#b0503a", "mid": "#3a8a55"}
COLORS |= {"treble": "#7a4a9e", "onset": "#a6781e", "brightness": "#2a8794"}
OTHER = "#475569"
SECTIONS = ("#e8eef9", "#f6ece3", "#e7f3ea", "#f3e8f3", "#f4f1dd", "#e4f1f3")
BEAT, BAR = "#e3e8ef", "#b3bfd1"
TOP, BOTTOM, GAP = 64, 40, 8  # pixels above and below all rows, and between two
MOST_HEIGHT, LEAST_ROW = 12_000, 26


def draw_chart(title: str, tracks: Sequence[Track], marks: Marks, path: Path, song: bool = False) -> None:
    """Draw tracks below each other to a PNG, with the marks behind them. Raises OutputError. song: the
    signals of a song, 0..1, as areas in a picture that is as wide as the song is long; else each track is a
    line between its smallest and largest value, which stand beside it."""
    width, left, right, most = 1200, 270, 120, 64
    if song:
        width, left, right, most = int(np.clip(24 * marks.seconds, 900, 6000)) + 108, 92, 16, 94
    row = max(LEAST_ROW, min(most, MOST_HEIGHT // max(1, len(tracks))))
    image = Image.new("RGB", (width, TOP + row * max(1, len(tracks)) + BOTTOM), PAPER)
    draw = ImageDraw.Draw(image)
    box = (float(left), float(TOP), float(width - right), float(image.height - BOTTOM))
    draw.text((16, 10), title, INK, font(18))
    _draw_marks(draw, marks, box)
    _draw_times(draw, marks.seconds, box, clock=song and marks.seconds > 60)
    for number, track in enumerate(tracks):
        top = TOP + row * number
        _draw_track(draw, track, (box[0], top + GAP / 2, box[2], top + row - GAP / 2), song)
    with writing(path), staged(path) as temporary:
        image.save(temporary, "PNG")


def _draw_marks(draw: ImageDraw.ImageDraw, marks: Marks, box: Box) -> None:
    """Sections, beats and shots, behind the plots and with their names above."""
    left, top, right, bottom = box
    width = right - left
    labels = sorted({label for _, label in marks.sections})
    for start, share, label in spans(marks.sections, marks.seconds):
        x, color = left + width * start, SECTIONS[labels.index(label) % len(SECTIONS)]
        draw.rectangle([x, top - 20, x + width * share, bottom], color)
    for color, times in ((BEAT, marks.beats), (BAR, marks.bars)):
        for time in times:
            x = left + width * time / marks.seconds
            draw.line([(x, top), (x, bottom)], color)
    for start, share, name in spans((*marks.sections, *marks.shots), marks.seconds):
        x = left + width * start
        if marks.shots:
            draw.line([(x, top - 20), (x, bottom)], FAINT)
        draw.text((x + 4, top - 20), fitted(name, font(13), width * share - 6), INK, font(13))


def _draw_times(draw: ImageDraw.ImageDraw, seconds: float, box: Box, clock: bool) -> None:
    left, _, right, bottom = box
    draw.line([(left, bottom), (right, bottom)], INK)
    for second in round_times(seconds, (right - left) // 100):
        x = left + (right - left) * second / seconds
        draw.line([(x, bottom), (x, bottom + 4)], INK)
        text = f"{int(second) // 60}:{int(second) % 60:02}" if clock else f"{second:g}s"
        draw.text((x, bottom + 6), text, INK, font(12), anchor="ma")


def _draw_track(draw: ImageDraw.ImageDraw, track: Track, box: Box, song: bool) -> None:
    left, top, right, bottom = box
    color = COLORS.get(track.name if song else track.group, OTHER)
    name = fitted(track.name, font(13), left - 28)
    draw.text((16, (top + bottom) / 2), name, color, font(13), anchor="lm")
    draw.line([(left, bottom + GAP / 2), (right, bottom + GAP / 2)], FAINT)
    if song:
        _fill(draw, track.values, (left, top, right, bottom + GAP / 2), color)
        return
    draw_curve(draw, track.values, (track.low, track.high), (left, top + 1, right, bottom - 1), color)
    draw.text((right + 8, top), f"{track.high:.4g}", INK, font(11))
    draw.text((right + 8, bottom), f"{track.low:.4g}", INK, font(11), anchor="ls")


def _fill(draw: ImageDraw.ImageDraw, values: Floats, box: Box, color: str) -> None:
    """The largest value, 0..1, in each column of pixels, so that no peak is lost."""
    left, top, right, bottom = box
    if not len(values):
        return
    columns = np.arange(int(left), int(right))
    first = (np.arange(len(columns)) * len(values) / len(columns)).astype(int)
    highest = np.maximum.reduceat(values, first)
    for x, value in zip(columns.tolist(), highest.tolist(), strict=True):
        draw.line([(x, bottom), (x, bottom - value * (bottom - top))], color)


def draw_curve(draw: ImageDraw.ImageDraw, values: Floats, span: Point, box: Box, color: str) -> None:
    """A curve within a box, interrupted where it has no value. span: the values at its bottom and top."""
    for line in curve_lines(values, span, box, int(box[2] - box[0])):
        if len(line) == 1:
            x, y = line[0]
            draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=color)
        else:
            draw.line(line, color, width=2)


def font(size: int) -> Font:
    """Pillow's own font, at a size in pixels."""
    return ImageFont.load_default(size)


def fitted(text: str, font: Font, width: float) -> str:
    """As much of a text as a width in pixels shows."""
    if font.getlength(text) <= width:
        return text
    parts = (text[:end] for end in range(len(text), 0, -1))
    return next((f"{part.rstrip()}.." for part in parts if font.getlength(f"{part}..") <= width), "")
