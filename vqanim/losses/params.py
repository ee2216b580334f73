"""Staying near to a picture in the generator's parameters: for VQGAN, its latents."""

from __future__ import annotations

from vqanim.lazy import torch
from vqanim.losses.base import Constants, Known, Loss, Terms, given, shrunk
from vqanim.types import Params


def prepare(terms: Terms, known: Known) -> Constants:
    """Of each tensor: those to stay near to, `of <name>` [P, ...], and how much each counts, `count <name>`,
    which is relative to their mean square. What has just come into view is free where the tensor is a grid
    [1, C, h, w] over the picture."""
    context, made = known.context, {}
    for name, tensor in given(context.params).items():
        valid = context.valid if name not in known.knobs or known.knobs[name].spatial else None
        of = [tensor if term.target is None else context.params_of[term.target][name] for term in terms]
        ones = torch.ones_like(tensor[:, :1])
        free = ones if valid is None else shrunk(valid, ones)
        counts = [term.weight * (ones if term.target else free) for term in terms]
        made[f"of {name}"] = torch.cat(of)
        made[f"count {name}"] = torch.cat(counts) / tensor.square().mean().clamp(min=1e-12)
    return made


def near_params_loss(params: Params, terms: Constants) -> torch.Tensor:
    """Weighted mean squared difference, relative to the parameters' mean square."""
    losses = [
        ((tensor - terms[f"of {name}"]).square() * terms[f"count {name}"])
        .mean(tuple(range(1, tensor.dim())))
        .sum()
        for name, tensor in params.items()
    ]
    return torch.stack(losses).sum()


STAY_NEAR_LATENTS = Loss("stay_near_latents", "params", prepare, near_params_loss, pulls=False)
