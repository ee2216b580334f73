"""How loud a range of pitches is over time, by filters that delay nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.levels import blurred
from vqanim.audio.reading import ANALYSIS_RATE, Samples
from vqanim.audio.spectrum import HOP

Floats = NDArray[np.float64]

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
