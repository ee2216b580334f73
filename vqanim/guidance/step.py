"""One step: the gradient of the loss in the latents, as a pure function of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vqanim.guidance.losses import ByKind, sum_losses
from vqanim.guidance.views import Cutouts, Viewer
from vqanim.types import Generator


class Terms(NamedTuple):
    """The terms of a frame, by what they look at."""

    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    latents: ByKind


class Inputs(NamedTuple):
    """What a step depends on, besides the models."""

    latents: dict[str, Tensor]
    """Leaves that require their gradient."""
    cutouts: tuple[Cutouts, ...]
    """Of each viewer, for this step."""
    terms: Terms


class Gradient(NamedTuple):
    """What a step gives."""

    latents: dict[str, Tensor]
    """Gradient of the loss, by name."""
    seen: tuple[Tensor, ...]
    """Unit vectors of the cutouts [n, D], of each viewer; detached."""


@dataclass(frozen=True)
class Step:
    """Decode, let every viewer look at its cutouts, and follow the loss back to the latents."""

    generator: Generator
    viewers: Sequence[Viewer]

    def __call__(self, inputs: Inputs) -> Gradient:
        """The gradient at the latents as they are."""
        image = self.generator.decode(inputs.latents)
        loss, seen = torch.zeros((), device=image.device), []
        for viewer, cutouts, terms in zip(self.viewers, inputs.cutouts, inputs.terms.cutouts, strict=True):
            view = viewer.look(image, cutouts)
            seen.append(view.embeddings.detach())
            if terms:
                loss = loss + viewer.share * sum_losses(view, terms).mean()
        if inputs.terms.picture:
            loss = loss + sum_losses(image, inputs.terms.picture)
        if inputs.terms.latents:
            loss = loss + sum_losses(inputs.latents, inputs.terms.latents)
        gradients = torch.autograd.grad(loss, list(inputs.latents.values()))
        return Gradient(dict(zip(inputs.latents, gradients, strict=True)), tuple(seen))
