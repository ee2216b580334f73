"""What a camera step does to the plane of the picture, as a matrix in frame widths. Pure numbers.

Points are (x, y, 1) in frame widths from the middle of the frame, x to the right, y down; matrices are
forward. `camera.matrix` has the same in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vqanim.timeline.plan import CameraStep

Matrix = NDArray[np.float64]


def step_homography(step: CameraStep) -> Matrix:
    """Forward matrix [3, 3] of a step: scale and turn, then shift, then perspective."""
    cosine = step.scale * math.cos(math.radians(step.angle))
    sine = step.scale * math.sin(math.radians(step.angle))
    flat = np.array([[cosine, -sine, step.shift_x], [sine, cosine, step.shift_y], [0.0, 0.0, 1.0]])
    return perspective(step) @ flat if step.turns else flat


def perspective(step: CameraStep) -> Matrix:
    """What the picture does when the camera turns on the spot: a rotation of the rays through its points.

    The camera looks along z, with x to the right and y down, so that a turn about x by a positive angle
    looks up; `tilt` is down. H = K R K^-1 (Hartley and Zisserman, Multiple View Geometry, 8.4).
    """
    rays = rotation(np.radians([step.tilt, -step.yaw, step.roll]))
    focal = 0.5 / math.tan(math.radians(step.fov) / 2)
    return np.asarray(np.diag([focal, focal, 1.0]) @ rays @ np.diag([1 / focal, 1 / focal, 1.0]))


def rotation(vector: NDArray[np.float64]) -> Matrix:
    """The rotation about a vector [3] by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def turns_between(yaw: NDArray[np.float64], tilt: NDArray[np.float64]) -> NDArray[np.float64]:
    """(tilt, yaw, roll) in degrees [F - 1, 3] of the turns from each orientation of a camera to the next.

    The camera stands on a tripod: it is turned right by `yaw` [F] degrees and then down by `tilt` [F], so
    that orientations that come back bring the picture back.
    """
    about_y, about_x = np.radians(yaw), np.radians(-tilt)
    cy, sy, cx, sx = np.cos(about_y), np.sin(about_y), np.cos(about_x), np.sin(about_x)
    zero = np.zeros_like(cy)
    # Columns of Ry Rx: the camera's axes in the world.
    world = np.stack(
        [
            np.stack([cy, sy * sx, sy * cx], -1),
            np.stack([zero, cx, -sx], -1),
            np.stack([-sy, cy * sx, cy * cx], -1),
        ],
        axis=-2,
    )
    rays = np.swapaxes(world[1:], -1, -2) @ world[:-1]
    half = np.stack(
        [
            rays[:, 2, 1] - rays[:, 1, 2],
            rays[:, 0, 2] - rays[:, 2, 0],
            rays[:, 1, 0] - rays[:, 0, 1],
        ],
        axis=-1,
    )
    sines = np.linalg.norm(half, axis=-1) / 2
    angles = np.arctan2(sines, (np.trace(rays, axis1=-2, axis2=-1) - 1) / 2)
    # angle / sine, whose limit for small ones is 1.
    stretch = np.where(sines > 1e-12, angles / np.maximum(sines, 1e-12), 1.0)
    vectors = np.degrees(half / 2 * stretch[:, None])
    return np.asarray(vectors * np.array([1.0, -1.0, 1.0]))


def most_turn(fov: float, aspect: float) -> float:
    """Degrees that a camera may turn in one step: farther, and a corner would look behind the old picture."""
    corner = math.degrees(math.atan(math.tan(math.radians(fov) / 2) * math.hypot(1.0, aspect)))
    return max(0.0, 85.0 - corner)


def path_homography(steps: Iterable[CameraStep]) -> Matrix:
    """Forward matrix [3, 3] of several steps, the first one done first."""
    total = np.eye(3)
    for step in steps:
        total = step_homography(step) @ total
    return total


def farthest_move(matrix: Matrix, aspect: float) -> float:
    """How far a matrix moves the corner that it moves farthest, in frame widths.

    aspect: height / width of the frame.
    """
    x, y = np.array([-0.5, 0.5, -0.5, 0.5]), np.array([-0.5, -0.5, 0.5, 0.5]) * aspect
    moved = matrix @ np.stack([x, y, np.ones(4)])
    return float(np.hypot(moved[0] / moved[2] - x, moved[1] / moved[2] - y).max())
