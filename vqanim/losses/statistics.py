"""Distances of style and content, between the features of two pictures, and between their edges.

Style is which features a picture has and which of them occur together, wherever they are: means and
covariances of the channels (Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks";
Huang and Belongie 2017 take means and spreads alone). Content is where they are. All distances are relative
to what is compared with, so that no layer and no picture outweighs the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vqanim.lazy import F, torch

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image

CONTENT_LAYERS = (2, 4)
"""Numbers of those. The finer ones hold a picture to its colors and its grain, which is what a style
has to change."""
GRAY = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness."""
EDGE_PIXELS = 2
"""Side of the squares whose mean brightness is compared: strokes may be finer."""
LEAST = 1e-8
"""Keeps ratios finite for pictures that are flat."""


class Style(NamedTuple):
    """Statistics of one layer."""

    mean: Tensor
    """[C]"""
    covariance: Tensor
    """[C, C]"""


def style_of(layer: Tensor) -> Style:
    """Statistics of a layer [1, C, h, w]."""
    values = layer[0].flatten(1)
    mean = values.mean(1)
    centered = values - mean[:, None]
    return Style(mean, centered @ centered.T / values.shape[1])


def style_distance(found: Style, target: Style) -> Tensor:
    """Mean of two relative squared distances: of the means, in units of the spreads, and of the covariances.

    `target` may hold several styles, [P, C] and [P, C, C]; gives [P], or a scalar for one.
    """
    variance = target.covariance.diagonal(dim1=-2, dim2=-1).sum(-1) + LEAST
    means = (found.mean - target.mean).square().sum(-1) / variance
    size = target.covariance.square().sum((-2, -1)) + LEAST
    covariances = (found.covariance - target.covariance).square().sum((-2, -1)) / size
    return (means + covariances) / 2


def spread(layer: Tensor) -> Tensor:
    """Variance of a layer [B, C, h, w] over places, mean of its channels, [B, 1, 1, 1]."""
    return layer.var((2, 3), correction=0).mean(1).view(-1, 1, 1, 1) + LEAST


def edges(image: Image) -> Tensor:
    """Slopes of brightness to the right and down, [B, 2, h, w], of pictures [B, 3, H, W]."""
    gray = (image * image.new_tensor(GRAY).view(1, 3, 1, 1)).sum(1, keepdim=True)
    gray = F.avg_pool2d(gray, EDGE_PIXELS)[:, 0]
    return torch.stack([gray.diff(dim=2)[:, 1:], gray.diff(dim=1)[:, :, 1:]], 1)


def unit(fields: Tensor) -> Tensor:
    """Fields [B, 2, h, w], each as a vector of length 1."""
    return fields / (fields.square().sum((1, 2, 3), keepdim=True) + LEAST).sqrt()
