"""Cutouts: square views of the picture at many places and sizes, which perceptors look at.

Positions and sizes are stratified, so that a few cutouts cover the picture evenly; some see the whole
picture, a little nearer or farther each time; every second one is mirrored. Cutouts may hang over the edge,
where the picture is reflected: otherwise its rim would be seen less than its middle, and always at the same
place of a cutout. All random numbers of a frame are drawn at once on the CPU.

Cutting and antialiased shrinking are two batched matrix products with triangle-filter weights. Unlike
`grid_sample` their backward pass is deterministic on CUDA, and there is no aliasing at any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vqanim.types import Image, Perceptor

SMALLEST = 0.45
"""Side of the smallest cutout, as a fraction of the picture's short side."""
OVERHANG = 0.25
"""How far a cutout may hang over the edge, as a fraction of its side."""
NEARER, FARTHER = 0.85, 1.15
"""Least and greatest side of an overview, as a fraction of what it would show."""
OVERVIEW_EVERY = 4
"""One cutout in this many shows the whole picture."""
OVERVIEW_SQUEEZE = 1.5
"""An overview of a wide picture is squeezed by this factor at most; beyond that its ends are cut."""


class Boxes(NamedTuple):
    """Cutouts of all steps of a frame, in pixels of the picture; each tensor is float32 [steps, count]."""

    left: Tensor
    top: Tensor
    width: Tensor
    height: Tensor
    mirrored: Tensor
    """1 where the cutout is mirrored left to right, else 0."""

    def to(self, device: torch.device) -> Boxes:
        """The same boxes on a device."""
        return Boxes(*(numbers.to(device) for numbers in self))

    def part(self, some: int | slice) -> Boxes:
        """Those of one step, each tensor [count]; then those of a slice of them."""
        return Boxes(*(numbers[some] for numbers in self))


def draw_boxes(steps: int, count: int, height: int, width: int, rng: torch.Generator) -> Boxes:
    """Draw the cutouts of `steps` steps for a picture of height x width pixels.

    In every step the areas are spread evenly between the smallest and the largest square, in random
    order, and the centers follow a jittered low-discrepancy sequence (Roberts' R2), so that each step
    covers the whole picture.
    """
    overviews = count // OVERVIEW_EVERY
    squares = count - overviews
    jitter = torch.rand(steps, 5, count, generator=rng)
    order = jitter[:, 4, :squares].argsort(1).float()
    rank = (order + jitter[:, 0, :squares]) / max(squares, 1)
    side = (SMALLEST**2 + (1 - SMALLEST**2) * rank).sqrt() * min(height, width)
    index = torch.arange(squares, dtype=torch.float32)
    u = (jitter[:, 1, :1] + 0.7548776662466927 * index) % 1
    v = (jitter[:, 2, :1] + 0.5698402909980532 * index) % 1
    left, top = place(u, side, width), place(v, side, height)

    view = overview_side(height, width)
    scale = torch.lerp(torch.tensor(NEARER), torch.tensor(FARTHER), jitter[:, 0, squares:])
    far_w, far_h = scale * view[1], scale * view[0]
    far_left = place(jitter[:, 1, squares:], far_w, width)
    far_top = place(jitter[:, 2, squares:], far_h, height)

    flips = (torch.arange(count) + (jitter[:, 3, :1] < 0.5).long()) % 2
    return Boxes(
        torch.cat([left, far_left], 1),
        torch.cat([top, far_top], 1),
        torch.cat([side, far_w], 1),
        torch.cat([side, far_h], 1),
        flips.float(),
    )


class Noise(NamedTuple):
    """Noise for the cutouts of all steps of a frame, on the pictures' scale of 0..1."""

    grains: Tensor
    """[count, 3, S, S], with a spread of 1."""
    spreads: Tensor
    """Of each cutout in each step, [steps, count, 1, 1, 1]."""

    def step(self, index: int) -> Noise:
        """Noise of one step, with spreads [count, 1, 1, 1]; no two steps in a row pair them alike."""
        return Noise(self.grains.roll(index, 0), self.spreads[index])

    def part(self, some: slice) -> Noise:
        """Of the noise of one step, that for a slice of its cutouts."""
        return Noise(self.grains[some], self.spreads[some])


def draw_noise(
    amount: float, steps: int, count: int, size: int, rng: torch.Generator, device: torch.device
) -> Noise | None:
    """Noise whose spread is even between 0 and `amount`, another one for each cutout; None for no noise.

    What only the perceptor can see, fine patterns far from any photograph, drowns in it, and shapes remain
    (as `noise_fac` in Katherine Crowson's VQGAN+CLIP notebook, 2021).
    """
    if amount == 0:
        return None
    spreads = amount * torch.rand(steps, count, 1, 1, 1, generator=rng)
    return Noise(torch.randn(count, 3, size, size, generator=rng).to(device), spreads.to(device))


def place(position: Tensor, side: Tensor, length: int) -> Tensor:
    """Where a cutout of `side` pixels begins, for a position 0..1 between both ends of `length` pixels.

    It hangs over an end by OVERHANG of its side at most; one longer than that room lies on the middle.
    """
    first, last = -OVERHANG * side, length - (1 - OVERHANG) * side
    return torch.where(last > first, first + position * (last - first), (first + last) / 2)


def overview_side(height: int, width: int) -> tuple[float, float]:
    """Height and width in pixels of the part of the picture that an overview shows."""
    longest = OVERVIEW_SQUEEZE * min(height, width)
    return min(float(height), longest), min(float(width), longest)


def cut(image: Tensor, boxes: Boxes, size: int) -> Tensor:
    """Cut and resize: image [1, 3, H, W] and boxes of one step [count] -> [count, 3, size, size]."""
    rows = resize_matrix(boxes.top, boxes.height, torch.zeros_like(boxes.mirrored), size, image.shape[2])
    columns = resize_matrix(boxes.left, boxes.width, boxes.mirrored, size, image.shape[3])
    tall = torch.einsum("chw,nxw->nchx", image[0], columns)
    return torch.einsum("nyh,nchx->ncyx", rows, tall)


def resize_matrix(start: Tensor, length: Tensor, mirrored: Tensor, size: int, source: int) -> Tensor:
    """Weights that shrink `length` of `source` pixels from `start` to `size` pixels.

    start, length, mirrored [count] -> [count, size, source], rows summing to 1: a triangle filter as wide
    as the shrinking demands, which is what `interpolate(mode="bilinear", antialias=True)` uses. Beyond its
    ends the source is reflected.
    """
    position = (torch.arange(size, device=start.device, dtype=torch.float32) + 0.5) / size
    along = torch.lerp(position[None], 1 - position[None], mirrored[:, None])
    center = start[:, None] + along * length[:, None]
    center = source - (source - center.abs()).abs()
    support = (length / size).clamp(min=1)[:, None, None]
    pixel = torch.arange(source, device=start.device, dtype=torch.float32) + 0.5
    weights = (1 - (pixel - center[..., None]).abs() / support).clamp(min=0)
    return weights / weights.sum(-1, keepdim=True).clamp(min=math.ulp(1.0))


@dataclass(frozen=True)
class Viewer:
    """A perceptor, and how much it counts beside the others."""

    perceptor: Perceptor
    share: float = 1.0
    """Of the loss of all cutouts, 0..1."""

    def look(self, image: Image, cutouts: Cutouts) -> Tensor:
        """Unit vectors [n, D] of cutouts of the picture [1, 3, H, W], differentiable."""
        views = cut(image, cutouts.boxes, self.perceptor.input_size)
        if cutouts.noise is not None:
            views = torch.addcmul(views, cutouts.noise.spreads, cutouts.noise.grains)
        return self.perceptor.encode_image(views)


class Cutouts(NamedTuple):
    """Cutouts of one viewer: of all steps of a frame, or of one of them."""

    boxes: Boxes
    noise: Noise | None

    @property
    def number(self) -> int:
        """Cutouts of a step."""
        return self.boxes.left.shape[-1]

    def step(self, index: int) -> Cutouts:
        """Those of one step."""
        return Cutouts(self.boxes.part(index), self.noise and self.noise.step(index))

    def chunks(self, size: int | None) -> Iterator[Cutouts]:
        """Those of one step in parts of at most `size`; all at once for None."""
        size = size or self.number
        for begin in range(0, self.number, size):
            some = slice(begin, begin + size)
            yield Cutouts(self.boxes.part(some), self.noise and self.noise.part(some))


def draw_cutouts(
    viewer: Viewer,
    count: int,
    noise: float,
    steps: int,
    size: tuple[int, int],
    rng: torch.Generator,
    device: torch.device,
) -> Cutouts:
    """Draw the cutouts of all steps of a frame; `size` is height and width of the picture in pixels."""
    boxes = draw_boxes(steps, count, *size, rng).to(device)
    return Cutouts(boxes, draw_noise(noise, steps, count, viewer.perceptor.input_size, rng, device))
