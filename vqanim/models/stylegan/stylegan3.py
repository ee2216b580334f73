"""The network of StyleGAN3, T and R (Karras et al. 2021, "Alias-Free Generative Adversarial Networks").

Its names are NVIDIA's; its filters are buffers beside the weights.
"""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor, nn

from vqanim.models.families.stylegan import Layer3, StyleGANConfig, sampling_rates
from vqanim.models.stylegan.ops import Dense, activate, convolve, filter_down, filter_up, modulated


class FourierFeatures(nn.Module):
    """Waves that a latent turns and shifts."""

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, config: StyleGANConfig, rate: int) -> None:
        super().__init__()
        channels, self.side = config.first
        self.rate = rate
        self.weight = nn.Parameter(torch.empty(channels, channels))
        self.affine = Dense(config.w_dim, 4)
        self.register_buffer("transform", torch.empty(3, 3))
        self.register_buffer("freqs", torch.empty(channels, 2))
        self.register_buffer("phases", torch.empty(channels))

    def forward(self, w: Tensor) -> Tensor:
        """Latents [B, w_dim] to [B, channels, side, side]."""
        turn = self.affine(w)
        turn = turn / turn[:, :2].norm(dim=1, keepdim=True)
        cos, sin, dx, dy = turn.unbind(1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        turned = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1).view(-1, 3, 3)
        moved = torch.stack([one, zero, -dx, zero, one, -dy, zero, zero, one], 1).view(-1, 3, 3)
        placed = turned @ moved @ self.transform
        phases = self.phases + (self.freqs @ placed[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ placed[:, :2, :2]
        widest = self.freqs.norm(dim=1).amax()  # as far as the network knows; a transform may lead beyond
        room = (self.rate / 2 - widest).clamp_min(1e-6)
        heights = (1 - (freqs.norm(dim=2) - widest) / room).clamp(0, 1)
        reach = 0.5 * self.side / self.rate
        along = ((torch.arange(self.side, device=w.device) * 2 + 1) / self.side - 1) * reach
        grid = torch.stack(torch.meshgrid(along, along, indexing="xy"), -1)
        waves = grid @ freqs.transpose(1, 2)[:, None] + phases[:, None, None]
        waves = torch.sin(waves * (2 * pi)) * heights[:, None, None]
        return (waves @ (self.weight / sqrt(len(self.weight))).T).permute(0, 3, 1, 2)


class FilteredLayer(nn.Module):
    """A modulated convolution, and an activation at a higher resolution between two filters."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(
        self, config: StyleGANConfig, layer: Layer3, n_in: int, sides: tuple[int, int], rates: tuple[int, int]
    ) -> None:
        """sides, rates: what comes in and goes out, in samples along a side, with and without the margin."""
        super().__init__()
        last = layer is config.layers[-1]
        facts, self.colors = config.facts, last
        self.clamp = facts.conv_clamp
        self.affine = Dense(config.w_dim, n_in)
        self.weight = nn.Parameter(torch.empty(layer.channels, n_in, layer.kernel, layer.kernel))
        self.bias = nn.Parameter(torch.empty(layer.channels))
        self.register_buffer("magnitude_ema", torch.empty(()))
        for way, shape in (("up_filter", layer.up_filter), ("down_filter", layer.down_filter)):
            self.register_buffer(way, torch.empty(shape) if shape else None)
        between = max(rates) * (1 if last else facts.lrelu_upsampling)
        self.up, self.down = between // rates[0], between // rates[1]
        taps = [shape[0] if shape else 1 for shape in (layer.up_filter, layer.down_filter)]
        total = (sides[1] - 1) * self.down + 1
        total += sum(taps) - 2 - (sides[0] + layer.kernel - 1) * self.up
        before = (total + self.up) // 2
        self.padding = before, total - before

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """[B, n_in, h, h] and latents [B, w_dim] to [B, n_out, H, H]."""
        styles: Tensor = self.affine(w)
        weight: Tensor = self.weight
        if self.colors:
            styles = styles / sqrt(weight[0].numel())
        else:
            weight = weight * weight.square().mean([1, 2, 3], keepdim=True).rsqrt()
            styles = styles * styles.square().mean().rsqrt()
        weights = modulated(weight, styles, demodulate=not self.colors) * self.magnitude_ema.rsqrt()
        x = convolve(x, weights, weight.shape[-1] - 1)
        x = x + self.bias.to(x.dtype)[:, None, None]
        one = torch.ones((1, 1), device=x.device)
        up = one if self.up_filter is None else self.up_filter
        x = filter_up(x, up, self.up, self.padding, gain=float(self.up**2))
        if self.colors:
            x = activate(x, None, "linear", clamp=self.clamp)
        else:
            x = activate(x, None, "lrelu", sqrt(2), self.clamp)
        return filter_down(x, one if self.down_filter is None else self.down_filter, self.down)


class Synthesis3(nn.Module):
    """Latents to pictures; `state_dict` has the official names."""

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        self.output_scale = config.facts.output_scale
        rates = sampling_rates(config)
        self.input = FourierFeatures(config, rates[0])
        channels, side, rate = *config.first, rates[0]
        for layer, next_rate in zip(config.layers, rates, strict=True):
            part = FilteredLayer(config, layer, channels, (side, layer.side), (rate, next_rate))
            self.add_module(layer.name, part)
            channels, side, rate = layer.channels, layer.side, next_rate

    @property
    def parts(self) -> list[nn.Module]:
        """What may be computed again on the way back."""
        return [part for part in self.children() if isinstance(part, FilteredLayer)]

    def forward(self, ws: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """As of `Synthesis2`."""
        x = self.input(ws[:, 0]).to(dtype)
        for part, w in zip(self.parts, ws[:, 1:].unbind(1), strict=True):
            x = part(x, w)
        return x.float() * self.output_scale
