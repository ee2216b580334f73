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
    """Forward matrix [3, 3] of a step."""
    cosine = step.scale * math.cos(math.radians(step.angle))
    sine = step.scale * math.sin(math.radians(step.angle))
    return np.array([[cosine, -sine, step.shift_x], [sine, cosine, step.shift_y], [0.0, 0.0, 1.0]])


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
