"""The camera of a shot: its curves sampled, integrated between the frames, and rounded to camera steps."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter

import numpy as np

from vqanim.camera.step import DEFAULT_FOV, CameraStep
from vqanim.errors import Place
from vqanim.scene.curves import Curve
from vqanim.scene.model import Camera
from vqanim.timeline import motion
from vqanim.timeline.clips import DIGITS, Clocks, Floats, Indices, Moments, Sampler, seconds_of, tidy
from vqanim.timeline.motion import Complex, Mesh, Similarities, most_turn, turns_between

_SPEEDS = {"zoom": 1, "rotate": 0, "pan.x": 0, "pan.y": 0, "yaw": 0, "tilt": 0}  # with their values at rest
_POSES = ("scale", "angle", "offset.x", "offset.y", "center.x", "center.y", "look.x", "look.y", "fov")
_FALLBACKS = {"zoom": 1.0, "scale": 1.0, "fov": DEFAULT_FOV}  # of curves that fail; of others 0
_MOST_SCALE = 1000.0  # factor between two frames, or its inverse, beyond which a step is a mistake
_MOST_SHIFT = 1000.0  # frame widths between two frames beyond which a step is a mistake
_NOTHING = 1e-12  # a step with smaller numbers does not move


def curves_of(camera: Camera) -> dict[str, Curve]:
    """Every curve of a camera by its name in the scene."""
    return {name: attrgetter(name)(camera) for name in (*_SPEEDS, *_POSES)}


def is_at_rest(camera: Camera) -> bool:
    """True when nothing can move: no speed, and nothing of a pose changes."""
    values = {name: curve.constant_value for name, curve in curves_of(camera).items()}
    return None not in values.values() and all(values[name] == rest for name, rest in _SPEEDS.items())


@dataclass(frozen=True)
class Way:
    """The camera's way from a painted frame to the next, cut in two at a moment between them."""

    there: tuple[CameraStep, ...]  # one after another, from the frame before to the moment
    on: tuple[CameraStep, ...]  # from the moment to the next frame


