"""Terms of the loss, by kind. A new kind is two functions and one line in TERMS.

A kind looks at one of three things: the cutouts of each perceptor, the whole picture, or the latents. What a
term needs and a frame does not change is prepared once a frame, as tensors by name; the loss is a pure
function of what it looks at and of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from vqanim.guidance.cutouts import Boxes
from vqanim.timeline.plan import WeightedTerm
from vqanim.types import Image, Latents

LooksAt = Literal["cutouts", "picture", "latents"]

Constants: TypeAlias = "dict[str, Tensor]"
"""What the terms of one kind need in all steps of a frame, by name."""
ByKind: TypeAlias = "dict[str, Constants]"


class View(NamedTuple):
    """What a term for cutouts looks at in one step: some or all cutouts of one perceptor."""

    embeddings: Tensor
    """Unit vectors, [n, D]."""
    boxes: Boxes
    """Where the cutouts lie; each tensor is [n]."""


@dataclass(frozen=True)
class GuideContext:
    """What terms may compare a frame with; a part is None, or empty, where a frame has no such thing."""

    picture: Image | None = None
    """[1, 3, H, W]: what the latents came from, warped and conditioned."""
    latents: Latents | None = None
    """Those that the frame begins with."""
    valid: Tensor | None = None
    """[1, 1, H, W] in 0..1: how far a pixel was in the picture before it was warped. None: all were."""
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    """[1, 1, H, W] in 0..1, by name."""
    images: Mapping[str, Image] = field(default_factory=dict)
    """Target images [1, 3, h, w], by name."""


@dataclass(frozen=True)
class Known:
    """What a term can be prepared from, once a frame."""

    targets: Mapping[str, Tensor]
    """A perceptor's unit vectors [D] by prompt; empty for terms that do not look at cutouts."""
    context: GuideContext
    device: torch.device


@dataclass(frozen=True)
class TermKind:
    """A kind of term."""

    looks_at: LooksAt
    prepare: Callable[[Sequence[WeightedTerm], Known], Constants]
    """From all terms of this kind in a frame. Their weights belong to it."""
    loss: Callable[[Any, Constants], Tensor]
    """From a View, an image or latents. For cutouts the loss of each, [n], of which the mean counts; else a
    scalar. No value may be read back from the device."""


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 asin(|a - b| / 2)^2 between unit vectors a [N, D] and b [P, D] -> [N, P], 0..pi^2 / 2.

    From Katherine Crowson's VQGAN+CLIP notebook (2021). The chord is kept a hair away from 0 and 2,
    where the slope of the root and of asin is infinite.
    """
    chord = (2 - 2 * a @ b.T).clamp(min=1e-8).sqrt() / 2
    return 2 * chord.clamp(max=1 - 1e-6).asin().square()


def prepare_prompts(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Targets [P, D], weights [P] and stops [P] of P prompts."""
    return {
        "target": torch.stack([known.targets[term.text] for term in terms]).to(known.device),
        "weight": torch.tensor([term.weight for term in terms], device=known.device),
        "stop": torch.tensor([term.stop for term in terms], device=known.device),
    }


def prompt_loss(view: View, prompts: Constants) -> Tensor:
    """|w| max(sign(w) d, stop), summed over the prompts, for each cutout."""
    weight = prompts["weight"]
    signed = weight.sign() * spherical_distance(view.embeddings, prompts["target"])
    return (weight.abs() * torch.maximum(signed, prompts["stop"])).sum(1)


TERMS: Mapping[str, TermKind] = {
    "prompt": TermKind("cutouts", prepare_prompts, prompt_loss),
}


def prepare_terms(losses: Sequence[WeightedTerm], looks_at: LooksAt, known: Known) -> ByKind:
    """The constants of those kinds that look at one thing. Raises KeyError for a kind that TERMS lacks."""
    kinds = dict.fromkeys(term.kind for term in losses if TERMS[term.kind].looks_at == looks_at)
    return {
        kind: TERMS[kind].prepare([term for term in losses if term.kind == kind], known) for kind in kinds
    }


def sum_losses(seen: View | Image | Latents, terms: ByKind) -> Tensor:
    """The losses of all kinds that look at the same thing; [n] for cutouts, else a scalar."""
    losses = [TERMS[kind].loss(seen, constants) for kind, constants in terms.items()]
    return torch.stack(losses).sum(0)
