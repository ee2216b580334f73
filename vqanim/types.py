"""Shared names: what generators, perceptors and methods are. Torch is imported for type checking only.

Images are float [B, 3, H, W], sRGB in 0..1. Embeddings are unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from vqanim.guidance.descent import DescentResult, OptimizerState
    from vqanim.guidance.objective import Objective
    from vqanim.losses import Context
    from vqanim.timeline.plan import FramePlan

Image: TypeAlias = "Tensor"
"""Float [B, 3, H, W], sRGB in 0..1."""
Params: TypeAlias = "Mapping[str, Tensor]"
"""A generator's parameters by name: tensors of any shape; VQGAN's latents are one of them."""


@dataclass(frozen=True)
class Knob:
    """How one tensor of a generator's parameters is optimized."""

    rate: float = 1.0
    """Factor on the learning rate of the plan."""
    adam: Literal["tensor", "element"] = "tensor"
    """Whether Adam has one second moment for the whole tensor, or one for each element."""
    shared: Callable[[Tensor], Tensor] | None = None
    """Of elements of different scale: from their squared gradients the mean of each one's group, in the shape
    of the tensor, which is then the second moment of all in the group."""
    spatial: bool = True
    """Whether the tensor is a grid [B, C, h, w] that lies over the picture, so that neighbors can be smoothed
    and masks of the picture apply to it."""
    average: float = 0.0
    """Share that the running average of its values keeps at each step; where a picture starts anew that is
    what becomes of it. 0: the last value."""


@dataclass(frozen=True)
class Stage:
    """A part of the steps of a picture that starts from nothing, coarse to fine."""

    height: int
    """Of the picture, in pixels."""
    width: int
    steps: int
    detail: float = 1.0
    """Share of a generator's own resolution, for those that have one apart from the picture's size."""
    fresh: bool = False
    """Whether it begins from noise that is there only for something to grow from, and may be toned down."""


class Generator(Protocol):
    """A differentiable parameterization of images: VQGAN, a grid of pixels, a Fourier spectrum ...

    Weights, if it has any, are frozen.
    """

    name: str
    hash: str
    """Hex digest of the weights and configuration; part of every frame's digest."""
    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""
    invertible: bool
    """Whether `carry` finds the parameters of any picture. Else they are kept beside the pictures, and those
    of the frame before are fitted to what the camera makes of it."""
    exact: bool
    """Whether frames must stay what `decode` gives, so that nothing may recolor them afterwards."""
    knobs: Mapping[str, Knob]
    """Of each tensor of its parameters."""

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """How the steps of a picture that starts from nothing are split; size: height and width in pixels."""

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """Parameters to begin a shot or a stage with, near `picture`, which has the size of the stage."""

    def carry(self, picture: Image) -> Params:
        """Parameters of the warped picture of the frame before; only of an invertible generator."""

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """Picture of the parameters, differentiable, in 0..1 (clamped with a gradient that passes).

        size: its height and width in pixels, those of the picture that the parameters were made for.
        recompute: spare memory by recomputing parts in the backward pass; the picture is the same.
        """

    def project(self, params: Params) -> None:
        """Bring parameters back, in place, to the range that the decoder knows. No gradient, no sync."""

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """Losses, scalars by name, that the generator asks of its parameters and their picture itself; empty
        where it asks nothing. No sync."""

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep and use the decoder's weights in `dtype`; parameters stay float32."""


class Method(Protocol):
    """How a picture is worked on: by descent on a generator's parameters, or in another way."""

    objective: Objective

    @property
    def mode(self) -> tuple[str, str]:
        """How steps are made now, and why not as fast as they might."""
        ...

    def steps(
        self,
        params: Params,
        plan: FramePlan,
        size: tuple[int, int],
        rng: torch.Generator,
        context: Context = ...,
        since: OptimizerState | None = None,
    ) -> Iterator[OptimizerState | DescentResult]:
        """The steps of a plan from parameters: a state after each, from which it can go on, and the result.

        size: height and width of the picture in pixels. Raises DeviceError when memory does not suffice.
        """
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

    def encode_image(self, images: Image) -> Tensor:
        """Images [B, 3, S, S] in 0..1 to unit vectors [B, D], differentiable."""

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep and use the weights of the image side in `dtype`; images and embeddings stay float32.

        Texts are embedded before: `encode_text` may fail afterwards.
        """

    def release_text(self) -> None:
        """Free what only texts need, once all are embedded; `encode_text` may fail afterwards."""

    def notes(self, texts: Sequence[str]) -> tuple[str, ...]:
        """What a person should know about these texts, one line each: unknown words, cut texts."""


class FeatureNetwork(Protocol):
    """Sees patterns of several sizes at every place of a picture. Its weights are frozen."""

    def __call__(self, images: Image) -> tuple[Tensor, ...]:
        """Layers [B, C, h, w] of images [B, 3, H, W] in 0..1, fine to coarse, differentiable."""


Valid: TypeAlias = "Tensor"
"""Float [1, 1, H, W]: 1 where a warped picture shows the old one, 0 where it shows what lies beyond."""


class Warp(Protocol):
    """How the picture of a frame becomes the view of another: along a camera, by depth or by flow."""

    def apply(self, picture: Image, depth: Tensor | None = None) -> tuple[Image, Valid]:
        """The picture in 0..1 as it is seen after the movement, and how far each pixel is really known.

        depth: float [1, 1, H, W], how far away the picture's pixels lie, for warps that need to know.
        """
