"""What stands under the picture of a preview: where in the film it is, the weights, and the curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw

from vqanim.files import Picture
from vqanim.plots.curves import Box, moving, spans
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
    def prompts(self) -> list[Track]:
        """The weights of prompts."""
        return [track for track in self.tracks if track.group == "prompts"]

    @cached_property
    def others(self) -> list[Track]:
        """What stands in the last line of text."""
        return [track for track in self.tracks if track.group in ("camera", "effects")]

    @cached_property
    def curves(self) -> list[Track]:
        """What is plotted: weights, and what moves of the camera and the effects."""
        return moving([*self.prompts, *self.others])[:MOST_CURVES]

    @property
    def text_size(self) -> int:
        """Pixels."""
        return max(11, self.width // 32)

    @property
    def line(self) -> int:
        """Height of a line of text in pixels."""
        return round(self.text_size * 1.45)

    @property
    def height(self) -> int:
        """Pixels; even, as films need it."""
        lines = 1.5 + self._listed_count + bool(self.others) + 5 * bool(self.curves)
        height = round(lines * self.line)
        return height + height % 2

    @property
    def _listed_count(self) -> int:
        return min(MOST_TEXTS, len(self.prompts))

    @property
    def _box(self) -> Box:
        """Where the curves are."""
        bottom = self.height - self.line * 0.3
        return 6.0, bottom - 4.1 * self.line, float(self.width - 6), bottom

    def draw(self, index: int) -> Picture:
        """The strip under a shown frame, uint8 [height, width, 3]."""
        image = self._background.copy()
        draw, letters = ImageDraw.Draw(image), font(self.text_size)
        number = self.first + index
        at = f"{number / self.fps:.2f} s   frame {number}"
        draw.text((self.width - 6, self.line * 0.25), at, INK, letters, anchor="ra")
        shot = [chapter.name for chapter in self.chapters if chapter.first <= index][-1]
        room = self.width - 18 - letters.getlength(at)
        draw.text((6, self.line * 0.25), fitted(shot, letters, room), INK, letters)
        for row, prompt in enumerate(self._listed(index)):
            self._draw_weight(draw, self.line * (1.25 + row), prompt, index)
        values = ((track.name, float(track.values[index])) for track in self.others)
        text = "   ".join(f"{name} {value:.3g}" for name, value in values if value == value)
        top = self.line * (1.25 + self._listed_count)
        draw.text((6, top), fitted(text, letters, self.width - 12), FAINT, letters)
        if self.curves:
            left, top, right, bottom = self._box
            x = left + (right - left) * (index + 0.5) / len(self.curves[0].values)
            draw.line([(x, top - 2), (x, bottom + 2)], CURSOR, width=max(1, self.width // 256))
        return np.array(image, dtype=np.uint8)

    def _listed(self, index: int) -> list[int]:
        """Numbers of the prompts that are listed, in their order: those that pull hardest."""
        strength = [-abs(float(np.nan_to_num(track.values[index]))) for track in self.prompts]
        return sorted(sorted(range(len(strength)), key=strength.__getitem__)[:MOST_TEXTS])

    def _draw_weight(self, draw: ImageDraw.ImageDraw, top: float, number: int, index: int) -> None:
        """The name of a prompt over a bar."""
        letters, track, color = font(self.text_size), self.prompts[number], COLORS[number % len(COLORS)]
        value = float(track.values[index])
        strongest = max(np.nanmax(np.abs(one.values)) for one in self.prompts)
        if strongest and value == value:
            long = (self.width - 12) * abs(value) / strongest
            draw.rectangle((6, top + self.line * 0.86, 6 + long, top + self.line * 0.97), fill=color)
        shown = "" if value != value else f"{value:.2f}"
        draw.text((self.width - 6, top), shown, color, letters, anchor="ra")
        name = fitted(track.name, letters, self.width - 24 - letters.getlength("-0.00"))
        draw.text((6, top), name, color if abs(value) > 0 else FAINT, letters)

    @cached_property
    def _background(self) -> Image.Image:
        """Paper, names of shots, and curves: each fills the height, for their ranges differ."""
        image = Image.new("RGB", (self.width, self.height), PAPER)
        if not self.curves:
            return image
        draw, small = ImageDraw.Draw(image), font(max(9, self.text_size - 3))
        left, top, right, bottom = self._box
        chapters = [(chapter.first, chapter.name) for chapter in self.chapters]
        for start, share, name in spans(chapters, len(self.curves[0].values)):
            x = left + (right - left) * start
            draw.line([(x, top), (x, bottom)], MARK)
            room = (right - left) * share - 4
            draw.text((x + 2, top - 2), fitted(name, small, room), FAINT, small, anchor="ls")
        draw.line([(left, bottom), (right, bottom)], MARK)
        for number, track in enumerate(self.curves):
            color = COLORS[number % len(COLORS)] if track.group == "prompts" else FAINT
            draw_curve(draw, track.values, (track.low, track.high), self._box, color)
        return image
