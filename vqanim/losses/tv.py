"""Total variation: how much neighboring pixels differ. It smooths what only a perceptor can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vqanim.losses.base import Constants, Loss, prepare_weights

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image

SCALE = 10.0
"""Neighboring pixels of photographs differ by about 0.05."""


def total_variation(image: Image) -> Tensor:
    """Mean absolute difference of neighbors in a picture [B, 3, H, W], a scalar (Rudin et al. 1992)."""
    return image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean()


def tv_loss(image: Image, terms: Constants) -> Tensor:
    """Weighted total variation."""
    return SCALE * terms["weight"].sum() * total_variation(image)


KINDS = (
    Loss(
        "tv",
        "picture",
        prepare_weights,
        tv_loss,
        pulls=False,
        in_scene=True,
        description="Total variation: smooths the picture, so that fine noise goes and large shapes stay",
    ),
)
