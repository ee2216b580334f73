"""The picture that a shot starts from. A new kind is one function and one line in STARTS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from torch import Tensor

from vqanim.engine.fit import FITS
from vqanim.files import Picture, read_picture
from vqanim.icons.draw import draw_icon
from vqanim.timeline.plan import StartPlan

OCTAVES = (2, 4, 8, 16, 32)
"""Cells of the noise along the picture's short side, coarse to fine."""
FALL_OFF = 0.6
"""Amplitude of an octave relative to the one before."""
MEAN, SPREAD = 0.42, 0.15
"""Mean and standard deviation of the noise's brightness, near those of photographs."""
TINT = 0.3
"""How much the color channels differ from each other, relative to the brightness."""

LONGEST = 8
"""A picture that is longer than so many times its short side is squeezed before a perceptor sees it."""


def smooth_noise(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """Clouds of several octaves: they give the optimisation a composition to grow from.

    Random codes, which most notebooks start from, give it a pattern.
    """
    total = torch.zeros(1, 4, height, width)
    short = min(height, width)
    for octave, cells in enumerate(OCTAVES):
        rows, columns = (max(2, round(cells * side / short)) for side in (height, width))
        grid = torch.randn(1, 4, rows, columns, generator=rng)
        total += FALL_OFF**octave * F.interpolate(grid, (height, width), mode="bicubic", align_corners=False)
    total = (total - total.mean((2, 3), keepdim=True)) / total.std((2, 3), keepdim=True)
    brightness, tint = total[:, :1], total[:, 1:]
    return (MEAN + SPREAD * (brightness + TINT * tint)).clamp(0, 1)


def flat_color(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """One color all over."""
    return torch.tensor(plan.colors[0]).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()


def gradient(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """Colors from top to bottom, evenly spaced, linear between them."""
    colors = torch.tensor(plan.colors).T[None, :, :, None]
    column = F.interpolate(colors, (height, 1), mode="bilinear", align_corners=True)
    return column.expand(1, 3, height, width).contiguous()


def picture_file(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """A picture made to fit the frame; transparency lies on white.

    cover cuts the overhang off evenly; contain puts margins of the picture's mean color around it; stretch
    changes its shape. Raises InputError when the file is missing or broken.
    """
    picture = Pillow.fromarray(read_picture(Path(plan.image or "")))
    return to_tensor(np.asarray(FITS[plan.fit](picture, (width, height))))


def whole_picture(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """The picture as a perceptor is shown it, float [1, 3, h, w] in 0..1: a file keeps its own shape, and
    its shorter side becomes that of the frame."""
    if plan.kind != "image":
        return start_picture(plan, height, width, rng)
    picture = Pillow.fromarray(read_picture(Path(plan.image or "")))
    scale = min(height, width) / min(picture.size)
    size = [max(1, min(round(side * scale), LONGEST * min(height, width))) for side in picture.size]
    return to_tensor(np.asarray(picture.resize((size[0], size[1]), Pillow.Resampling.LANCZOS)))


def drawn_icon(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """An icon, text or shape; noise without a seed of its own follows `rng`.

    Raises InputError when a file is missing or broken.
    """
    assert plan.icon is not None
    seed = int(torch.randint(2**62, (1,), generator=rng)) if plan.icon.seed is None else plan.icon.seed
    return to_tensor(draw_icon(replace(plan.icon, seed=seed), height, width))


STARTS: Mapping[str, Callable[[StartPlan, int, int, torch.Generator], Tensor]] = {
    "noise": smooth_noise,
    "image": picture_file,
    "color": flat_color,
    "gradient": gradient,
    "icon": drawn_icon,
}


def start_picture(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Tensor:
    """The picture as float [1, 3, height, width] in 0..1, on the CPU."""
    return STARTS[plan.kind](plan, height, width, rng)


def to_tensor(picture: Picture) -> Tensor:
    """uint8 [H, W, 3] to float [1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def to_bytes(image: Tensor) -> Picture:
    """Float [1, 3, H, W] in 0..1 to uint8 [H, W, 3], rounded to the nearest value."""
    levels = (image[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().cpu().numpy()
