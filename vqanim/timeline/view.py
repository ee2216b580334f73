"""The camera of a shot: its curves sampled, integrated between the frames, and rounded to camera steps."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.step import DEFAULT_FOV, CameraStep
from vqanim.errors import Place
from vqanim.scene.curves import Curve
from vqanim.scene.model import Camera
from vqanim.timeline import motion
from vqanim.timeline.motion import Complex, Mesh, Pose, Steps, most_turn, turns_between
from vqanim.timeline.sampling import Clocks, Moments, Sampler, seconds_of

Indices = NDArray[np.int64] | NDArray[np.float64]
"""Numbers of frames, or moments between them in frames."""

DIGITS = 9
"""Digits behind the point of every number of a plan."""
_MOST_SCALE = 1000.0
"""Factor between two frames, or its inverse, beyond which a step is a mistake."""
_MOST_SHIFT = 1000.0
"""Frame widths between two frames beyond which a step is a mistake."""
_NOTHING = 1e-12
"""A step with smaller numbers does not move."""


@dataclass(frozen=True)
class View:
    """A camera with the clocks of its shot, for frames of a given shape."""

    camera: Camera
    clocks: Clocks
    aspect: float
    """Height / width."""

    @property
    def curves(self) -> dict[str, Curve]:
        """Every curve of the camera by its name in the scene."""
        camera = self.camera
        return {
            "zoom": camera.zoom,
            "rotate": camera.rotate,
            "pan.x": camera.pan.x,
            "pan.y": camera.pan.y,
            "scale": camera.scale,
            "angle": camera.angle,
            "offset.x": camera.offset.x,
            "offset.y": camera.offset.y,
            "center.x": camera.center.x,
            "center.y": camera.center.y,
            "yaw": camera.yaw,
            "tilt": camera.tilt,
            "look.x": camera.look.x,
            "look.y": camera.look.y,
            "fov": camera.fov,
        }

    @property
    def at_rest(self) -> bool:
        """True when nothing can move: no speed, and nothing of a pose changes."""
        values = {name: curve.constant_value for name, curve in self.curves.items()}
        speeds = [values[name] for name in ("zoom", "rotate", "pan.x", "pan.y", "yaw", "tilt")]
        return speeds == [1, 0, 0, 0, 0, 0] and None not in values.values()

    @property
    def turns(self) -> bool:
        """True when the camera may turn in space."""
        names = ("yaw", "tilt", "look.x", "look.y")
        yaw, tilt, *poses = (self.curves[name].constant_value for name in names)
        return (yaw, tilt) != (0, 0) or None in poses

    def check(self, moments: Moments, sampler: Sampler) -> None:
        """Sample every curve at the frames, where a mistake has a frame's number."""
        for name, curve in self.curves.items():
            sampler.sample(curve, self.clocks, moments, _fallback(name))

    def breaks(self) -> list[float]:
        """Seconds of film at which a curve of the camera may have a corner or a jump."""
        return [moment for curve in self.curves.values() for moment in self.clocks.breaks(curve)]

    def pieces(self, mesh: Mesh, frames: Indices, sampler: Sampler) -> Steps:
        """The movement over every piece of a mesh whose frames are `frames` of the film."""
        inside = self.clocks.at(mesh.points)
        edges = self._at_edges(mesh, frames)

        rate = np.log(self._values("zoom", inside, sampler)) + 1j * np.radians(
            self._values("rotate", inside, sampler)
        )
        pan = self._values("pan.x", inside, sampler) + 1j * self._values("pan.y", inside, sampler)
        center = self._center(inside, sampler)
        flow = motion.flow(rate, center, pan, self._pose(inside, center, sampler))
        return motion.piece_steps(mesh, flow, self._pose(edges, self._center(edges, sampler), sampler))

    def turn_pieces(self, mesh: Mesh, frames: Indices, sampler: Sampler) -> Complex:
        """How far the camera turns right (+ i down) over every piece of a mesh, in degrees."""
        inside, edges = self.clocks.at(mesh.points), self._at_edges(mesh, frames)
        speed = self._values("yaw", inside, sampler) + 1j * self._values("tilt", inside, sampler)
        pose = self._values("look.x", edges, sampler) + 1j * self._values("look.y", edges, sampler)
        return motion.piece_turns(mesh, speed, pose)

    def looks_down(self, frame: Indices, sampler: Sampler) -> float:
        """Degrees by which the camera is turned down at a frame [1] by its pose."""
        return float(self._values("look.y", self.clocks.at_frames(frame), sampler)[0])

    def fovs(self, frames: Indices, sampler: Sampler) -> NDArray[np.float64]:
        """Degrees that the frame's width spans, [F]."""
        return self._values("fov", self.clocks.at_frames(frames), sampler)

    def _at_edges(self, mesh: Mesh, frames: Indices) -> Moments:
        edges, exact = self.clocks.at(mesh.edges), self.clocks.at_frames(frames)
        edges.film[mesh.frames], edges.shot[mesh.frames] = exact.film, exact.shot
        return edges

    def _center(self, moments: Moments, sampler: Sampler) -> Complex:
        x, y = self._values("center.x", moments, sampler), self._values("center.y", moments, sampler)
        return np.asarray((x - 0.5) + 1j * (y - 0.5) * self.aspect)

    def _pose(self, moments: Moments, center: Complex, sampler: Sampler) -> Pose:
        """Scaled and turned about the center, then moved against the camera's offset."""
        angle = np.radians(self._values("angle", moments, sampler))
        log = np.log(self._values("scale", moments, sampler)) + 1j * angle
        offset = self._values("offset.x", moments, sampler) + 1j * self._values("offset.y", moments, sampler)
        return Pose(log, center - np.exp(log) * center - offset)

    def _values(self, name: str, moments: Moments, sampler: Sampler) -> NDArray[np.float64]:
        # A movement is followed at all moments, so that it is the same at any frame rate.
        clocks = replace(self.clocks, frame=0.0)
        return sampler.sample(self.curves[name], clocks, moments, _fallback(name))


