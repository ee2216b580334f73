"""Numbers that change over time: a constant, keyframes or an expression. Always one number; x and y are two.

A curve knows where it was written, on which time it runs and which values make sense for its field.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vqanim.errors import CurveError, Place
from vqanim.scene.expressions import EvaluationError, evaluate
from vqanim.scene.times import SAME_MOMENT, Time, TimeBase, around

Floats = NDArray[np.float64]
Base = Literal["film", "shot"]

NOWHERE = Place("", 0)

EASINGS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda u: u,
    "step": lambda u: np.floor(u),  # jumps at the key's own time, not before
    "ease-in": lambda u: u * u,
    "ease-out": lambda u: u * (2 - u),
    "ease-in-out": lambda u: np.where(u < 0.5, 2 * u * u, 1 - 2 * (1 - u) ** 2),
    "smooth": lambda u: u * u * (3 - 2 * u),
}
"""How a value travels from one keyframe to the next: functions of the way u in 0..1, from 0 to 1. The name
stands at the key that it leads to."""


@dataclass(frozen=True)
class Range:
    """The values that make sense for a field."""

    minimum: float = -math.inf
    maximum: float = math.inf
    exclusive_minimum: bool = False  # True when the minimum itself is not allowed
    why: str = ""
    """What the number is, for a message: `zoom is a factor per second`."""

    def __contains__(self, value: float) -> bool:
        return bool(self.holds(np.asarray(value, dtype=np.float64)))

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        """True where a value is allowed; of the same shape."""
        low = values > self.minimum if self.exclusive_minimum else values >= self.minimum
        return np.asarray(low & (values <= self.maximum))

    def __str__(self) -> str:
        low, high = f"{self.minimum:.12g}", f"{self.maximum:.12g}"
        if self.minimum == -math.inf:
            return f"a number up to {high}" if self.maximum < math.inf else "a number"
        if self.maximum == math.inf:
            return f"a number above {low}" if self.exclusive_minimum else f"a number from {low} up"
        above = self.exclusive_minimum
        return f"a number above {low} and up to {high}" if above else f"a number from {low} to {high}"

    def refuse(self, value: float) -> str:
        """What to say about a value that is not allowed."""
        reason = f": {self.why}" if self.why else ""
        return f"found {value:.12g}, allowed {self}{reason}"


ANY = Range()


@dataclass(frozen=True, kw_only=True)
class Curve(ABC):
    """A number over time."""

    base: Base = "film"  # the time on which `t`, key times and `%` are measured
    range: Range = field(default=ANY, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)  # as it was written
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def constant(
        value: float, *, base: Base = "film", range: Range = ANY, place: Place = NOWHERE
    ) -> Constant:
        """A curve that never changes."""
        return Constant(float(value), base=base, range=range, text=f"{value:.12g}", place=place)

    @property
    def constant_value(self) -> float | None:
        """The value of a curve that is one number, else None."""
        return None

    def sample(self, seconds: NDArray[np.float64], base: TimeBase) -> Floats:
        """Values float64 [N] at the moments `seconds` [N] of the curve's own time.

        Raises CurveError with the index of the first moment that has no finite value in the range.
        """
        moments = np.asarray(seconds, dtype=np.float64).reshape(-1)
        try:
            values = self._values(moments, base)
        except EvaluationError as error:
            raise CurveError(self.place, error.index, error.reason) from None
        bad = np.flatnonzero(~self.range.holds(values))
        if bad.size:
            raise CurveError(self.place, int(bad[0]), self.range.refuse(float(values[bad[0]])))
        return values

    def breakpoints(self, base: TimeBase) -> tuple[float, ...]:
        """Moments in seconds at which the speed of change may jump."""
        return ()

    @abstractmethod
    def _values(self, seconds: Floats, base: TimeBase) -> Floats: ...


@dataclass(frozen=True)
class Constant(Curve):
    """One number for all time."""

    value: float

    @property
    def constant_value(self) -> float | None:
        """The number."""
        return self.value

    def _values(self, seconds: Floats, base: TimeBase) -> Floats:
        return np.full(seconds.shape, self.value, dtype=np.float64)


@dataclass(frozen=True)
class Key:
    """A value at a time, and the easing that leads to it."""

    time: Time
    value: float
    easing: str = "linear"


@dataclass(frozen=True)
class Keyframes(Curve):
    """Values at times; before the first and after the last key the value stays."""

    keys: tuple[Key, ...]  # at least one, in any order

    def breakpoints(self, base: TimeBase) -> tuple[float, ...]:
        """The times of the keys, in seconds, ascending."""
        return tuple(sorted(key.time.seconds(base) for key in self.keys))

    def _values(self, seconds: Floats, base: TimeBase) -> Floats:
        keys = sorted(self.keys, key=lambda key: key.time.seconds(base))
        times = np.array([key.time.seconds(base) for key in keys])
        heights = np.array([key.value for key in keys], dtype=np.float64)
        # A frame that falls on a key has reached it, whatever the rounding of both says.
        passed = np.searchsorted(_reached(times, keys, base.frame), seconds + SAME_MOMENT, side="right")
        values = heights[np.clip(passed - 1, 0, None)]
        for easing in {key.easing for key in keys}:
            leads = np.array([False, *(key.easing == easing for key in keys[1:]), False])
            here = leads[passed]
            after = passed[here]
            way = (seconds[here] - times[after - 1]) / (times[after] - times[after - 1])
            rise = heights[after] - heights[after - 1]
            values[here] = heights[after - 1] + rise * EASINGS[easing](np.clip(way, 0.0, 1.0))
        return values


def _reached(times: Floats, keys: Sequence[Key], frame: float) -> Floats:
    """Moments [K], ascending, from which on keys are reached: a step from the frame nearest to it on."""
    steps = np.array([key.easing == "step" for key in keys])
    return np.asarray(np.maximum.accumulate(np.where(steps, times - around(frame), times)))


@dataclass(frozen=True)
class Formula(Curve):
    """An expression over `t` (seconds), `frame` (t * fps), `progress` (0..1) and what is heard."""

    expression: str
    signals: frozenset[str] = frozenset()  # the names in it that are signals

    def _values(self, seconds: Floats, base: TimeBase) -> Floats:
        if missing := sorted(name for name in self.signals if name not in base.sound):
            raise EvaluationError(0, f"nobody has listened to {', '.join(missing)}")
        sounds = {name: base.sound.values(name, seconds + base.start) for name in self.signals}
        progress = np.clip(seconds / (base.duration or 1.0), 0.0, 1.0)
        variables = {"t": seconds, "frame": seconds * float(base.fps), "progress": progress}
        return evaluate(self.expression, {**sounds, **variables})
