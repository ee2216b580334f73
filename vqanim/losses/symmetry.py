"""Symmetry: the picture shall look like its own mirror image."""

from __future__ import annotations

from vqanim.lazy import torch
from vqanim.losses.base import Constants, Known, Loss, Terms, prepare_weights
from vqanim.settings import choice, with_defaults
from vqanim.types import Image

SCALE = 20.0
AXES = {"vertical": (3,), "horizontal": (2,), "point": (2, 3)}
"""Dimensions [B, C, H, W] that a mirror turns around, by the axis that it lies on."""
HELP = "Where the mirror stands: left and right alike, top and bottom, or both"
SETTINGS = (choice("axis", AXES, "vertical", HELP),)


def prepare(terms: Terms, known: Known) -> Constants:
    """Weights [P], and of each axis its share of them, `<axis>`, a scalar."""
    constants = prepare_weights(terms, known)
    for axis in AXES:
        weights = [term.weight for term in terms if with_defaults(SETTINGS, term.settings)["axis"] == axis]
        if weights:
            constants[axis] = torch.tensor(sum(weights), device=known.device)
    return constants


def symmetry_loss(image: Image, terms: Constants) -> torch.Tensor:
    """Weighted mean squared difference of a picture [B, 3, H, W] to its mirror images."""
    flips = [(terms[axis], image.flip(dims)) for axis, dims in AXES.items() if axis in terms]
    losses = [weight * (image - mirrored).square().mean() for weight, mirrored in flips]
    return SCALE * torch.stack(losses).sum()


SYMMETRY = Loss(
    "symmetry",
    "picture",
    prepare,
    symmetry_loss,
    pulls=False,
    in_scene=True,
    description="Symmetry: draws the picture to its own mirror image",
    settings=SETTINGS,
)
