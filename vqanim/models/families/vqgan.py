"""VQGANs, of taming-transformers' kinds. No torch until a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vqanim.models.family import Family

if TYPE_CHECKING:
    import torch

    from vqanim.models.entries import GeneratorEntry
    from vqanim.types import Generator


def load(entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> Generator:
    """Build the network and read its weights. Raises InputError."""
    from vqanim.models.vqgan import load_vqgan

    return load_vqgan(entry, device)


FAMILY = Family("vqgan", "generator", load, roles=("config", "weights"))
