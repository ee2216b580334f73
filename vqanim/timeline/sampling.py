"""Samples curves at moments of a shot and collects every curve that fails, not just the first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vqanim.errors import CurveError, Place, Problem
from vqanim.scene.curves import Curve
from vqanim.scene.times import TimeBase
from vqanim.timeline.clips import Clip

Floats = NDArray[np.float64]
Indices = NDArray[np.int64] | NDArray[np.float64]
"""Numbers of frames, or moments between them in frames."""


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
        try:
            return curve.sample(seconds.ravel(), clocks.base_of(curve)).reshape(seconds.shape)
        except CurveError as error:
            constant = curve.constant_value is not None
            where = "" if constant else " " + clocks.name(curve, float(seconds.ravel()[error.index]))
            self.note(curve.place, error.reason + where, source=curve.text)
            return np.full(seconds.shape, fallback)

    def note(self, place: Place, message: str, source: str = "") -> None:
        """Keep a problem, unless one with the same place and source is there already."""
        self.problems.setdefault((place, source), Problem(place, message))


def seconds_of(frames: Indices, fps: Fraction) -> Floats:
    """Moments of frames, correctly rounded: numerator and denominator are exact."""
    return np.asarray(frames * float(fps.denominator) / float(fps.numerator), dtype=np.float64)
