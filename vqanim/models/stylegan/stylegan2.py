"""The network of StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN").

Its names are those of NVIDIA's stylegan2-ada-pytorch.
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.models.families.stylegan import StyleGANConfig
from vqanim.models.stylegan.ops import (
    GAINS,
    Dense,
    activate,
    convolve,
    convolve_doubled,
    filter_up,
    modulated,
)


class StyledConv(nn.Module):
    """A convolution whose weights follow a latent, with a pattern of noise that is always the same."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(self, n_in: int, n_out: int, side: int, config: StyleGANConfig, doubles: bool) -> None:
        super().__init__()
        self.facts, self.doubles, self.noise = config.facts, doubles, config.noise
        self.affine = Dense(config.w_dim, n_in)
        self.weight = nn.Parameter(torch.empty(n_out, n_in, config.kernel, config.kernel))
        self.bias = nn.Parameter(torch.empty(n_out))
        self.register_buffer("resample_filter", torch.empty(config.resample_filter))
        if config.noise:
            self.register_buffer("noise_const", torch.empty(side, side))
            self.noise_strength = nn.Parameter(torch.empty(()))

    def forward(self, x: Tensor, w: Tensor, gain: float = 1.0) -> Tensor:
        """[B, n_in, h, w] and latents [B, w_dim] to [B, n_out, h, w], or twice as large."""
        weights = modulated(self.weight, self.affine(w))
        if self.doubles:
            x = convolve_doubled(x, weights, self.resample_filter)
        else:
            x = convolve(x, weights, weights.shape[-1] // 2)
        if self.noise:
            x = x + (self.noise_const * self.noise_strength).to(x.dtype)
        kind, clamp = self.facts.activation, self.facts.conv_clamp
        limit = None if clamp is None else clamp * gain
        return activate(x, self.bias, kind, GAINS[kind] * gain, limit)


class ToRGB(nn.Module):
    """Channels to colors."""

    def __init__(self, n_in: int, config: StyleGANConfig) -> None:
        super().__init__()
        self.clamp = config.facts.conv_clamp
        self.affine = Dense(config.w_dim, n_in)
        self.weight = nn.Parameter(torch.empty(config.colors, n_in, 1, 1))
        self.bias = nn.Parameter(torch.empty(config.colors))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """[B, n_in, h, w] and latents [B, w_dim] to float32 [B, colors, h, w]."""
        styles = self.affine(w) / sqrt(self.weight.shape[1])
        x = convolve(x, modulated(self.weight, styles, demodulate=False))
        return activate(x, self.bias, "linear", clamp=self.clamp).float()


class Skip(nn.Module):
    """The short way past a block of the architecture `resnet`."""

    resample_filter: Tensor

    def __init__(self, n_in: int, n_out: int, config: StyleGANConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in, 1, 1))
        self.register_buffer("resample_filter", torch.empty(config.resample_filter))

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, h, w] to [B, n_out, 2 h, 2 w]."""
        x = F.conv2d(x, (self.weight / sqrt(self.weight.shape[1])).to(x.dtype))
        return doubled(x, self.resample_filter) * sqrt(0.5)


class Block(nn.Module):
    """What paints one size: two convolutions, or one in the first block."""

    resample_filter: Tensor

    def __init__(self, n_in: int, n_out: int, side: int, config: StyleGANConfig) -> None:
        """n_in: 0 of the first block."""
        super().__init__()
        self.register_buffer("resample_filter", torch.empty(config.resample_filter))
        self.first, self.resnet = not n_in, config.architecture == "resnet" and n_in > 0
        if self.first:
            self.const = nn.Parameter(torch.empty(n_out, side, side))
        else:
            self.conv0 = StyledConv(n_in, n_out, side, config, doubles=True)
        self.conv1 = StyledConv(n_out, n_out, side, config, doubles=False)
        self.paints = config.architecture == "skip" or side == config.side
        if self.paints:
            self.torgb = ToRGB(n_out, config)
        if self.resnet:
            self.skip = Skip(n_in, n_out, config)

    def forward(self, x: Tensor, image: Tensor | None, ws: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the block before gave, the picture so far and three latents, [B, 3, w_dim], the first of which
        the first block does not use."""
        if self.first:
            x = self.conv1(self.const.to(x.dtype).expand(len(ws), -1, -1, -1), ws[:, 1])
        elif self.resnet:
            way = self.conv0(x, ws[:, 0])
            x = self.skip(x) + self.conv1(way, ws[:, 1], sqrt(0.5))
        else:
            x = self.conv1(self.conv0(x, ws[:, 0]), ws[:, 1])
        if image is not None:
            image = doubled(image, self.resample_filter)
        if self.paints:
            colors = self.torgb(x, ws[:, 2])
            image = colors if image is None else image + colors
        return x, image


class Synthesis2(nn.Module):
    """Latents to pictures; `state_dict` has the official names."""

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        channels = 0
        for block in config.blocks:
            self.add_module(f"b{block.side}", Block(channels, block.channels, block.side, config))
            channels = block.channels

    @property
    def parts(self) -> list[nn.Module]:
        """What may be computed again on the way back."""
        return list(self.children())

    def forward(self, ws: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """[B, num_ws, w_dim] to [B, colors, side, side] in -1..1, which values may leave.

        dtype: what convolutions compute in.
        """
        x, image = torch.empty(0, dtype=dtype, device=ws.device), None
        for number, block in enumerate(self.children()):
            start = max(2 * number - 1, 0)
            chosen = ws[:, start : start + 3] if number else ws[:, [0, 0, 1]]
            x, image = block(x, image, chosen)
        assert image is not None
        return image


def doubled(x: Tensor, kernel: Tensor) -> Tensor:
    """A picture twice as large, smoothed by a filter."""
    taps = kernel.shape[0]
    return filter_up(x, kernel, 2, ((taps + 1) // 2, (taps - 2) // 2), gain=4.0)
