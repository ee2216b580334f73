"""The loss terms of a picture: one file a kind or family of kinds, one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from vqanim.losses.base import Constants, Context, Known, LooksAt, Loss, given

__all__ = ["LOSSES", "Constants", "Context", "Known", "LooksAt", "Loss", "given"]

_FILES = (
    "prompt",
    "features",
    "pixels",
    "params",
    "edges",
    "tv",
    "symmetry",
)
"""Of this folder; each lists what it offers in KINDS."""

LOSSES: Mapping[str, Loss] = MappingProxyType(
    {kind.name: kind for file in _FILES for kind in import_module(f"{__name__}.{file}").KINDS}
)
"""Every kind of loss term, by the name that plans give it."""
