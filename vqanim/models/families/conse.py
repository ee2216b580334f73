"""Perceptors made of a classifier and word vectors. No torch until a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vqanim.models.family import Family

if TYPE_CHECKING:
    import torch

    from vqanim.models.entries import PerceptorEntry
    from vqanim.types import Perceptor


def _load(entry: PerceptorEntry, device: torch.device, settings: Mapping[str, Any]) -> Perceptor:
    from vqanim.models.conse import load_conse

    return load_conse(entry, device)


FAMILY = Family("conse", "perceptor", _load, roles=("classifier", "palettes", "table", "words"))
