"""The door to the models: by name, verified, frozen, on a device. No torch until one is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vqanim.lazy import torch
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.families import FAMILIES
from vqanim.settings import with_defaults
from vqanim.types import Generator, Perceptor


def load_generator(
    name: str, device: torch.device | str = "cpu", settings: Mapping[str, Any] | None = None
) -> Generator:
    """The generator called `name`, frozen.

    settings: those of its family that have another value than the default.
    Raises UnknownModel for a name that the catalogue lacks, InputError for missing or damaged files,
    ValueError for settings that the family does not have.
    """
    entry = get_generator_entry(name)
    family = FAMILIES[entry.family]
    return family.load(entry, torch.device(device), with_defaults(family.settings, settings or {}))


def load_perceptor(name: str, device: torch.device | str = "cpu") -> Perceptor:
    """The perceptor called `name`, frozen.

    Raises UnknownModel for a name that the catalogue lacks, InputError for missing or damaged files.
    """
    entry = get_perceptor_entry(name)
    return FAMILIES[entry.family].load(entry, torch.device(device), {})
