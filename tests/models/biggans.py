"""A tiny BigGAN-deep with random weights, put together of torch's own layers and spectral norms: the
reference."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

CONFIG: dict[str, Any] = {
    "output_dim": 32,
    "z_dim": 6,
    "class_embed_dim": 6,
    "channel_width": 4,
    "num_classes": 1000,
    "layers": [[False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 4], [True, 4, 2], [False, 2, 1]],
    "attention_layer_position": 3,
    "eps": 0.0001,
    "n_stats": 11,
}


class Norm(nn.Module):
    """Means and variances for each truncation."""

    running_means: Tensor
    running_vars: Tensor

    def __init__(self, channels: int, condition: int | None, stats: int, eps: float) -> None:
        super().__init__()
        self.eps, self.stats = eps, stats
        self.register_buffer("running_means", torch.randn(stats, channels) * 0.3)
        self.register_buffer("running_vars", torch.rand(stats, channels) + 0.5)
        if condition is None:
            self.weight = nn.Parameter(torch.randn(channels))
            self.bias = nn.Parameter(torch.randn(channels))
        else:
            self.scale = spectral_norm(nn.Linear(condition, channels, bias=False), eps=eps)
            self.offset = spectral_norm(nn.Linear(condition, channels, bias=False), eps=eps)

    def forward(self, x: Tensor, truncation: float, condition: Tensor | None = None) -> Tensor:
        part, first = math.modf(truncation / (1.0 / (self.stats - 1)))
        mean, var = self.running_means[int(first)], self.running_vars[int(first)]
        if part:
            mean = mean * part + self.running_means[int(first) + 1] * (1 - part)
            var = var * part + self.running_vars[int(first) + 1] * (1 - part)
        if condition is None:
            return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)
        whitened = F.batch_norm(x, mean, var, None, None, False, 0.0, self.eps)
        scale, offset = (layer(condition)[:, :, None, None] for layer in (self.scale, self.offset))
        return whitened * (1 + scale) + offset


class GenBlock(nn.Module):
    bn_0: Norm
    bn_1: Norm
    bn_2: Norm
    bn_3: Norm
    conv_0: nn.Module
    conv_1: nn.Module
    conv_2: nn.Module
    conv_3: nn.Module

    def __init__(self, before: int, after: int, up: bool, condition: int, stats: int, eps: float) -> None:
        super().__init__()
        middle, self.up, self.halves = before // 4, up, before != after
        for number, (a, b, kernel) in enumerate(
            ((before, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, after, 1))
        ):
            setattr(self, f"bn_{number}", Norm(a, condition, stats, eps))
            conv = nn.Conv2d(a, b, kernel, padding=kernel // 2)
            setattr(self, f"conv_{number}", spectral_norm(conv, eps=eps))

    def forward(self, x: Tensor, condition: Tensor, truncation: float) -> Tensor:
        y = self.conv_0(self.bn_0(x, truncation, condition).relu())
        y = self.bn_1(y, truncation, condition).relu()
        y = self.conv_1(F.interpolate(y, scale_factor=2) if self.up else y)
        y = self.conv_2(self.bn_2(y, truncation, condition).relu())
        y = self.conv_3(self.bn_3(y, truncation, condition).relu())
        x = x[:, : x.shape[1] // 2] if self.halves else x
        return y + (F.interpolate(x, scale_factor=2) if self.up else x)


class SelfAttn(nn.Module):
    snconv1x1_theta: nn.Module
    snconv1x1_phi: nn.Module
    snconv1x1_g: nn.Module
    snconv1x1_o_conv: nn.Module

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        for name, a, b in (("theta", 1, 8), ("phi", 1, 8), ("g", 1, 2), ("o_conv", 2, 1)):
            conv = nn.Conv2d(channels // a, channels // b, 1, bias=False)
            setattr(self, f"snconv1x1_{name}", spectral_norm(conv, eps=eps))
        self.gamma = nn.Parameter(torch.tensor([0.7]))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        theta = self.snconv1x1_theta(x).reshape(batch, channels // 8, height * width)
        phi = F.max_pool2d(self.snconv1x1_phi(x), 2).reshape(batch, channels // 8, -1)
        g = F.max_pool2d(self.snconv1x1_g(x), 2).reshape(batch, channels // 2, -1)
        attention = torch.einsum("bci,bcj->bij", theta, phi).softmax(-1)
        seen = torch.einsum("bcj,bij->bci", g, attention).reshape(batch, channels // 2, height, width)
        return x + self.gamma * self.snconv1x1_o_conv(seen)


class Body(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.width, eps, stats = config["channel_width"], config["eps"], config["n_stats"]
        condition = 2 * config["z_dim"]
        self.gen_z = spectral_norm(nn.Linear(condition, 16 * 16 * self.width), eps=eps)
        layers: list[nn.Module] = []
        for number, (up, before, after) in enumerate(config["layers"]):
            if number == config["attention_layer_position"]:
                layers.append(SelfAttn(before * self.width, eps))
            layers.append(GenBlock(before * self.width, after * self.width, up, condition, stats, eps))
        self.layers = nn.ModuleList(layers)
        self.bn = Norm(self.width, None, stats, eps)
        self.conv_to_rgb = spectral_norm(nn.Conv2d(self.width, self.width, 3, padding=1), eps=eps)


class Reference(nn.Module):
    """The official layout."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.embeddings = nn.Linear(config["num_classes"], config["z_dim"], bias=False)
        self.generator = Body(config)

    def forward(self, z: Tensor, classes: Tensor, truncation: float) -> Tensor:
        """A row of z and classes to begin with and for each block, as in Big Sleep; a picture in 0..1."""
        conditions, body = torch.cat((z, self.embeddings(classes)), 1), self.generator
        x = body.gen_z(conditions[:1]).view(1, 4, 4, 16 * body.width).permute(0, 3, 1, 2)
        rows = iter(conditions[1:, None])
        for layer in body.layers:
            x = layer(x, next(rows), truncation) if isinstance(layer, GenBlock) else layer(x)
        return body.conv_to_rgb(body.bn(x, truncation).relu())[:, :3].tanh() * 0.5 + 0.5


@functools.cache
def reference(seed: int = 0, **changes: Any) -> Reference:
    """A frozen one, whose norms know their weights; the same for the same arguments."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Reference(CONFIG | changes)
        network.embeddings.weight.data *= 4
        for _ in range(3):  # looking teaches the norms
            network.train()(torch.randn(7, 6), torch.rand(7, CONFIG["num_classes"]), 1.0)
        return network.eval().requires_grad_(False)


def official(folder: Path, **changes: Any) -> Path:
    """A folder with a config and weights as they were published."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    state = reference().state_dict()
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return folder
