"""Who looks at the picture, and at what: a perceptor with its cutouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vqanim.guidance.cutouts import Boxes, Noise, cut, draw_boxes, draw_noise
from vqanim.types import Image, Perceptor


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
            views = cutouts.noise.over(views)
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
        return Cutouts(self.boxes.step(index), self.noise and self.noise.step(index))

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


def mean_cosines(views: tuple[Tensor, ...], targets: tuple[Tensor, ...], shares: tuple[float, ...]) -> Tensor:
    """Cosine [P] of cutouts to prompts: mean over a viewer's cutouts, then over the viewers by share.

    Of each viewer: unit vectors of its cutouts [n, D] and of the prompts [P, D].
    """
    cosines = [
        share * (view @ target.T).mean(0) for view, target, share in zip(views, targets, shares, strict=True)
    ]
    return torch.stack(cosines).sum(0)
