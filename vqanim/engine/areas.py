"""The areas in which prompts pull, as masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from vqanim.engine.fit import FITS
from vqanim.errors import InputError
from vqanim.icons.draw import draw_mask
from vqanim.icons.silhouette import Mask, lightness
from vqanim.timeline.plan import AreaPlan, StartPlan

LEAST = 1e-4
"""Mean of a mask below which nothing lies in its area."""


def area_mask(plan: AreaPlan, height: int, width: int) -> Tensor:
    """Float [1, 1, height, width], 1 inside the area and 0 outside, on the CPU.

    Raises InputError when a file is missing or broken, or when nothing lies in the area.
    """
    shape = _shape(plan.shape, height, width)
    mask = torch.from_numpy(np.array(255 - shape if plan.outside else shape))[None, None].float() / 255
    if float(mask.mean()) < LEAST:
        where = "outside" if plan.outside else "inside"
        raise InputError(f"{_name(plan.shape)}: nothing lies {where}, in a frame of {width}x{height} pixels")
    return mask


def _shape(plan: StartPlan, height: int, width: int) -> Mask:
    """255 where the figure is or the picture is light; around a picture that is only a part of the frame,
    0."""
    if plan.icon is not None:
        return draw_mask(plan.icon, height, width)
    light = Pillow.fromarray(lightness(Path(plan.image or "")))
    if plan.fit == "contain":
        return np.asarray(FITS["contain"](light, (width, height)))
    return np.asarray(FITS[plan.fit](light, (width, height)))


def _name(plan: StartPlan) -> str:
    return plan.file or (plan.icon.figure.name if plan.icon else plan.kind)
