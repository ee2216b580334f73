"""Samples curves at moments of shots and collects every curve that fails, not just the first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vqanim.errors import CurveError, Place, Problem
from vqanim.scene.curves import Curve
from vqanim.scene.model import Shot
from vqanim.scene.times import TimeBase, around
from vqanim.timeline.clips import Clip

Floats = NDArray[np.float64]
Indices = NDArray[np.int64] | NDArray[np.float64]
"""Numbers of frames, or moments between them in frames."""

DIGITS = 9
"""Digits behind the point of every number of a plan."""


@dataclass(frozen=True)
class Moments:
    """The same moments on both clocks, in seconds."""

    film: Floats
    shot: Floats


@dataclass(frozen=True)
class Clocks:
    """Film time and the time of one shot.

    Before its shot, a curve of a shot holds its first value: the interval that leads to the first frame of
    a carried shot is already that shot's. From `until` on, every curve holds its value: beyond the end of a
    transition nobody asks for the outgoing shot, so nothing there can be a mistake.
    """

    clip: Clip
    film_base: TimeBase
    several: bool = False
    """True when the film has more than one shot, so that a message names the shot."""
    until: float = math.inf
    """Seconds of film."""
    rate: Fraction | None = None
    """Painted frames per second; those of the film where it is None."""
    frame: float | None = None
    """Seconds around a moment in which a step counts to it; those of a painted frame where it is None."""

    @property
    def fps(self) -> Fraction:
        """Frames per second of the film, in which times such as `36f` are meant."""
        return self.film_base.fps

    @property
    def painted(self) -> Fraction:
        """Frames per second of the takes."""
        return self.rate or self.fps

    @property
    def last_frame(self) -> float:
        """Seconds of the shot at which its last frame lies."""
        return float((self.clip.count - 1) / self.painted)

    def base_of(self, curve: Curve) -> TimeBase:
        """The time on which a curve runs, and how it lies to what is heard while its frames are seen."""
        seen, frame = self.clip.seen, float(1 / self.painted) if self.frame is None else self.frame
        if curve.base == "film":
            start = seen - self.clip.start
            return replace(self.film_base, start=start, late=start - self.clip.lag, frame=frame)
        late = seen - self.clip.written
        return replace(self.film_base, duration=self.clip.duration, start=seen, late=late, frame=frame)

    def at(self, film_seconds: Floats) -> Moments:
        """Both clocks at moments of the film."""
        return self._held(film_seconds, film_seconds - self.clip.start)

    def at_frames(self, frames: Indices) -> Moments:
        """Both clocks at frames of the film, each rounded only once."""
        inside = frames - self.clip.first
        return self._held(seconds_of(frames, self.painted), seconds_of(inside, self.painted))

    def breaks(self, curve: Curve) -> list[float]:
        """Moments of the film, in seconds, at which a curve may have a corner or a jump."""
        offset = 0.0 if curve.base == "film" else self.clip.start
        return [moment + offset for moment in curve.breakpoints(self.base_of(curve))]

    def name(self, curve: Curve, seconds: float) -> str:
        """A moment of a curve's own time, for people: `at frame 57 (4.75 s)`."""
        # A moment between two frames counts to the frame that it leads to.
        frame = max(0, math.ceil(seconds * float(self.fps) - 1e-6))
        shot = f" of shot {self.clip.shot.name}" if self.several and curve.base == "shot" else ""
        return f"at frame {frame}{shot} ({round(seconds, 3):.12g} s)"

    def _held(self, film: Floats, shot: Floats) -> Moments:
        return Moments(np.minimum(film, self.until), np.clip(shot, 0.0, self.until - self.clip.start))


