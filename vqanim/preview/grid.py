"""An endless labelled grid: wherever the camera flies, there are lines, and names to tell cells apart.

The lines get finer as the camera comes near and vanish as it leaves. What lay in the frame at the beginning
of the shot has an orange edge; what lies beyond is darker, for there a render fills in what it cannot know.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.homography import Matrix
from vqanim.files import Picture
from vqanim.preview.chart import font
from vqanim.preview.views import magnification, plane_points

Floats = NDArray[np.floating[Any]]

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
    base = np.array(GROUNDS[ground % len(GROUNDS)], dtype=np.float32)
    image = base * _shade(points, level, fraction)[..., None]
    thick = max(1.0, THICKNESS * width / 384)
    cover = np.zeros((height, width), np.float32)
    for step in range(LEVELS):
        cell = CELL * 2.0 ** (step - 1 - level)
        strength = _strength(step - 1 + fraction)
        cover = np.maximum(cover, strength * _lines(points, cell, pixel, thick))
    image += cover[..., None] * (LINE - image)
    outside, edge = _first_frame(points, height / width, pixel, thick)
    image *= 1 - (1 - BEYOND) * outside[..., None]
    image += edge[..., None] * (EDGE - image)
    picture = image.clip(0, 255).astype(np.uint8)
    return _labelled(picture, new_from_old, points, math.log2(near) + 0.5)


def _strength(octave: float) -> float:
    """How clear the lines of cells are that are so many times doubled beyond the size of CELL on screen."""
    return float(np.interp(octave, [-1.0, 0.0, 1.0, 2.0, 3.0], [0.0, 0.18, 0.4, 0.65, 0.8]))


def _shade(points: Floats, level: int, fraction: float) -> NDArray[np.float32]:
    """Brightness of the ground: every cell has its own, and finer cells take over as they grow."""
    shade = np.zeros(points.shape[:2], np.float32)
    for octave, share in ((level, 1 - fraction), (level + 1, fraction)):
        cells = np.floor(points / (CELL * 2.0**-octave))
        mixed = np.sin(cells[..., 0] * 12.9898 + cells[..., 1] * 78.233) * 43758.5453
        shade += np.float32(share) * (mixed - np.floor(mixed)).astype(np.float32)
    return 0.75 + 0.5 * shade


def _lines(points: Floats, cell: float, pixel: float, thick: float) -> NDArray[np.float32]:
    """How much of each pixel is covered by the borders of cells."""
    within = points / cell
    away = np.abs(within - np.round(within))
    nearest = np.minimum(away[..., 0], away[..., 1]) * (cell / pixel)
    return (thick / 2 + 0.5 - nearest).clip(0, 1).astype(np.float32)


def _first_frame(
    points: Floats, aspect: float, pixel: float, thick: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of each pixel lies outside the first frame, and how much is covered by its edge."""
    beyond = np.maximum(np.abs(points[..., 0]) - 0.5, np.abs(points[..., 1]) - aspect / 2) / pixel
    outside = (beyond + 0.5).clip(0, 1)
    edge = (thick + 0.5 - np.abs(beyond)).clip(0, 1)
    return outside.astype(np.float32), edge.astype(np.float32)


def _labelled(picture: Picture, new_from_old: Matrix, points: Floats, octave: float) -> Picture:
    """The picture with a name in every cell, which fades as other cells take over."""
    from PIL import Image, ImageDraw

    height, width, _ = picture.shape
    level, fraction = math.floor(octave), octave % 1
    clear = min(1.0, fraction / 0.15, (1 - fraction) / 0.15)
    cell = CELL * 2.0**-level
    low = np.floor(np.array([points[..., axis].min() for axis in (0, 1)]) / cell)
    high = np.floor(np.array([points[..., axis].max() for axis in (0, 1)]) / cell)
    if clear <= 0 or not np.isfinite([low, high]).all() or (high - low + 1).prod() > 400:
        return picture
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    letters = font(max(9, width // 32))
    gray = round(140 + 100 * clear)
    for row in np.arange(low[1], high[1] + 1):
        for column in np.arange(low[0], high[0] + 1):
            x, y, z = new_from_old @ np.array([(column + 0.5) * cell, (row + 0.5) * cell, 1.0])
            if z > 1e-6:
                at = ((x / z + 0.5) * width, y / z * width + height / 2)
                if -20 < at[0] < width + 20 and -20 < at[1] < height + 20:
                    draw.text(at, cell_name(int(column), int(row)), (gray, gray, gray), letters, anchor="mm")
    return np.array(image, dtype=np.uint8)


def cell_name(column: int, row: int) -> str:
    """`E4`: letters go right and numbers down; they begin anew after 26 and 100."""
    return f"{chr(ord('A') + (column + 4) % 26)}{(row + 3) % 100}"
