"""Tiny networks of guided-diffusion's layout with random weights, written down as functions of a state dict:
the reference for what they compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """What guided-diffusion's scripts are told."""

    widths: tuple[int, ...] = (32, 64)
    blocks: int = 1
    attends: tuple[bool, ...] = (False, True)
    heads: int = 1
    new_order: bool = False
    scale_shift: bool = True
    updown: bool = True
    sigma: bool = True
    time: int = 32

    def input_parts(self) -> list[list[tuple[str, int, int]]]:
        """Kind, channels in and out of the parts of each block on the way down."""
        here = self.widths[0]
        found = [[("conv", 3, here)]]
        for level, width in enumerate(self.widths):
            for _ in range(self.blocks):
                found.append([("res", here, width), *([("attention", width, width)] * self.attends[level])])
                here = width
            if level + 1 < len(self.widths):
                found.append([("down" if self.updown else "shrink", here, here)])
        return found

    def output_parts(self) -> list[list[tuple[str, int, int]]]:
        """The same of the way up."""
        kept = [parts[-1][2] for parts in self.input_parts()]
        here, found = self.widths[-1], []
        for level, width in reversed(list(enumerate(self.widths))):
            for number in range(self.blocks + 1):
                parts = [
                    ("res", here + kept.pop(), width),
                    *([("attention", width, width)] * self.attends[level]),
                ]
                if level and number == self.blocks:
                    parts.append(("up" if self.updown else "enlarge", width, width))
                found.append(parts)
                here = width
        return found

    def middle_parts(self) -> list[tuple[str, int, int]]:
        last = self.widths[-1]
        return [("res", last, last), ("attention", last, last), ("res", last, last)]


def unet_state(layout: Layout = Layout(), seed: int = 0) -> State:
    """Random weights by their official names."""
    rng = torch.Generator().manual_seed(seed)
    state: State = {}

    def layer(name: str, *shape: int, gain: float = 1.0) -> None:
        fan = math.prod(shape[1:])
        state[f"{name}.weight"] = torch.randn(shape, generator=rng) * gain / fan**0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=rng) * 0.1

    def norm(name: str, width: int) -> None:
        state[f"{name}.weight"] = 1 + torch.randn(width, generator=rng) * 0.1
        state[f"{name}.bias"] = torch.randn(width, generator=rng) * 0.1

    def part(name: str, kind: str, n_in: int, n_out: int) -> None:
        if kind == "conv":
            layer(name, n_out, n_in, 3, 3)
        elif kind == "shrink":
            layer(f"{name}.op", n_out, n_in, 3, 3)
        elif kind == "enlarge":
            layer(f"{name}.conv", n_out, n_in, 3, 3)
        elif kind == "attention":
            norm(f"{name}.norm", n_in)
            layer(f"{name}.qkv", 3 * n_in, n_in, 1)
            layer(f"{name}.proj_out", n_in, n_in, 1)
        else:
            norm(f"{name}.in_layers.0", n_in)
            layer(f"{name}.in_layers.2", n_out, n_in, 3, 3)
            layer(f"{name}.emb_layers.1", n_out * (1 + layout.scale_shift), 4 * layout.time)
            norm(f"{name}.out_layers.0", n_out)
            layer(f"{name}.out_layers.3", n_out, n_out, 3, 3)
            if n_in != n_out:
                layer(f"{name}.skip_connection", n_out, n_in, 1, 1)

    layer("time_embed.0", 4 * layout.time, layout.time)
    layer("time_embed.2", 4 * layout.time, 4 * layout.time)
    for where, blocks in (
        ("input_blocks.", layout.input_parts()),
        ("output_blocks.", layout.output_parts()),
    ):
        for number, parts in enumerate(blocks):
            for place, each in enumerate(parts):
                part(f"{where}{number}.{place}", *each)
    for place, each in enumerate(layout.middle_parts()):
        part(f"middle_block.{place}", *each)
    norm("out.0", layout.widths[0])
    layer("out.2", 6 if layout.sigma else 3, layout.widths[0], 3, 3, gain=0.5)
    return state