@dataclass(frozen=True)
class ShotCamera:
    """The camera of one shot."""

    clocks: Clocks
    before: Clocks | None
    """Of the shot whose last frame is carried on; None for the first shot and after a cut."""
    aspect: float  # height / width of a frame
    cell: float  # seconds of a cell of integration, from `motion.cell_length`

    def path(self, places: Indices, sampler: Sampler) -> list[CameraStep]:
        """The steps between places [P], in painted frames of all shots: P - 1, each from one to the next.
        Over the transition the camera is blended with that of the shot before. A step that does not move has
        the default border: nothing beyond the picture is seen. Mistakes are noted in `sampler`."""
        clip, blend = self.clocks.clip, self.clocks.clip.blend if self.before else 0.0
        views = [_View(self.clocks, self.aspect, sampler)]
        if self.before is not None and blend > 0:
            views.append(_View(self.before, self.aspect, sampler))
        for view in views:
            view.check(places)
        still = [CameraStep()] * max(0, len(places) - 1)
        if not still or all(is_at_rest(view.camera) for view in views):
            return still
        found = ((view, curve) for view in views for curve in curves_of(view.camera).values())
        breaks = [moment for view, curve in found for moment in view.clocks.breaks(curve)]
        breaks += [clip.start, clip.start + blend]
        mesh = motion.mesh(seconds_of(places, self.clocks.painted), self.cell, breaks)
        amount = np.clip((mesh.middles - clip.start) / blend, 0.0, 1.0) if blend > 0 else None
        with np.errstate(all="ignore"):  # what overflows is found below
            pieces = views[0].pieces(mesh, places)
            if amount is not None:
                other = views[1].pieces(mesh, places)
                log, shift = (other.log, pieces.log, amount), (other.shift, pieces.shift, amount)
                pieces = Similarities(motion.mix(*log), motion.mix(*shift))
            steps = motion.frame_steps(mesh, pieces)
        near = (np.abs(steps.log.real) <= math.log(_MOST_SCALE)) & (np.abs(steps.shift) <= _MOST_SHIFT)
        wild = np.flatnonzero(~(near & np.isfinite(steps.log)))  # no picture survives them
        if wild.size:
            allowed = f"allowed a factor of {_MOST_SCALE:g} and {_MOST_SHIFT:g} frame widths"
            self._note(int(places[wild[0] + 1]), "picture moves", allowed, sampler)
            return still
        rounded = _rounded(steps, clip.shot.camera.border)
        if not any(view.turns for view in views):
            return rounded
        turns = views[0].turn_pieces(mesh, places)
        if amount is not None:
            turns = motion.mix(views[1].turn_pieces(mesh, places), turns, amount)
        way = np.concatenate([[0], np.cumsum(np.add.reduceat(turns, mesh.frames[:-1]))])
        return self._turned(rounded, way, places, views[0])

    def _turned(
        self, steps: list[CameraStep], way: Complex, places: Indices, view: _View
    ) -> list[CameraStep]:
        """The steps with the camera's turns in space. way: degrees to the right (+ i down) at every place."""
        fovs = view.value("fov", view.clocks.at_frames(places[1:])).tolist()
        down = float(view.value("look.y", view.clocks.at_frames(places[:1]))[0]) + way.imag
        turns = np.round(turns_between(way.real, down), DIGITS) + 0.0
        for place, turn, fov in zip(places[1:], turns, fovs, strict=True):
            if np.linalg.norm(turn) > (most := most_turn(fov, self.aspect)):
                allowed = f"allowed with a fov of {fov:g} are {most:.3g} degrees"
                self._note(int(place), "camera turns", allowed, view.sampler)
                return steps
        border = self.clocks.clip.shot.camera.border
        turned = [
            replace(step, tilt=tilt, yaw=yaw, roll=roll, fov=tidy(fov), border=border)
            for step, (tilt, yaw, roll), fov in zip(steps, turns.tolist(), fovs, strict=True)
        ]
        return [new if new.turns else old for old, new in zip(steps, turned, strict=True)]

    def _note(self, frame: int, what: str, allowed: str, sampler: Sampler) -> None:
        """Note a step that is too long, unless a curve that failed may be the cause."""
        if not sampler.problems:
            place = self.clocks.clip.shot.place
            seconds = round(frame / float(self.clocks.painted), 3)
            said = f"the {what} too far in one step at frame {frame} ({seconds:.12g} s), {allowed}"
            sampler.note(Place(place.file, place.line, "camera"), said)

    def after(self, last: int) -> CameraStep:
        """The step on from the last frame, to where the camera would be at the next; no curve goes on beyond.
        Without a mistake of its own: a curve that has no value there lets the camera stand."""
        until = float((last + 1) / self.clocks.painted)
        alone = replace(self, clocks=replace(self.clocks, until=until), before=None)
        (step,) = alone.path(np.array([last, last + 1]), Sampler())
        return step

    def ways(self, places: Iterable[Fraction]) -> dict[Fraction, Way]:
        """The ways at places of the film, in painted frames from its beginning, none of them whole.

        Half of a step is not half of its way when the camera gathers speed, so its curves are integrated once
        more, with these places among the frames. They lie between the frame before the shot's first one and
        the moment after its last one. Empty where nothing moves or a curve has no value there: then parts of
        the whole step must do.
        """
        clip, wanted = self.clocks.clip, sorted(places)
        clocks = [self.clocks, *([self.before] if self.before else [])]
        if not wanted or all(is_at_rest(each.clip.shot.camera) for each in clocks):
            return {}
        frames = range(math.floor(wanted[0]), math.floor(wanted[-1]) + 2)
        points = sorted({*wanted, *map(Fraction, frames)})
        until = float((clip.first + clip.count + clip.overhang) / self.clocks.painted)
        sampler = Sampler()
        held = replace(self, clocks=replace(self.clocks, until=until))
        steps = tuple(held.path(np.array([float(point) for point in points]), sampler))
        if sampler.problems:
            return {}
        whole = [index for index, point in enumerate(points) if point.denominator == 1]
        return {
            points[index]: Way(steps[before:index], steps[index:after])
            for before, after in pairwise(whole)
            for index in range(before + 1, after)
        }


def ways_of_run(
    cameras: Sequence[ShotCamera], counts: Sequence[int], places: Iterable[Fraction]
) -> Mapping[Fraction, Way]:
    """The ways at places of a run, in painted frames from its first one. cameras, counts: of its shots, and
    how many frames each has. Whole places have none."""
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


