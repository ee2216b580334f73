"""What stands under the picture of a preview: where in the film it is, the weights, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw

from vqanim.files import Picture
from vqanim.plots.curves import Box
from vqanim.plots.picture import draw_curve, fitted, font
from vqanim.timeline.plan import Chapter
from vqanim.timeline.tracks import Track

PAPER, INK, FAINT, MARK, CURSOR = "#14171f", "#e6e9f0", "#6b7280", "#3b4252", "#f43f5e"
COLORS = ("#60a5fa", "#fb923c", "#4ade80", "#e879f9", "#facc15", "#2dd4bf", "#f87171", "#a78bfa")
MOST_TEXTS = 6
"""Prompts that are listed; those that pull hardest at the moment."""
MOST_CURVES = 12


@dataclass(frozen=True)
class Strip:
    """Draws the strip of every frame; what does not change is drawn once."""

    width: int
    """Pixels."""
    fps: float
    first: int
    """Number of the first film frame that is shown."""
    tracks: tuple[Track, ...]
    """Of the frames that are shown."""
    chapters: tuple[Chapter, ...]
    """The same."""

    @cached_property
    def texts(self) -> tuple[Track, ...]:
        """The weights of prompts."""
        return tuple(track for track in self.tracks if track.group == "prompts")

    @cached_property
    def curves(self) -> tuple[Track, ...]:
        """What is plotted: weights, and what moves of the camera and the effects."""
        moving = (
            track
            for track in self.tracks
            if track.group == "prompts" or (track.group in ("camera", "effects") and not track.is_constant)
        )
        return tuple(moving)[:MOST_CURVES]

    @cached_property
    def others(self) -> tuple[Track, ...]:
        """What stands in the last line of text."""
        return tuple(track for track in self.tracks if track.group in ("camera", "effects"))

    @property
    def text_size(self) -> int:
        """Pixels."""
        return max(11, self.width // 32)

    @property
    def line(self) -> int:
        """Height of a line of text in pixels."""
        return round(self.text_size * 1.45)

    @property
    def plot(self) -> int:
        """Height of the curves in pixels."""
        return 5 * self.line if self.curves else 0

    @property
    def height(self) -> int:
        """Pixels; even, as films need it."""
        lines = 1 + min(MOST_TEXTS, len(self.texts)) + bool(self.others)
        height = round((lines + 0.5) * self.line + self.plot)
        return height + height % 2

    def draw(self, index: int) -> Picture:
        """The strip under a shown frame, uint8 [height, width, 3]."""
        image = self._still.copy()
        draw = ImageDraw.Draw(image)
        letters = font(self.text_size)
        number = self.first + index
        at = f"{number / self.fps:.2f} s   frame {number}"
        draw.text((self.width - 6, self.line * 0.25), at, INK, letters, anchor="ra")
        name = fitted(self._shot(index), letters, self.width - 18 - letters.getlength(at))
        draw.text((6, self.line * 0.25), name, INK, letters)
        self._weights(draw, index)
        values = ((track.name, float(track.values[index])) for track in self.others)
        said = "   ".join(f"{name} {value:.3g}" for name, value in values if value == value)
        top = self.line * (1.25 + min(MOST_TEXTS, len(self.texts)))
        draw.text((6, top), fitted(said, letters, self.width - 12), FAINT, letters)
        if self.curves:
            left, top, right, bottom = self._box
            x = left + (right - left) * (index + 0.5) / len(self.curves[0].values)
            draw.line([(x, top - 2), (x, bottom + 2)], CURSOR, width=max(1, self.width // 256))
        return np.array(image, dtype=np.uint8)

    def _shot(self, index: int) -> str:
        return [chapter.name for chapter in self.chapters if chapter.first <= index][-1]

    def _weights(self, draw: ImageDraw.ImageDraw, index: int) -> None:
        """A line for each text: its name over a bar."""
        letters = font(self.text_size)
        strongest = max((np.nanmax(np.abs(track.values)) for track in self.texts), default=0.0)
        for row, number in enumerate(self._listed(index)):
            track, color = self.texts[number], COLORS[number % len(COLORS)]
            value = float(track.values[index])
            top = self.line * (1.25 + row)
            if strongest and value == value:
                long = (self.width - 12) * abs(value) / strongest
                draw.rectangle((6, top + self.line * 0.86, 6 + long, top + self.line * 0.97), fill=color)
            shown = "" if value != value else f"{value:.2f}"
            draw.text((self.width - 6, top), shown, color, letters, anchor="ra")
            name = fitted(track.name, letters, self.width - 24 - letters.getlength("-0.00"))
            draw.text((6, top), name, color if abs(value) > 0 else FAINT, letters)

    def _listed(self, index: int) -> Sequence[int]:
        """Numbers of the texts that are listed: all, in their order, where they are few."""
        numbers = range(len(self.texts))
        if len(numbers) <= MOST_TEXTS:
            return numbers
        strength = [-abs(float(np.nan_to_num(track.values[index]))) for track in self.texts]
        return sorted(sorted(numbers, key=lambda number: strength[number])[:MOST_TEXTS])

    @property
    def _box(self) -> Box:
        """Where the curves are."""
        bottom = self.height - self.line * 0.3
        return 6.0, bottom - self.plot + self.line * 0.9, float(self.width - 6), bottom

    @cached_property
    def _still(self) -> Image.Image:
        """Paper, names of shots, and curves: each fills the height, for their ranges differ."""
        image = Image.new("RGB", (self.width, self.height), PAPER)
        if not self.curves:
            return image
        draw = ImageDraw.Draw(image)
        left, top, right, bottom = self._box
        count = len(self.curves[0].values)
        small = font(max(9, self.text_size - 3))
        ends = [*(chapter.first for chapter in self.chapters[1:]), count]
        for chapter, end in zip(self.chapters, ends, strict=True):
            x = left + (right - left) * chapter.first / count
            room = (right - left) * (end - chapter.first) / count
            draw.line([(x, top), (x, bottom)], MARK)
            draw.text((x + 2, top - 2), fitted(chapter.name, small, room - 4), FAINT, small, anchor="ls")
        draw.line([(left, bottom), (right, bottom)], MARK)
        for number, track in enumerate(self.curves):
            color = COLORS[number % len(COLORS)] if track.group == "prompts" else FAINT
            draw_curve(draw, track.values, (track.low, track.high), self._box, color)
        return image
