"""The signals of a song: numbers in 0..1 over its time that a scene can move things by. They come from
filters that delay nothing, attack and release, and robust limits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import ANALYSIS_RATE, Samples
from vqanim.audio.spectrum import HOP, RATE, blurred, brightness, log_mels, onset_strength
from vqanim.scene.fields.music import Band
from vqanim.scene.soundtrack import BANDS

Floats = NDArray[np.float64]

VERSION = 4  # bumped by hand whenever the same song would give other signals
_ONSET = (0.005, 0.1)  # attack and release of `onset`, in seconds
_LOUDNESS = (0.01, 0.3)
_BRIGHTNESS_SECONDS = 0.1  # over so long the brightness is averaged
QUIETEST = 0.01
"""A band is never made louder than if it reached a hundredth (-40 dB) of the song's own level."""
_LOW, _HIGH = 10.0, 99.0  # per cent of the values that lie below what becomes 0, and below what becomes 1
_OUTLIER = 3.0  # the loudest moment counts as at most so many times the limit that the percentile sets
_STEPS = 4096
"""Values are rounded to so many steps, so that machines that differ in a last bit make the same film."""
ORDER = 4  # of the Butterworth slopes; run forward and backward they fall by 48 dB an octave
_BLOCK = 1 << 17  # samples that are filtered at once, 5.5 s
_MARGIN = 1 << 14  # samples on either side in which a filter has died away
_LEVEL_HOPS = 9  # of the window of `level`, odd
_LEAST_GAIN = 1e-4  # parts of the spectrum with less are left out


def signal(mono: Samples, name: str, own: Band | None = None) -> Floats:
    """A signal by name, [T] at RATE, 0..1: how loud a band or everything (`loudness`) is, `onset`, which is 1
    where a strong sound begins and dies away after it, or `brightness`, from dark to bright.

    mono: [N], 1 or more. own: the band of a name that is none of those known to all.
    """
    if band := own or BANDS.get(name):
        found = attack_release(band_level(mono, band.low, band.high), band.attack, band.release)
        # Beside how loud the loud parts of the song are.
        return to_unit(found, QUIETEST * float(np.percentile(level(mono), 99)))
    if name == "loudness":
        return to_unit(attack_release(level(mono), *_LOUDNESS), 0.0)
    if name == "onset":
        return to_unit(attack_release(np.minimum(onset_strength(log_mels(mono)), 12.0), *_ONSET), 1.0)
    centers, levels = brightness(mono)
    kernel = np.hanning((round(_BRIGHTNESS_SECONDS * RATE) | 1) + 2)[1:-1]  # odd
    weights = blurred(levels, kernel)
    return between(blurred(centers * levels, kernel) / np.maximum(weights, 1e-12), weights)


def band_level(mono: Samples, low: float, high: float) -> Floats:
    """RMS of what lies between two pitches in Hz, [ceil(N / HOP)], at RATE, each centered on its moment.

    The gain is that of a Butterworth filter run forward and backward (zero phase), done on the spectrum of
    overlapping blocks. The band is moved down to 0 Hz on the way, so that its magnitude is the envelope
    itself, without the ripple that squaring a wave would leave.
    """
    step = (_BLOCK - 2 * _MARGIN) // HOP * HOP
    padded = np.pad(mono, (_MARGIN, _BLOCK))
    at = np.fft.rfftfreq(_BLOCK, 1 / ANALYSIS_RATE)
    with np.errstate(divide="ignore", over="ignore"):
        rising = 1 / (1 + (low / at) ** (2 * ORDER)) if low > 0 else np.ones(len(at))
        gain = rising * (1 / (1 + (at / high) ** (2 * ORDER)))
    lowest, highest = np.flatnonzero(gain > _LEAST_GAIN)[[0, -1]].tolist()
    inside = slice(lowest, highest + 1)
    # A power of two of complex values per block that holds the band, finer than HOP.
    size = 1 << max(highest - lowest, 2 * _BLOCK // HOP).bit_length()
    # HOP samples around every moment, in places of the finer grid.
    centers = (_MARGIN + np.arange(step // HOP) * HOP) * size / _BLOCK
    half = HOP * size / _BLOCK / 2
    index = np.arange(size + 1) - 0.5
    found = []
    for first in range(0, len(mono), step):
        part = 2 * np.fft.rfft(padded[first : first + _BLOCK])[inside] * gain[inside] / _BLOCK
        sums = np.concatenate([[0.0], np.cumsum(np.abs(np.fft.ifft(part, size) * size) ** 2 / 2)])
        mean = (np.interp(centers + half, index, sums) - np.interp(centers - half, index, sums)) / (2 * half)
        found.append(np.sqrt(np.maximum(mean, 0.0)))
    return np.concatenate(found)[: -(-len(mono) // HOP)]


def level(mono: Samples) -> Floats:
    """RMS of everything around each moment, through a window of 50 ms, [ceil(N / HOP)], at RATE."""
    count = -(-len(mono) // HOP)
    half = HOP // 2
    padded = np.pad(np.square(mono, dtype=np.float64), (half, (count + 1) * HOP - len(mono)))
    # Of HOP samples around every moment; then a window without edges, so that a click has one loudest moment.
    energy = padded[: count * HOP].reshape(count, HOP).mean(axis=1)
    kernel = np.hanning(_LEVEL_HOPS + 2)[1:-1]
    return np.sqrt(np.maximum(blurred(energy, kernel / kernel.sum()), 0.0))


def attack_release(values: Floats, attack: float, release: float) -> Floats:
    """An envelope of values >= 0, [T] at RATE, rising within `attack` s and falling within `release` s.

    Times until a third is left (e-folding). The rise lies before a peak and the fall after it, so that the
    peak itself stays exactly where it is: nothing is late, as it would be with an analog follower.
    """
    return np.maximum(_decayed(values, release), _decayed(values[::-1], attack)[::-1])


def _decayed(values: Floats, seconds: float) -> Floats:
    """max over m <= n of values[m] * exp(-(n - m) / (RATE * seconds)), as a running maximum of logarithms."""
    if seconds <= 0:
        return values
    slope = np.arange(len(values)) / (RATE * seconds)
    with np.errstate(divide="ignore"):
        logs = np.log(values) + slope
    return np.asarray(np.exp(np.maximum.accumulate(logs) - slope))


def to_unit(values: Floats, least: float) -> Floats:
    """Values >= 0 to 0..1: the usual at quiet moments becomes 0, and at loud ones 1 if it reaches `least`."""
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
