"""How a gradient moves a tensor: smoothed, by Adam with a second moment for all of it or for each element.

Coarse before fine: each latent alone is moved by what helps its own few pixels, and the picture turns into a
mosaic. With the gradient's averages over larger patches, neighbors move together and shapes grow first; class
visualizations do the same to pixels (Mordvintsev et al. 2015, the DeepDream notebook's Laplacian pyramid).

Adam's second moment per element (Kingma and Ba 2015) shakes regions that no prompt cares about as hard as
the subject. One moment for the tensor keeps the gradient's shape: less flicker and more structure, where the
tensor is a picture or a grid of latents. Where its elements differ in scale by nature, as the frequencies of
a spectrum do, each group of like ones needs its own; with one for each element the first step of a frame,
which has nothing to go by but itself, is noise. The update reads nothing back from the device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.types import Knob

PATCHES = (2, 4)
"""Sides of the patches, in latents."""
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-12


class Adam:
    """Optimizer of one tensor; made anew for every frame.

    A step moves the tensor by `learning_rate` (root mean square) when all gradients agree.
    """

    def __init__(self, tensor: Tensor, square: Callable[[Tensor], Tensor]) -> None:
        """square: what the second moment is the running mean of, from a gradient."""
        self.tensor = tensor
        self._square = square
        self.first = torch.zeros_like(tensor)
        self.second = square(self.first)
        self.count = 0

    def restore(self, tensor: Tensor, first: Tensor, second: Tensor, count: int) -> None:
        """Take over the tensor and the moments of another one after `count` steps."""
        self.tensor.copy_(tensor)
        self.first.copy_(first)
        self.second.copy_(second)
        self.count = count

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the tensor against the gradient, in place."""
        self.count += 1
        self.first.lerp_(gradient, 1 - BETA1)
        self.second.lerp_(self._square(gradient), 1 - BETA2)
        scale = (self.second / (1 - BETA2**self.count)).sqrt() + EPSILON
        self.tensor.sub_(self.first / scale, alpha=learning_rate / (1 - BETA1**self.count))


def make_adam(tensor: Tensor, knob: Knob) -> Adam:
    """Adam of a tensor with one second moment for all of it, for each group of elements or for each one."""
    if knob.shared is not None:
        shared = knob.shared
        return Adam(tensor, lambda gradient: shared(gradient.square()))
    if knob.adam == "element":
        return Adam(tensor, torch.square)
    return Adam(tensor, lambda gradient: gradient.square().mean())


def add_averages(gradient: Tensor, amount: float) -> Tensor:
    """Gradient [B, C, h, w] plus `amount` times its averages over each size of patch, smoothly enlarged."""
    if amount == 0:
        return gradient
    total = gradient
    for side in PATCHES:
        if min(gradient.shape[2:]) >= 2 * side:
            coarse = F.avg_pool2d(gradient, side, ceil_mode=True, count_include_pad=False)
            total = total + amount * F.interpolate(coarse, gradient.shape[2:], mode="bilinear")
    return total
