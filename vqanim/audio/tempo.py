"""The tempo of a song over time: autocorrelation of its onsets, and the likeliest path through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.spectrum import blurred

Floats = NDArray[np.float64]

SLOWEST, FASTEST = 40.0, 240.0  # beats per minute
USUAL = 120.0
"""Beats per minute at which people tap most gladly (Parncutt 1994)."""
PRIOR_OCTAVES = 0.9  # spread of the log-normal prior around USUAL
GRID = 240
"""Tempos that are told apart, evenly spaced in octaves: 1 % from one to the next."""
CHANCE = 0.28  # autocorrelation at the likeliest tempo of white noise
FAINT = 0.45  # scores below it are hardly better than those of noise
_LOYALTY = 0.2  # score that the tempo of the rest of the song has ahead of others where the beat is faint
_WINDOW_SECONDS = 8.0
_HOP_SECONDS = 1.0
_STEP_COST = 0.05  # for each 1 % by which the tempo drifts within a hop
_SAME_TEMPO = 0.05  # octaves between tempos that are taken for the same one
_JUMP_COST = 0.8  # for a change of tempo at once, however large


@dataclass(frozen=True)
class TempoPath:
    """The tempo over time."""

    seconds: Floats  # moments, ascending, [W]
    bpm: Floats  # at the moments, [W]
    confidence: float  # 0..1: how alike the onsets are one beat later, on average
    half: float  # the same at half the tempo
    double: float  # the same at double the tempo

    def periods(self, seconds: Floats) -> Floats:
        """Seconds from one beat to the next at some moments."""
        return np.asarray(60.0 / np.interp(seconds, self.seconds, self.bpm))


def find_tempo(onsets: Floats, rate: float, near: float | None = None) -> TempoPath:
    """The tempo of onsets [T] at `rate` per second.

    near: beats per minute that are known; only small departures from it are looked for.
    """
    grid = SLOWEST * (FASTEST / SLOWEST) ** (np.arange(GRID) / (GRID - 1))
    seconds, likeness = _tempogram(onsets, rate, grid)
    weighted = likeness * prior(grid, near)
    path = _best_path(weighted)
    path = _best_path(weighted + _loyalty(grid, weighted, grid[path]))
    chosen = likeness[np.arange(len(path)), path]
    octave = round(GRID * np.log(2) / np.log(FASTEST / SLOWEST))
    return TempoPath(
        seconds,
        in_one_octave(grid[path]),
        _confidence(float(np.mean(chosen))),
        _confidence(_mean_at(likeness, path - octave)),
        _confidence(_mean_at(likeness, path + octave)),
    )


def _loyalty(grid: Floats, scores: Floats, bpm: Floats) -> Floats:
    """What speaks for the tempo of the song where it can hardly be heard, [W, GRID]: without drums, the
    likeliest tempo of a passage is any.

    scores: [W, GRID]. bpm: the path so far, [W].
    """
    faint = scores.max(axis=1) < FAINT
    if faint.all():
        return np.zeros_like(scores)
    usual = float(np.median(bpm[~faint]))
    return np.asarray(_LOYALTY * faint[:, None] * np.exp(-0.5 * (np.log2(grid / usual) / _SAME_TEMPO) ** 2))


def in_one_octave(bpm: Floats) -> Floats:
    """A path of tempos [W] without passages that are counted twice as fast or slow as most of the song.

    Where drums fall silent or play double, onsets alone do not tell which it is; bars go on being counted
    the same.
    """
    octaves = np.log2(bpm / np.median(bpm))
    whole = np.round(octaves)
    return np.asarray(np.where(np.abs(octaves - whole) < _SAME_TEMPO, bpm / 2.0**whole, bpm))


def _confidence(likeness: float) -> float:
    """0..1 from an autocorrelation; noise, of which the best of many tempos is taken, has CHANCE."""
    return float(np.clip((likeness - CHANCE) / (1 - CHANCE), 0, 1))


def prior(bpm: Floats, near: float | None = None) -> Floats:
    """How likely tempos are before anything was heard, 0..1 (Ellis 2007: log-normal)."""
    center, spread = (USUAL, PRIOR_OCTAVES) if near is None else (near, 0.03)
    return np.asarray(np.exp(-0.5 * (np.log2(bpm / center) / spread) ** 2))


def _mean_at(likeness: Floats, path: NDArray[np.intp]) -> float:
    """Mean along a path; 0 where it leaves the grid."""
    inside = (path >= 0) & (path < likeness.shape[1])
    values = likeness[np.arange(len(path)), np.clip(path, 0, likeness.shape[1] - 1)]
    return float(np.mean(np.where(inside, values, 0.0)))


def _tempogram(onsets: Floats, rate: float, grid: Floats) -> tuple[Floats, Floats]:
    """Autocorrelation at every tempo of the grid, [W, GRID], in windows that move over the song."""
    length, hop = round(_WINDOW_SECONDS * rate), round(_HOP_SECONDS * rate)
    smooth = _smoothed(onsets, rate)
    padded = np.pad(smooth, (length // 2, length // 2 + hop))
    count = max(1, -(-len(onsets) // hop))
    lags = 60.0 / grid * rate
    rows = []
    taper = np.hanning(length)
    # What the taper alone does to products with a lag, so that slow tempos are not at a disadvantage.
    fade = _autocorrelation(taper)
    for number in range(count):
        part = padded[number * hop : number * hop + length] * taper
        found = _autocorrelation(part - part.mean() * (part > 0).any())
        alike = found / np.maximum(fade, 1e-3 * fade[0]) * fade[0] / max(found[0], 1e-12)
        rows.append(_at(alike, lags))
    return np.arange(count) * hop / rate, np.maximum(np.array(rows), 0.0)


def _smoothed(onsets: Floats, rate: float) -> Floats:
    """Blurred by some 20 ms, so that beats that are played a little off still agree."""
    width = max(1, round(0.02 * rate))
    kernel = np.hanning(2 * width + 1)[1:-1] if width > 1 else np.ones(1)
    return blurred(onsets, kernel / kernel.sum())


def _autocorrelation(values: Floats) -> Floats:
    size = 1 << (2 * len(values) - 1).bit_length()
    spectrum = np.fft.rfft(values, size)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(values)])


def _at(alike: Floats, lags: Floats) -> Floats:
    """A beat repeats after one, two and four periods; the one in between is what tells it from its half."""
    index = np.arange(len(alike))
    one, two, four = (np.interp(lags * times, index, alike, right=0.0) for times in (1, 2, 4))
    return np.asarray(0.6 * one + 0.3 * two + 0.1 * four)


def _best_path(scores: Floats) -> NDArray[np.intp]:
    """The path [W] with the largest sum of scores less the cost of moving (Viterbi 1967)."""
    count, size = scores.shape
    steps = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    cost = np.minimum(steps * _STEP_COST, _JUMP_COST)
    best = scores[0]
    came = np.zeros((count, size), np.intp)
    for number in range(1, count):
        options = best[None, :] - cost
        came[number] = options.argmax(axis=1)
        best = options.max(axis=1) + scores[number]
    path = np.zeros(count, np.intp)
    path[-1] = best.argmax()
    for number in range(count - 1, 0, -1):
        path[number - 1] = came[number, path[number]]
    return path
