"""What the camera of every saved frame sees: the renderer's steps, multiplied instead of painted on.

A renderer moves the picture of the frame before; so many resamplings would blur a test picture away. Here
every frame is seen from the picture that its shot began with, through the same matrices all at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from vqanim.files import Picture
from vqanim.resample import FINER, color_of, enlarged
from vqanim.timeline.homography import Matrix, step_homography
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

_MODES = {"reflect": "reflect", "wrap": "grid-wrap", "edge": "nearest"}
"""Borders as scipy names them."""
MARGIN = 5
"""Pixels with which a picture goes on around itself while it is enlarged."""
NEAREST, FARTHEST, AGAIN = 6.0, 1 / 3, 3.0
"""Magnified more than NEAREST or less than FARTHEST, a picture fades into itself AGAIN times smaller or
larger: else a long flight would end in one pixel."""


@dataclass(frozen=True)
class View:
    """A saved frame, seen from the frame that its picture began with."""

    origin: FrameRef
    """The frame that carries nothing."""
    new_from_old: Matrix
    """Forward matrix in frame widths from the middle (see timeline.homography)."""
    border: str
    """What is seen beyond the old picture: `reflect`, `wrap`, `edge` or a color `#rrggbb`."""


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
    matrix = step_homography(plan.camera) @ before.new_from_old
    return View(before.origin, matrix / matrix[2, 2], plan.camera.border)


def plane_points(old_from_new: Matrix, width: int, height: int) -> NDArray[np.float64]:
    """For every pixel of a frame where it looks in the old plane: x and y [2, H, W] in frame widths from the
    middle. What lies behind the camera is as good as infinitely far."""
    y, x = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([x / width - 0.5, (y - height / 2) / width, np.ones_like(x)])
    points = np.tensordot(old_from_new, pixels, 1)
    return points[:2] / np.maximum(points[2], 1e-9)


def magnification(old_from_new: Matrix) -> float:
    """How much larger things are in the middle of the frame than they were."""
    small = 1e-4
    ends = old_from_new @ np.array([[0.0, small, 0.0], [0.0, 0.0, small], [1.0, 1.0, 1.0]])
    x, y = ends[:2] / ends[2]
    area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    return small / float(np.sqrt(max(area, 1e-300)))


class Source:
    """A picture that is seen from many views; enlarged once and sampled linearly, as the renderer does."""

    def __init__(self, picture: Picture) -> None:
        """picture: uint8 [H, W, 3]."""
        self._picture = picture
        self._enlarged: dict[str, Picture] = {}

    def seen(self, new_from_old: Matrix, border: str) -> Picture:
        """The picture as a camera sees it after a movement in frame widths, uint8 [H, W, 3].

        border: see View.
        """
        old_from_new: Matrix = np.linalg.inv(new_from_old).astype(np.float64)
        near = magnification(old_from_new)
        octave = math.log(near / min(max(near, FARTHEST), NEAREST)) / math.log(AGAIN)
        whole, part = math.trunc(octave), abs(octave) % 1
        picture = self._sampled(old_from_new, AGAIN**whole, border)
        if part:
            other = self._sampled(old_from_new, AGAIN ** (whole + math.copysign(1, octave)), border)
            picture += np.float32(part * part * (3 - 2 * part)) * (other - picture)
        return (picture + np.float32(0.5)).clip(0, 255).astype(np.uint8)

    def _sampled(self, old_from_new: Matrix, smaller: float, border: str) -> NDArray[np.float32]:
        """Float32 [H, W, 3] in 0..255 of the picture, so many times smaller than it is."""
        height, width, _ = self._picture.shape
        x, y = plane_points(old_from_new, width, height) * (smaller * width)
        x, y = x + width / 2, y + height / 2
        kind = "edge" if border.startswith("#") else border
        margin = MARGIN if kind == "edge" else 0
        places = np.stack([y + margin, x + margin]) * FINER - 0.5
        seen = np.stack(
            [
                map_coordinates(fine, places, np.float32, order=1, mode=_MODES[kind])
                for fine in self._fine(kind)
            ],
            axis=-1,
        )
        if kind == border:
            return seen
        # As the renderer does: the color lies over what is outside, with a soft rim of one pixel.
        inside = [(np.minimum(at, side - at) + 0.5).clip(0, 1) for at, side in ((x, width), (y, height))]
        color = np.array(color_of(border), np.float32)
        return color + (inside[0] * inside[1]).astype(np.float32)[..., None] * (seen - color)

    def _fine(self, border: str) -> Picture:
        """The enlarged picture [3, H, W]; with a margin where it goes on as its edge."""
        if border not in self._enlarged:
            fine = np.array(enlarged(self._picture, (MARGIN,) * 4, border), dtype=np.uint8)
            if border != "edge":
                fine = fine[FINER * MARGIN : -FINER * MARGIN, FINER * MARGIN : -FINER * MARGIN]
            self._enlarged[border] = np.ascontiguousarray(np.moveaxis(fine, -1, 0))
        return self._enlarged[border]
