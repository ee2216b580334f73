"""Style and content of pictures, as a network that sees patterns tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vqanim.lazy import torch
from vqanim.losses.base import (
    Constants,
    Known,
    Loss,
    given,
    held_to,
    prepare_weights,
    shrunk,
    target_of,
    weighted,
)
from vqanim.losses.statistics import CONTENT_LAYERS, Style, spread, style_distance, style_of

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.timeline.plan import WeightedTerm


def prepare_style(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Of each layer the statistics of P pictures, `mean <layer>` [P, C] and `covariance <layer>` [P, C, C],
    with weights and stops [P]."""
    made = prepare_weights(terms, known)
    for layer, styles in enumerate(zip(*(known.styles[target_of(term)] for term in terms), strict=True)):
        made[f"mean {layer}"] = torch.stack([style.mean for style in styles])
        made[f"covariance {layer}"] = torch.stack([style.covariance for style in styles])
    return made


def style_loss(layers: Sequence[Tensor], terms: Constants) -> Tensor:
    """Distance of the picture's style to each of those, mean over the layers."""
    distances = [
        style_distance(style_of(layer), Style(terms[f"mean {index}"], terms[f"covariance {index}"]))
        for index, layer in enumerate(layers)
    ]
    return weighted(torch.stack(distances).mean(0), terms)


def prepare_near(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Of each layer that tells the content: `of <layer>` [P, C, h, w] of P pictures, and how much each place
    counts, `count <layer>` [P, 1, h, w], which is relative to the features' spread."""
    made: Constants = {}
    held = [held_to(term, known.context) for term in terms]
    with torch.no_grad():
        layers = given(known.features)(torch.cat([picture for picture, _ in held]))
        for index in CONTENT_LAYERS:
            made[f"of {index}"] = of = layers[index]
            counts = [term.weight * shrunk(valid, of) for term, (_, valid) in zip(terms, held, strict=True)]
            made[f"count {index}"] = torch.cat(counts) / spread(of)
    return made


def near_features_loss(layers: Sequence[Tensor], terms: Constants) -> Tensor:
    """Weighted mean squared difference, relative to the spread of the features, mean over the layers."""
    losses = [
        ((layers[index] - terms[f"of {index}"]).square() * terms[f"count {index}"]).mean((1, 2, 3)).sum()
        for index in CONTENT_LAYERS
    ]
    return torch.stack(losses).mean()


KINDS = (
    Loss("style", "features", prepare_style, style_loss, whole=True),
    Loss("stay_near_features", "features", prepare_near, near_features_loss, pulls=False),
)
