"""The pictures that terms name, as large as a frame; each is made once and not again for every frame."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from vqanim.engine.areas import area_mask
from vqanim.engine.random import generator as random_generator
from vqanim.engine.start import start_picture
from vqanim.timeline.plan import AreaPlan, StartPlan
from vqanim.types import Generator, Latents

KEPT_IN_MEMORY = 8
"""Pictures, and latents of pictures; a frame rarely names more than two."""


class Named(NamedTuple):
    """A picture at a size. Its noise is that of the first frame of its shot."""

    start: StartPlan
    height: int
    width: int
    seed: int
    shot: str


class NamedArea(NamedTuple):
    """An area at a size."""

    plan: AreaPlan
    height: int
    width: int


class NamedPictures:
    """Makes them, and remembers those that were made last: they are functions of what names them."""

    def __init__(self, generator: Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device
        self.image = lru_cache(KEPT_IN_MEMORY)(self._image)
        """A picture, float [1, 3, H, W] in 0..1. Raises InputError when its file is missing or broken."""
        self.latents = lru_cache(KEPT_IN_MEMORY)(self._latents)
        """Its latents."""
        self.area = lru_cache(KEPT_IN_MEMORY)(self._area)
        """An area, float [1, 1, H, W] in 0..1. Raises InputError when nothing lies in it."""

    def _image(self, named: Named) -> Tensor:
        rng = random_generator(named.seed, named.shot, 0, "start")
        return start_picture(named.start, named.height, named.width, rng).to(self._device)

    def _area(self, named: NamedArea) -> Tensor:
        return area_mask(named.plan, named.height, named.width).to(self._device)

    @torch.no_grad()
    def _latents(self, named: Named) -> Latents:
        return self._generator.carry(self.image(named))
