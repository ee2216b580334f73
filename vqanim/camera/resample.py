"""Pictures moved and softened outside of painting, without torch. Pillow is imported where it is used.

Matrices are those of `camera.homography`: forward, in pixels, (x, y) from the top left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqanim.pictures import Picture

if TYPE_CHECKING:
    from PIL import Image

Matrix = NDArray[np.float64]  # float64 [3, 3]

# A picture mirrored, repeated or stretched beyond its edge, as numpy names it.
_PADS = {"reflect": "symmetric", "wrap": "wrap", "edge": "edge"}
FINER = 2  # how much a picture is enlarged before it is sampled
_REACH = 4  # pixels beyond the sampled point that the enlarging touches
_MOST_PAD = 4  # picture sizes of border on a side; what lies farther out is not told apart


def to_bytes(image: NDArray[np.float32]) -> Picture:
    """Float [H, W, 3] in 0..1 to bytes, rounded."""
    return (image * np.float32(255.0) + np.float32(0.5)).clip(0, 255).astype(np.uint8)


def from_bytes(picture: Picture) -> NDArray[np.float32]:
    """Bytes to float32 in 0..1."""
    return picture.astype(np.float32) / np.float32(255.0)


def zoom_matrix(scale: float, width: int, height: int) -> Matrix:
    """Scales about the middle of the frame."""
    x, y = (1 - scale) * width / 2, (1 - scale) * height / 2
    return np.array([[scale, 0.0, x], [0.0, scale, y], [0.0, 0.0, 1.0]])


def move_picture(picture: Picture, matrix: Matrix, border: str = "reflect") -> Picture:
    """The picture moved by a forward matrix; the same one for the identity. It is enlarged by Lanczos
    resampling and sampled between the pixels of that. Pillow's own bicubic sampling is a kernel (a = -1) that
    shifts soft pictures by up to a tenth of a pixel, to and fro. border: what lies beyond its edge:
    `reflect`, `wrap`, `edge` or a color `#rrggbb`."""
    from PIL import Image

    if np.array_equal(matrix, np.eye(3)):
        return picture
    height, width, _ = picture.shape
    old_from_new: Matrix = np.linalg.inv(matrix).astype(np.float64)
    left, top, right, bottom = _overhang(old_from_new, width, height)
    fine = enlarged(picture, (left, top, right, bottom), border)
    shifted = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]]) @ old_from_new
    shifted = np.diag([FINER, FINER, 1.0]) @ shifted
    coefficients = (shifted / shifted[2, 2]).ravel()[:8].tolist()
    how, sampling = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
    return np.array(fine.transform((width, height), how, coefficients, sampling), dtype=np.uint8)


def enlarged(picture: Picture, pads: tuple[int, int, int, int], border: str) -> Image.Image:
    """A picture FINER times as large, with so many of its pixels of border around it: left, top, right and
    bottom."""
    from PIL import Image, ImageOps

    left, top, right, bottom = pads
    if border.startswith("#"):
        fine = ImageOps.expand(Image.fromarray(picture), pads, border)
    else:
        widths = ((top, bottom), (left, right), (0, 0))
        fine = Image.fromarray(np.pad(picture, widths, mode=_PADS[border]))  # type: ignore[call-overload]
    return fine.resize((fine.width * FINER, fine.height * FINER), Image.Resampling.LANCZOS)


def color_of(border: str) -> list[int]:
    """Red, green and blue, 0..255, of a border `#rrggbb`."""
    return [int(border[i : i + 2], 16) for i in (1, 3, 5)]


def blur_picture(picture: Picture, sigma: float) -> Picture:
    """Gaussian blur; sigma in pixels. Beyond the edge the picture goes on as its edge."""
    from PIL import Image, ImageFilter

    return np.array(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma)), dtype=np.uint8)


def _overhang(old_from_new: Matrix, width: int, height: int) -> tuple[int, int, int, int]:
    """Pixels beyond the old picture that the corners of the new one see: left, top, right, bottom."""
    corners = np.array([[0.0, width, 0.0, width], [0.0, 0.0, height, height], [1.0] * 4])
    seen = old_from_new @ corners
    x, y = seen[:2] / np.maximum(seen[2], 1e-6)
    across, down = (-x.min(), x.max() - width), (-y.min(), y.max() - height)
    left, right = (min(max(0, math.ceil(pad) + _REACH), _MOST_PAD * width) for pad in across)
    top, bottom = (min(max(0, math.ceil(pad) + _REACH), _MOST_PAD * height) for pad in down)
    return left, top, right, bottom
