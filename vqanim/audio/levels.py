"""From how loud something is to a number in 0..1: attack and release, and robust limits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUIETEST = 0.01
"""A band is never made louder than if it reached a hundredth (-40 dB) of the song's own level."""
_LOW, _HIGH = 10.0, 99.0
"""Per cent of the values that lie below what becomes 0, and below what becomes 1."""
_OUTLIER = 3.0
"""The loudest moment counts as at most so many times the limit that the percentile sets."""
_STEPS = 4096
"""Values are rounded to so many steps, so that machines that differ in a last bit make the same film."""


def attack_release(values: Floats, rate: float, attack: float, release: float) -> Floats:
    """An envelope of values >= 0, [T], that rises within about `attack` s and falls within `release` s.

    Times until a third is left (e-folding). The rise lies before a peak and the fall after it, so that the
    peak itself stays exactly where it is: nothing is late, as it would be with an analog follower.
    """
    if not len(values):
        return values
    falling = _decayed(values, rate, release)
    return np.maximum(falling, _decayed(values[::-1], rate, attack)[::-1])


def _decayed(values: Floats, rate: float, seconds: float) -> Floats:
    """max over m <= n of values[m] * exp(-(n - m) / (rate * seconds)), as a running maximum of logarithms."""
    if seconds <= 0:
        return values
    slope = np.arange(len(values)) / (rate * seconds)
    with np.errstate(divide="ignore"):
        logs = np.log(values) + slope
    return np.asarray(np.exp(np.maximum.accumulate(logs) - slope))


def blurred(values: Floats, kernel: Floats) -> Floats:
    """Values [T] convolved with a symmetric kernel of odd length, which may be longer than they are."""
    half = len(kernel) // 2
    return np.asarray(np.convolve(values, kernel)[half : half + len(values)])


def to_unit(values: Floats, least: float) -> Floats:
    """Values >= 0 to 0..1: what is usual at quiet moments becomes 0, and at loud ones 1.

    least: nothing that stays below this becomes 1.
    """
    if not len(values):
        return values
    low, high = (float(limit) for limit in np.percentile(values, [_LOW, _HIGH]))
    high = max(high, float(values.max()) / _OUTLIER, least, 1e-12)
    low = min(low, high / 2)  # what never changes is loud, not silent
    return tidy((values - low) / (high - low))


def tidy(values: Floats) -> Floats:
    """Values in 0..1, rounded."""
    return np.asarray(np.round(np.clip(values, 0.0, 1.0) * _STEPS) / _STEPS)


def between(values: Floats, weights: Floats) -> Floats:
    """Values to 0..1 by the percentiles of those that weigh something; the others become 0."""
    heard = weights > 0.02 * float(weights.max(initial=0.0))
    if not heard.any():
        return np.zeros(len(values))
    low, high = (float(limit) for limit in np.percentile(values[heard], [100 - _HIGH, _HIGH]))
    if not math.isfinite(high - low) or high - low < 1e-9:
        return np.where(heard, 0.5, 0.0)
    return tidy(np.where(heard, (values - low) / (high - low), 0.0))
