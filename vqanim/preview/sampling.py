"""A picture seen through a camera that has moved, in numpy: the renderer's warp for previews."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.homography import Matrix
from vqanim.camera.resample import FINER, color_of, enlarged
from vqanim.files import Picture
from vqanim.preview.views import magnification, plane_points

Floats = NDArray[np.float64]
Fold = Callable[[Floats, int], Floats]
"""Coordinates in pixels, any, and the side of the picture -> coordinates on it or its margin."""

MARGIN = 5
"""Pixels with which a picture goes on around itself, so that its edge is sampled like its middle."""
NEAREST, FARTHEST, AGAIN = 6.0, 1 / 3, 3.0
"""Magnified more than NEAREST or less than FARTHEST, the picture fades into itself AGAIN times smaller or
larger: else a long flight would end in one pixel."""


def _reflect(values: Floats, side: int) -> Floats:
    turned = np.mod(values, 2 * side)
    return np.minimum(turned, 2 * side - turned)


def _wrap(values: Floats, side: int) -> Floats:
    return np.asarray(np.mod(values, side))


def _edge(values: Floats, side: int) -> Floats:
    return values.clip(2.5 - MARGIN, side + MARGIN - 2.5)  # where the margin is all one color across


FOLDS: Mapping[str, Fold] = {"reflect": _reflect, "wrap": _wrap, "edge": _edge}


class Source:
    """A picture, made ready to be seen from many views."""

    def __init__(self, picture: Picture) -> None:
        """picture: uint8 [H, W, 3]."""
        self.height, self.width, _ = picture.shape
        self._picture = picture
        self._textures: dict[str, Picture] = {}

    def _texture(self, border: str) -> Picture:
        """The enlarged picture with its margin."""
        if border not in self._textures:
            fine = enlarged(self._picture, (MARGIN, MARGIN, MARGIN, MARGIN), border)
            self._textures[border] = np.array(fine, dtype=np.uint8)
        return self._textures[border]

    def seen(self, new_from_old: Matrix, border: str) -> Picture:
        """The picture as a camera sees it after a movement in frame widths, uint8 [H, W, 3].

        border: what lies beyond it, `reflect`, `wrap`, `edge` or a color `#rrggbb`.
        """
        old_from_new: Matrix = np.linalg.inv(new_from_old).astype(np.float64)
        near = magnification(old_from_new)
        octave = 0.0
        if near > NEAREST:
            octave = math.log(near / NEAREST) / math.log(AGAIN)
        elif near < FARTHEST:
            octave = -math.log(FARTHEST / near) / math.log(AGAIN)
        whole, part = math.floor(abs(octave)), abs(octave) % 1
        sign = 1 if octave >= 0 else -1
        picture = self._sampled(old_from_new, AGAIN ** (sign * whole), border)
        if part:
            other = self._sampled(old_from_new, AGAIN ** (sign * (whole + 1)), border)
            share = part * part * (3 - 2 * part)
            picture = picture + np.float32(share) * (other - picture)
        return (picture + np.float32(0.5)).clip(0, 255).astype(np.uint8)

    def _sampled(self, old_from_new: Matrix, smaller: float, border: str) -> NDArray[np.float32]:
        """Float32 [H, W, 3] in 0..255 of the picture, so many times smaller than it is."""
        points = plane_points(old_from_new, self.width, self.height) * (smaller * self.width)
        x, y = points[..., 0] + self.width / 2, points[..., 1] + self.height / 2
        colored = border.startswith("#")
        kind = "edge" if colored else border
        fold = FOLDS[kind]
        seen = _between(self._texture(kind), fold(x, self.width), fold(y, self.height))
        if not colored:
            return seen
        # As the renderer does: the color lies over what is outside, with a soft rim of one pixel.
        inside_x = (np.minimum(x, self.width - x) + 0.5).clip(0, 1)
        inside_y = (np.minimum(y, self.height - y) + 0.5).clip(0, 1)
        color = np.array(color_of(border), np.float32)
        share = (inside_x * inside_y).astype(np.float32)[..., None]
        return color + share * (seen - color)


def _between(fine: Picture, x: Floats, y: Floats) -> NDArray[np.float32]:
    """Bilinear samples [H, W, 3] of an enlarged picture with its margin, at points in pixels of the first."""
    across, down = (x + MARGIN) * FINER - 0.5, (y + MARGIN) * FINER - 0.5
    left, top = across.astype(np.int64), down.astype(np.int64)
    right_share = (across - left).astype(np.float32)[..., None]
    low_share = (down - top).astype(np.float32)[..., None]
    columns = fine.shape[1]
    flat = fine.reshape(-1, 3)
    first = top * columns + left
    corners = [flat[first + offset].astype(np.float32) for offset in (0, 1, columns, columns + 1)]
    above = corners[0] + right_share * (corners[1] - corners[0])
    below = corners[2] + right_share * (corners[3] - corners[2])
    return np.asarray(above + low_share * (below - above))
