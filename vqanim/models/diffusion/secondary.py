"""The secondary model of CLIP guided diffusion: a small network that guesses the picture in the noise, made
by Katherine Crowson (2022) so that gradients are quick. It has its official names."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from vqanim.models.families.diffusion import SecondaryConfig


class Skip(nn.Module):
    """A coarser level beside a short way, one after the other in the channels."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, 2C, h, w]."""
        return torch.cat([self.main(x), x], dim=1)


class TimeWaves(nn.Module):
    """Waves of a time, with frequencies that belong to the weights."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features // 2, 1))

    def forward(self, time: Tensor) -> Tensor:
        """Times [B] in 0..1 to [B, features]."""
        angles = 2 * math.pi * time[:, None] @ self.weight.T
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


class SecondaryModel(nn.Module):
    """Guesses the picture in a noisy one."""

    def __init__(self, config: SecondaryConfig) -> None:
        super().__init__()
        self.config = config
        self.timestep_embed = TimeWaves(config.features)
        first, inside = config.widths[0], 3 + config.features
        ends = _conv(2 * first, first), nn.Conv2d(first, 3, 3, padding=1)
        self.net = nn.Sequential(_conv(inside, first), _conv(first, first), self._level(1), *ends)

    def _level(self, number: int) -> Skip:
        config = self.config
        pool, grow = nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        if number == len(config.widths):
            return Skip(pool, *(_conv(*sizes) for sizes in config.inner), grow)
        above, here = config.widths[number - 1 : number + 1]
        ends = _conv(2 * here, here), _conv(here, above), grow
        return Skip(pool, _conv(above, here), _conv(here, here), self._level(number + 1), *ends)

    def forward(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """Noisy pictures [B, 3, H, W], which are alpha times the picture and sigma times unit noise, to the
        pictures in -1..1. The network gives the velocity v = alpha noise - sigma picture (Salimans and Ho
        2022)."""
        time = torch.full((len(x),), math.atan2(sigma, alpha) * 2 / math.pi, device=x.device)
        waves = self.timestep_embed(time)[..., None, None].expand(-1, -1, *x.shape[2:])
        dtype = cast(nn.Conv2d, cast(nn.Sequential, self.net[0])[0]).weight.dtype
        v = self.net(torch.cat([x, waves], dim=1).to(dtype)).to(x.dtype)
        return cast(Tensor, alpha * x - sigma * v)


def _conv(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU())
