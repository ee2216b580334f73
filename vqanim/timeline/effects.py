"""The effects of a scene at moments of its film: curves sampled, hits worked out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vqanim.effects import EFFECTS, EffectNow, changes_nothing
from vqanim.errors import CurveError
from vqanim.scene.curves import Curve
from vqanim.scene.fields.effects import Each, Effect, Hit
from vqanim.scene.sound import BEAT
from vqanim.scene.times import SAME_MOMENT, TimeBase, nearest_frame
from vqanim.timeline.sampling import Sampler, seconds_of
from vqanim.timeline.view import tidy

Floats = NDArray[np.float64]

NEAR_BEAT = 0.02
"""Beats: a beat that hits are counted from may lie so little before the moment that was written."""
NEAR = 0.02
"""Seconds, for the same reason."""


@dataclass(frozen=True)
class EffectClock:
    """The moments of some film frames on the time of the effects: the film's, or a shot's."""

    seconds: Floats
    """[F]."""
    base: TimeBase
    rate: Fraction
    """Frames per second."""
    shot: str = ""
    """Name of the shot for a message, where there are several."""

    @classmethod
    def of(cls, count: int, base: TimeBase, fps: Fraction, shot: str = "") -> EffectClock:
        """The first `count` frames of a film, or of a shot's place in it, at `fps`."""
        seconds = np.arange(count) * float(fps.denominator) / float(fps.numerator)
        return cls(np.asarray(seconds, dtype=np.float64), base, fps, shot)

    def on_frames(self, moments: Sequence[float]) -> Floats:
        """The moments of the frames that are nearest to some moments, ascending."""
        frames = np.array(sorted(nearest_frame(moment, self.rate) for moment in moments), dtype=np.int64)
        return seconds_of(frames, self.rate)


def effects_at(
    effects: Sequence[Effect], hits: Sequence[Hit], clock: EffectClock, sampler: Sampler
) -> list[tuple[EffectNow, ...]]:
    """The effects that change something, at every moment [F]: those of the list, then the hits."""
    tracks = [(effect, _sample(effect.amount, clock, sampler)) for effect in effects]
    tracks += [track for hit in hits for track in _hit_tracks(hit, clock)]
    found: list[list[EffectNow]] = [[] for _ in clock.seconds]
    for effect, amounts in tracks:
        for index, amount in enumerate(amounts.tolist()):
            now = EffectNow(effect.name, tidy(amount), effect.settings)
            if not changes_nothing(now):
                found[index].append(now)
    return [tuple(each) for each in found]


def _hit_tracks(hit: Hit, clock: EffectClock) -> list[tuple[Effect, Floats]]:
    said = [moment.seconds(clock.base) for moment in hit.on] if hit.each is None else _said(hit.each, clock)
    strength = envelope(clock.seconds, clock.on_frames(said), hit.fade.seconds(clock.base))
    tracks = []
    for peak in hit.peaks:
        neutral, full = EFFECTS[peak.name].neutral, peak.amount.constant_value
        assert full is not None
        tracks.append((peak, neutral + (full - neutral) * strength))
    return tracks


def _said(each: Each, clock: EffectClock) -> list[float]:
    """The moments that a song says, on the time of the effects."""
    base, lasts = clock.base, float(clock.seconds[-1] + 1 / clock.rate) if len(clock.seconds) else 0.0
    first = 0.0 if each.start is None else each.start.seconds(base)
    last = lasts if each.end is None else min(lasts, each.end.seconds(base))
    if each.signal != BEAT:
        found = base.sound.signals[each.signal].rises(each.above) - base.start
        return [moment for moment in found.tolist() if first <= moment + SAME_MOMENT and moment <= last]
    beats = base.sound.clock
    assert beats is not None
    start = base.start + first
    offset = 0.0 if each.start is None else float(math.ceil(beats.beat_at(start) - NEAR_BEAT))
    moments = beats.moments(start - NEAR, base.start + last, float(each.every), offset)
    return [moment - base.start for moment in moments]


def envelope(seconds: Floats, moments: Floats, fade: float) -> Floats:
    """How much there is of a hit at frames [F], 0..1.

    1 at the frames of its moments, then straight down to 0, `fade` seconds later. Where two overlap, the
    later counts. Moments are those of frames, ascending.
    """
    latest = np.searchsorted(moments, seconds + SAME_MOMENT, side="right") - 1
    if not len(moments):
        return np.zeros(seconds.shape)
    age = np.where(latest >= 0, seconds - moments[np.clip(latest, 0, None)], math.inf)
    fading = 1 - age / fade if fade > 0 else np.where(age > SAME_MOMENT, 0.0, 1.0)
    return np.asarray(np.clip(fading, 0.0, 1.0))


def _sample(curve: Curve, clock: EffectClock, sampler: Sampler) -> Floats:
    """Values [F] of a curve; one that fails is noted and changes nothing."""
    try:
        return curve.sample(clock.seconds, clock.base)
    except CurveError as error:
        where = ""
        if curve.constant_value is None:
            shot = f" of shot {clock.shot}" if clock.shot else ""
            seconds = round(float(clock.seconds[error.index]), 3)
            where = f" at frame {error.index}{shot} ({seconds:.12g} s)"
        sampler.note(curve.place, error.reason + where, source=curve.text)
        return np.full(clock.seconds.shape, math.nan)
