"""The tempo of a song over time, and its beats: moments about a period apart that onsets agree with best.

The tempo is the likeliest path through the autocorrelation of the onsets. Beats come by dynamic programming
after Ellis 2007 (Beat Tracking by Dynamic Programming), with a period that follows the tempo, and each is
moved to the onset it means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.spectrum import RATE, blurred

Floats = NDArray[np.float64]

SLOWEST, FASTEST = 40.0, 240.0  # beats per minute
USUAL = 120.0  # beats per minute at which people tap most gladly (Parncutt 1994)
PRIOR_OCTAVES = 0.9  # spread of the log-normal prior around USUAL
GRID = 240  # tempos that are told apart, evenly spaced in octaves: 1 % from one to the next
CHANCE = 0.28  # autocorrelation at the likeliest tempo of white noise
FAINT = 0.45  # scores below it are hardly better than those of noise
_LOYALTY = 0.2  # score that the tempo of the rest of the song has ahead of others where the beat is faint
_WINDOW, _HOP = 8 * RATE, RATE  # values that are compared at once, and from one moment to the next
_STEP_COST = 0.05  # for each 1 % by which the tempo drifts within a hop
_SAME_TEMPO = 0.05  # octaves between tempos that are taken for the same one
_JUMP_COST = 0.8  # for a change of tempo at once, however large
TIGHTNESS = 100.0  # how much an uneven beat costs beside the strength of onsets
LEAST_BEATS = 4  # fewer tell nothing about what is between them
HEAVIER = 1.7  # times that offbeats must be as heavy as beats before they are taken for the beats
_NEAREST, _FARTHEST = 0.5, 2.0  # periods between which the beat before is looked for
_REACH = round(0.035 * RATE)  # values around a beat within which it is moved to an onset
_NEAR = 0.015 * RATE  # values: spread of how far from a beat its onset is looked for
_LATE = 0.007  # seconds by which onset strength peaks before the sound itself; measured on clicks


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


def find_tempo(onsets: Floats, near: float | None = None) -> TempoPath:
    """The tempo of onsets [T] at RATE. near: known beats per minute, which it departs from only a little."""
    grid = SLOWEST * (FASTEST / SLOWEST) ** (np.arange(GRID) / (GRID - 1))
    seconds, likeness = _tempogram(onsets, grid)
    # How likely tempos are before anything was heard, 0..1 (Ellis 2007: log-normal).
    center, spread = (USUAL, PRIOR_OCTAVES) if near is None else (near, 0.03)
    weighted = likeness * np.exp(-0.5 * (np.log2(grid / center) / spread) ** 2)
    path = _best_path(weighted)
    path = _best_path(weighted + _loyalty(grid, weighted, grid[path]))
    octave = round(GRID * np.log(2) / np.log(FASTEST / SLOWEST))
    likely, half, double = (_confidence(likeness, path + step) for step in (0, -octave, octave))
    return TempoPath(seconds, _in_one_octave(grid[path]), likely, half, double)


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


def _confidence(likeness: Floats, path: NDArray[np.intp]) -> float:
    """0..1 from the mean autocorrelation along a path, which is 0 off the grid; noise, of which the best
    of many tempos is taken, has CHANCE."""
    inside = (path >= 0) & (path < GRID)
    values = likeness[np.arange(len(path)), np.clip(path, 0, GRID - 1)]
    mean = float(np.mean(np.where(inside, values, 0.0)))
    return float(np.clip((mean - CHANCE) / (1 - CHANCE), 0, 1))


def _tempogram(onsets: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """Seconds [W], and the autocorrelation at every tempo of the grid around them, [W, GRID]."""
    # Blurred by some 20 ms, so that beats that are played a little off still agree.
    kernel = np.hanning(2 * round(0.02 * RATE) + 1)[1:-1]
    padded = np.pad(blurred(onsets, kernel / kernel.sum()), (_WINDOW // 2, _WINDOW // 2 + _HOP))
    count = max(1, -(-len(onsets) // _HOP))
    lags, index = 60.0 / grid * RATE, np.arange(_WINDOW)
    rows = []
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
    return np.arange(count) * _HOP / RATE, np.maximum(np.array(rows), 0.0)


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


def track_beats(onsets: Floats, tempo: TempoPath) -> Floats:
    """Seconds of every beat, ascending, from onset strength [T] at RATE."""
    if not onsets.any():
        return np.zeros(0)
    # Onsets blurred by a small part of the period, so that a beat need not be exactly even.
    period = float(np.median(tempo.periods(tempo.seconds))) * RATE
    width = max(1, round(period))
    score = blurred(onsets, np.exp(-0.5 * (np.arange(-width, width + 1) * 32.0 / period) ** 2))
    return _on_onsets(_best_chain(score, tempo.periods(np.arange(len(onsets)) / RATE) * RATE), onsets)


def on_the_heavier(beats: Floats, onsets: Floats, heavy: Floats) -> Floats:
    """The beats, or the moments halfway between them where it is these that the deep drums play.

    Cymbals and hats are sudden in every band and deep drums in few, so that offbeats may look stronger.
    onsets: strength [T] at RATE, and `heavy` that of the deep bands alone.
    """
    if len(beats) < LEAST_BEATS:
        return beats
    halves = np.diff(beats) / 2
    between = np.concatenate([[beats[0] - halves[0]], beats[:-1] + halves, [beats[-1] + halves[-1]]])
    now, then = (np.round((moments - _LATE) * RATE).astype(np.intp) for moments in (beats, between))
    then = then[(then >= 0) & (then < len(onsets))]
    weight, other = (
        np.mean([heavy[max(0, i - _REACH) : i + _REACH + 1].max(initial=0.0) for i in indices])
        for indices in (now, then)
    )
    return beats if other < 1.0 or other < HEAVIER * weight else _on_onsets(then, onsets)


def _on_onsets(chain: NDArray[np.intp], onsets: Floats) -> Floats:
    """Seconds of the onsets that beats mean, without what is before the first and after the last of them that
    can be heard."""
    near = np.array([onsets[max(0, index - 6) : index + 7].max() for index in chain])
    if near.any():
        heard = np.flatnonzero(near >= 0.25 * np.sqrt(np.mean(near**2)))
        chain = chain[heard[0] : heard[-1] + 1]
    return np.maximum(np.array([_refined(onsets, int(index)) for index in chain]) / RATE + _LATE, 0.0)


def _refined(onsets: Floats, index: int) -> float:
    """Place of the strongest onset near a beat, between values; the beat itself where there is none."""
    first, last = max(0, index - _REACH), min(len(onsets), index + _REACH + 1)
    # The nearer the likelier: under noise the strongest of many small ones may be anywhere.
    nearness = np.exp(-0.5 * ((np.arange(first, last) - index) / _NEAR) ** 2)
    peak = first + int(np.argmax(onsets[first:last] * nearness))
    if onsets[peak] <= 0.3:
        return index
    if not 0 < peak < len(onsets) - 1:
        return peak
    left, middle, right = onsets[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return float(peak + (0.5 * (left - right) / bend if bend < 0 else 0.0))


def _best_chain(score: Floats, periods: Floats) -> NDArray[np.intp]:
    """Indices of the chain with the best sum of scores, less what uneven steps cost."""
    count = len(score)
    total = score.copy()
    came = np.full(count, -1, np.intp)
    for index in range(count):
        period = periods[index]
        first = max(0, index - round(_FARTHEST * period))
        last = index - round(_NEAREST * period) + 1
        if last <= first:
            continue
        steps = np.log((index - np.arange(first, last)) / period)
        options = total[first:last] - TIGHTNESS * steps * steps
        best = int(options.argmax())
        if options[best] > 0 or index > periods[0] * _FARTHEST:
            total[index] = score[index] + options[best]
            came[index] = first + best
    end = count - 1 - round(float(periods[-1]))
    position = max(0, end) + int(np.argmax(total[max(0, end) :]))
    chain = []
    while position >= 0:
        chain.append(position)
        position = int(came[position])
    return np.array(chain[::-1], np.intp)
