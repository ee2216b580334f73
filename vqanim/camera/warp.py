"""A camera step as a sampling field, and one resampling of a picture. The convention is in `matrix`.

Fields are backward, as `grid_sample` wants them: for every pixel of the new picture, where to look in the
old one, in (x, y) from -1 to 1 between the outer edges of the frame (align_corners=False).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from kornia.geometry.grid import create_meshgrid
from kornia.geometry.linalg import transform_points
from numpy.typing import NDArray
from torch import Tensor

from vqanim.camera.matrix import step_matrix
from vqanim.resample import color_of
from vqanim.timeline.plan import CameraStep

Sampler: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(image [B, C, H, W], grid [B, H', W', 2]) -> picture [B, C, H', W'], not yet clamped."""

_REACH = 2
"""Pixels beyond the sampled point that a bicubic kernel touches."""


def field(step: CameraStep, size: tuple[int, int]) -> Tensor:
    """Sampling field float32 [1, H, W, 2] of a step, for a frame of `size` (H, W) pixels.

    It may point far beyond the old picture; `warp` decides what is seen there. The field of a step that
    does not move is exactly the one that `warp` answers with the untouched picture.
    """
    height, width = size
    return _field(np.linalg.inv(step_matrix(step, width, height)), size)


def matrix_field(view: Sequence[float], size: tuple[int, int]) -> Tensor:
    """The same for a forward matrix: 9 numbers, row by row, in frame widths from the middle of the frame.

    No numbers stand still.
    """
    height, width = size
    if not view:
        return field(CameraStep(), size)
    to_pixels = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
    new_from_old = to_pixels @ np.reshape(view, (3, 3)) @ np.linalg.inv(to_pixels)
    return _field(np.linalg.inv(new_from_old), size)


def _field(matrix: NDArray[Any], size: tuple[int, int]) -> Tensor:
    """The sampling field of a matrix that maps points of the new picture to those of the old one."""
    height, width = size
    old_from_new = torch.from_numpy(matrix)[None]
    centers = create_meshgrid(height, width, normalized_coordinates=False, dtype=torch.float64) + 0.5
    points = transform_points(old_from_new, centers.reshape(1, -1, 2)).reshape(1, height, width, 2)
    return _normalized(points, width, height).to(torch.float32)


def warp(image: Tensor, grid: Tensor, border: str = "reflect") -> tuple[Tensor, Tensor]:
    """The picture as seen through a field, by one bicubic resampling, and where it is really known.

    image: float [B, 3, H, W] in 0..1. grid: float [1, H', W', 2] from `field`.
    border: what lies beyond the old picture: `reflect`, `wrap`, `edge` or a colour `#rrggbb`.
    Returns the picture [B, 3, H', W'] clamped to 0..1 and its validity [1, 1, H', W']: 1 where the old
    picture is seen, 0 beyond it, with a ramp of one old pixel between. A field that does not move returns
    the very same image.

    Raises ValueError when the border is unknown.
    """
    sample = _border_sampler(border)
    valid = _validity(grid, image.shape[-1], image.shape[-2])
    if _moves_nothing(image, grid):
        return image, valid
    picture = sample(image, grid.expand(image.shape[0], -1, -1, -1)).clamp(0.0, 1.0)
    if border.startswith("#"):
        picture = torch.lerp(_color(border).to(picture), picture, valid)
    return picture, valid


def _bicubic(padding: str) -> Sampler:
    def sample(image: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(image, grid, mode="bicubic", padding_mode=padding, align_corners=False)

    return sample


def _wrapped(image: Tensor, grid: Tensor) -> Tensor:
    """Samples the plane tiled with the picture: folded coordinates, with the neighbours around the seam."""
    height, width = image.shape[-2:]
    size = grid.new_tensor([width, height])
    points = torch.remainder((grid + 1) / 2 * size, size) + _REACH
    padded = F.pad(image, (_REACH,) * 4, mode="circular")
    return _bicubic("border")(padded, _normalized(points, width + 2 * _REACH, height + 2 * _REACH))


# grid_sample folds every tap of the kernel by itself, however far outside it lies, about the outer edges of
# the frame. So seams are smooth and nothing is ever black.
_SAMPLERS: dict[str, Sampler] = {
    "reflect": _bicubic("reflection"),
    "wrap": _wrapped,
    "edge": _bicubic("border"),
}


def _border_sampler(border: str) -> Sampler:
    if border.startswith("#") and len(border) == 7:
        # The colour is laid over what lies outside; under its soft rim the picture simply goes on.
        return _SAMPLERS["edge"]
    if border not in _SAMPLERS:
        raise ValueError(f"border {border!r}: allowed {', '.join(_SAMPLERS)} or a colour such as #1a2b3c")
    return _SAMPLERS[border]


def _validity(grid: Tensor, width: int, height: int) -> Tensor:
    """[1, 1, H', W']: the share of the old pixel around each sampled point that lies in the old picture."""
    x, y = (grid[..., 0] + 1) / 2 * width, (grid[..., 1] + 1) / 2 * height
    inside_x = (torch.minimum(x, width - x) + 0.5).clamp(0.0, 1.0)
    inside_y = (torch.minimum(y, height - y) + 0.5).clamp(0.0, 1.0)
    return (inside_x * inside_y)[:, None]


def _moves_nothing(image: Tensor, grid: Tensor) -> bool:
    """True for the field of an identity step: sampling would only add rounding."""
    height, width = image.shape[-2:]
    return torch.equal(grid, field(CameraStep(), (height, width)).to(grid))


def _normalized(points: Tensor, width: int, height: int) -> Tensor:
    """Points (x, y) [..., 2] in pixels to -1..1 between the outer edges."""
    return points / points.new_tensor([width, height]) * 2 - 1


def _color(border: str) -> Tensor:
    """`#rrggbb` as [1, 3, 1, 1] in 0..1."""
    channels = [channel / 255 for channel in color_of(border)]
    return torch.tensor(channels).reshape(1, 3, 1, 1)
