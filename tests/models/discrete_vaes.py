"""A tiny dVAE of DALL-E's layout with random weights, put together of torch's own layers: the reference."""

from __future__ import annotations

import functools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

CODES = 40


class Conv2d(nn.Module):
    """OpenAI's names, and things beside the weights as in its pickles."""

    def __init__(self, n_in: int, n_out: int, kw: int) -> None:
        super().__init__()
        self.n_in, self.device = n_in, torch.device("cpu")
        self.w = nn.Parameter(torch.randn(n_out, n_in, kw, kw) / (n_in * kw**2) ** 0.5)
        self.b = nn.Parameter(torch.randn(n_out) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.w, self.b, padding=(self.w.shape[-1] - 1) // 2)


class DBlock(nn.Module):
    """A block of either half, whose kernels differ."""

    def __init__(self, n_in: int, n_out: int, kernels: tuple[int, ...], gain: float) -> None:
        super().__init__()
        self.post_gain = gain
        self.id_path = Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, kernel in enumerate(kernels, 1):
            layers[f"relu_{number}"] = nn.ReLU()
            widths = (n_in if number == 1 else n_out // 4), (n_out if number == 4 else n_out // 4)
            layers[f"conv_{number}"] = Conv2d(*widths, kernel)
        self.res_path = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.id_path(x) + self.post_gain * self.res_path(x)


class Half(nn.Module):
    """An encoder or a decoder: groups of blocks with a pool or a doubling between."""

    def __init__(self, part: str, hidden: int, n_init: int, codes: int, groups: int, blocks: int) -> None:
        super().__init__()
        encodes = part == "encoder"
        widths = [hidden * 2**number for number in range(groups)]
        last = hidden if encodes else n_init
        kernels = (3, 3, 3, 1) if encodes else (1, 3, 3, 3)
        steps: OrderedDict[str, nn.Module] = OrderedDict()
        steps["input"] = Conv2d(3, hidden, 7) if encodes else Conv2d(codes, n_init, 1)
        for number, width in enumerate(widths if encodes else widths[::-1], 1):
            group: OrderedDict[str, nn.Module] = OrderedDict()
            for block in range(1, blocks + 1):
                group[f"block_{block}"] = DBlock(last, width, kernels, 1 / (groups * blocks) ** 2)
                last = width
            if number < groups:
                move: nn.Module = nn.MaxPool2d(2) if encodes else nn.Upsample(scale_factor=2, mode="nearest")
                group["pool" if encodes else "upsample"] = move
            steps[f"group_{number}"] = nn.Sequential(group)
        output = Conv2d(last, codes if encodes else 6, 1)
        output.w.data *= 4  # else its pictures are all but gray
        steps["output"] = nn.Sequential(OrderedDict(relu=nn.ReLU(), conv=output))
        self.blocks = nn.Sequential(steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


@functools.cache
def half(
    part: str, seed: int = 0, codes: int = CODES, groups: int = 4, blocks: int = 2, hidden: int = 4
) -> Half:
    """A frozen one; the same for the same arguments."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Half(part, hidden, 10, codes, groups, blocks).eval().requires_grad_(False)


def paint(encoder: Half, decoder: Half, image: Tensor) -> Tensor:
    """A picture in 0..1 through encoder, codes and decoder, as OpenAI's notebook does it."""
    logits = encoder(0.8 * image + 0.1)
    one_hot = F.one_hot(logits.argmax(1), logits.shape[1]).permute(0, 3, 1, 2).float()
    return ((decoder(one_hot)[:, :3].sigmoid() - 0.1) / 0.8).clamp(0, 1)


def save(thing: Any, path: Path, **options: Any) -> Path:
    """A file of what is given: safetensors by its name, else torch's."""
    if path.suffix == ".safetensors":
        save_file(thing, path)
    else:
        torch.save(thing, path, **options)
    return path
