"""What a formula of Parseq is evaluated with: a frame, and the keyframes of its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Value: TypeAlias = float | str


@dataclass(frozen=True)
class Keyed:
    """The keyframes of a field, ascending, one of them at its beginning and one at its end."""

    frames: tuple[int, ...]
    values: tuple[float, ...]

    def active(self, frame: int) -> int:
        """The place of the last keyframe up to a frame; the first one before it."""
        return max(int(np.searchsorted(self.frames, frame, side="right")) - 1, 0)

    def linear(self, frame: int) -> float:
        """On straight lines between keyframes."""
        return float(np.interp(frame, self.frames, self.values))

    @cached_property
    def _bends(self) -> NDArray[np.float64]:
        """Second derivatives [N] of the natural cubic spline."""
        count = len(self.frames)
        gaps, rises = np.diff(self.frames).astype(float), np.diff(self.values)
        matrix, right = np.eye(count), np.zeros(count)
        for place in range(1, count - 1):
            before, after = gaps[place - 1], gaps[place]
            matrix[place, place - 1 : place + 2] = before, 2 * (before + after), after
            right[place] = 6 * (rises[place] / after - rises[place - 1] / before)
        return np.asarray(np.linalg.solve(matrix, right))

    def spline(self, frame: int) -> float:
        """On the natural cubic spline through the keyframes."""
        if len(self.frames) < 2 or not self.frames[0] <= frame <= self.frames[-1]:
            return self.linear(frame)
        place = min(self.active(frame), len(self.frames) - 2)
        gap = self.frames[place + 1] - self.frames[place]
        b = (frame - self.frames[place]) / gap
        a = 1 - b
        bent = (a**3 - a) * self._bends[place] + (b**3 - b) * self._bends[place + 1]
        return float(a * self.values[place] + b * self.values[place + 1] + bent * gap**2 / 6)

    def polynomial(self, frame: int) -> float:
        """On the polynomial through all keyframes, by Neville's scheme."""
        values = list(map(float, self.values))
        for width in range(1, len(values)):
            for place in range(len(values) - width):
                low, high = self.frames[place], self.frames[place + width]
                values[place] = ((high - frame) * values[place] + (frame - low) * values[place + 1]) / (
                    high - low
                )
        return values[0]


@dataclass(frozen=True)
class Moment:
    """What a formula is evaluated with."""

    frame: int
    keyed: Keyed
    fps: float
    bpm: float
    last_frame: int
    cadence: float = 1.0
    computed: Sequence[float] = ()  # of the same field, at the frames before
    fields: Mapping[str, float] | None = None  # those of this frame, which prompts may name

    @property
    def active_frame(self) -> int:
        """The frame of the keyframe that holds."""
        return self.keyed.frames[self.keyed.active(self.frame)]

    @property
    def active_value(self) -> float:
        """Its value."""
        return self.keyed.values[self.keyed.active(self.frame)]

    @property
    def _next(self) -> int:
        return min(
            int(np.searchsorted(self.keyed.frames, self.frame, side="right")), len(self.keyed.frames) - 1
        )

    @property
    def next_frame(self) -> int:
        """The frame of the keyframe after it; the last one at the end."""
        return self.keyed.frames[self._next]

    @property
    def next_value(self) -> float:
        """Its value."""
        return self.keyed.values[self._next]

    @property
    def beat(self) -> float:
        """Frames in a beat."""
        return self.fps * 60 / self.bpm