@dataclass(frozen=True)
class Sampler:
    """Samples curves; one that fails is noted at its first bad moment and goes on as its fallback."""

    problems: dict[tuple[Place, str], Problem] = field(default_factory=dict)
    """By place and source text, because a top-level curve is sampled in every shot."""

    def sample(self, curve: Curve, clocks: Clocks, moments: Moments, fallback: float = 0.0) -> Floats:
        """Values float64 of a curve, finite, in the shape of the moments."""
        seconds = moments.film if curve.base == "film" else moments.shot
        flat, name = seconds.ravel(), lambda index: clocks.name(curve, float(seconds.ravel()[index]))
        return self.values(curve, flat, clocks.base_of(curve), name, fallback).reshape(seconds.shape)

    def values(
        self, curve: Curve, seconds: Floats, base: TimeBase, name: Callable[[int], str], fallback: float
    ) -> Floats:
        """The same for moments [N] on a base. name: what people call one of them, by its index."""
        try:
            return curve.sample(seconds, base)
        except CurveError as error:
            where = "" if curve.constant_value is not None else " " + name(error.index)
            self.note(curve.place, error.reason + where, source=curve.text)
            return np.full(seconds.shape, fallback)

    def note(self, place: Place, message: str, source: str = "") -> None:
        """Keep a problem, unless one with the same place and source is there already."""
        self.problems.setdefault((place, source), Problem(place, message))


def seconds_of(frames: Indices, fps: Fraction) -> Floats:
    """Moments of frames, correctly rounded: numerator and denominator are exact."""
    return np.asarray(frames * float(fps.denominator) / float(fps.numerator), dtype=np.float64)


def tidy(value: float) -> float:
    """A number of a plan: rounded, and zero without a sign."""
    return round(value, DIGITS) + 0.0


def tidied(values: Floats) -> list[float]:
    """Numbers of a plan, one a frame: rounded, and zero without a sign."""
    rounded: list[float] = (np.round(values, DIGITS) + 0.0).tolist()
    return rounded


@dataclass(frozen=True)
class Side:
    """A shot on its clocks, seen from the frames of the shot that is planned: itself, or a neighbor."""

    clocks: Clocks
    moments: Moments
    """Both clocks at the frames."""
    share: Floats
    """How much of it there is at every frame, 0..1."""

    @property
    def shot(self) -> Shot:
        """What the scene says of it."""
        return self.clocks.clip.shot

    def sample(self, curve: Curve, sampler: Sampler) -> Floats:
        """A curve at the frames, [F]."""
        return sampler.sample(curve, self.clocks, self.moments)


def sides_of(clocks: Clocks, before: Clocks | None, frames: Indices) -> list[Side]:
    """The shot, and before it the outgoing one where they are blended."""
    moments, blend = clocks.at_frames(frames), clocks.clip.blend
    if before is None or blend <= 0:
        return [Side(clocks, moments, np.ones(len(frames)))]
    share = np.clip(moments.shot / blend, 0.0, 1.0)
    outgoing = Side(before, before.at_frames(frames), 1.0 - share)
    return [outgoing, Side(clocks, moments, share)]


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
    then = now.film + lead
    own: Floats = np.ones(len(frames))
    found = []
    if before is not None and blend > 0:
        own = np.asarray(np.clip((now.shot + lead) / blend, 0.0, 1.0), np.float64)
        found.append(Side(before, before.at(then), 1.0 - own))
    if after is not None:
        since, length = then - after.clip.start, after.clip.blend
        # At once is at the nearest painted frame, as steps of keyframes are.
        half = around(float(1 / clocks.painted))
        taken = np.asarray(np.clip(since / length, 0, 1) if length > 0 else since > -half, np.float64)
        own = np.asarray(own * (1.0 - taken), np.float64)
        moments = after.at(then)
        past = np.maximum(moments.shot - after.last_frame, 0.0)
        found.append(Side(after, Moments(moments.film - past, moments.shot - past), taken))
    # Not past the last frame of the shot, unless it was there already.
    by = np.maximum(np.minimum(now.shot + lead, clocks.last_frame) - now.shot, 0.0)
    return [*found, Side(clocks, Moments(now.film + by, now.shot + by), own)]
