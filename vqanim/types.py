"""Shared names: what a generator and a perceptor can do. Torch is imported for type checking only.

Images are float [B, 3, H, W], sRGB in 0..1. Embeddings are unit vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Image: TypeAlias = "Tensor"
"""Float [B, 3, H, W], sRGB in 0..1."""
Latents: TypeAlias = "Mapping[str, Tensor]"
"""A generator's parameters by name; VQGAN has one, `z`: float [B, C, H / multiple, W / multiple]."""


class Generator(Protocol):
    """Turns latents into pictures and pictures into latents. Its weights are frozen."""

    name: str
    hash: str
    """Hex digest of the weights and configuration; part of every frame's digest."""
    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""

    def start(self, picture: Image, rng: torch.Generator) -> Latents:
        """Latents to begin a shot with, near `picture`."""
        ...

    def carry(self, picture: Image) -> Latents:
        """Latents of the warped picture of the frame before."""
        ...

    def decode(self, latents: Latents, recompute: bool = False) -> Image:
        """Picture of the latents, differentiable, in 0..1 (clamped with a gradient that passes).

        recompute: spare memory by computing parts again on the way back; the picture is the same.
        """
        ...

    def size_of(self, latents: Latents) -> tuple[int, int]:
        """Height and width of the picture of latents, in pixels."""
        ...

    def project(self, latents: Latents) -> None:
        """Bring latents back, in place, to the range that the decoder knows. No gradient, no sync."""
        ...

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep and use the weights of the way from latents to pictures in `dtype`; latents stay float32."""
        ...

    def state(self, latents: Latents) -> Mapping[str, Tensor]:
        """What a saved picture cannot hold and the next frame needs; empty for VQGAN."""
        ...


class Perceptor(Protocol):
    """Puts texts and images into one space, like CLIP. Its weights are frozen."""

    name: str
    hash: str
    """Hex digest of the weights; part of every frame's digest."""
    input_size: int
    """Side of the square images that it looks at, in pixels."""

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts to unit vectors [N, D]."""
        ...

    def encode_image(self, images: Image) -> Tensor:
        """Images [B, 3, S, S] in 0..1 to unit vectors [B, D], differentiable."""
        ...

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep and use the weights of the image side in `dtype`; images and embeddings stay float32.

        Texts are embedded before: `encode_text` may fail afterwards.
        """
        ...

    def release_text(self) -> None:
        """Free what only texts need, once all are embedded; `encode_text` may fail afterwards."""
        ...

    def notes(self, texts: Sequence[str]) -> tuple[str, ...]:
        """What a person should know about these texts, one line each: unknown words, cut texts."""
        ...


class FeatureNetwork(Protocol):
    """Sees patterns of several sizes at every place of a picture. Its weights are frozen."""

    def __call__(self, images: Image) -> tuple[Tensor, ...]:
        """Layers [B, C, h, w] of images [B, 3, H, W] in 0..1, fine to coarse, differentiable."""
        ...