class _View:
    """The curves of one shot's camera, on its clocks."""

    def __init__(self, clocks: Clocks, aspect: float, sampler: Sampler) -> None:
        self.clocks, self.aspect, self.sampler = clocks, aspect, sampler
        # A movement is followed at all moments, so that it is the same at any frame rate.
        self.moving = replace(clocks, frame=0.0)
        self.camera = clocks.clip.shot.camera
        curves = attrgetter("yaw", "tilt", "look.x", "look.y")(self.camera)
        yaw, tilt, *poses = (curve.constant_value for curve in curves)
        self.turns = (yaw, tilt) != (0, 0) or None in poses  # whether it may turn in space

    def check(self, frames: Indices) -> None:
        """Sample every curve at the frames, where a mistake has a frame's number."""
        moments = self.clocks.at_frames(frames)
        for name, curve in curves_of(self.camera).items():
            self.sampler.sample(curve, self.clocks, moments, _FALLBACKS.get(name, 0.0))

    def pieces(self, mesh: Mesh, frames: Indices) -> Similarities:
        """The movement over every piece of a mesh whose frames are `frames` of the film."""
        inside, edges = self.clocks.at(mesh.points), self._at_edges(mesh, frames)
        rate = np.log(self.value("zoom", inside)) + 1j * np.radians(self.value("rotate", inside))
        pan, pose = self._pair("pan.x", "pan.y", inside), self._pose(inside)
        drift = np.asarray((rate * (pose.shift - self._center(inside)) - pan) / np.exp(pose.log))
        return motion.piece_steps(mesh, rate, drift, self._pose(edges))

    def turn_pieces(self, mesh: Mesh, frames: Indices) -> Complex:
        """How far the camera turns right (+ i down) over every piece of a mesh, in degrees."""
        inside, edges = self.clocks.at(mesh.points), self._at_edges(mesh, frames)
        speed, pose = self._pair("yaw", "tilt", inside), self._pair("look.x", "look.y", edges)
        return motion.piece_turns(mesh, speed, pose)

    def value(self, name: str, moments: Moments) -> Floats:
        curve: Curve = attrgetter(name)(self.camera)
        return self.sampler.sample(curve, self.moving, moments, _FALLBACKS.get(name, 0.0))

    def _pair(self, x: str, y: str, moments: Moments) -> Complex:
        return np.asarray(self.value(x, moments) + 1j * self.value(y, moments))

    def _at_edges(self, mesh: Mesh, frames: Indices) -> Moments:
        edges, exact = self.clocks.at(mesh.edges), self.clocks.at_frames(frames)
        edges.film[mesh.frames], edges.shot[mesh.frames] = exact.film, exact.shot
        return edges

    def _center(self, moments: Moments) -> Complex:
        x, y = self.value("center.x", moments), self.value("center.y", moments)
        return np.asarray((x - 0.5) + 1j * (y - 0.5) * self.aspect)

    def _pose(self, moments: Moments) -> Similarities:
        """Scaled and turned about the center, then moved against the camera's offset."""
        angle, center = np.radians(self.value("angle", moments)), self._center(moments)
        log = np.log(self.value("scale", moments)) + 1j * angle
        return Similarities(log, center - np.exp(log) * center - self._pair("offset.x", "offset.y", moments))


def _rounded(steps: Similarities, border: str) -> list[CameraStep]:
    """Camera steps in rounded numbers. What rounding leaves over goes into the next step, so that the steps
    together lead to the right place however many they are: a pose that returns, returns."""
    rounded: list[CameraStep] = []
    left_log, left_shift = 0j, 0j
    for log, shift in zip(steps.log.tolist(), steps.shift.tolist(), strict=True):
        wanted_log, wanted_shift = log + left_log, cmath.exp(log) * left_shift + shift
        if abs(log) < _NOTHING and abs(shift) < _NOTHING:
            step = CameraStep()
        else:
            scale, angle = tidy(math.exp(wanted_log.real)), tidy(math.degrees(wanted_log.imag))
            step = CameraStep(scale, angle, tidy(wanted_shift.real), tidy(wanted_shift.imag), border)
        left_log = wanted_log - complex(math.log(step.scale), math.radians(step.angle))
        left_shift = wanted_shift - cmath.exp(left_log) * complex(step.shift_x, step.shift_y)
        rounded.append(step)
    return rounded
