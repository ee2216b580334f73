"""Doubling a picture's size and a 3x3 convolution of it, as one 2x2 convolution of the small picture.

After doubling, four neighbors are equal, so that of the nine taps of a convolution some meet the same value.
Their weights can be added up beforehand, for each of the four positions within a doubled pixel other ones.
The work is 4/9 of that of the convolution (as sub-pixel convolutions: Shi et al. 2016); the result is the
same within rounding.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DoublingConv(nn.Module):
    """Stands for taming's `Upsample` once its weights are known and frozen; keeps their names."""

    kernels: Tensor
    biases: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        """`conv` has a 3x3 kernel and a padding of 1."""
        super().__init__()
        self.conv = conv
        kernels = four_kernels(conv.weight.detach()).contiguous(memory_format=torch.channels_last)
        bias = torch.zeros(len(conv.weight)).to(kernels) if conv.bias is None else conv.bias.detach()
        self.register_buffer("kernels", kernels, persistent=False)
        self.register_buffer("biases", bias.repeat(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, 2 h, 2 w]."""
        phases = F.conv2d(x, self.kernels, self.biases, padding=1)
        doubled: Tensor = _Weave.apply(phases)
        return doubled


def four_kernels(kernel: Tensor) -> Tensor:
    """Kernels [C, D, 3, 3] -> [4 C, D, 2, 2], for top left, top right, bottom left and bottom right."""
    return torch.cat([_pair(_pair(kernel, row, 2), column, 3) for row in (0, 1) for column in (0, 1)])


def _pair(kernel: Tensor, phase: int, dim: int) -> Tensor:
    """The three taps along a dimension as two: the first or the last stays alone."""
    before, middle, after = kernel.unbind(dim)
    return torch.stack((before, middle + after) if phase == 0 else (before + middle, after), dim)


class _Weave(torch.autograd.Function):
    """[B, 4 C, h + 1, w + 1], four pictures, to [B, C, 2 h, 2 w], one: a single copy each way."""

    @staticmethod
    def forward(ctx: Any, phases: Tensor) -> Tensor:
        phases = phases.contiguous(memory_format=torch.channels_last)
        ctx.like = phases.shape
        return doubled_view(phases).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        phases = torch.zeros(ctx.like, dtype=gradient.dtype, device=gradient.device)
        phases = phases.contiguous(memory_format=torch.channels_last)
        view = doubled_view(phases)
        view.copy_(gradient.permute(0, 2, 3, 1).reshape(view.shape))
        return phases


def doubled_view(phases: Tensor) -> Tensor:
    """Phases [B, 4 C, h + 1, w + 1], channels last, seen as [B, h, 2, w, 2, C].

    Of the phase at (a, b) it is the part that begins at row a and column b.
    """
    count, channels, height, width = phases.shape
    batch, _, row, column = phases.stride()
    channels //= 4
    size = (count, height - 1, 2, width - 1, 2, channels)
    return phases.as_strided(size, (batch, row, row + 2 * channels, column, column + channels, 1))


def replace_doublings(network: nn.Module, kind: type[nn.Module]) -> None:
    """Put a `DoublingConv` in place of every module of a kind in a network, where it has a convolution."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            conv = getattr(child, "conv", None)
            if isinstance(child, kind) and isinstance(conv, nn.Conv2d):
                setattr(parent, name, DoublingConv(conv))
