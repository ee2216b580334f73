"""What a family of models tells about itself. No torch.

A family is one file in `families/`, which holds a `FAMILY`, and one line in the registry there. Its file may
hold its whole code, with `vqanim.lazy` instead of torch, or import a module with the network when it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vqanim.models.entries import GeneratorEntry
from vqanim.settings import Setting
from vqanim.types import Stage

if TYPE_CHECKING:
    import torch

Load: TypeAlias = "Callable[[Any, torch.device, Mapping[str, Any]], Any]"
"""Entry, device, values of all settings by name -> a frozen `types.Generator` or `types.Perceptor`."""
FirstStages: TypeAlias = "Callable[[int, tuple[int, int], Mapping[str, Any]], tuple[Stage, ...]]"
"""Steps, height and width in pixels, values of all settings -> stages, coarse to fine. No torch."""


@dataclass(frozen=True)
class Family:
    """A kind of models that are loaded in the same way."""

    name: str
    kind: str
    """generator or perceptor."""
    load: Load
    roles: tuple[str, ...] = ()
    """Roles of the files of each model in a catalogue: config, weights ...; empty where none stands there."""
    settings: tuple[Setting, ...] = ()
    """What a scene may set beside the name of the model."""
    stages: FirstStages | None = None
    """How the steps of a picture that starts from nothing are split; None: from small sizes to full size."""
    entry: GeneratorEntry | None = None
    """Of a family without weights: the one model that it is, of the same name."""

    def __post_init__(self) -> None:
        if self.entry and not (self.entry.name == self.entry.family == self.name and self.entry.version):
            raise ValueError(f"{self.name}: the entry of a family has its name, and a version")
