"""Where shots lie in the film, and which saved frames are seen at a place of a take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vqanim.scene.model import Shot
from vqanim.timeline.shots import Span


@dataclass(frozen=True)
class Cut:
    """The place of one shot in the film, in film frames."""

    span: Span
    first: int
    count: int

    @property
    def shot(self) -> Shot:
        """What the scene says of it."""
        return self.span.shot


def place_shots(spans: Sequence[Span], fps: Fraction) -> tuple[Cut, ...]:
    """The film frames of every shot; borders are the cumulated time, rounded to the nearest film frame."""
    cuts: list[Cut] = []
    elapsed, first = Fraction(0), 0
    for span in spans:
        elapsed += Fraction(span.duration)
        end = round_half_up(elapsed * fps)
        cuts.append(Cut(span, first, end - first))
        first = end
    return tuple(cuts)


def round_half_up(frames: Fraction) -> int:
    """Half a frame counts as one, whatever the rounding of a float says about the half."""
    return math.floor(round(frames, 6) + Fraction(1, 2))
