"""Staying near to where a picture has its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vqanim.lazy import torch
from vqanim.losses.base import Constants, Known, Loss, held_to, shrunk
from vqanim.losses.statistics import edges, unit

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.timeline.plan import WeightedTerm
    from vqanim.types import Image

SCALE = 5.0


def prepare(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Edges [P, 2, h, w] as vectors of length 1, and how much each of P pictures counts, [P]."""
    held = [held_to(term, known.context) for term in terms]
    fields = torch.cat([edges(picture) for picture, _ in held])
    valid = torch.cat([shrunk(valid, fields) for _, valid in held])
    weight = torch.tensor([term.weight for term in terms], device=known.device)
    return {"edges": unit(fields * valid), "valid": valid, "weight": weight}


def near_edges_loss(image: Image, terms: Constants) -> Tensor:
    """1 - cosine of the picture's edges to each of those: where they are and which way they rise counts, not
    how steep all of them are."""
    found = unit(edges(image) * terms["valid"])
    distances = 1 - (found * terms["edges"]).sum((1, 2, 3))
    return SCALE * (terms["weight"] * distances).sum()


KINDS = (Loss("stay_near_edges", "picture", prepare, near_edges_loss, pulls=False),)
