"""Texts and pictures that the perceptors shall see in the cutouts, or shall not."""

from __future__ import annotations

from vqanim.lazy import torch
from vqanim.losses.base import Constants, Known, Loss, Terms, prepare_weights, weighted


def spherical_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """2 asin(|a - b| / 2)^2 between unit vectors a [N, D] and b [P, D] -> [N, P], 0..pi^2 / 2.

    From Katherine Crowson's VQGAN+CLIP notebook (2021). The chord is kept a hair away from 0 and 2,
    where the slope of the root and of asin is infinite.
    """
    chord = (2 - 2 * a @ b.T).clamp(min=1e-8).sqrt() / 2
    return 2 * chord.clamp(max=1 - 1e-6).asin().square()


def prepare(terms: Terms, known: Known) -> Constants:
    """Targets [P, D], weights [P] and stops [P] of P prompts, texts or pictures."""
    target = torch.stack([known.targets[term.target or term.text] for term in terms]).to(known.device)
    return {"target": target, **prepare_weights(terms, known)}


def prompt_loss(embeddings: torch.Tensor, prompts: Constants) -> torch.Tensor:
    """|w| max(sign(w) d, stop), summed over the prompts, for each cutout [n, D]."""
    return weighted(spherical_distance(embeddings, prompts["target"]), prompts)


PROMPT = Loss("prompt", "cutouts", prepare, prompt_loss)
IMAGE = Loss("image", "cutouts", prepare, prompt_loss, whole=True)
