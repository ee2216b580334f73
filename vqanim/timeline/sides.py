"""The shots that a frame is made of: its own, and another one where one carries on into the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqanim.scene.curves import Curve
from vqanim.scene.model import Shot
from vqanim.scene.times import around
from vqanim.timeline.sampling import Clocks, Moments, Sampler

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """A shot on its clocks, seen from the frames of the shot that is planned: itself, or a neighbor."""

    shot: Shot
    clocks: Clocks
    moments: Moments
    """Both clocks at the frames."""
    share: Floats
    """How much of it there is at every frame, 0..1."""

    def sample(self, curve: Curve, sampler: Sampler) -> Floats:
        """A curve at the frames, [F]."""
        return sampler.sample(curve, self.clocks, self.moments)


def sides_of(clocks: Clocks, before: Clocks | None, frames: Indices) -> list[Side]:
    """The shot, and before it the outgoing one where they are blended."""
    moments, blend = clocks.at_frames(frames), clocks.clip.blend
    if before is None or blend <= 0:
        return [Side(clocks.clip.shot, clocks, moments, np.ones(len(frames)))]
    share = np.clip(moments.shot / blend, 0.0, 1.0)
    outgoing = Side(before.clip.shot, before, before.at_frames(frames), 1.0 - share)
    return [outgoing, Side(clocks.clip.shot, clocks, moments, share)]


def sides_ahead(
    clocks: Clocks, before: Clocks | None, after: Clocks | None, frames: Indices, lead: float
) -> list[Side]:
    """The sides as they will be `lead` seconds later, for what takes so long to be seen.

    after: the shot that carries on from this one; beyond its end time stands, as it does at the end of a shot
    that is followed by a cut, and of the film.
    """
    if lead <= 0:
        return sides_of(clocks, before, frames)
    now, blend = clocks.at_frames(frames), clocks.clip.blend
    own: Floats = np.ones(len(frames))
    found = []
    if before is not None and blend > 0:
        own = np.asarray(np.clip((now.shot + lead) / blend, 0.0, 1.0), np.float64)
        found.append(Side(before.clip.shot, before, before.at(now.film + lead), 1.0 - own))
    if after is not None:
        since = now.film + lead - after.clip.start
        length = after.clip.blend
        # At once is at the nearest painted frame, as steps of keyframes are.
        half = around(float(1 / clocks.painted))
        taken = np.asarray(np.clip(since / length, 0, 1) if length > 0 else since > -half, np.float64)
        own = np.asarray(own * (1.0 - taken), np.float64)
        moments = _held(after, after.at(now.film + lead))
        found.append(Side(after.clip.shot, after, moments, taken))
    return [*found, Side(clocks.clip.shot, clocks, _ahead(clocks, now, lead), own)]


def _ahead(clocks: Clocks, now: Moments, lead: float) -> Moments:
    """Moments `lead` later, none of them past the last frame of the shot unless it was there already."""
    end = float((clocks.clip.count - 1) / clocks.painted)
    by = np.maximum(np.minimum(now.shot + lead, end) - now.shot, 0.0)
    return Moments(now.film + by, now.shot + by)


def _held(clocks: Clocks, moments: Moments) -> Moments:
    """Moments of which none is past the last frame of the shot."""
    end = float((clocks.clip.count - 1) / clocks.painted)
    past = np.maximum(moments.shot - end, 0.0)
    return Moments(moments.film - past, moments.shot - past)
