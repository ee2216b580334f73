"""The tempo of a song over time: the likeliest path through the autocorrelation of its onsets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.spectrum import RATE, blurred

Floats = NDArray[np.float64]

SLOWEST, FASTEST = 40.0, 240.0  # beats per minute
USUAL = 120.0  # beats per minute at which people tap most gladly (Parncutt 1994)
PRIOR_OCTAVES = 0.9  # spread of the log-normal prior around USUAL
GRID = 240  # tempos that are told apart, evenly spaced in octaves: 1 % from one to the next
TEMPOS: Floats = SLOWEST * (FASTEST / SLOWEST) ** (np.arange(GRID) / (GRID - 1))  # beats per minute
CHANCE = 0.28  # autocorrelation at the likeliest tempo of white noise
FAINT = 0.45  # scores below it are hardly better than those of noise
_LOYALTY = 0.2  # score that the tempo of the rest of the song has ahead of others where the beat is faint
_WINDOW, _HOP = 8 * RATE, RATE  # values that are compared at once, and from one moment to the next
_STEP_COST = 0.05  # for each 1 % by which the tempo drifts within a hop
_SILENT = 0.05  # part of the usual energy of onsets below which a moment counts less and less
_SAME_TEMPO = 0.05  # octaves between tempos that are taken for the same one
_JUMP_COST = 0.8  # for a change of tempo at once, however large
CHANGE = 0.04  # octaves between tempos a second apart that make a change
_LEAST_STEADY = 12  # hops of a passage that may have one tempo
_STRAYING = 0.035  # octaves from the usual tempo within which it may be one
_COARSE = 4  # values that are taken together where a tempo is measured exactly
_FINELY = 8  # times as fine as the spectrum tells
_BESIDE = 0.015  # part of the tempo that is looked at on either side of it
_OTHERWISE = (1.5, 2 / 3, 0.75, 4 / 3, 3.0, 1 / 3)  # times the tempo that a passage may be counted at
_NEARLY = 0.6  # times as alike


@dataclass(frozen=True)
class TempoPath:
    """The tempo over time."""

    seconds: Floats  # moments, ascending, [W]
    bpm: Floats  # at the moments, [W]
    likeness: Floats  # how alike onsets are one, two and four beats later at every tempo of TEMPOS, [W, GRID]
    heard: Floats  # how much there is to hear at the moments, 0..1, [W]

    def periods(self, seconds: Floats) -> Floats:
        """Seconds from one beat to the next at some moments."""
        return np.asarray(60.0 / np.interp(seconds, self.seconds, self.bpm))

    def times(self, ratio: float) -> TempoPath:
        """So many times as fast, with passages that are counted otherwise than most of the song, as three for
        two, counted like it where onsets agree with that nearly as well."""
        usual = float(np.median(self.bpm))
        bpm = self.bpm.copy()
        here = self._likeness(bpm)
        for other in _OTHERWISE:
            near = np.abs(np.log2(self.bpm / usual / other)) < _SAME_TEMPO
            alike = self._likeness(self.bpm * ratio / other) >= _NEARLY * here
            bpm = np.where(near & alike, self.bpm / other, bpm)
        return replace(self, bpm=bpm * ratio)

    def likeness_at(self, ratio: float = 1.0) -> float:
        """How alike onsets are one beat later at so many times the tempo, on average, 0..1; 0 off TEMPOS.
        Moments at which nothing is heard do not count."""
        values = self._likeness(self.bpm * ratio)
        return float((values * self.heard).sum() / max(float(self.heard.sum()), 1e-9))

    def _likeness(self, bpm: Floats) -> Floats:
        """How alike onsets are one beat later at a tempo for each moment, [W]."""
        places = np.round(np.log(bpm / SLOWEST) / np.log(FASTEST / SLOWEST) * (GRID - 1))
        inside = (places >= 0) & (places < GRID)
        columns = np.clip(places, 0, GRID - 1).astype(np.intp)
        return np.where(inside, self.likeness[np.arange(len(columns)), columns], 0.0)

    def confidence(self, ratio: float = 1.0) -> float:
        """0..1 from the likeness; noise, of which the best of many tempos is taken, has CHANCE."""
        return float(np.clip((self.likeness_at(ratio) - CHANCE) / (1 - CHANCE), 0, 1))


def find_tempo(onsets: Floats, near: float | None = None) -> TempoPath:
    """The tempo of onsets [T] at RATE. near: known beats per minute, which it departs from only a little."""
    seconds, likeness, heard = _tempogram(onsets)
    # How likely tempos are before anything was heard, 0..1 (Ellis 2007: log-normal).
    center, spread = (USUAL, PRIOR_OCTAVES) if near is None else (near, 0.03)
    weighted = likeness * np.exp(-0.5 * (np.log2(TEMPOS / center) / spread) ** 2)
    path = _best_path(weighted)
    path = _best_path(weighted + _loyalty(TEMPOS, weighted, TEMPOS[path]))
    return TempoPath(seconds, _in_one_octave(TEMPOS[path]), likeness, heard)


def steady(path: TempoPath, onsets: Floats) -> TempoPath:
    """The path with each passage between changes of tempo, in which it strays only a little, at one exact
    tempo: the one whose multiples are strongest in the spectrum of its onsets [T] at RATE."""
    bpm = path.bpm.copy()
    borders = np.flatnonzero(np.abs(np.diff(np.log2(bpm))) > CHANGE) + 1
    for part in np.split(np.arange(len(bpm)), borders):
        usual = float(np.median(bpm[part]))
        straying = np.abs(np.log2(bpm[part] / usual))
        if len(part) < _LEAST_STEADY or np.quantile(straying, 0.9) > _STRAYING:
            continue
        first, last = part[0] * _HOP, (part[-1] + 1) * _HOP
        bpm[part] = _exact(onsets[first:last], usual)
    return replace(path, bpm=bpm)


def _exact(onsets: Floats, usual: float) -> float:
    """The exact tempo of onsets near a tempo, in beats per minute."""
    coarse = onsets[: len(onsets) // _COARSE * _COARSE].reshape(-1, _COARSE).mean(axis=1)
    # So finely that even the last beats of the passage are met.
    size = 1 << (_FINELY * len(coarse)).bit_length()
    spectrum = np.abs(np.fft.rfft(coarse - coarse.mean(), size))
    places = np.arange(len(spectrum))
    step = RATE / _COARSE / size * 60  # beats per minute from one place to the next
    near = usual * (1 + np.arange(-_BESIDE, _BESIDE, step / 4 / usual))
    found = np.sum([np.interp(times * near / step, places, spectrum) for times in (1, 2, 4)], axis=0)
    return float(near[found.argmax()])


def _loyalty(grid: Floats, scores: Floats, bpm: Floats) -> Floats:
    """What speaks for the tempo of the song where it can hardly be heard, [W, GRID], as `scores`: without
    drums, the likeliest tempo of a passage is any. bpm: the path so far, [W]."""
    faint = scores.max(axis=1) < FAINT
    if faint.all():
        return np.zeros_like(scores)
    usual = float(np.median(bpm[~faint]))
    return np.asarray(_LOYALTY * faint[:, None] * np.exp(-0.5 * (np.log2(grid / usual) / _SAME_TEMPO) ** 2))


def _in_one_octave(bpm: Floats) -> Floats:
    """A path of tempos [W] without passages that are counted twice as fast or slow as most of the song: where
    drums fall silent or play double, onsets alone do not tell which it is."""
    octaves = np.log2(bpm / np.median(bpm))
    whole = np.round(octaves)
    return np.asarray(np.where(np.abs(octaves - whole) < _SAME_TEMPO, bpm / 2.0**whole, bpm))


def _tempogram(onsets: Floats) -> tuple[Floats, Floats, Floats]:
    """Seconds [W], the autocorrelation at every tempo around them, [W, GRID], and how much is heard, [W]."""
    # Blurred by some 20 ms, so that beats that are played a little off still agree.
    kernel = np.hanning(2 * round(0.02 * RATE) + 1)[1:-1]
    padded = np.pad(blurred(onsets, kernel / kernel.sum()), (_WINDOW // 2, _WINDOW // 2 + _HOP))
    count = max(1, -(-len(onsets) // _HOP))
    lags, index = 60.0 / TEMPOS * RATE, np.arange(_WINDOW)
    rows, energies = [], []
    taper = np.hanning(_WINDOW)
    # What the taper alone does to products with a lag, so that slow tempos are not at a disadvantage.
    fade = _autocorrelation(taper)
    for first in range(0, count * _HOP, _HOP):
        part = padded[first : first + _WINDOW] * taper
        found = _autocorrelation(part - part.mean() * (part > 0).any())
        alike = found / np.maximum(fade, 1e-3 * fade[0]) * fade[0] / max(found[0], 1e-12)
        # A beat repeats after one, two and four periods; the one in between tells it from its half.
        one, two, four = (np.interp(lags * times, index, alike, right=0.0) for times in (1, 2, 4))
        rows.append(0.6 * one + 0.3 * two + 0.1 * four)
        energies.append(found[0])
    heard = np.minimum(np.array(energies) / max(_SILENT * float(np.mean(energies)), 1e-12), 1.0)
    return np.arange(count) * _HOP / RATE, np.maximum(np.array(rows), 0.0), heard


def _autocorrelation(values: Floats) -> Floats:
    size = 1 << (2 * len(values) - 1).bit_length()
    spectrum = np.fft.rfft(values, size)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(values)])


def _best_path(scores: Floats) -> NDArray[np.intp]:
    """The path [W] with the largest sum of scores less the cost of moving (Viterbi 1967)."""
    count, size = scores.shape
    steps = np.arange(size)
    cost = np.minimum(np.abs(steps[:, None] - steps) * _STEP_COST, _JUMP_COST)
    best = scores[0]
    came = np.zeros((count, size), np.intp)
    for number in range(1, count):
        options = best - cost
        came[number] = options.argmax(axis=1)
        best = options.max(axis=1) + scores[number]
    path = np.zeros(count, np.intp)
    path[-1] = best.argmax()
    for number in range(count - 1, 0, -1):
        path[number - 1] = came[number, path[number]]
    return path
