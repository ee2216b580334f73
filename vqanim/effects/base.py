"""What an effect is: a function of a picture, an amount, and the moment of the film."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqanim.settings import Setting, Settings

Floats: TypeAlias = NDArray[np.float32]  # float32 [H, W, 3], sRGB, 0..1


@dataclass(frozen=True)
class EffectNow:
    """One effect with its values at a moment."""

    name: str
    amount: float
    settings: Settings = ()  # a value for each of its settings

    def __getitem__(self, setting: str) -> Any:
        """The value of a setting. Raises KeyError."""
        return dict(self.settings)[setting]


@dataclass(frozen=True)
class Moment:
    """What random effects are seeded by, so that the same film has the same grain."""

    seed: int
    time: float  # seconds of film

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

    name: str
    apply: Apply
    low: float
    high: float
    neutral: float  # the amount that leaves the picture as it is, bit for bit
    meaning: str
    """What the amount is, for a message and for the list of fields."""
    settings: tuple[Setting, ...] = ()  # what may be set beside the amount


def factor(name: str, apply: Apply, meaning: str, low: float = 0.0, high: float = 10.0) -> EffectKind:
    """An effect whose amount is a factor: 1 is as it is."""
    return EffectKind(name, apply, low, high, 1.0, f"{name} is {meaning} (1: as it is)")


def share(name: str, apply: Apply, meaning: str, *settings: Setting, high: float = 1.0) -> EffectKind:
    """An effect whose amount begins at 0, which is as it is."""
    return EffectKind(name, apply, 0.0, high, 0.0, f"{name} is {meaning} (0: as it is)", settings)
