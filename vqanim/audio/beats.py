"""Beats of a song: moments about a period apart that onsets agree with best.

They are found by dynamic programming after Ellis 2007 (Beat Tracking by Dynamic Programming), but on a clock
that runs with the tempo: there even beats are one apart, whatever the tempo does, and a beat that moves
against the clock costs as much as it moves, at once or bit by bit. So beats keep their side of the off-beats
for as long as the tempo goes on, and which side that is, is decided by all of the song.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.spectrum import RATE, blurred, evenly_strong
from vqanim.audio.tempo import CHANGE, TempoPath, find_tempo, steady

Floats = NDArray[np.float64]

LEAST_BEATS = 4  # fewer tell nothing about what is between them
HEAVIER = 1.7  # times that offbeats must be as heavy as beats before they are taken for the beats
CELLS = 48  # places of a beat that are told apart
_NEAREST, _FARTHEST = 0.5, 2.0  # beats between which the one before is looked for
# For a move by one beat against the clock, at first and when the tempo is known exactly; a beat that is met
# counts about 10, so that beats move by half of one only where about a minute speaks for it.
_MOVE_COSTS = (60.0, 1200.0)
_EVEN = 0.92  # times the evidence of beats that may move that makes those of one exact tempo the likelier
_FREE_COST = 30.0  # where the tempo changes
_SETTLED = 4.0  # seconds around a change of tempo in which moves are free
_HEAVY_SHARE = 0.5  # what the deep bands count once more
_REACH = round(0.035 * RATE)  # values around a beat within which it is moved to an onset
_NEAR = 0.015 * RATE  # values: spread of how far from a beat its onset is looked for
_LATE = 0.007  # seconds by which onset strength peaks before the sound itself; measured on clicks
_RATIOS = (1.0, 1.5, 0.75, 2.0)  # times the likeliest tempo that might be the beat instead
_SLOWEST, _FASTEST = 50.0, 215.0  # beats per minute to which a tempo is corrected
# What speaks for and against a metrical level, beside the likeness of onsets one beat later.
_USUAL, _UNUSUAL = 138.0, 0.06  # beats per minute, and what octaves from it cost, squared
_TRIPLE, _QUADRUPLE = 0.65, 0.4  # onsets at both thirds of a beat, and at the quarters, as strong as on beats
_STAY = 0.01  # the likeliest tempo has this ahead
_LONG = 0.35  # strength beside that of beats from which on a swung note between them is heard


def find_beats(onsets: Floats, heavy: Floats, near: float | None = None) -> tuple[TempoPath, Floats]:
    """The tempo of a song and the seconds of every beat, ascending.

    onsets: strength [T] at RATE, and `heavy` that of the deep bands alone. near: the tempo where it is known,
    in beats per minute.
    """
    path = find_tempo(onsets, near)
    if not onsets.any():
        return path, np.zeros(0)
    ratios = (1.0,) if near is not None else _RATIOS
    counts = [_Count(path, ratio, onsets, heavy) for ratio in ratios if ratio == 1.0 or _usual(path, ratio)]
    best = max(counts, key=lambda count: count.score) if len(counts) > 1 else counts[0]
    beats = best.on_the_long_side()
    return path.times(best.ratio), on_the_heavier(_on_onsets(beats, onsets), onsets, heavy)


def _usual(path: TempoPath, ratio: float) -> bool:
    return _SLOWEST <= float(np.median(path.bpm)) * ratio <= _FASTEST


@dataclass(frozen=True)
class _Count:
    """The beats of a song, if it is counted so many times as fast as the likeliest tempo."""

    path: TempoPath
    ratio: float
    onsets: Floats
    heavy: Floats

    @cached_property
    def beats(self) -> NDArray[np.intp]:
        """Places of the beats, in values of the onsets."""
        return track_beats(self.onsets, self.heavy, self.path.times(self.ratio))

    @cached_property
    def within(self) -> Floats:
        """How strong onsets are on average at each twelfth of a beat, [12], from the beat on."""
        return _within_beats(self.beats, evenly_strong(self.onsets))

    @property
    def score(self) -> float:
        """What speaks for it. Onsets at both thirds of a beat say that it is counted across the bar, as three
        for two; those at its quarters that it is counted slowly."""
        if len(self.beats) < LEAST_BEATS:
            return -1.0
        here = self.within / max(float(self.within[0]), 0.1)
        octaves = float(np.log2(np.median(self.path.bpm) * self.ratio / _USUAL))
        triple, quadruple = min(here[4], here[8]), (here[3] + here[9]) / 2
        stay = _STAY * (self.ratio == 1.0)
        likeness = self.path.likeness_at(self.ratio)
        return float(likeness + stay - _UNUSUAL * octaves**2 - _TRIPLE * triple - _QUADRUPLE * quadruple)

    def on_the_long_side(self) -> NDArray[np.intp]:
        """The beats, moved to the swung notes after them where these are followed by the longer pause: what
        is swung is late, never early."""
        beats = self.beats
        if len(beats) < LEAST_BEATS:
            return beats
        here = self.within / max(float(self.within[0]), 0.1)
        if here[4] < _LONG or here[4] < 2 * here[8] or here[4] < 2 * here[6]:
            return beats
        moved = beats[:-1] + np.diff(beats) / 3
        return np.round(moved).astype(np.intp)


def _within_beats(beats: NDArray[np.intp], strength: Floats) -> Floats:
    """The mean of the largest values at each twelfth of a beat, [12]."""
    parts = beats[:-1] + np.diff(beats) * (np.arange(12) / 12)[:, None]
    index = np.clip(np.round(parts).astype(np.intp)[..., None] + np.arange(-4, 5), 0, len(strength) - 1)
    return np.asarray(strength[index].max(axis=-1).mean(axis=1))


def track_beats(onsets: Floats, heavy: Floats, tempo: TempoPath) -> NDArray[np.intp]:
    """Places of every beat, ascending, from onset strength [T] and that of the deep bands alone."""
    evidence = evenly_strong(onsets) + _HEAVY_SHARE * evenly_strong(heavy)
    frames = np.arange(len(onsets))
    periods = tempo.periods(frames / RATE) * RATE
    other = _other_periods(tempo, frames)
    moving = periods
    for cost in _MOVE_COSTS:
        chain, strength = _chain_on_clock(evidence, moving, other, cost)
        moving = _smoothed(chain, moving)
    even = steady(tempo, evidence).periods(frames / RATE) * RATE
    steady_chain, steady_strength = _chain_on_clock(evidence, even, other, _MOVE_COSTS[-1])
    if steady_strength > _EVEN * strength:
        chain = steady_chain
    return np.maximum(np.round(chain), 0).astype(np.intp)


def _other_periods(tempo: TempoPath, frames: NDArray[np.intp]) -> Floats:
    """In seconds around a change of tempo, how long a beat is on its other side, in values; else 0."""
    other = np.zeros(len(frames))
    for jump in np.flatnonzero(np.abs(np.diff(np.log2(tempo.bpm))) > CHANGE):
        after = frames / RATE - (tempo.seconds[jump] + tempo.seconds[jump + 1]) / 2
        near = np.abs(after) < _SETTLED
        other[near] = 60 * RATE / np.where(after[near] < 0, tempo.bpm[jump + 1], tempo.bpm[jump])
    return other


def _smoothed(chain: Floats, periods: Floats) -> Floats:
    """Periods [T] that follow the beats that were found, where they are hardly other than those before."""
    if len(chain) < 16:
        return periods
    steps = np.diff(chain) / np.interp(chain[:-1], np.arange(len(periods)), periods)
    kernel = np.hanning(34)[1:-1][:31]
    even = np.where(np.abs(steps - 1) < 0.06, steps, 1.0)
    padded = np.pad(even, 15, mode="reflect") if len(even) > 16 else np.pad(even, 15, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), "valid")
    return np.asarray(periods * np.interp(np.arange(len(periods)), chain[:-1], smooth))


def _chain_on_clock(
    evidence: Floats, periods: Floats, other: Floats, move_cost: float
) -> tuple[Floats, float]:
    """The places of the chain of beats with the best sum of evidence less the cost of moves, in values; and
    the mean evidence of its beats.

    All but the last are [T]. other: the period on the other side of a change of tempo that is near, else 0.
    """
    clock = np.concatenate([[0.0], np.cumsum(1.0 / periods)[:-1]])
    # A stroke at the very beginning may be told a little before it.
    early = np.arange(-CELLS // 8, 0) / CELLS * periods[0]
    cells = np.arange(int(clock[-1] * CELLS) + 1) / CELLS
    places = np.concatenate([early, np.interp(cells, clock, np.arange(len(clock)))])
    count = len(places)
    period = float(np.median(periods))
    width = max(1, round(0.25 * period))
    spread = max(0.03 * period, 0.012 * RATE)
    score = blurred(evidence, np.exp(-0.5 * (np.arange(-width, width + 1) / spread) ** 2) / (spread / 2))
    score = np.interp(places, np.arange(len(score)), score)
    other = other[np.clip(np.round(places), 0, len(other) - 1).astype(np.intp)]
    cost = np.where(other == 0.0, move_cost, _FREE_COST)
    nearest, farthest = round(_NEAREST * CELLS), round(_FARTHEST * CELLS)
    steps = np.arange(farthest, nearest - 1, -1)
    moves = np.minimum(np.abs(steps / CELLS - 1), np.abs(steps / CELLS - 2) + 0.25)
    total = np.concatenate([np.zeros(farthest), score])  # what is before the first cell costs nothing
    came = np.full(count, -1, np.intp)
    for first in range(0, count, nearest):
        last = min(first + nearest, count)
        # Row i holds the cells that are farthest .. nearest before first + i.
        rows = np.lib.stride_tricks.sliding_window_view(
            total[first : last - 1 + farthest - nearest + 1], len(steps)
        )[: last - first]
        uneven = moves
        if other[first:last].any():
            here = np.arange(first, last)[:, None]
            gaps = places[here] - places[np.maximum(here - steps, 0)]
            near = other[here] > 0
            elsewhere = np.abs(gaps / np.where(near, other[here], 1.0) - 1)
            uneven = np.where(near, np.minimum(moves, elsewhere), moves)
        options = rows - cost[first:last, None] * uneven
        best = options.argmax(axis=1)
        index = np.arange(last - first)
        total[farthest + first : farthest + last] += options[index, best]
        came[first:last] = first + index - steps[best]
    end = max(0, count - CELLS)
    position = end + int(np.argmax(total[farthest + end :]))
    chain = []
    while position >= 0:
        chain.append(position)
        position = int(came[position])
    return places[chain[::-1]], float(score[chain].mean())


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
