"""Style and content of pictures, as a network that sees patterns tells them.

Style is which features a picture has and which of them occur together, wherever they are: means and
covariances of the channels (Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks";
Huang and Belongie 2017 take means and spreads alone). Content is where they are. All distances are relative
to what is compared with, so that no layer and no picture outweighs the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vqanim.lazy import torch
from vqanim.losses import base
from vqanim.losses.base import Constants, Known, Loss, Terms

CONTENT_LAYERS = (2, 4)
"""Finer ones hold a picture to its colors and its grain, which is what a style has to change."""
LEAST = 1e-8
"""Keeps ratios finite for pictures that are flat."""


class Style(NamedTuple):
    """Statistics of one layer."""

    mean: torch.Tensor
    """[C]"""
    covariance: torch.Tensor
    """[C, C]"""


def style_of(layer: torch.Tensor) -> Style:
    """Statistics of a layer [1, C, h, w]."""
    values = layer[0].flatten(1)
    mean = values.mean(1)
    centered = values - mean[:, None]
    return Style(mean, centered @ centered.T / values.shape[1])


def style_distance(found: Style, target: Style) -> torch.Tensor:
    """Mean of two relative squared distances: of the means, in units of the spreads, and of the covariances.

    `target` may hold several styles, [P, C] and [P, C, C]; gives [P], or a scalar for one.
    """
    variance = target.covariance.diagonal(dim1=-2, dim2=-1).sum(-1) + LEAST
    means = (found.mean - target.mean).square().sum(-1) / variance
    size = target.covariance.square().sum((-2, -1)) + LEAST
    covariances = (found.covariance - target.covariance).square().sum((-2, -1)) / size
    return (means + covariances) / 2


def spread(layer: torch.Tensor) -> torch.Tensor:
    """Variance of a layer [B, C, h, w] over places, mean of its channels, [B, 1, 1, 1]."""
    return layer.var((2, 3), correction=0).mean(1).view(-1, 1, 1, 1) + LEAST


def prepare_style(terms: Terms, known: Known) -> Constants:
    """Of each layer the statistics of P pictures, `mean <layer>` [P, C] and `covariance <layer>` [P, C, C],
    with weights and stops [P]."""
    made = base.prepare_weights(terms, known)
    for layer, styles in enumerate(
        zip(*(known.styles[base.given(term.target)] for term in terms), strict=True)
    ):
        made[f"mean {layer}"] = torch.stack([style.mean for style in styles])
        made[f"covariance {layer}"] = torch.stack([style.covariance for style in styles])
    return made


def style_loss(layers: Sequence[torch.Tensor], terms: Constants) -> torch.Tensor:
    """Distance of the picture's style to each of those, mean over the layers."""
    distances = [
        style_distance(style_of(layer), Style(terms[f"mean {index}"], terms[f"covariance {index}"]))
        for index, layer in enumerate(layers)
    ]
    return base.weighted(torch.stack(distances).mean(0), terms)


def prepare_near(terms: Terms, known: Known) -> Constants:
    """Of each layer that tells the content: `of <layer>` [P, C, h, w] of P pictures, and how much each place
    counts, `count <layer>` [P, 1, h, w], which is relative to the features' spread."""
    made, held = {}, [base.held_to(term, known.context) for term in terms]
    free = [(term.weight, valid) for term, (_, valid) in zip(terms, held, strict=True)]
    with torch.no_grad():
        layers = base.given(known.features)(torch.cat([picture for picture, _ in held]))
        for index in CONTENT_LAYERS:
            made[f"of {index}"] = of = layers[index]
            counts = [weight * base.shrunk(valid, of) for weight, valid in free]
            made[f"count {index}"] = torch.cat(counts) / spread(of)
    return made


def near_features_loss(layers: Sequence[torch.Tensor], terms: Constants) -> torch.Tensor:
    """Weighted mean squared difference, relative to the spread of the features, mean over the layers."""
    losses = [
        ((layers[index] - terms[f"of {index}"]).square() * terms[f"count {index}"]).mean((1, 2, 3)).sum()
        for index in CONTENT_LAYERS
    ]
    return torch.stack(losses).mean()


STYLE = Loss("style", "features", prepare_style, style_loss, whole=True)
STAY_NEAR_FEATURES = Loss("stay_near_features", "features", prepare_near, near_features_loss, pulls=False)
