"""Terms of the loss, by kind. A new term is one function and one line in TERMS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vqanim.timeline.plan import WeightedTerm


@dataclass(frozen=True)
class View:
    """What a term may look at in one step."""

    embeddings: Tensor
    """Unit vectors of the cutouts, [count, D]."""


Term = Callable[[View], Tensor]
"""A loss of one step: a scalar tensor."""


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 asin(|a - b| / 2)^2 between unit vectors a [N, D] and b [P, D] -> [N, P], 0..pi^2 / 2.

    From Katherine Crowson's VQGAN+CLIP notebook (2021). The chord is kept a hair away from 0 and 2,
    where the slope of the root and of asin is infinite.
    """
    chord = (2 - 2 * a @ b.T).clamp(min=1e-8).sqrt() / 2
    return 2 * chord.clamp(max=1 - 1e-6).asin().square()


def prompt_term(terms: Sequence[WeightedTerm], targets: Mapping[str, Tensor], device: torch.device) -> Term:
    """|w| max(sign(w) d, stop) of every prompt, averaged over the cutouts and summed."""
    target = torch.stack([targets[term.text] for term in terms]).to(device)
    weight = torch.tensor([term.weight for term in terms], device=device)
    stop = torch.tensor([term.stop for term in terms], device=device)

    def loss(view: View) -> Tensor:
        signed = weight.sign() * spherical_distance(view.embeddings, target)
        return (weight.abs() * torch.maximum(signed, stop)).mean(0).sum()

    return loss


Maker = Callable[[Sequence[WeightedTerm], Mapping[str, Tensor], torch.device], Term]

TERMS: Mapping[str, Maker] = {
    "prompt": prompt_term,
}


def make_terms(
    losses: Sequence[WeightedTerm], targets: Mapping[str, Tensor], device: torch.device
) -> tuple[Term, ...]:
    """The terms of a frame, one for each kind. Raises KeyError for a kind that TERMS does not have."""
    kinds = dict.fromkeys(term.kind for term in losses)
    return tuple(TERMS[kind]([t for t in losses if t.kind == kind], targets, device) for kind in kinds)
