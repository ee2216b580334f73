"""Where the camera of every saved frame stands, and an endless labelled grid as it sees it.

A renderer moves the picture of the frame before; so many resamplings would blur a test picture away. Here
every frame is seen from the picture that its shot began with, through the same matrices all at once.

Wherever the camera flies, the grid has lines, and names to tell cells apart. The lines get finer as it comes
near and vanish as it leaves. What lay in the frame at the beginning of the shot has an orange edge; what lies
beyond is darker, for there a render fills in what it cannot know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vqanim.camera.homography import Matrix, step_matrix
from vqanim.files import Picture
from vqanim.plots.picture import font
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

Floats = NDArray[np.float32]

CELL = 1 / 8
"""Frame widths; side of a cell when nothing is magnified. Finer and coarser cells are halves and doubles."""
LEVELS = 4
"""Sizes of cells that are seen together, each twice as large as the one before."""
THICKNESS = 1.3
"""Pixels at 384 of width."""

EDGE = np.array([255.0, 140.0, 30.0], dtype=np.float32)
LINE = np.array([235.0, 240.0, 250.0], dtype=np.float32)
# Of the ground, by shot: a cut is seen.
GROUNDS = ((38, 62, 92), (84, 50, 68), (44, 80, 60), (86, 72, 40), (66, 56, 100), (40, 80, 88))
BEYOND = 0.5
"""Brightness of what was not in the frame at the beginning of the shot."""


@dataclass(frozen=True)
class View:
    """A saved frame, seen from the frame that its picture began with."""

    origin: FrameRef
    """The frame that carries nothing."""
    new_from_old: Matrix
    """Forward matrix in frame widths from the middle (see camera.homography)."""
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
    matrix = step_matrix(plan.camera) @ before.new_from_old
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


def draw_grid(new_from_old: Matrix, width: int, height: int, ground: int = 0) -> Picture:
    """The grid as a camera sees it, uint8 [height, width, 3].

    new_from_old: the camera's movement so far, in frame widths. ground: number of the color.
    """
    old_from_new: Matrix = np.linalg.inv(new_from_old).astype(np.float64)
    points = plane_points(old_from_new, width, height).astype(np.float32)
    near = magnification(old_from_new)
    level = math.floor(math.log2(near))
    fraction = math.log2(near) - level
    pixel = 1 / (near * width)
    image = np.array(GROUNDS[ground % len(GROUNDS)], np.float32) * _shade(points, level, fraction)[..., None]
    thick = max(1.0, THICKNESS * width / 384)
    cover = np.zeros((height, width), np.float32)
    for step in range(LEVELS):
        cell = CELL * 2.0 ** (step - 1 - level)
        # How clear lines are, by how often their cells are doubled beyond the size of CELL on screen.
        strength = np.interp(step - 1 + fraction, [-1, 0, 1, 2, 3], [0.0, 0.18, 0.4, 0.65, 0.8])
        cover = np.maximum(cover, float(strength) * _lines(points, cell, pixel, thick))
    image += cover[..., None] * (LINE - image)
    beyond = np.maximum(np.abs(points[0]) - 0.5, np.abs(points[1]) - height / width / 2) / np.float32(pixel)
    image *= 1 - (1 - BEYOND) * (beyond + 0.5).clip(0, 1)[..., None]
    image += (thick + 0.5 - np.abs(beyond)).clip(0, 1)[..., None] * (EDGE - image)
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    _draw_names(picture, new_from_old, points, math.log2(near) + 0.5)
    return np.array(picture, dtype=np.uint8)


def _shade(points: Floats, level: int, fraction: float) -> Floats:
    """Brightness of the ground: every cell has its own, and finer cells take over as they grow."""
    shade = np.zeros(points.shape[1:], np.float32)
    for octave, share in ((level, 1 - fraction), (level + 1, fraction)):
        x, y = np.floor(points / (CELL * 2.0**-octave))
        mixed = np.sin(x * 12.9898 + y * 78.233) * 43758.5453
        shade += np.float32(share) * (mixed - np.floor(mixed)).astype(np.float32)
    return 0.75 + 0.5 * shade


def _lines(points: Floats, cell: float, pixel: float, thick: float) -> Floats:
    """How much of each pixel is covered by the borders of cells."""
    within = points / cell
    nearest = np.abs(within - np.round(within)).min(0) * (cell / pixel)
    return (thick / 2 + 0.5 - nearest).clip(0, 1).astype(np.float32)


def _draw_names(picture: Image.Image, new_from_old: Matrix, points: Floats, octave: float) -> None:
    """A name in every cell, which fades as other cells take over."""
    width, height = picture.size
    level, fraction = math.floor(octave), octave % 1
    clear = min(1.0, fraction / 0.15, (1 - fraction) / 0.15)
    cell = CELL * 2.0**-level
    low, high = (np.floor(edge(points, axis=(1, 2)) / cell) for edge in (np.min, np.max))
    if clear <= 0 or not np.isfinite([low, high]).all() or (high - low + 1).prod() > 400:
        return
    draw, letters = ImageDraw.Draw(picture), font(max(9, width // 32))
    gray = round(140 + 100 * clear)
    for row in np.arange(low[1], high[1] + 1):
        for column in np.arange(low[0], high[0] + 1):
            x, y, z = new_from_old @ np.array([(column + 0.5) * cell, (row + 0.5) * cell, 1.0])
            if z > 1e-6:
                at = ((x / z + 0.5) * width, y / z * width + height / 2)
                if -20 < at[0] < width + 20 and -20 < at[1] < height + 20:
                    draw.text(at, cell_name(int(column), int(row)), (gray, gray, gray), letters, anchor="mm")


def cell_name(column: int, row: int) -> str:
    """`E4`: letters go right and numbers down; they begin anew after 26 and 100."""
    return f"{chr(ord('A') + (column + 4) % 26)}{(row + 3) % 100}"