def camera_steps(
    view: View, frames: Indices, cell: float, sampler: Sampler, before: View | None = None, blend: float = 0.0
) -> list[CameraStep]:
    """The steps between frames of the film [F], F - 1 of them, each from one frame to the next.

    A step that does not move has the default border: nothing beyond the picture is seen.

    cell: seconds of a cell of integration, from `motion.cell_length`.
    before: the view of the outgoing shot, blended with this one over the first `blend` seconds of its shot.
    """
    views = [view] if before is None else [view, before]
    start, rate = view.clocks.clip.start, view.clocks.painted
    for each in views:
        each.check(each.clocks.at_frames(frames), sampler)
    if len(frames) < 2:
        return []
    if all(each.at_rest for each in views):
        return [CameraStep()] * (len(frames) - 1)

    breaks = [moment for each in views for moment in each.breaks()] + [start, start + blend]
    mesh = motion.mesh(seconds_of(frames, rate), cell, breaks)
    amount = np.clip((mesh.middles - start) / blend, 0.0, 1.0) if blend > 0 else None
    with np.errstate(all="ignore"):  # what overflows is found by `_calm`
        pieces = view.pieces(mesh, frames, sampler)
        if before is not None and amount is not None:
            pieces = motion.blend(before.pieces(mesh, frames, sampler), pieces, amount)
        steps = motion.frame_steps(mesh, pieces)
    wild = np.flatnonzero(~_calm(steps))
    if wild.size:
        if not sampler.problems:  # a curve that failed may be the cause
            sampler.note(*_too_far(view, int(frames[wild[0] + 1])))
        return [CameraStep()] * (len(frames) - 1)
    rounded = _rounded(steps, view.camera.border)
    if not any(each.turns for each in views):
        return rounded
    return _turned(
        rounded, view, before if amount is not None else None, Turning(mesh, frames, amount), sampler
    )


@dataclass(frozen=True)
class Turning:
    """Where a camera's turns are wanted."""

    mesh: Mesh
    frames: Indices
    amount: NDArray[np.float64] | None
    """How much of the incoming camera there is over every piece; None where there is no other."""


