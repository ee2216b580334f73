"""A camera step as a matrix. Pure numpy, so that a preview moves exactly like the film.

Convention (of the whole room):
    direction   matrices are forward: they map points of the old picture to points of the new one
    order       points are (x, y), as columns (x, y, 1); x to the right, y down
    pixels      continuous coordinates in pixels of the frame; the centre of pixel (column i, row j) is
                (i + 0.5, j + 0.5), the frame is [0, W] x [0, H] and its middle (W / 2, H / 2)
    units       angles in degrees, shifts in frame widths for both axes
    signs       scale > 1: things grow; angle > 0: the picture turns clockwise on screen;
                shift_x > 0: the picture moves right; shift_y > 0: it moves down
                tilt > 0: the camera turns down, so that the picture moves up; yaw > 0: it turns right
    sequence    scale and turn about the middle of the frame, then shift, then perspective
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqanim.timeline.homography import perspective
from vqanim.timeline.plan import CameraStep, Move

Matrix = NDArray[np.float64]
"""Float64 [3, 3], acting on column vectors (x, y, 1) in pixels."""


def step_matrix(step: CameraStep, width: int, height: int) -> Matrix:
    """Forward matrix [3, 3] of a step for a frame of `width` x `height` pixels (see the convention)."""
    middle = (width / 2, height / 2)
    cosine = step.scale * math.cos(math.radians(step.angle))
    sine = step.scale * math.sin(math.radians(step.angle))
    # With y down, this is the turn that the eye calls clockwise.
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    # Widths for both axes: a diagonal move stays diagonal whatever the aspect.
    shift = _translation(step.shift_x * width, step.shift_y * width)
    flat = shift @ _translation(*middle) @ turn @ _translation(-middle[0], -middle[1])
    return _perspective(step, width, height) @ flat if step.turns else flat


def path_matrix(steps: Iterable[CameraStep], width: int, height: int) -> Matrix:
    """Forward matrix [3, 3] of several steps, the first one done first; the identity for none."""
    total = np.eye(3)
    for step in steps:
        total = step_matrix(step, width, height) @ total
    return total


def part_matrix(step: CameraStep, part: float, width: int, height: int) -> Matrix:
    """Forward matrix [3, 3] of the first `part` of a step, 0..1: even growth, turn and way.

    Below 0 it is the way back from the end of the step: -1 undoes all of it.
    """
    if part < 0:
        there = part_matrix(step, 1 + part, width, height)
        return np.asarray(there @ np.linalg.inv(step_matrix(step, width, height)))
    return step_matrix(_partial(step, part), width, height)


def moves_matrix(moves: Iterable[Move], width: int, height: int) -> Matrix:
    """Forward matrix [3, 3] of several moves, the first one done first; the identity for none."""
    total = np.eye(3)
    for move in moves:
        total = part_matrix(move.step, move.part, width, height) @ total
    return total


def _partial(step: CameraStep, part: float) -> CameraStep:
    """The first part of a step z -> exp(log) z + shift: of the flow that takes the whole step in time 1."""
    log = complex(math.log(step.scale), math.radians(step.angle))
    shift = complex(step.shift_x, step.shift_y)
    # (exp(part log) - 1) / (exp(log) - 1), whose limit without scale and turn is `part`.
    whole = cmath.exp(log) - 1
    share = part if abs(whole) < 1e-9 else (cmath.exp(part * log) - 1) / whole
    moved = share * shift
    return replace(
        step,
        scale=math.exp(part * log.real),
        angle=step.angle * part,
        shift_x=moved.real,
        shift_y=moved.imag,
        tilt=step.tilt * part,
        yaw=step.yaw * part,
        roll=step.roll * part,
    )


def _perspective(step: CameraStep, width: int, height: int) -> Matrix:
    to_pixels = _translation(width / 2, height / 2) @ np.diag([float(width), float(width), 1.0])
    matrix = to_pixels @ perspective(step) @ np.linalg.inv(to_pixels)
    return np.asarray(matrix / matrix[2, 2])


def _translation(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
