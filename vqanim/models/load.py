"""The door to the models: by name, verified, frozen, on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from vqanim.models.catalogue import (
    GeneratorEntry,
    PerceptorEntry,
    get_generator_entry,
    get_perceptor_entry,
)
from vqanim.models.clip import load_clip
from vqanim.models.conse import load_conse
from vqanim.models.open_clip import load_open_clip
from vqanim.models.vqgan import load_vqgan
from vqanim.types import Generator, Perceptor

GENERATORS: Mapping[str, Callable[[GeneratorEntry, torch.device], Generator]] = {
    "vqgan": load_vqgan,
}
"""How to load a generator, by the family that its catalogue entry names."""
PERCEPTORS: Mapping[str, Callable[[PerceptorEntry, torch.device], Perceptor]] = {
    "clip": load_clip,
    "conse": load_conse,
    "open_clip": load_open_clip,
}
"""How to load a perceptor, by the family that its catalogue entry names."""


def load_generator(name: str, device: torch.device | str = "cpu") -> Generator:
    """The generator called `name`, frozen.

    Raises UnknownModel for a name that the catalogue lacks, InputError for missing or damaged files.
    """
    entry = get_generator_entry(name)
    return GENERATORS[entry.family](entry, torch.device(device))


def load_perceptor(name: str, device: torch.device | str = "cpu") -> Perceptor:
    """The perceptor called `name`, frozen.

    Raises UnknownModel for a name that the catalogue lacks, InputError for missing or damaged files.
    """
    entry = get_perceptor_entry(name)
    return PERCEPTORS[entry.family](entry, torch.device(device))