def run_unet(state: Mapping[str, Tensor], layout: Layout, x: Tensor, time: Tensor) -> Tensor:
    """What such a network gives for noisy pictures [B, 3, H, W] at times [B]."""

    def conv(name: str, x: Tensor, **options: int) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(name: str, x: Tensor) -> Tensor:
        return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"])

    def attend(name: str, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        weight = state[f"{name}.qkv.weight"]
        qkv = F.conv1d(norm(f"{name}.norm", flat), weight, state[f"{name}.qkv.bias"])
        wide = x.shape[1] // layout.heads
        found = []
        for head in range(layout.heads):
            at = [wide * (head + layout.heads * n if layout.new_order else 3 * head + n) for n in range(3)]
            q, k, v = (qkv[:, start : start + wide] for start in at)
            shares = (q.transpose(1, 2) @ k / wide**0.5).softmax(-1)
            found.append(v @ shares.transpose(1, 2))
        out = F.conv1d(torch.cat(found, 1), state[f"{name}.proj_out.weight"], state[f"{name}.proj_out.bias"])
        return (flat + out).reshape(x.shape)

    def resized(kind: str, x: Tensor) -> Tensor:
        if kind == "down":
            return F.avg_pool2d(x, 2)
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3) if kind in ("up", "enlarge") else x

    def residual(name: str, kind: str, x: Tensor, embedded: Tensor) -> Tensor:
        h = conv(f"{name}.in_layers.2", resized(kind, F.silu(norm(f"{name}.in_layers.0", x))), padding=1)
        moved = linear(f"{name}.emb_layers.1", F.silu(embedded))[:, :, None, None]
        if layout.scale_shift:
            half = h.shape[1]
            h = norm(f"{name}.out_layers.0", h) * (1 + moved[:, :half]) + moved[:, half:]
        else:
            h = norm(f"{name}.out_layers.0", h + moved)
        h = conv(f"{name}.out_layers.3", F.silu(h), padding=1)
        x = resized(kind, x)
        return h + (conv(f"{name}.skip_connection", x) if f"{name}.skip_connection.weight" in state else x)

    def part(name: str, kind: str, x: Tensor, embedded: Tensor) -> Tensor:
        if kind == "conv":
            return conv(name, x, padding=1)
        if kind == "shrink":
            return conv(f"{name}.op", x, stride=2, padding=1)
        if kind == "enlarge":
            return conv(f"{name}.conv", resized(kind, x), padding=1)
        return attend(name, x) if kind == "attention" else residual(name, kind, x, embedded)

    half = layout.time // 2
    angles = time[:, None] * torch.tensor([10_000 ** (-n / half) for n in range(half)])
    embedded = torch.cat([angles.cos(), angles.sin()], 1)
    embedded = linear("time_embed.2", F.silu(linear("time_embed.0", embedded)))
    kept = []
    for number, parts in enumerate(layout.input_parts()):
        for place, (kind, *_) in enumerate(parts):
            x = part(f"input_blocks.{number}.{place}", kind, x, embedded)
        kept.append(x)
    for place, (kind, *_) in enumerate(layout.middle_parts()):
        x = part(f"middle_block.{place}", kind, x, embedded)
    for number, parts in enumerate(layout.output_parts()):
        x = torch.cat([x, kept.pop()], 1)
        for place, (kind, *_) in enumerate(parts):
            x = part(f"output_blocks.{number}.{place}", kind, x, embedded)
    return conv("out.2", F.silu(norm("out.0", x)), padding=1)


def secondary_state(widths: tuple[int, ...] = (8, 12, 16), inner: int = 20, seed: int = 0) -> State:
    """Random weights of a secondary model by their official names; four convolutions are innermost."""
    rng = torch.Generator().manual_seed(seed)
    state: State = {"timestep_embed.weight": torch.randn(8, 1, generator=rng)}

    def conv(name: str, n_in: int, n_out: int) -> None:
        state[f"{name}.weight"] = torch.randn(n_out, n_in, 3, 3, generator=rng) * (2 / (9 * n_in)) ** 0.5
        state[f"{name}.bias"] = torch.randn(n_out, generator=rng) * 0.1

    prefix = "net."
    for level, width in enumerate(widths):
        first = 1 if level else 0
        above = widths[level - 1] if level else 19
        conv(f"{prefix}{first}.0", above, width)
        conv(f"{prefix}{first + 1}.0", width, width)
        conv(f"{prefix}{first + 3}.0", 2 * width, width)
        if level:
            conv(f"{prefix}{first + 4}.0", width, above)
        else:
            conv(f"{prefix}4", width, 3)
        prefix += f"{first + 2}.main."
    last = widths[-1]
    for number, sizes in enumerate([(last, inner), (inner, inner), (inner, inner), (inner, last)], 1):
        conv(f"{prefix}{number}.0", *sizes)
    return state


def run_secondary(state: Mapping[str, Tensor], x: Tensor, alpha: float, sigma: float) -> Tensor:
    """The picture that it sees in noisy pictures [B, 3, H, W]."""

    def conv(name: str, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))

    def enlarged(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def level(prefix: str, x: Tensor) -> Tensor:
        x, number = F.avg_pool2d(x, 2), 1
        while f"{prefix}{number}.0.weight" in state:
            x = conv(f"{prefix}{number}.0", x)
            number += 1
            if f"{prefix}{number}.main.1.0.weight" in state:
                x = torch.cat([level(f"{prefix}{number}.main.", x), x], 1)
                number += 1
        return enlarged(x)

    angles = 2 * math.pi * math.acos(alpha) / (math.pi / 2) * state["timestep_embed.weight"][:, 0]
    waves = torch.cat([angles.cos(), angles.sin()]).view(1, -1, 1, 1).expand(len(x), -1, *x.shape[2:])
    h = conv("net.1.0", conv("net.0.0", torch.cat([x, waves], 1)))
    h = conv("net.3.0", torch.cat([level("net.2.main.", h), h], 1))
    v = F.conv2d(h, state["net.4.weight"], state["net.4.bias"], padding=1)
    return alpha * x - sigma * v


def save_all(folder: Path, layout: Layout = Layout()) -> tuple[Path, Path]:
    """The checkpoints of a network and of a secondary model in a folder."""
    files = folder / "unet.pt", folder / "secondary.pth"
    torch.save(unet_state(layout), files[0])
    torch.save(secondary_state(), files[1])
    return files
