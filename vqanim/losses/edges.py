"""Staying near to where a picture has its edges."""

from __future__ import annotations

from functools import cache

from vqanim.lazy import F, torch
from vqanim.losses.base import Constants, Known, Loss, Terms, held_to, shrunk
from vqanim.types import Image

SCALE = 5.0
GRAY = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness."""
EDGE_PIXELS = 2
"""Side of the squares whose mean brightness is compared: strokes may be finer."""
LEAST = 1e-8
"""Keeps ratios finite for pictures without edges."""


def edges(image: Image) -> torch.Tensor:
    """Slopes of brightness to the right and down, [B, 2, h, w], of pictures [B, 3, H, W]."""
    gray = (image * shares(image.device, image.dtype)).sum(1, keepdim=True)
    gray = F.avg_pool2d(gray, EDGE_PIXELS)[:, 0]
    return torch.stack([gray.diff(dim=2)[:, 1:], gray.diff(dim=1)[:, :, 1:]], 1)


@cache
def shares(device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """GRAY as [1, 3, 1, 1] on a device. Kept: a copy from the host in a step would end its recording."""
    return torch.tensor(GRAY, device=device, dtype=dtype).view(1, 3, 1, 1)


def unit(fields: torch.Tensor) -> torch.Tensor:
    """Fields [B, 2, h, w], each as a vector of length 1."""
    return fields / (fields.square().sum((1, 2, 3), keepdim=True) + LEAST).sqrt()


def prepare(terms: Terms, known: Known) -> Constants:
    """Edges [P, 2, h, w] as vectors of length 1, and how much each of P pictures counts, [P]."""
    held = [held_to(term, known.context) for term in terms]
    fields = torch.cat([edges(picture) for picture, _ in held])
    valid = torch.cat([shrunk(valid, fields) for _, valid in held])
    weight = torch.tensor([term.weight for term in terms], device=known.device)
    return {"edges": unit(fields * valid), "valid": valid, "weight": weight}


def near_edges_loss(image: Image, terms: Constants) -> torch.Tensor:
    """1 - cosine of the picture's edges to each of those: where they are and which way they rise counts, not
    how steep all of them are."""
    found = unit(edges(image) * terms["valid"])
    distances = 1 - (found * terms["edges"]).sum((1, 2, 3))
    return SCALE * (terms["weight"] * distances).sum()


STAY_NEAR_EDGES = Loss("stay_near_edges", "picture", prepare, near_edges_loss, pulls=False)
