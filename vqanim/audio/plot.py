"""A picture of a song: its sections, its beats, and a curve for every signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    from vqanim.audio.analysis import Beats

Floats = NDArray[np.float64]
Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

_PANEL, _GAP, _LEFT, _RIGHT, _TOP, _BOTTOM = 84, 10, 92, 16, 40, 30
"""Pixels."""
_LEAST_WIDTH, _MOST_WIDTH, _PIXELS_A_SECOND = 900, 6000, 24
_INK, _SOFT, _BEAT, _BAR = "#1c2430", "#8a94a6", "#e3e8ef", "#b3bfd1"
_SECTIONS = ("#e8eef9", "#f6ece3", "#e7f3ea", "#f3e8f3", "#f4f1dd", "#e4f1f3")
_CURVES = ("#3566b0", "#b0503a", "#3a8a55", "#7a4a9e", "#a6781e", "#2a8794", "#a33e6c", "#59636f")


@dataclass(frozen=True)
class _Sheet:
    """Where things go."""

    width: int
    height: int
    seconds: float

    def x(self, second: float) -> float:
        """Pixels from the left."""
        return _LEFT + second / self.seconds * (self.width - _LEFT - _RIGHT)


def draw_plot(
    title: str, seconds: float, beats: Beats, signals: Mapping[str, Floats], rate: float, meter: int = 4
) -> Image.Image:
    """The picture; `signals` are [T] at `rate`, in 0..1."""
    from PIL import Image, ImageDraw, ImageFont

    width = int(np.clip(seconds * _PIXELS_A_SECOND, _LEAST_WIDTH, _MOST_WIDTH)) + _LEFT + _RIGHT
    sheet = _Sheet(width, _TOP + len(signals) * (_PANEL + _GAP) + _BOTTOM, seconds)
    picture = Image.new("RGB", (sheet.width, sheet.height), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    _draw_sections(draw, sheet, beats, font)
    _draw_beats(draw, sheet, beats, meter)
    for number, (name, values) in enumerate(signals.items()):
        top = _TOP + number * (_PANEL + _GAP)
        draw.text((12, top + _PANEL / 2 - 8), name, _INK, font)
        draw.line([(_LEFT, top + _PANEL), (width - _RIGHT, top + _PANEL)], _SOFT)
        _draw_curve(draw, sheet, top, values, rate, _CURVES[number % len(_CURVES)])
    _draw_seconds(draw, sheet, font)
    draw.text((12, 6), title, _INK, ImageFont.load_default(15))
    return picture


def _draw_sections(draw: ImageDraw.ImageDraw, sheet: _Sheet, beats: Beats, font: Font) -> None:
    labels = sorted({section.label for section in beats.sections})
    for section in beats.sections:
        color = _SECTIONS[labels.index(section.label) % len(_SECTIONS)]
        left, right = sheet.x(section.start), sheet.x(section.end)
        draw.rectangle([left, _TOP - 14, right, sheet.height - _BOTTOM], color)
        draw.text((left + 3, _TOP - 15), section.label, _INK, font)


def _draw_beats(draw: ImageDraw.ImageDraw, sheet: _Sheet, beats: Beats, meter: int) -> None:
    for number, second in enumerate(beats.beats):
        is_bar = (number - beats.downbeat) % meter == 0
        line = [(sheet.x(second), _TOP), (sheet.x(second), sheet.height - _BOTTOM)]
        draw.line(line, _BAR if is_bar else _BEAT)


def _draw_curve(
    draw: ImageDraw.ImageDraw, sheet: _Sheet, top: int, values: Floats, rate: float, color: str
) -> None:
    """The largest value in each column of pixels, so that no peak is lost."""
    if not len(values):
        return
    columns = np.arange(_LEFT, sheet.width - _RIGHT)
    share = (columns - _LEFT) / (sheet.width - _LEFT - _RIGHT)
    first = np.clip((share * sheet.seconds * rate).astype(int), 0, len(values) - 1)
    highest = np.maximum.reduceat(values, first)
    base = top + _PANEL
    for x, value in zip(columns.tolist(), highest.tolist(), strict=True):
        draw.line([(x, base), (x, base - value * (_PANEL - 4))], color)


def _draw_seconds(draw: ImageDraw.ImageDraw, sheet: _Sheet, font: Font) -> None:
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60) if s * sheet.width / sheet.seconds > 60), 120)
    for second in range(0, int(sheet.seconds) + 1, step):
        x = sheet.x(second)
        draw.line([(x, sheet.height - _BOTTOM), (x, sheet.height - _BOTTOM + 5)], _SOFT)
        draw.text((x + 3, sheet.height - _BOTTOM + 6), f"{second // 60}:{second % 60:02}", _SOFT, font)
