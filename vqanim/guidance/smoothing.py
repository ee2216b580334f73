"""Coarse before fine: the gradient of latents, with its averages over larger and larger patches added.

Each latent alone is moved by what helps its own few pixels, and the picture turns into a mosaic. With the
averages, neighbors move together and shapes grow first; class visualisations do the same to pixels
(Mordvintsev et al. 2015, the DeepDream notebook's Laplacian pyramid).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

PATCHES = (2, 4)
"""Sides of the patches, in latents."""


def add_averages(gradient: Tensor, amount: float) -> Tensor:
    """Gradient [B, C, h, w] plus `amount` times its averages over each size of patch, smoothly enlarged."""
    if amount == 0:
        return gradient
    total = gradient
    for side in PATCHES:
        if min(gradient.shape[2:]) >= 2 * side:
            coarse = F.avg_pool2d(gradient, side, ceil_mode=True, count_include_pad=False)
            total = total + amount * F.interpolate(coarse, gradient.shape[2:], mode="bilinear")
    return total
