"""What an effect is: a function of a picture, an amount, and the moment of the film."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
"""Float32 [H, W, 3], sRGB, 0..1."""
Color: TypeAlias = tuple[float, float, float]
"""sRGB in 0..1."""

WHITE: Color = (1.0, 1.0, 1.0)
BLACK: Color = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class EffectNow:
    """One effect with its values at a moment."""

    name: str
    amount: float
    color: Color | None = None
    """Of effects that have one."""
    rate: float | None = None
    """Times per second, of effects that have one."""


@dataclass(frozen=True)
class Moment:
    """What random effects are seeded by, so that the same film has the same grain."""

    seed: int
    time: float
    """Seconds of film."""

    def random(self, purpose: str, tick: int | None = None) -> np.random.Generator:
        """A generator for this moment, or for a tick of a clock that several moments share."""
        when = f"{self.time:.9f}" if tick is None else f"tick {tick}"
        key = hashlib.sha256(f"{self.seed}\0{when}\0{purpose}".encode()).digest()
        return np.random.default_rng(int.from_bytes(key[:8], "big"))


Apply: TypeAlias = Callable[[Floats, EffectNow, Moment], Floats]
"""A picture in 0..1 to a picture that may leave 0..1; `apply_effects` brings it back."""


@dataclass(frozen=True)
class EffectKind:
    """How an effect is done, and what may be written for it."""

    apply: Apply
    low: float
    high: float
    neutral: float
    """The amount that leaves the picture as it is, bit for bit."""
    meaning: str
    """What the amount is, for a message and for the list of fields."""
    color: Color | None = None
    """The color where none is written; None for an effect without one."""
    rate: float | None = None
    """Times per second where none are written; None for an effect without a rate."""


def factor(apply: Apply, meaning: str, low: float = 0.0, high: float = 10.0) -> EffectKind:
    """An effect whose amount is a factor: 1 is as it is."""
    return EffectKind(apply, low, high, 1.0, f"{meaning} (1: as it is)")


def share(
    apply: Apply, meaning: str, *, color: Color | None = None, rate: float | None = None, high: float = 1.0
) -> EffectKind:
    """An effect whose amount begins at 0, which is as it is."""
    return EffectKind(apply, 0.0, high, 0.0, f"{meaning} (0: as it is)", color, rate)
