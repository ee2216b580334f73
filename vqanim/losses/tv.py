"""Total variation: how much neighboring pixels differ. It smooths what only a perceptor can see."""

from __future__ import annotations

from vqanim.lazy import torch
from vqanim.losses.base import Constants, Loss, prepare_weights
from vqanim.types import Image

SCALE = 10.0
"""Neighboring pixels of photographs differ by about 0.05."""


def tv_loss(image: Image, terms: Constants) -> torch.Tensor:
    """Weighted mean absolute difference of neighbors in a picture [B, 3, H, W] (Rudin et al. 1992)."""
    variation = image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean()
    return SCALE * terms["weight"].sum() * variation


TV = Loss(
    "tv",
    "picture",
    prepare_weights,
    tv_loss,
    pulls=False,
    in_scene=True,
    description="Total variation: smooths the picture, so that fine noise goes and large shapes stay",
)
