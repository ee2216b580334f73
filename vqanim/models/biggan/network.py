"""The generator of BigGAN-deep (Brock, Donahue and Simonyan 2019, "Large Scale GAN Training for High Fidelity
Natural Image Synthesis") by the official names of its weights, with a latent of its own for each block, as in
Big Sleep (Murdock and Wang 2021).

Spectral norms are folded into the weights, and statistics into those of one truncation, before it is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.models.families.biggan import (
    ATTENTION_REDUCTION,
    FIRST_SIDE,
    FIRST_WIDTH,
    REDUCTION,
    BigGANConfig,
)


class Norm(nn.Module):
    """Of channels, with fixed statistics; a latent says by how much they are scaled and moved then."""

    def __init__(self, channels: int, latent: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.running_means: Tensor
        self.running_vars: Tensor
        self.register_buffer("running_means", torch.empty(channels))
        self.register_buffer("running_vars", torch.empty(channels))
        self.scale = nn.Linear(latent, channels, bias=False)
        self.offset = nn.Linear(latent, channels, bias=False)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """x [1, C, h, w], latent [1, D]; the few numbers of a channel are computed in float32."""
        spread = torch.rsqrt(self.running_vars + self.eps) * (1 + self.scale(latent))
        moved = self.offset(latent) - self.running_means * spread
        return x * spread[..., None, None].to(x.dtype) + moved[..., None, None].to(x.dtype)


class LastNorm(nn.Module):
    """The norm behind all blocks, which no latent changes."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))
        self.running_means: Tensor
        self.running_vars: Tensor
        self.register_buffer("running_means", torch.empty(channels))
        self.register_buffer("running_vars", torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[1, C, h, w] to the same."""
        spread = torch.rsqrt(self.running_vars + self.eps) * self.weight
        moved = self.bias - self.running_means * spread
        return x * spread[:, None, None].to(x.dtype) + moved[:, None, None].to(x.dtype)


class Block(nn.Module):
    """Four convolutions beside a short way, which keeps the first channels where there are fewer behind."""

    def __init__(self, inside: int, outside: int, latent: int, doubles: bool, eps: float) -> None:
        super().__init__()
        self.outside, self.doubles = outside, doubles
        middle = inside // REDUCTION
        widths = (inside, middle), (middle, middle), (middle, middle), (middle, outside)
        for number, ((before, after), kernel) in enumerate(zip(widths, (1, 3, 3, 1), strict=True)):
            self.add_module(f"bn_{number}", Norm(before, latent, eps))
            self.add_module(f"conv_{number}", nn.Conv2d(before, after, kernel, padding=kernel // 2))

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """x [1, C, h, w], latent [1, D]."""
        skip = x[:, : self.outside]
        for number in range(4):
            x = F.relu(self.get_submodule(f"bn_{number}")(x, latent))
            if self.doubles and number == 1:
                x, skip = _doubled(x), _doubled(skip)
            x = self.get_submodule(f"conv_{number}")(x)
        return x + skip


class Attention(nn.Module):
    """Every place looks at all others, at half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, before, after in (
            ("theta", channels, channels // ATTENTION_REDUCTION),
            ("phi", channels, channels // ATTENTION_REDUCTION),
            ("g", channels, channels // 2),
            ("o_conv", channels // 2, channels),
        ):
            self.add_module(f"snconv1x1_{name}", nn.Conv2d(before, after, 1, bias=False))
        self.gamma = nn.Parameter(torch.empty(1))

    def forward(self, x: Tensor) -> Tensor:
        """[1, C, h, w] to the same."""
        theta, phi, g = (self.get_submodule(f"snconv1x1_{name}")(x) for name in ("theta", "phi", "g"))
        keys, values = F.max_pool2d(phi, 2).flatten(2), F.max_pool2d(g, 2).flatten(2)
        shares = torch.softmax(theta.flatten(2).transpose(1, 2) @ keys, dim=-1)
        seen = (values @ shares.transpose(1, 2)).view(x.shape[0], -1, *x.shape[2:])
        return cast(Tensor, x + self.gamma * self.get_submodule("snconv1x1_o_conv")(seen))


class Generator(nn.Module):
    """Latents to a picture."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__()
        width, latent = config.channel_width, 2 * config.z_dim
        self.gen_z = nn.Linear(latent, FIRST_SIDE**2 * FIRST_WIDTH * width)
        layers: list[nn.Module] = []
        for number, (doubles, inside, outside) in enumerate(config.layers):
            if number == config.attention_layer_position:
                layers.append(Attention(inside * width))
            layers.append(Block(inside * width, outside * width, latent, doubles, config.eps))
        self.layers = nn.ModuleList(layers)
        self.bn = LastNorm(width, config.eps)
        self.conv_to_rgb = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, latents: Tensor, dtype: torch.dtype) -> Tensor:
        """Latents [L + 1, D] to a picture [1, 3, S, S] in -1..1; dtype: what convolutions compute in."""
        # The official weights came from TensorFlow, where channels are last.
        first = self.gen_z(latents[:1]).view(1, FIRST_SIDE, FIRST_SIDE, -1)
        x, used = first.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last).to(dtype), 1
        for layer in self.layers:
            if isinstance(layer, Block):
                x, used = layer(x, latents[used : used + 1]), used + 1
            else:
                x = layer(x)
        # Of its many channels only the first three are a picture, the official layout has them all.
        x = F.relu(self.bn(x))
        rgb = F.conv2d(x, self.conv_to_rgb.weight[:3], self.conv_to_rgb.bias[:3], padding=1)  # type: ignore[index]
        return torch.tanh(rgb.float())


class BigGAN(nn.Module):
    """The generator's network; `state_dict` has the official names, without spectral norms."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = nn.Linear(config.num_classes, config.z_dim, bias=False)
        self.generator = Generator(config)

    def forward(self, z: Tensor, classes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Noise [L + 1, z_dim] and shares of classes [L + 1, num_classes] to a picture [1, 3, S, S] in -1..1:
        the first row to begin with, and one for each block."""
        latents = torch.cat((z, self.embeddings(classes)), dim=1)
        return cast(Tensor, self.generator(latents, dtype))

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep convolutions in `dtype`; the small products of latents stay float32."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                part.to(dtype)
            elif isinstance(part, Attention):
                part.gamma.data = part.gamma.data.to(dtype)


def at_truncation(tensors: Mapping[str, Tensor], truncation: float) -> dict[str, Tensor]:
    """The tensors, with the statistics [n, C] of layers as those of one truncation [C].

    Between two known ones the official code takes the share of the other one, and the pictures that people
    know are its own, so it is done alike here.
    """
    found = dict(tensors)
    for name, tensor in tensors.items():
        if name.endswith((".running_means", ".running_vars")):
            share, number = math.modf(truncation / (1.0 / (len(tensor) - 1)))
            first = tensor[int(number)]
            found[name] = first * share + tensor[int(number) + 1] * (1 - share) if share else first
    return found


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
