"""Where the camera of every saved frame stands: the renderer's steps, multiplied instead of painted on.

A renderer moves the picture of the frame before; so many resamplings would blur a test picture away. Here
every frame is seen from the picture that its shot began with, through the same matrices all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.homography import Matrix, step_matrix
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline


@dataclass(frozen=True)
class View:
    """A saved frame, seen from the frame that its picture began with."""

    origin: FrameRef
    """The frame that carries nothing."""
    new_from_old: Matrix
    """Forward matrix in frame widths from the middle (see camera.homography)."""
    border: str
    """What is seen beyond the old picture."""


def find_views(timeline: Timeline) -> Mapping[FrameRef, View]:
    """The view of every saved frame, those under dissolves included."""
    views: dict[FrameRef, View] = {}
    for shot in timeline.shots:
        for plan in shot.frames:
            views[FrameRef(plan.shot, plan.index)] = _view(plan, views)
    return views


def _view(plan: FramePlan, views: Mapping[FrameRef, View]) -> View:
    if plan.previous is None:
        return View(FrameRef(plan.shot, plan.index), np.eye(3), "reflect")
    before = views[plan.previous]
    if plan.camera.still:
        return before
    matrix = step_matrix(plan.camera) @ before.new_from_old
    return View(before.origin, matrix / matrix[2, 2], plan.camera.border)


def plane_points(old_from_new: Matrix, width: int, height: int) -> NDArray[np.float64]:
    """For every pixel of a frame where it looks in the old plane: (x, y) [H, W, 2] in frame widths from the
    middle. What lies behind the camera is as good as infinitely far."""
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5 - height / 2) / width
    rows = old_from_new
    depth = rows[2, 0] * x[None, :] + rows[2, 1] * y[:, None] + rows[2, 2]
    depth = np.where(depth > 1e-9, depth, 1e-9)
    points = np.moveaxis(np.empty((2, height, width)), 0, -1)  # each coordinate lies together
    for axis in (0, 1):
        points[..., axis] = (rows[axis, 0] * x[None, :] + rows[axis, 1] * y[:, None] + rows[axis, 2]) / depth
    return points


def magnification(old_from_new: Matrix) -> float:
    """How much larger things are in the middle of the frame than they were."""
    small = 1e-4
    ends = old_from_new @ np.array([[0.0, small, 0.0], [0.0, 0.0, small], [1.0, 1.0, 1.0]])
    x, y = ends[0] / ends[2], ends[1] / ends[2]
    area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    return small / float(np.sqrt(max(area, 1e-300)))
