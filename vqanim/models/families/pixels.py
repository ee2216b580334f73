"""Pixels: a grid of colored squares, in which every square is a parameter. No weights.

Colors are kept in axes in which those of photographs are independent (Olah et al. 2017, "Feature
Visualization"), so that a step changes brightness before it changes hue, and go through a sigmoid. A picture
that starts from nothing is found on coarse grids first.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vqanim.lazy import F, torch
from vqanim.models.color_axes import from_axes, to_axes
from vqanim.models.entries import GeneratorEntry
from vqanim.models.family import Family
from vqanim.models.weightless import WeightlessGenerator
from vqanim.settings import whole
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image, Params

LEAST_CELLS = 16
"""Squares across on the coarsest grid."""
TV = 0.3
"""Weight of the differences of neighbors, which keep single squares from sparkling."""


def stages(steps: int, size: tuple[int, int], settings: Mapping[str, Any]) -> tuple[Stage, ...]:
    """As many steps on a grid as on each of the next ones, twice as fine, from about 16 squares across."""
    grids = 1
    while settings["cells"] / 2**grids >= LEAST_CELLS:
        grids += 1
    borders = [steps * number // grids for number in range(grids + 1)]
    return tuple(
        Stage(*size, end - begin, 1 / 2 ** (grids - 1 - number))
        for number, (begin, end) in enumerate(pairwise(borders))
        if end > begin
    )


class Pixels(WeightlessGenerator):
    """A grid of squares as a `types.Generator`; `colors` is float32 [1, 3, rows, columns]."""

    knobs: Mapping[str, Knob] = MappingProxyType({"colors": Knob()})

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """Coarse grids first; size: height and width in pixels."""
        return stages(steps, size, self.settings)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The mean colors of the picture in the squares of a stage; `rng` is not needed here."""
        return self._fit(picture, max(1, round(self.settings["cells"] * stage.detail)))

    def carry(self, picture: Image) -> Params:
        """The mean colors of a picture [1, 3, H, W] in 0..1 in its squares."""
        return self._fit(picture, self.settings["cells"])

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """Every square in its color, [1, 3, H, W]: each pixel shows the square that its middle lies in."""
        return F.interpolate(from_axes(params["colors"]), size, mode="nearest-exact")

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """The differences of neighboring squares."""
        colors = torch.sigmoid(params["colors"])
        return {"tv": TV * (colors.diff(dim=2).abs().mean() + colors.diff(dim=3).abs().mean())}

    def _fit(self, picture: Image, cells: int) -> Params:
        height, width = picture.shape[2:]
        columns = min(cells, width)
        rows = max(1, min(height, round(columns * height / width)))
        picture = picture.to(self.device, torch.float32)
        return {"colors": to_axes(F.interpolate(picture, (rows, columns), mode="area"))}


FAMILY = Family(
    "pixels",
    "generator",
    Pixels,
    stages=stages,
    settings=(whole("cells", 4, 512, 64, "Squares across a frame"),),
    entry=GeneratorEntry(
        name="pixels",
        kind="generator",
        family="pixels",
        version="pixels 1",
        multiple=2,
        learning_rate=0.1,
        smoothing=2.0,
        good_at="a first film without a GPU: colored squares, crisp at any size",
        source="part of vqanim",
        license="MIT, as vqanim",
        commercial="yes",
    ),
)
