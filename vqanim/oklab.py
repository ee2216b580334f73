"""Oklab, a color space in which equal distances look about equal (Bjoern Ottosson 2020).

Pictures are float [B, 3, H, W].
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import torch
from torch import Tensor

# Linear sRGB to cone responses, and their cube roots to lightness and colors.
_CONES = ((0.4122214708, 0.5363325363, 0.0514459929),
          (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip


Rows: TypeAlias = tuple[tuple[float, float, float], ...]


@cache
def _matrix(rows: Rows, device: torch.device, inverse: bool = False) -> Tensor:
    """A matrix [3, 3], brought to the device once: a step must not wait for a copy."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return (torch.linalg.inv(matrix) if inverse else matrix).float().to(device)


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix, image)


def to_oklab(image: Tensor) -> Tensor:
    """sRGB in 0..1 to Oklab: lightness in 0..1, then green-red and blue-yellow around 0."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    cones = _mix(_matrix(_CONES, image.device), linear)
    return _mix(_matrix(_LAB, image.device), cones.clamp(min=0) ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """Oklab to sRGB, clipped to 0..1."""
    cones = _mix(_matrix(_LAB, lab.device, inverse=True), lab)
    linear = _mix(_matrix(_CONES, lab.device, inverse=True), cones**3).clamp(0, 1)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )
