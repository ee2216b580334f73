"""The pictures and areas that plans name: what a shot starts from, what terms compare with, where they pull.

Torch is imported when the first tensor is made.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from vqanim.errors import InputError
from vqanim.icons.draw import draw_icon, draw_mask, lightness
from vqanim.lazy import F, torch
from vqanim.pictures import Picture, read_picture
from vqanim.timeline.plan import AreaPlan, StartPlan
from vqanim.types import Generator, Image, Params

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
KEPT_IN_MEMORY = 8
"""Pictures, and parameters of pictures; a frame rarely names more than two."""
LEAST_AREA = 1e-4
"""Mean of a mask below which nothing lies in its area."""


def random_generator(seed: int, shot: str, index: int, purpose: str) -> torch.Generator:
    """A CPU generator that depends on the four arguments and nothing else; every use has one of its own."""
    key = hashlib.sha256(f"{seed}\0{shot}\0{index}\0{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)


def start_picture(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Image:
    """The picture as float [1, 3, height, width] in 0..1, on the CPU.

    Noise follows `rng`, that of an icon where it has no seed. Raises InputError when a file is missing or
    broken.
    """
    if plan.icon is not None:
        seed = int(torch.randint(2**62, (1,), generator=rng)) if plan.icon.seed is None else plan.icon.seed
        return to_tensor(draw_icon(replace(plan.icon, seed=seed), height, width))
    match plan.kind:
        case "noise":
            return smooth_noise(height, width, rng)
        case "image":
            return to_tensor(np.asarray(fit_picture(open_picture(plan), (width, height), plan.fit)))
        case "color":
            return torch.tensor(plan.colors[0]).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()
        case "gradient":  # from top to bottom, evenly spaced, linear between them
            colors = torch.tensor(plan.colors).T[None, :, :, None]
            column = F.interpolate(colors, (height, 1), mode="bilinear", align_corners=True)
            return column.expand(1, 3, height, width).contiguous()
    raise ValueError(f"a start of the kind {plan.kind} is no picture of its own")


def smooth_noise(height: int, width: int, rng: torch.Generator) -> Image:
    """Clouds of several octaves: they give the optimization a composition to grow from.

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


def whole_picture(plan: StartPlan, height: int, width: int, rng: torch.Generator) -> Image:
    """The picture as a perceptor is shown it, float [1, 3, h, w] in 0..1: a file keeps its own shape, and
    its shorter side becomes that of the frame."""
    if plan.kind != "image":
        return start_picture(plan, height, width, rng)
    picture = open_picture(plan)
    scale = min(height, width) / min(picture.size)
    size = [max(1, min(round(side * scale), LONGEST * min(height, width))) for side in picture.size]
    return to_tensor(np.asarray(picture.resize((size[0], size[1]), Pillow.Resampling.LANCZOS)))


def open_picture(plan: StartPlan) -> Pillow.Image:
    """The file of a plan; transparency lies on white. Raises InputError when it is missing or broken."""
    return Pillow.fromarray(read_picture(Path(plan.image or "")))


def fit_picture(picture: Pillow.Image, size: tuple[int, int], fit: str) -> Pillow.Image:
    """A picture of any shape as a frame of a width and height in pixels.

    `cover` cuts the overhang off evenly, `contain` puts margins in its mean color around it, and `stretch`
    changes its shape.
    """
    match fit:
        case "contain":
            mean = np.asarray(picture).mean((0, 1)).round().astype(int).tolist()
            return ImageOps.pad(picture, size, Pillow.Resampling.LANCZOS, color=tuple(mean))
        case "stretch":
            return picture.resize(size, Pillow.Resampling.LANCZOS)
    return ImageOps.fit(picture, size, Pillow.Resampling.LANCZOS)


def area_mask(plan: AreaPlan, height: int, width: int) -> torch.Tensor:
    """Float [1, 1, height, width], 1 inside the area and 0 outside, on the CPU: an area is where an icon is
    or a picture is light; around a picture that fills only a part of the frame there is none.

    Raises InputError when a file is missing or broken, or when nothing lies in the area.
    """
    if plan.shape.icon is not None:
        shape = draw_mask(plan.shape.icon, height, width)
    else:
        light = Pillow.fromarray(lightness(Path(plan.shape.image or "")))
        shape = np.asarray(fit_picture(light, (width, height), plan.shape.fit))
    mask = torch.from_numpy(np.array(255 - shape if plan.outside else shape))[None, None].float() / 255
    if float(mask.mean()) < LEAST_AREA:
        where = "outside" if plan.outside else "inside"
        icon = plan.shape.icon.figure.name if plan.shape.icon else plan.shape.kind
        name = plan.shape.file or icon
        raise InputError(f"{name}: nothing lies {where}, in a frame of {width}x{height} pixels")
    return mask


class TargetPictures:
    """Makes what terms name as large as a frame, and remembers what was made last."""

    def __init__(self, generator: Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device
        self.image = lru_cache(KEPT_IN_MEMORY)(self._image)
        """A picture, float [1, 3, H, W] in 0..1. Its noise is that of the first frame of its shot."""
        self.params = lru_cache(KEPT_IN_MEMORY)(self._params)
        """Its parameters."""
        self.area = lru_cache(KEPT_IN_MEMORY)(self._area)
        """An area, float [1, 1, H, W] in 0..1."""

    def _image(self, start: StartPlan, height: int, width: int, seed: int, shot: str) -> Image:
        rng = random_generator(seed, shot, 0, "start")
        return start_picture(start, height, width, rng).to(self._device)

    def _params(self, start: StartPlan, height: int, width: int, seed: int, shot: str) -> Params:
        with torch.no_grad():
            return self._generator.carry(self.image(start, height, width, seed, shot))

    def _area(self, plan: AreaPlan, height: int, width: int) -> torch.Tensor:
        return area_mask(plan, height, width).to(self._device)


def to_tensor(picture: Picture) -> Image:
    """uint8 [H, W, 3] to float [1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def to_bytes(image: Image) -> Picture:
    """Float [1, 3, H, W] in 0..1 to uint8 [H, W, 3], rounded to the nearest value."""
    levels = (image[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().cpu().numpy()
