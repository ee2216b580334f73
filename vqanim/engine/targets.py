"""The pictures and areas that terms name, as large as a frame; each is made once and not for every frame."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from vqanim.engine.fit import FITS
from vqanim.engine.random import generator as random_generator
from vqanim.engine.start import start_picture
from vqanim.errors import InputError
from vqanim.icons.draw import Mask, draw_mask, lightness
from vqanim.timeline.plan import AreaPlan, StartPlan
from vqanim.types import Generator, Params

KEPT_IN_MEMORY = 8
"""Pictures, and parameters of pictures; a frame rarely names more than two."""
LEAST_AREA = 1e-4
"""Mean of a mask below which nothing lies in its area."""


class SizedPicture(NamedTuple):
    """A picture at a size. Its noise is that of the first frame of its shot."""

    start: StartPlan
    height: int
    width: int
    seed: int
    shot: str


class SizedArea(NamedTuple):
    """An area at a size."""

    plan: AreaPlan
    height: int
    width: int


class TargetPictures:
    """Makes them, and remembers those that were made last: they are functions of what names them."""

    def __init__(self, generator: Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device
        self.image = lru_cache(KEPT_IN_MEMORY)(self._image)
        """A picture, float [1, 3, H, W] in 0..1. Raises InputError when its file is missing or broken."""
        self.params = lru_cache(KEPT_IN_MEMORY)(self._params)
        """Its parameters."""
        self.area = lru_cache(KEPT_IN_MEMORY)(self._area)
        """An area, float [1, 1, H, W] in 0..1. Raises InputError when nothing lies in it."""

    def _image(self, sized: SizedPicture) -> Tensor:
        rng = random_generator(sized.seed, sized.shot, 0, "start")
        return start_picture(sized.start, sized.height, sized.width, rng).to(self._device)

    def _area(self, sized: SizedArea) -> Tensor:
        return area_mask(sized.plan, sized.height, sized.width).to(self._device)

    @torch.no_grad()
    def _params(self, sized: SizedPicture) -> Params:
        return self._generator.carry(self.image(sized))


def area_mask(plan: AreaPlan, height: int, width: int) -> Tensor:
    """Float [1, 1, height, width], 1 inside the area and 0 outside, on the CPU.

    Raises InputError when a file is missing or broken, or when nothing lies in the area.
    """
    shape = _shape(plan.shape, height, width)
    mask = torch.from_numpy(np.array(255 - shape if plan.outside else shape))[None, None].float() / 255
    if float(mask.mean()) < LEAST_AREA:
        where = "outside" if plan.outside else "inside"
        icon = plan.shape.icon.figure.name if plan.shape.icon else plan.shape.kind
        name = plan.shape.file or icon
        raise InputError(f"{name}: nothing lies {where}, in a frame of {width}x{height} pixels")
    return mask


def _shape(plan: StartPlan, height: int, width: int) -> Mask:
    """255 where the icon is or the picture is light; around a picture that is only a part of the frame, 0."""
    if plan.icon is not None:
        return draw_mask(plan.icon, height, width)
    light = Pillow.fromarray(lightness(Path(plan.image or "")))
    return np.asarray(FITS[plan.fit](light, (width, height)))
