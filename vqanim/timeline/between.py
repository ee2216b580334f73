"""Where the camera is between two painted frames.

Half of a step is not half of its way when the camera gathers speed. So the camera's curves are integrated
once more, with the film's own moments among the frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from vqanim.camera.step import CameraStep
from vqanim.timeline.frames import Film, camera_path
from vqanim.timeline.sampling import Clocks, Sampler
from vqanim.timeline.view import View

Steps = tuple[CameraStep, ...]


@dataclass(frozen=True)
class Way:
    """The camera's way from a painted frame to the next, cut in two at a moment between them."""

    there: Steps
    """One after another, from the frame before to the moment."""
    on: Steps
    """From the moment to the next frame."""


@dataclass(frozen=True)
class ShotCamera:
    """The camera of one shot."""

    film: Film
    clocks: Clocks
    before: Clocks | None
    """Of the shot whose last frame is carried on; None for the first shot and after a cut."""

    def ways(self, places: Iterable[Fraction]) -> dict[Fraction, Way]:
        """The ways at places of the film, in painted frames from its beginning, none of them whole.

        They lie between the frame before the shot's first one and the moment after its last one. Empty where
        nothing moves or a curve has no value there: then parts of the whole step must do.
        """
        wanted = sorted(places)
        views = [View(clocks.clip.shot.camera, clocks, self.film.aspect) for clocks in self._clocks]
        if not wanted or all(view.at_rest for view in views):
            return {}
        first, end = math.floor(wanted[0]), math.floor(wanted[-1]) + 1
        points = sorted({*wanted, *map(Fraction, range(first, end + 1))})
        until = float((self.clocks.clip.first + self._frames) / self.clocks.painted)
        sampler = Sampler()
        steps = camera_path(
            self.film,
            replace(self.clocks, until=until),
            self.before,
            np.array([float(point) for point in points]),
            sampler,
        )
        return {} if sampler.problems else _cut(points, steps)

    @property
    def _clocks(self) -> list[Clocks]:
        return [self.clocks, *([self.before] if self.before else [])]

    @property
    def _frames(self) -> int:
        return self.clocks.clip.count + self.clocks.clip.overhang


def _cut(points: Sequence[Fraction], steps: Sequence[CameraStep]) -> dict[Fraction, Way]:
    """The way at each point that is no frame; steps lead from each point to the next."""
    whole = [index for index, point in enumerate(points) if point.denominator == 1]
    ways: dict[Fraction, Way] = {}
    for before, after in pairwise(whole):
        for index in range(before + 1, after):
            ways[points[index]] = Way(tuple(steps[before:index]), tuple(steps[index:after]))
    return ways


def ways_of_run(
    cameras: Sequence[ShotCamera], counts: Sequence[int], places: Iterable[Fraction]
) -> Mapping[Fraction, Way]:
    """The ways at places of a run, in painted frames from its first one.

    cameras, counts: of its shots, and how many frames each has. Whole places have none.
    """
    between = [place for place in places if place.denominator != 1]
    found: dict[Fraction, Way] = {}
    start, number = cameras[0].clocks.clip.first, 0
    for shot, (camera, count) in enumerate(zip(cameras, counts, strict=True)):
        end = math.inf if shot + 1 == len(cameras) else number + count - 1
        # The interval that leads to a shot's first frame is its own.
        own = {place + start: place for place in between if number - 1 < place < end}
        found |= {own[there]: way for there, way in camera.ways(own).items()}
        number += count
    return found
