"""Colors as numbers without bounds, in axes in which those of photographs are independent.

A picture in 0..1 goes through a logit, so that no step leaves the range, and is turned into axes near
brightness, blue to yellow, and green to magenta, scaled as photographs spread along them (Olah, Mordvintsev
and Schubert 2017, "Feature Visualization"): a step along all of them then changes brightness before hue.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vqanim.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image

AXES = ((0.563, 0.195, 0.043), (0.585, 0.0, -0.108), (0.585, -0.195, 0.065))
"""Red, green and blue of each axis, a column each: the root of the colors' covariance in photographs, from
the paper's code, scaled to a longest column of 1."""
LEAST = 1 / 1024
"""How near to 0 and 1 a color may come."""


def from_axes(values: Tensor) -> Image:
    """Numbers [B, 3, h, w] to a picture [B, 3, h, w] in 0..1, differentiable."""
    return torch.einsum("rc,bchw->brhw", _matrices(values.device)[0], values).sigmoid()


def to_axes(picture: Image) -> Tensor:
    """The numbers [B, 3, h, w] of a picture [B, 3, h, w] in 0..1."""
    logits = picture.clamp(LEAST, 1 - LEAST).logit()
    return torch.einsum("cr,brhw->bchw", _matrices(picture.device)[1], logits)


@cache
def _matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    """From the axes and back, once a device: a step must not wait for a copy to it."""
    matrix = torch.tensor(AXES, device=device)
    return matrix, torch.linalg.inv(matrix)
