"""What generators with a codebook share: latents that are drawn to the nearest code (van den Oord et al.
2017, "Neural Discrete Representation Learning")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vqanim.models.family import halved_stages
from vqanim.types import Image, Knob, Params, Stage


def nearest_codes(latents: Tensor, codebook: Tensor, squares: Tensor | None = None) -> Tensor:
    """Index of the codebook vector nearest to each latent.

    latents [B, C, h, w], codebook [N, C] -> int64 [B, h, w]. |z - e|^2 differs from |e|^2 - 2 z.e by a term
    that is the same for all codes, so one product and one argmin suffice. squares: |e|^2 [N], if known.
    """
    flat = latents.movedim(1, -1).reshape(-1, codebook.shape[1])
    squares = codebook.square().sum(1) if squares is None else squares
    return (squares - 2 * flat @ codebook.T).argmin(1).view(latents.shape[0], *latents.shape[2:])


def look_up(codes: Tensor, codebook: Tensor) -> Tensor:
    """Codes [B, h, w] to their vectors [B, C, h, w]."""
    return F.embedding(codes, codebook).movedim(-1, 1)


class _ClampWithGrad(torch.autograd.Function):
    """Clamp whose gradient is stopped only where following it would lead further out of range."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.range = low, high
        ctx.save_for_backward(x)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,), (gradient,) = ctx.saved_tensors, gradients
        outwards = gradient * (x - x.clamp(*ctx.range)) < 0  # descent moves against the gradient
        return gradient.masked_fill(outwards, 0), None, None


def clamp_with_grad(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp to low..high; values outside still get the gradient that brings them back (Crowson 2021)."""
    return _ClampWithGrad.apply(x, low, high)


@contextmanager
def recomputed(blocks: Sequence[nn.Module]) -> Iterator[None]:
    """Frozen blocks without random numbers that are called while this lasts keep only their input and compute
    the rest on the way back (gradient checkpointing: Chen et al. 2016)."""
    for block in blocks:  # this hides the method of the class
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward


class CodebookGenerator:
    """A `types.Generator` but for `carry`, `decode` and `lower_precision`. Its latents are `z`, float32
    [B, C, H / multiple, W / multiple], continuous and kept within the codebook's range; decoding snaps each
    to its nearest code and passes the gradient straight through.
    """

    invertible = True
    exact = False
    knobs: Mapping[str, Knob] = MappingProxyType({"z": Knob()})

    def __init__(self, name: str, digest: str, device: torch.device, multiple: int, codebook: Tensor) -> None:
        """codebook: the vectors of all codes, [N, C], on the device."""
        self.name, self.hash, self.device, self.multiple = name, digest, device, multiple
        self._codebook, self._squares = codebook, codebook.square().sum(1)
        self._low, self._high = (bound.view(1, -1, 1, 1) for bound in codebook.aminmax(dim=0))
        self._dtype = torch.float32

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """Small sizes first, so that shapes come before texture."""
        return halved_stages(steps, *size, self.multiple)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """Latents of the picture that a shot begins with; `rng` is not needed here."""
        return self.carry(picture)

    def carry(self, picture: Image) -> Params:
        """Latents of a picture [B, 3, H, W] in 0..1."""
        raise NotImplementedError

    def fitting(self, picture: Image) -> Image:
        """A picture [B, 3, H, W] as an encoder takes it.

        Raises ValueError when H or W is not a multiple of `multiple`.
        """
        if any(side % self.multiple for side in picture.shape[-2:]):
            raise ValueError(f"sides must be multiples of {self.multiple}, but are {tuple(picture.shape)}")
        return picture.to(self.device, torch.float32, memory_format=torch.channels_last)

    def quantized(self, z: Tensor) -> Tensor:
        """The nearest codes of latents, with a gradient as if they were the latents."""
        codes = look_up(nearest_codes(z.detach(), self._codebook, self._squares), self._codebook)
        return z + (codes - z).detach()

    @torch.no_grad()
    def project(self, latents: Params) -> None:
        """Clamp the latents, in place, to each channel's range in the codebook."""
        latents["z"].clamp_(self._low, self._high)

    def prior(self, latents: Params, image: Image) -> Mapping[str, Tensor]:
        """Empty: what the decoder can show is prior enough."""
        return {}