def _turned(
    steps: list[CameraStep], view: View, before: View | None, at: Turning, sampler: Sampler
) -> list[CameraStep]:
    """The steps with the camera's turns in space."""
    pieces = view.turn_pieces(at.mesh, at.frames, sampler)
    if before is not None and at.amount is not None:
        outgoing = before.turn_pieces(at.mesh, at.frames, sampler)
        pieces = outgoing + (pieces - outgoing) * at.amount
    way = np.concatenate([[0], np.cumsum(motion.frame_turns(at.mesh, pieces))])
    down = view.looks_down(at.frames[:1], sampler) + way.imag
    turns = np.round(turns_between(way.real, down), DIGITS) + 0.0
    fovs = view.fovs(at.frames[1:], sampler)
    for index, (turn, fov) in enumerate(zip(turns, fovs.tolist(), strict=True)):
        most = most_turn(fov, view.aspect)
        if np.linalg.norm(turn) > most:
            if not sampler.problems:
                sampler.note(*_turns_too_far(view, int(at.frames[index + 1]), fov, most))
            return steps
    border = view.camera.border
    return [
        replace(step, tilt=tilt, yaw=yaw, roll=roll, fov=tidy(fov), border=border)
        if (tilt, yaw, roll) != (0.0, 0.0, 0.0)
        else step
        for step, (tilt, yaw, roll), fov in zip(steps, turns.tolist(), fovs.tolist(), strict=True)
    ]


def _turns_too_far(view: View, frame: int, fov: float, most: float) -> tuple[Place, str]:
    """What to say about a camera that would see what lay behind the old picture."""
    shot = view.clocks.clip.shot
    seconds = round(frame / float(view.clocks.painted), 3)
    return (
        Place(shot.place.file, shot.place.line, "camera"),
        f"the camera turns too far in one step at frame {frame} ({seconds:.12g} s), "
        f"allowed with a fov of {fov:g} are {most:.3g} degrees",
    )


def _fallback(name: str) -> float:
    return {"zoom": 1.0, "scale": 1.0, "fov": DEFAULT_FOV}.get(name, 0.0)


def _calm(steps: Steps) -> NDArray[np.bool_]:
    """True for every step that a picture survives."""
    near = (np.abs(steps.log.real) <= math.log(_MOST_SCALE)) & (np.abs(steps.shift) <= _MOST_SHIFT)
    return np.asarray(near & np.isfinite(steps.log))


def _too_far(view: View, frame: int) -> tuple[Place, str]:
    """What to say about a step that is not calm."""
    shot = view.clocks.clip.shot
    seconds = round(frame / float(view.clocks.painted), 3)
    return (
        Place(shot.place.file, shot.place.line, "camera"),
        f"the picture moves too far in one step at frame {frame} ({seconds:.12g} s), "
        f"allowed a factor of {_MOST_SCALE:g} and {_MOST_SHIFT:g} frame widths",
    )


def _rounded(steps: Steps, border: str) -> list[CameraStep]:
    """Camera steps in rounded numbers.

    What rounding leaves over goes into the next step, so that the steps together lead to the right place
    however many they are: a pose that returns, returns.
    """
    rounded: list[CameraStep] = []
    left_log, left_shift = 0j, 0j
    for log, shift in zip(steps.log.tolist(), steps.shift.tolist(), strict=True):
        wanted_log, wanted_shift = log + left_log, cmath.exp(log) * left_shift + shift
        if abs(log) < _NOTHING and abs(shift) < _NOTHING:
            step = CameraStep()
        else:
            step = CameraStep(
                tidy(math.exp(wanted_log.real)),
                tidy(math.degrees(wanted_log.imag)),
                tidy(wanted_shift.real),
                tidy(wanted_shift.imag),
                border,
            )
        left_log = wanted_log - complex(math.log(step.scale), math.radians(step.angle))
        left_shift = wanted_shift - cmath.exp(left_log) * complex(step.shift_x, step.shift_y)
        rounded.append(step)
    return rounded


def tidy(value: float) -> float:
    """A number of a plan: rounded, and zero without a sign."""
    return round(value, DIGITS) + 0.0
