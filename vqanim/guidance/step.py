"""One step: the gradient of the loss in the latents, as a pure function of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vqanim.guidance.areas import Area, Part, parts
from vqanim.guidance.losses import ByKind, Tally, given, sum_losses
from vqanim.guidance.memory import LADDER, Rung
from vqanim.guidance.views import Cutouts, Viewer
from vqanim.types import FeatureNetwork, Generator, Image


class Terms(NamedTuple):
    """The terms of a frame, by what they look at."""

    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    latents: ByKind
    features: ByKind
    areas: tuple[Area, ...] = ()
    """Those that pull in a part of the frame only; the others pull everywhere."""


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
    """Unit vectors of the cutouts [n, D], of each viewer; detached. Empty where no term looks at cutouts."""
    losses: dict[str, Tensor]
    """What the terms of each kind still lose, weights included; scalars, detached."""


@dataclass(frozen=True)
class Step:
    """Decode once, let every viewer look at its cutouts, and follow the losses back to the latents."""

    generator: Generator
    viewers: Sequence[Viewer]
    features: FeatureNetwork | None = None
    """Needed by terms that look at features."""

    def __call__(self, inputs: Inputs, rung: Rung = LADDER[0]) -> Gradient:
        """The gradient at the latents as they are. The way back has two parts, to the picture and from there
        to the latents, so that a viewer's part is over before the next one begins."""
        image = self.generator.decode(inputs.latents, rung.recompute)
        shown = image.detach().requires_grad_(True)
        pull, seen, tally = torch.zeros_like(image), [], Tally()
        terms = inputs.terms
        for number, (viewer, cutouts) in enumerate(zip(self.viewers, inputs.cutouts, strict=True)):
            found = parts(terms.cutouts[number], terms.areas, number, cutouts.boxes)
            if not found:
                continue
            embeddings, done, factor = [], 0, viewer.share / cutouts.number
            for some in cutouts.chunks(rung.chunk):
                view = viewer.look(shown, some)
                embeddings.append(view.embeddings.detach())
                here = slice(done, done + some.number)
                for left, part in zip(reversed(range(len(found))), found, strict=True):
                    loss = viewer.share * part.loss(view, here, tally, factor) / cutouts.number
                    pull += part.within(torch.autograd.grad(loss, shown, retain_graph=left > 0)[0])
                done = here.stop
            seen.append(torch.cat(embeddings))
        for part in (Part(terms.picture), *(Part(area.picture, area.mask) for area in terms.areas)):
            if part.terms:
                loss = sum_losses(shown, part.terms, tally.hear())
                pull += part.within(torch.autograd.grad(loss, shown)[0])
        pull += self._feel(shown, terms, tally)
        ends, pulls = [image], [pull]
        if terms.latents:
            ends.append(sum_losses(inputs.latents, terms.latents, tally.hear()))
            pulls.append(torch.ones_like(ends[-1]))
        gradients = torch.autograd.grad(ends, list(inputs.latents.values()), pulls)
        return Gradient(dict(zip(inputs.latents, gradients, strict=True)), tuple(seen), tally.losses)

    def _feel(self, shown: Image, terms: Terms, tally: Tally) -> Tensor | float:
        """The pull of terms that look at features, which are computed once for all of them."""
        everywhere = Part(terms.features)
        found = [everywhere, *(Part(area.features, area.mask) for area in terms.areas)]
        found = [part for part in found if part.terms]
        if not found:
            return 0.0
        layers, pull = given(self.features)(shown), torch.zeros_like(shown)
        for left, part in zip(reversed(range(len(found))), found, strict=True):
            loss = sum_losses(layers, part.terms, tally.hear())
            pull += part.within(torch.autograd.grad(loss, shown, retain_graph=left > 0)[0])
        return pull
