"""RGB: a picture as a pyramid of itself, in which every level is a parameter. No weights.

The levels are added up, each half as large as the one below, so that a step changes large shapes as readily
as fine ones (Olah et al. 2017, "Feature Visualization"; the pyramids of Burt and Adelson 1983). Colors are
decorrelated, and brightness and spread are held near those of photographs, as in aphantasia's RGB mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vqanim.lazy import F, torch
from vqanim.models.entries import GeneratorEntry
from vqanim.models.family import Family
from vqanim.models.weightless import WeightlessGenerator, single_stage
from vqanim.models.weightless.color_axes import from_axes, to_axes
from vqanim.models.weightless.exposure import CONTRAST, FAINT, exposure
from vqanim.settings import number
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image, Params

LEVELS = 6
LEAST_SIDE = 4  # pixels of the shorter side of the coarsest level


class RGB(WeightlessGenerator):
    """A pyramid as a `types.Generator`; `level0` is float32 [1, 3, H, W], `level1` half as large, and so on.

    `fineness` is the share of a level's step that the next finer one makes.
    """

    def __init__(self, entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> None:
        super().__init__(entry, device, settings)
        fineness = settings["fineness"]
        self.knobs = {
            f"level{level}": Knob(adam="element", rate=fineness ** (LEVELS - 1 - level))
            for level in range(LEVELS)
        }

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The pyramid of the picture, of fresh noise a faint one; `rng` is not needed here."""
        return self.carry(torch.lerp(picture.mean(), picture, FAINT) if stage.fresh else picture)

    def carry(self, picture: Image) -> Params:
        """The levels of a picture [1, 3, H, W] in 0..1: each what the coarser ones leave of it."""
        values = to_axes(picture.to(self.device, torch.float32))
        size = (picture.shape[2], picture.shape[3])
        found, coarser = {}, torch.zeros_like(values[:, :, :1, :1])
        for level in reversed(range(LEVELS)):
            wanted = F.interpolate(values, _level_size(size, level), mode="area")
            found[f"level{level}"] = wanted - _enlarged(coarser, _level_size(size, level))
            coarser = wanted
        return found

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The levels added up, [1, 3, H, W]."""
        made = params[f"level{LEVELS - 1}"]
        for level in reversed(range(LEVELS - 1)):
            made = _enlarged(made, _level_size(size, level)) + params[f"level{level}"]
        return from_axes(made)

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """The distance to the exposure of photographs."""
        return exposure(image, self.settings["contrast"])


def _level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    height, width = (max(LEAST_SIDE, round(side / 2**level)) if level else side for side in size)
    return height, width


def _enlarged(values: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(values, size, mode="bilinear", align_corners=False)


FAMILY = Family(
    "rgb",
    "generator",
    RGB,
    stages=single_stage,  # a pyramid is coarse and fine at once
    settings=(
        number(
            "fineness", 0.1, 1.0, 0.7, "Steps of a level, of those of the next coarser one: less is softer"
        ),
        CONTRAST,
    ),
    entry=GeneratorEntry(
        name="rgb",
        kind="generator",
        family="rgb",
        version="rgb 1",
        multiple=2,
        learning_rate=0.1,
        noise=0.0,
        match_detail=0.0,
        good_at="soft shapes with fine detail at any size, without a GPU",
        source="part of vqanim, after Lucid by Chris Olah and others",
        license="MIT, as vqanim",
        commercial="yes",
    ),
)
