"""What a scene says about its film beyond the takes: effects and hits. They are never painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from vqanim.effects import EFFECTS
from vqanim.errors import Place
from vqanim.scene.colors import Color
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.options import CurveKind, Kind, curve
from vqanim.scene.times import Time

MAX_EFFECTS = 100
"""Effects, or hits, in one list."""
MAX_MOMENTS = 10_000
"""Moments of one hit."""
LEAST_RATE, MOST_RATE = Fraction(1, 100), 120
"""Times per second of effects that have a rate."""
DEFAULT_FADE = Time(Fraction(1, 5), "s", "200ms")
"""How long a hit takes to die away."""

DEFAULT_ABOVE = 0.5
"""How high a signal must rise to be a hit."""
MOST_EVERY = 1024
"""Beats from one hit to the next."""

EFFECTS_KIND = Kind("effects", "a list such as [{flash: {1s: 1, 1.2s: 0}}, {saturation: 0.5}]")
HITS_KIND = Kind("hits", "a list such as [{on: [1s, 2s], flash: 0.4, punch: 1.05, fade: 150ms}]")


@dataclass(frozen=True)
class Effect:
    """One effect, with its amount over time."""

    name: str
    """One of EFFECTS."""
    amount: Curve
    color: Color | None = None
    """Set exactly for effects that have one."""
    rate: float | None = None
    """Times per second; set exactly for effects that have one."""
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Each:
    """Moments that a song says: its beats, or where one of its signals rises."""

    signal: str
    """`beat`, or the name of a signal."""
    every: Fraction = Fraction(1)
    """Beats from one moment to the next; for `beat` only."""
    above: float = DEFAULT_ABOVE
    """How high a signal must rise, 0..1; not for `beat`."""
    start: Time | None = None
    """The first moment that counts; beats are then counted from there."""
    end: Time | None = None
    """The last moment that counts."""


@dataclass(frozen=True)
class Hit:
    """Effects that are full at each of some moments and die away."""

    on: tuple[Time, ...]
    """Empty where the moments are those of a song."""
    peaks: tuple[Effect, ...]
    """Their amounts are constant: those at the moment itself."""
    fade: Time = DEFAULT_FADE
    each: Each | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


def amount_kind(name: str) -> CurveKind:
    """What may be written for the amount of an effect."""
    kind = EFFECTS[name]
    return curve(kind.low, kind.high, why=kind.meaning)


def effect_curves(effects: tuple[Effect, ...]) -> Iterator[Curve]:
    """The amounts of effects."""
    return (effect.amount for effect in effects)
