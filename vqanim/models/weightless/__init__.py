"""What generators without weights share: nothing to load, nothing to keep in another precision. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vqanim.models.entries import GeneratorEntry
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from vqanim.types import Image, Params


def single_stage(steps: int, size: tuple[int, int], settings: Mapping[str, Any]) -> tuple[Stage, ...]:
    """All steps at full size; size: height and width in pixels."""
    return (Stage(*size, steps),)


class WeightlessGenerator:
    """A `types.Generator` but for `knobs`, `carry` and `decode`; the rest is what most of them do."""

    invertible = True
    exact = False
    knobs: Mapping[str, Knob] = MappingProxyType({})

    def __init__(self, entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> None:
        """settings: a value for each that the family declares."""
        self.name, self.hash, self.multiple = entry.name, entry.hash, entry.multiple
        self.device, self.settings = device, settings

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """All steps at full size; a family whose `stages` differ says so here too."""
        return single_stage(steps, size, self.settings)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The parameters of the picture; `rng` is not needed here."""
        return self.carry(picture)

    def carry(self, picture: Image) -> Params:
        """The parameters of a picture [1, 3, H, W] in 0..1."""
        raise NotImplementedError

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The picture [1, 3, H, W] of parameters, differentiable."""
        raise NotImplementedError

    def project(self, params: Params) -> None:
        """Nothing to do where all numbers are pictures."""

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """Nothing is asked."""
        return {}

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Nothing to do: there are no weights."""
