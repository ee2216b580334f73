"""The UNet of guided-diffusion with its official names (Dhariwal and Nichol 2021), without conditions.

Convolutions may compute in a lower precision; norms, the softmax and what embeds time stay float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.models.families.diffusion import GROUPS, UNetConfig

LONGEST_PERIOD = 10_000


class Norm(nn.GroupNorm):
    """A group norm that computes in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__(GROUPS, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] to the same shape and type."""
        return super().forward(x.float()).to(x.dtype)


class Upsample(nn.Module):
    """Twice as large; `conv` only where it is convolved."""

    def __init__(self, channels: int, convolved: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if convolved else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, 2h, 2w]."""
        return cast(Tensor, self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest")))


class Downsample(nn.Module):
    """Half as large."""

    def __init__(self, channels: int, convolved: bool) -> None:
        super().__init__()
        self.op: nn.Module = nn.Conv2d(channels, channels, 3, 2, 1) if convolved else nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, h / 2, w / 2]."""
        return cast(Tensor, self.op(x))


class ResBlock(nn.Module):
    """Two convolutions beside a short way, moved by the embedding of time."""

    def __init__(self, n_in: int, n_out: int, time: int, scale_shift: bool, scale: float = 1.0) -> None:
        """time: channels of the embedding. scale: of the picture, 2 or 1/2 where the block resamples it."""
        super().__init__()
        self.scale, self.scale_shift = scale, scale_shift
        self.in_layers = nn.Sequential(Norm(n_in), nn.SiLU(), nn.Conv2d(n_in, n_out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, 2 * n_out if scale_shift else n_out))
        last = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.out_layers = nn.Sequential(Norm(n_out), nn.SiLU(), nn.Identity(), last)
        self.skip_connection = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """[B, n_in, h, w] and an embedding [B, time] to [B, n_out, h * scale, w * scale]."""
        norm, silu, conv = self.in_layers
        h = conv(self._resampled(silu(norm(x))))
        moved = self.emb_layers(time).to(h.dtype)[..., None, None]
        first, *others = self.out_layers
        if self.scale_shift:
            scale, shift = moved.chunk(2, dim=1)
            h = first(h) * (1 + scale) + shift
        else:
            h = first(h + moved)
        for layer in others:
            h = layer(h)
        return cast(Tensor, self.skip_connection(self._resampled(x)) + h)

    def _resampled(self, x: Tensor) -> Tensor:
        if self.scale == 1:
            return x
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.scale > 1 else F.avg_pool2d(x, 2)


class AttentionBlock(nn.Module):
    """Every place looks at all others."""

    def __init__(self, channels: int, heads: int, new_order: bool) -> None:
        """new_order: whether the queries of all heads lie together, and not all that is of a head."""
        super().__init__()
        self.heads, self.new_order = heads, new_order
        self.norm = Norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to the same shape."""
        batch, channels, *sides = x.shape
        flat = x.reshape(batch, channels, -1)
        qkv = self.qkv(self.norm(flat))
        wide = channels // self.heads
        if self.new_order:
            q, k, v = qkv.reshape(batch, 3, self.heads, wide, -1).unbind(1)
        else:
            q, k, v = qkv.reshape(batch, self.heads, 3, wide, -1).unbind(2)
        found = F.scaled_dot_product_attention(*(part.transpose(-1, -2) for part in (q, k, v)))
        found = found.transpose(-1, -2).reshape(batch, channels, -1)
        return cast(Tensor, (flat + self.proj_out(found)).reshape(batch, channels, *sides))


class Block(nn.Sequential):
    """A few parts, of which residual blocks are told the time."""

    def forward(self, x: Tensor, time: Tensor) -> Tensor:  # type: ignore[override]
        """[B, C, h, w] and an embedding of time to what the parts make of it."""
        for part in self:
            x = part(x, time) if isinstance(part, ResBlock) else part(x)
        return x


class GuidedUNet(nn.Module):
    """Finds the noise in a noisy picture."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        wide = 4 * config.channels
        self.time_embed = nn.Sequential(nn.Linear(config.channels, wide), nn.SiLU(), nn.Linear(wide, wide))
        here = config.widths[0]
        self.input_blocks = nn.ModuleList([Block(nn.Conv2d(3, here, 3, padding=1))])
        kept = [here]
        for level, width in enumerate(config.widths):
            for _ in range(config.blocks):
                self.input_blocks.append(Block(*self._parts(level, here, width)))
                here = width
                kept.append(here)
            if level + 1 < len(config.widths):
                self.input_blocks.append(Block(self._resampler(here, 0.5)))
                kept.append(here)
        attention = AttentionBlock(here, config.heads(here), config.described.use_new_attention_order)
        self.middle_block = Block(self._residual(here, here), attention, self._residual(here, here))
        self.output_blocks = nn.ModuleList()
        for level, width in reversed(list(enumerate(config.widths))):
            for number in range(config.blocks + 1):
                parts = self._parts(level, here + kept.pop(), width)
                here = width
                if level and number == config.blocks:
                    parts = (*parts, self._resampler(here, 2.0))
                self.output_blocks.append(Block(*parts))
        out = 6 if config.learn_sigma else 3
        self.out = nn.Sequential(Norm(here), nn.SiLU(), nn.Conv2d(here, out, 3, padding=1))

    def _residual(self, n_in: int, n_out: int, scale: float = 1.0) -> ResBlock:
        return ResBlock(n_in, n_out, 4 * self.config.channels, self.config.scale_shift, scale)

    def _parts(self, level: int, n_in: int, n_out: int) -> Sequence[nn.Module]:
        """A residual block, and attention where the level has it."""
        residual = self._residual(n_in, n_out)
        if not self.config.attention[level]:
            return (residual,)
        new_order = self.config.described.use_new_attention_order
        return residual, AttentionBlock(n_out, self.config.heads(n_out), new_order)

    def _resampler(self, channels: int, scale: float) -> nn.Module:
        if self.config.resample == "block":
            return self._residual(channels, channels, scale)
        convolved = self.config.resample == "conv"
        return Upsample(channels, convolved) if scale > 1 else Downsample(channels, convolved)

    @property
    def blocks(self) -> list[nn.Module]:
        """Those that may be computed again on the way back."""
        return [*self.input_blocks, self.middle_block, *self.output_blocks]

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the convolutions between the first and the last compute in `dtype`."""
        for block in self.blocks:
            for part in block.modules():
                if isinstance(part, nn.Conv1d | nn.Conv2d):
                    part.to(dtype)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Noisy pictures [B, 3, H, W], -1..1 under the noise, at times [B] of 0..1000, to [B, 3 or 6, H, W]:
        the noise of unit spread, and how much to add again, from the least (-1) to the most (1)."""
        embedded = self.time_embed(embed_time(time, self.config.channels))
        first = cast(nn.Conv2d, cast(Block, self.input_blocks[0])[0])
        h, kept = x.to(first.weight.dtype), []
        for block in self.input_blocks:
            h = block(h, embedded)
            kept.append(h)
        h = self.middle_block(h, embedded)
        for block in self.output_blocks:
            h = block(torch.cat([h, kept.pop()], dim=1), embedded)
        return cast(Tensor, self.out(h.to(x.dtype)))


def embed_time(time: Tensor, channels: int) -> Tensor:
    """Times [B] as waves [B, channels], slow and quick ones (Vaswani et al. 2017)."""
    half = channels // 2
    places = torch.arange(half, dtype=torch.float32, device=time.device)
    angles = time[:, None].float() * (-math.log(LONGEST_PERIOD) * places / half).exp()
    waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return F.pad(waves, (0, channels % 2))
