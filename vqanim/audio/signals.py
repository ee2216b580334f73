"""The signals of a song: numbers in 0..1 over its time that a scene can move things by.

How loud a range of pitches is comes from filters that delay nothing; attack, release and robust limits make
it a number in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import ANALYSIS_RATE, Samples
from vqanim.audio.spectrum import HOP, RATE, blurred, brightness, log_mels, onset_strength
from vqanim.scene.fields.music import Band
from vqanim.scene.soundtrack import BANDS

Floats = NDArray[np.float64]

VERSION = 2
"""Bumped by hand whenever the same song would give other signals."""
_ONSET = (0.005, 0.1)
"""Attack and release of `onset`, in seconds."""
_LOUDNESS = (0.01, 0.3)
_BRIGHTNESS_SECONDS = 0.1
"""Over so long the brightness is averaged."""
QUIETEST = 0.01
"""A band is never made louder than if it reached a hundredth (-40 dB) of the song's own level."""
_LOW, _HIGH = 10.0, 99.0
"""Per cent of the values that lie below what becomes 0, and below what becomes 1."""
_OUTLIER = 3.0
"""The loudest moment counts as at most so many times the limit that the percentile sets."""
_STEPS = 4096
"""Values are rounded to so many steps, so that machines that differ in a last bit make the same film."""
ORDER = 4
"""Of the Butterworth slopes; run forward and backward they fall by 48 dB an octave."""
_BLOCK = 1 << 17
"""Samples that are filtered at once, 5.5 s."""
_MARGIN = 1 << 14
"""Samples on either side in which a filter has died away."""
_LEVEL_HOPS = 9
"""Of the window of `level`, odd."""
_LEAST_GAIN = 1e-4
"""Parts of the spectrum with less are left out."""


def band_signal(mono: Samples, band: Band) -> Floats:
    """How loud a band is, [T] at RATE, 0..1."""
    found = attack_release(band_level(mono, band.low, band.high), RATE, band.attack, band.release)
    return to_unit(found, QUIETEST * _loud(mono))


def loudness_signal(mono: Samples) -> Floats:
    """How loud everything is, [T] at RATE, 0..1."""
    return to_unit(attack_release(level(mono), RATE, *_LOUDNESS), 0.0)


def onset_signal(mono: Samples) -> Floats:
    """1 where a strong sound begins, dying away after it, [T] at RATE."""
    strength = np.minimum(onset_strength(log_mels(mono)), 12.0)
    return to_unit(attack_release(strength, RATE, *_ONSET), 1.0)


def brightness_signal(mono: Samples) -> Floats:
    """Whether the sound is dark (0) or bright (1), [T] at RATE; 0 where there is none."""
    centers, levels = brightness(mono)
    width = round(_BRIGHTNESS_SECONDS * RATE) | 1  # odd
    kernel = np.hanning(width + 2)[1:-1]
    weights = blurred(levels, kernel)
    mean = blurred(centers * levels, kernel) / np.maximum(weights, 1e-12)
    return between(mean, weights)


_OTHERS: MappingProxyType[str, Callable[[Samples], Floats]] = MappingProxyType(
    {"loudness": loudness_signal, "onset": onset_signal, "brightness": brightness_signal}
)


def signal(mono: Samples, name: str, own: Band | None = None) -> Floats:
    """A signal by name, [T] at RATE, 0..1. own: the band of a name that is none of those known to all."""
    band = own or BANDS.get(name)
    if not len(mono):
        return np.zeros(0)
    return band_signal(mono, band) if band is not None else _OTHERS[name](mono)


def _loud(mono: Samples) -> float:
    """How loud the loud parts of a song are."""
    levels = level(mono)
    return float(np.percentile(levels, 99)) if len(levels) else 0.0


def band_level(mono: Samples, low: float, high: float) -> Floats:
    """RMS of what lies between two pitches in Hz, [ceil(N / HOP)], at RATE, each centered on its moment.

    The gain is that of a Butterworth filter run forward and backward (zero phase), done on the spectrum of
    overlapping blocks. The band is moved down to 0 Hz on the way, so that its magnitude is the envelope
    itself, without the ripple that squaring a wave would leave.
    """
    count = -(-len(mono) // HOP)
    step = (_BLOCK - 2 * _MARGIN) // HOP * HOP
    padded = np.pad(mono, (_MARGIN, _BLOCK))
    found = []
    for first in range(0, max(len(mono), 1), step):
        block = padded[first : first + _BLOCK]
        found.append(_envelope(block, low, high, step // HOP))
    return np.concatenate(found)[:count]


def _envelope(block: Samples, low: float, high: float, wanted: int) -> Floats:
    spectrum = np.fft.rfft(block)
    at = np.asarray(np.fft.rfftfreq(len(block), 1 / ANALYSIS_RATE), np.float64)
    gain = _gain(at, low, high)
    bins = np.flatnonzero(gain > _LEAST_GAIN)
    part = 2 * spectrum[bins[0] : bins[-1] + 1] * gain[bins[0] : bins[-1] + 1] / len(block)
    # A power of two of complex values per block that holds the band, finer than HOP.
    size = 1 << max(len(part) - 1, 2 * len(block) // HOP).bit_length()
    power = np.abs(np.fft.ifft(part, size) * size) ** 2 / 2
    sums = np.concatenate([[0.0], np.cumsum(power)])
    # The mean over HOP samples around every moment, in places of the finer grid.
    centers = (_MARGIN + np.arange(wanted) * HOP) * size / len(block)
    half = HOP * size / len(block) / 2
    index = np.arange(len(sums)) - 0.5
    mean = (np.interp(centers + half, index, sums) - np.interp(centers - half, index, sums)) / (2 * half)
    return np.sqrt(np.maximum(mean, 0.0))


def _gain(at: Floats, low: float, high: float) -> Floats:
    slope = 2 * ORDER
    with np.errstate(divide="ignore", over="ignore"):
        rising = 1 / (1 + (low / at) ** slope) if low > 0 else np.ones(len(at))
        falling = 1 / (1 + (at / high) ** slope)
    return np.asarray(rising * falling)


def level(mono: Samples) -> Floats:
    """RMS of everything around each moment, through a window of 50 ms, [ceil(N / HOP)], at RATE."""
    count = -(-len(mono) // HOP)
    half = HOP // 2
    padded = np.pad(np.square(mono, dtype=np.float64), (half, (count + 1) * HOP - len(mono)))
    # Of HOP samples around every moment; then a window without edges, so that a click has one loudest moment.
    energy = padded[: count * HOP].reshape(count, HOP).mean(axis=1)
    kernel = np.hanning(_LEVEL_HOPS + 2)[1:-1]
    return np.sqrt(np.maximum(blurred(energy, kernel / kernel.sum()), 0.0))


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
