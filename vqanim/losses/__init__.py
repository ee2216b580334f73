"""The loss terms of a picture: one file a kind or family of kinds, one line here."""

from __future__ import annotations

from vqanim.losses.base import Constants, Context, Known, LooksAt, Loss, given
from vqanim.registry import collect

__all__ = ["LOSSES", "Constants", "Context", "Known", "LooksAt", "Loss", "given"]

LOSSES = collect(
    __name__,
    (
        "prompt",
        "features",
        "pixels",
        "params",
        "edges",
        "tv",
        "symmetry",
    ),
    Loss,
)
"""Every kind of loss term, by the name that plans give it; the files of this folder that define them."""
