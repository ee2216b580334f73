"""Short spectra of a song: how loud each pitch range is, 200 times a second, and how suddenly that rises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import ANALYSIS_RATE, Samples

Floats = NDArray[np.float64]

HOP = 120  # samples between two spectra
RATE = ANALYSIS_RATE // HOP  # spectra, and values of signals, per second
WINDOW = 512  # samples of a spectrum, 21 ms: short, because beats are found by it
MELS = 40
HEAVY = 2  # mel bands from below, up to 190 Hz, in which deep drums and basses sound
_LOWEST, _HIGHEST = 30.0, 11_000.0  # Hz of the lowest and highest edge of the mel bands
_FREQUENCIES: Floats = np.asarray(np.fft.rfftfreq(WINDOW, 1 / ANALYSIS_RATE))  # Hz of the bins of a spectrum
_AT_ONCE = 4096  # spectra that are in memory at once
_CONTRAST = 300.0
"""Of log(1 + x): the level that is told apart from silence is so many times below the song's own."""
_FIRST = 0.3  # seconds within which a first stroke has died away
_LOCAL = 4.0  # seconds around a moment whose onsets it is compared with
_STRONGEST = 6.0  # times the usual onset; more counts no more
_LAG = 2  # spectra from which to which a rise is measured


def log_mels(mono: Samples) -> NDArray[np.float32]:
    """Log-compressed loudness of bands, [T, MELS], of [N > 0], T = ceil(N / HOP); the song's level is 1."""
    bank = _mel_bank()
    mels = np.concatenate([np.sqrt(power) @ bank for power in _powers(mono)])
    scale = float(np.sqrt(np.mean(np.square(mono, dtype=np.float64)))) * np.sqrt(WINDOW)
    return np.log1p(_CONTRAST / 10 * mels / scale) if scale > 0 else np.zeros_like(mels)


def onset_strength(mels: NDArray[np.float32]) -> Floats:
    """How suddenly a song gets louder or changes its sound, [T], at RATE; mean 0 or above, spread about 1.

    Spectral flux over logarithmic mel bands (Bello et al. 2005), each compared with the strongest of its
    neighbors a moment ago, so that a gliding tone is no onset (Böck and Widmer 2013).
    """
    count = len(mels)
    if count <= _LAG + 1:
        return np.zeros(count)
    # Before the first sound there is what is left after it, so that a stroke at the very beginning is heard,
    # and a song that was cut out of another, or lies in noise, has none there.
    before = np.median(mels[: round(_FIRST * RATE)], axis=0, keepdims=True)
    begun = np.concatenate([np.repeat(before, _LAG // 2, axis=0), mels])
    wide = np.pad(begun, ((0, 0), (1, 1)), mode="edge")
    strongest = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
    rise = np.maximum(begun[_LAG:] - strongest[:-_LAG], 0).sum(axis=1, dtype=np.float64)
    # A rise from k to k + _LAG happens between the two.
    flux = np.pad(rise, (0, _LAG - _LAG // 2))
    flux = np.maximum(flux - _moving_mean(flux, RATE), 0)
    spread = float(flux.std())
    return flux / spread if spread > 1e-9 else np.zeros(count)


def heavy_strength(mels: NDArray[np.float32]) -> Floats:
    """How strongly the deepest sounds are struck, as `onset_strength` tells it: by how loud they are, not by
    the logarithm of it, in which the little that a hat or a chord has down there counts nearly as much."""
    return onset_strength(np.expm1(mels[:, :HEAVY]))


def evenly_strong(onsets: Floats) -> Floats:
    """Onset strength [T] beside that of the seconds around, so that quiet passages count like loud ones."""
    kernel = np.hanning(2 * round(_LOCAL * RATE) + 1)
    usual = np.sqrt(np.maximum(_smooth(np.minimum(onsets, 12.0) ** 2, kernel), 0.0))
    least = 0.1 * float(np.sqrt(np.mean(onsets**2)))
    return np.minimum(onsets / np.maximum(usual, max(least, 1e-9)), _STRONGEST)


def _smooth(values: Floats, kernel: Floats) -> Floats:
    """As `blurred`, with weights that sum to 1; by FFT, as the kernel is long."""
    size = 1 << (len(values) + len(kernel)).bit_length()
    product = np.fft.rfft(values, size) * np.fft.rfft(kernel / kernel.sum(), size)
    half = len(kernel) // 2
    return np.asarray(np.fft.irfft(product, size)[half : half + len(values)])


def brightness(mono: Samples) -> tuple[Floats, Floats]:
    """Center of the spectrum in octaves above 30 Hz, and loudness (RMS), each [T], of [N], N > 0."""
    pitch = np.log2(np.maximum(_FREQUENCIES, _LOWEST) / _LOWEST)
    sums = [(power @ pitch, power.sum(axis=1)) for power in _powers(mono)]
    centers = np.concatenate([weighted / np.maximum(total, 1e-20) for weighted, total in sums])
    levels = np.concatenate([np.sqrt(total) for _, total in sums])
    return centers.astype(np.float64), levels.astype(np.float64)


def _powers(mono: Samples) -> Iterator[NDArray[np.float32]]:
    """Power spectra [n, WINDOW / 2 + 1] of a Hann window centered on every HOP samples."""
    count = -(-len(mono) // HOP)
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    padded = np.pad(mono, (WINDOW // 2, WINDOW))
    views = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    for first in range(0, count, _AT_ONCE):
        spectra = np.fft.rfft(views[first : min(first + _AT_ONCE, count)] * window, axis=1)
        yield (spectra.real**2 + spectra.imag**2).astype(np.float32)


def _mel_bank() -> NDArray[np.float32]:
    """Triangles [WINDOW / 2 + 1, MELS], evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (_LOWEST, _HIGHEST))
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    edges += np.arange(MELS + 2) * 1e-6
    at = _FREQUENCIES[:, None]
    # No narrower than a bin, or the lowest bands would see nothing.
    width = ANALYSIS_RATE / WINDOW
    rise = (at - edges[:-2]) / np.maximum(edges[1:-1] - edges[:-2], width)
    fall = (edges[2:] - at) / np.maximum(edges[2:] - edges[1:-1], width)
    return np.maximum(np.minimum(rise, fall), 0).astype(np.float32)


def _moving_mean(values: Floats, length: int) -> Floats:
    """The mean of `length` values around each."""
    length = min(length, len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    centers = np.arange(len(values))
    first = np.clip(centers - length // 2, 0, len(values))
    last = np.clip(centers + length - length // 2, 0, len(values))
    return (sums[last] - sums[first]) / np.maximum(last - first, 1)


def blurred(values: Floats, kernel: Floats) -> Floats:
    """Values [T] convolved with a symmetric kernel of odd length, which may be longer than they are."""
    half = len(kernel) // 2
    return np.asarray(np.convolve(values, kernel)[half : half + len(values)])
