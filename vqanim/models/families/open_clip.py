"""CLIPs of the open_clip project, which are known by their names. No torch until a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vqanim.models.family import Family

if TYPE_CHECKING:
    import torch

    from vqanim.models.entries import PerceptorEntry
    from vqanim.types import Perceptor


def load(entry: PerceptorEntry, device: torch.device, settings: Mapping[str, Any]) -> Perceptor:
    """Build the network and read its weights. Raises InputError."""
    from vqanim.models.open_clip import load_open_clip

    return load_open_clip(entry, device)


FAMILY = Family("open_clip", "perceptor", load)  # its files are known by rule, not from a catalogue
