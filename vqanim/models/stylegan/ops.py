"""What StyleGAN2 and StyleGAN3 compute with: filters between sizes, dense layers, modulated convolutions.

Plain torch, in the place of the CUDA code of NVIDIA's; results agree to rounding.
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GAINS = {"linear": 1.0, "relu": sqrt(2), "lrelu": sqrt(2)}
"""What keeps the spread of values, by activation."""


def activate(
    x: Tensor,
    bias: Tensor | None,
    kind: str,
    gain: float = 1.0,
    clamp: float | None = None,
    slope: float = 0.2,
) -> Tensor:
    """Bias of the channels, which are the second dimension, activation, gain and limit."""
    if bias is not None:
        x = x + bias.to(x.dtype).view(1, -1, *[1] * (x.ndim - 2))
    if kind == "lrelu":
        x = F.leaky_relu(x, slope)
    elif kind == "relu":
        x = F.relu(x)
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def filter_up(x: Tensor, kernel: Tensor, up: int, padding: tuple[int, int], gain: float = 1.0) -> Tensor:
    """[B, C, h, w] with up - 1 zeros put behind each value, padded, filtered.

    kernel: [n], applied along both sides, or [n, n]. padding: before and behind, along both sides; negative
    ones cut off. The same as a transposed convolution, of which a part is taken.
    """
    height, width = x.shape[2:]
    for each, stride in _separated(kernel * gain ** (kernel.ndim / 2), up):
        weight = each.to(x.dtype).expand(x.shape[1], 1, *each.shape)
        x = F.conv_transpose2d(x, weight, stride=stride, groups=x.shape[1])
    taps = kernel.shape[0]
    before = padding[0] - (taps - 1)
    wanted = [side * up + sum(padding) - taps + 1 for side in (height, width)]
    behind = [side - found - before for side, found in zip(wanted, x.shape[2:], strict=True)]
    return F.pad(x, [before, behind[1], before, behind[0]])


def filter_down(x: Tensor, kernel: Tensor, down: int) -> Tensor:
    """[B, C, h, w] filtered, of which every `down`th value is kept. kernel: as of `filter_up`."""
    for each, stride in _separated(kernel, down):
        weight = each.flip([0, 1]).to(x.dtype).expand(x.shape[1], 1, *each.shape)
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1])
    return x


def _separated(kernel: Tensor, factor: int) -> list[tuple[Tensor, tuple[int, int]]]:
    """The filters [h, w] that make up one, and their strides."""
    if kernel.ndim == 2:
        return [(kernel, (factor, factor))]
    return [(kernel[:, None], (factor, 1)), (kernel[None, :], (1, factor))]


class Dense(nn.Module):
    """A layer [B, n_in] to [B, n_out], whose weights are kept at another scale than they are used."""

    def __init__(self, n_in: int, n_out: int, activation: str = "linear", multiplier: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.bias = nn.Parameter(torch.empty(n_out))
        self.activation, self.multiplier = activation, multiplier

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in] to [B, n_out]."""
        weight = self.weight * (self.multiplier / sqrt(self.weight.shape[1]))
        y = F.linear(x, weight, self.bias * self.multiplier)
        return activate(y, None, self.activation, GAINS[self.activation])


def modulated(weight: Tensor, styles: Tensor, demodulate: bool = True) -> Tensor:
    """The weights of a convolution [out, in, k, k] for each style [B, in], [B, out, in, k, k]."""
    found = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        found = found * (found.square().sum([2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    return found


def convolve(x: Tensor, weights: Tensor, padding: int = 0) -> Tensor:
    """[B, n_in, h, w] by weights of its own for each of the batch, [B, out, in, k, k]."""
    batch, n_out = weights.shape[:2]
    y = F.conv2d(
        x.reshape(1, -1, *x.shape[2:]), weights.flatten(0, 1).to(x.dtype), padding=padding, groups=batch
    )
    return y.reshape(batch, n_out, *y.shape[2:])


def convolve_doubled(x: Tensor, weights: Tensor, kernel: Tensor) -> Tensor:
    """As `convolve`, of a picture that is doubled and smoothed by a filter [n, n] or [n]."""
    batch, n_out, size = *weights.shape[:2], weights.shape[3]
    taps = kernel.shape[0]
    y = F.conv_transpose2d(
        x.reshape(1, -1, *x.shape[2:]),
        weights.transpose(1, 2).flatten(0, 1).to(x.dtype),
        stride=2,
        groups=batch,
    ).reshape(batch, n_out, *[2 * (side - 1) + size for side in x.shape[2:]])
    before = size // 2 + (taps + 1) // 2 - (size - 1)
    behind = size // 2 + (taps - 2) // 2 - (size - 2)
    return filter_up(y, kernel, 1, (before, behind), gain=4.0)
