"""The functions, variables and constants of expressions. All work on float64 arrays of any one shape.

Waves (pulse, saw, square, triangle) have period 1; saw, square and triangle run in -1..1 like sin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VARIABLES = {"t": "seconds", "frame": "frames, t * fps", "progress": "0 at the beginning, 1 at the end"}
CONSTANTS = {"pi": math.pi, "tau": math.tau, "e": math.e}
SIGNALS = {
    "beat": "a continuous count of beats; beat % 1 is the phase",
    "loudness": "how loud the song is, 0..1",
    "bass": "how loud its low tones are, 0..1",
    "mid": "how loud its middle tones are, 0..1",
    "treble": "how loud its high tones are, 0..1",
    "onset": "1 where a sound begins, dying away after it",
    "brightness": "whether the sound is dark (0) or bright (1)",
}
"""Names that are known with a soundtrack, besides its own bands and stems."""


@dataclass(frozen=True)
class Function:
    """A function that expressions may call."""

    call: Callable[..., Any]
    fewest: int  # arguments
    most: int
    description: str
    outside: Callable[..., Any] | None = None  # True where the arguments have no result
    fault: str = ""  # what to say there


def fract(x: Floats) -> Floats:
    """x - floor(x), in 0..1."""
    return x - np.floor(x)


def clamp(x: Floats, low: Floats | float = 0.0, high: Floats | float = 1.0) -> Floats:
    """x, kept between low and high."""
    return np.minimum(np.maximum(x, low), high)


def smoothstep(low: Floats, high: Floats, x: Floats) -> Floats:
    """0 at low, 1 at high, and a smooth way between; a step where both are the same."""
    width = high - low
    flat = width == 0
    u = np.where(flat, (x >= low) * 1.0, clamp((x - low) / np.where(flat, 1.0, width)))
    return u * u * (3 - 2 * u)


def pulse(x: Floats, width: Floats | float = 0.5) -> Floats:
    """1 while the fraction of x is below the width, else 0."""
    return np.asarray((fract(x) < width) * 1.0)


def triangle(x: Floats) -> Floats:
    """0, up to 1 at a quarter, down to -1 at three quarters, back to 0."""
    return 1 - 4 * np.abs(fract(x + 0.25) - 0.5)


def random(n: Floats, channel: Floats | float = 0.0) -> Floats:
    """A number in 0..1 that looks random and is always the same for the same floor(n) and floor(channel).

    Source: the finaliser of splitmix64 (Steele, Lea and Flood 2014), on 64-bit integers, so that every
    machine gives the same bits.
    """
    index = np.mod(np.floor(n), 2.0**32).astype(np.uint64)
    lane = np.mod(np.floor(channel), 2.0**31).astype(np.uint64)
    z = (index + lane * np.uint64(2**32) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)) * 2.0**-53)


def noise(x: Floats, channel: Floats | float = 0.0) -> Floats:
    """A smooth random walk in -1..1 that turns about once per unit of x; channels are independent.

    Value noise: random values at whole x, joined by smoothstep. Deterministic.
    """
    u = fract(x)
    left, right = random(x, channel), random(np.floor(x) + 1, channel)
    return 2 * (left + (right - left) * u * u * (3 - 2 * u)) - 1


def _finite(call: Callable[..., Any], description: str) -> Function:
    """A function of one or two arguments that must be finite."""
    fault = f"{call.__name__} of a number that is not finite"
    return Function(call, 1, 2, description, lambda *values: ~np.isfinite(sum(values)), fault)


FUNCTIONS: dict[str, Function] = {
    "abs": Function(np.abs, 1, 1, "without its sign"),
    "acos": Function(np.arccos, 1, 1, "arc cosine, radians", lambda x: np.abs(x) > 1, "acos beyond -1..1"),
    "asin": Function(np.arcsin, 1, 1, "arc sine, radians", lambda x: np.abs(x) > 1, "asin beyond -1..1"),
    "atan": Function(np.arctan, 1, 1, "arc tangent, radians"),
    "ceil": Function(np.ceil, 1, 1, "next whole number above"),
    "clamp": Function(clamp, 1, 3, "clamp(x, low, high): x, kept between low (0) and high (1)"),
    "cos": Function(np.cos, 1, 1, "cosine of radians"),
    "exp": Function(np.exp, 1, 1, "e to the power of x"),
    "floor": Function(np.floor, 1, 1, "next whole number below"),
    "fract": Function(fract, 1, 1, "x - floor(x)"),
    "log": Function(
        np.log, 1, 1, "natural logarithm", lambda x: x <= 0, "log of a number that is not above 0"
    ),
    "max": Function(lambda *xs: reduce(np.maximum, xs), 2, 9, "the largest of its arguments"),
    "min": Function(lambda *xs: reduce(np.minimum, xs), 2, 9, "the smallest of its arguments"),
    "mix": Function(lambda a, b, x: a + (b - a) * x, 3, 3, "mix(a, b, x): from a at x = 0 to b at x = 1"),
    "noise": _finite(noise, "noise(x, channel): smooth and random, -1..1, always the same"),
    "pow": Function(np.power, 2, 2, "pow(x, y): x to the power of y"),
    "pulse": Function(pulse, 1, 2, "pulse(x, width): 1 while the fraction of x is below width (0.5), else 0"),
    "random": _finite(random, "random(n, channel): 0..1, another one for every whole n, always the same"),
    "round": Function(np.round, 1, 1, "nearest whole number"),
    "saw": Function(lambda x: 2 * fract(x) - 1, 1, 1, "rises from -1 to 1, then falls back; period 1"),
    "sign": Function(np.sign, 1, 1, "-1, 0 or 1"),
    "sin": Function(np.sin, 1, 1, "sine of radians"),
    "smoothstep": Function(smoothstep, 3, 3, "smoothstep(low, high, x): smoothly from 0 at low to 1 at high"),
    "sqrt": Function(np.sqrt, 1, 1, "square root", lambda x: x < 0, "square root of a number below 0"),
    "square": Function(lambda x: np.where(fract(x) < 0.5, 1.0, -1.0), 1, 1, "1, then -1; period 1"),
    "step": Function(
        lambda edge, x: (x >= edge) * 1.0, 2, 2, "step(edge, x): 0 below the edge, 1 from there"
    ),
    "tan": Function(np.tan, 1, 1, "tangent of radians"),
    "triangle": Function(triangle, 1, 1, "0, 1, 0, -1 in straight lines; period 1"),
}
