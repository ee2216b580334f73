"""Pictures to come near to, or to stay near to, pixel by pixel."""

from __future__ import annotations

from vqanim.lazy import F, torch
from vqanim.losses.base import Constants, Known, Loss, Terms, given, held_to, prepare_weights, weighted
from vqanim.types import Image

SCALE = 20.0
"""The squared difference of two unlike photographs is near 0.1, their distance to a perceptor near 1."""
NEAR_SCALE = 100.0
COARSE = 8
"""Pixels a side of the blur in a comparison by pixels."""


def prepare(terms: Terms, known: Known) -> Constants:
    """Pictures [P, 3, H, W] to come near to, with weights and stops [P]."""
    pictures = torch.cat([known.context.images[given(term.target)] for term in terms])
    return {"picture": pictures, **prepare_weights(terms, known)}


def pixel_loss(image: Image, terms: Constants) -> torch.Tensor:
    """Mean squared difference to each picture, half of it after a blur, so that large shapes come first."""
    difference = image - terms["picture"]
    coarse = F.avg_pool2d(difference, min(COARSE, *difference.shape[2:]))
    distances = (difference.square().mean((1, 2, 3)) + coarse.square().mean((1, 2, 3))) / 2
    return weighted(SCALE * distances, terms)


def prepare_near(terms: Terms, known: Known) -> Constants:
    """Pictures [P, 3, H, W] to stay near to, and how much each pixel of them counts, [P, 1, H, W]."""
    held = [held_to(term, known.context) for term in terms]
    counts = [term.weight * valid for term, (_, valid) in zip(terms, held, strict=True)]
    return {"picture": torch.cat([picture for picture, _ in held]), "count": torch.cat(counts)}


def near_pixels_loss(image: Image, terms: Constants) -> torch.Tensor:
    """Weighted mean squared difference; what has just come into view is free."""
    return NEAR_SCALE * ((image - terms["picture"]).square() * terms["count"]).mean((1, 2, 3)).sum()


PIXELS = Loss("pixels", "picture", prepare, pixel_loss)
STAY_NEAR_PIXELS = Loss("stay_near_pixels", "picture", prepare_near, near_pixels_loss, pulls=False)
