"""The beats of a song: those moments, about a period apart, that onsets agree with best.

Dynamic programming after Ellis 2007 (Beat Tracking by Dynamic Programming), with a period that follows the
tempo over time, and each beat moved to the onset it means.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.spectrum import blurred
from vqanim.audio.tempo import TempoPath

Floats = NDArray[np.float64]

TIGHTNESS = 100.0  # how much an uneven beat costs beside the strength of onsets
LEAST_BEATS = 4  # fewer tell nothing about what is between them
HEAVIER = 1.7
"""Times that offbeats must be as heavy as beats before they are taken for the beats."""
_NEAREST, _FARTHEST = 0.5, 2.0  # periods between which the beat before is looked for
_REACH = 0.035  # seconds around a beat within which it is moved to an onset
_NEAR = 0.015  # seconds: spread of how far from a beat its onset is looked for
_LATE = 0.007  # seconds by which onset strength peaks before the sound itself; measured on clicks


def track_beats(onsets: Floats, rate: float, tempo: TempoPath) -> Floats:
    """Seconds of every beat, ascending, from onset strength [T] at `rate` per second."""
    if not onsets.any():
        return np.zeros(0)
    chain = _best_chain(
        _local_score(onsets, rate, tempo), tempo.periods(np.arange(len(onsets)) / rate) * rate
    )
    chain = _without_silent_ends(chain, onsets)
    refined = np.array([refine(onsets, rate, index) for index in chain]) + _LATE
    return np.maximum(refined, 0.0)


def on_the_heavier(beats: Floats, onsets: Floats, heavy: Floats, rate: float) -> Floats:
    """The beats, or the moments halfway between them where it is these that the deep drums play.

    Cymbals and hats are sudden in every band and deep drums in few, so that offbeats may look stronger.
    onsets: strength [T] at `rate` per second, and `heavy` that of the deep bands alone.
    """
    if len(beats) < LEAST_BEATS:
        return beats
    halves = np.diff(beats) / 2
    between = np.concatenate([[beats[0] - halves[0]], beats[:-1] + halves, [beats[-1] + halves[-1]]])
    indices = np.round((between - _LATE) * rate).astype(np.intp)
    indices = indices[(indices >= 0) & (indices < len(onsets))]
    now = _loudest(heavy, np.round((beats - _LATE) * rate).astype(np.intp), rate)
    then = _loudest(heavy, indices, rate)
    if then < 1.0 or then < HEAVIER * now:
        return beats
    chain = _without_silent_ends(indices, onsets)
    return np.maximum(np.array([refine(onsets, rate, int(index)) for index in chain]) + _LATE, 0.0)


def _loudest(strength: Floats, indices: NDArray[np.intp], rate: float) -> float:
    """The mean over moments of the greatest strength near each."""
    reach = max(1, round(_REACH * rate))
    return float(np.mean([strength[max(0, i - reach) : i + reach + 1].max(initial=0.0) for i in indices]))


def refine(onsets: Floats, rate: float, index: int) -> float:
    """Seconds of the strongest onset near a beat, between samples; the beat itself where there is none."""
    reach = max(1, round(_REACH * rate))
    first, last = max(0, index - reach), min(len(onsets), index + reach + 1)
    # The nearer the likelier: under noise the strongest of many small ones may be anywhere.
    nearness = np.exp(-0.5 * ((np.arange(first, last) - index) / (_NEAR * rate)) ** 2)
    peak = first + int(np.argmax(onsets[first:last] * nearness))
    if onsets[peak] <= 0.3:
        return index / rate
    if not 0 < peak < len(onsets) - 1:
        return peak / rate
    left, middle, right = onsets[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return float((peak + (0.5 * (left - right) / bend if bend < 0 else 0.0)) / rate)


def _local_score(onsets: Floats, rate: float, tempo: TempoPath) -> Floats:
    """Onsets blurred by a small part of the period, so that a beat need not be exactly even."""
    period = float(np.median(tempo.periods(tempo.seconds))) * rate
    width = max(1, round(period))
    offsets = np.arange(-width, width + 1)
    kernel = np.exp(-0.5 * (offsets * 32.0 / period) ** 2)
    return blurred(onsets, kernel)


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


def _without_silent_ends(chain: NDArray[np.intp], onsets: Floats) -> NDArray[np.intp]:
    """Without beats before the first and after the last that can be heard."""
    near = np.array([onsets[max(0, index - 6) : index + 7].max() for index in chain])
    if not near.any():
        return chain
    heard = np.flatnonzero(near >= 0.25 * np.sqrt(np.mean(near**2)))
    return chain[heard[0] : heard[-1] + 1]
