"""What a loss term is: a declaration, what is prepared once a frame, and a pure function of tensors.

A kind looks at one of four things: the cutouts of each perceptor, the whole picture, its features, or the
generator's parameters. What a term needs and a frame does not change is prepared once a frame, as tensors by
name; the loss is a pure function of what it looks at and of these.

Torch is imported when a loss is computed, so that the scene language can read the declarations without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from vqanim.lazy import F, torch
from vqanim.settings import Setting

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.losses.features import Style
    from vqanim.timeline.plan import AreaPlan, StartPlan, WeightedTerm
    from vqanim.types import FeatureNetwork, Image, Knob, Params

LooksAt = Literal["cutouts", "picture", "params", "features"]

Terms: TypeAlias = "Sequence[WeightedTerm]"
"""Those of one kind in a frame."""
Constants: TypeAlias = "dict[str, Tensor]"
"""What they need in all steps of the frame, by name."""


@dataclass(frozen=True)
class Context:
    """What terms may compare a frame with; a part is None, or empty, where a frame has no such thing."""

    picture: Image | None = None
    """[1, 3, H, W]: what the parameters came from, warped and fed back."""
    params: Params | None = None
    """Those that the frame begins with."""
    valid: Tensor | None = None
    """[1, 1, H, W] in 0..1: how far a pixel was in the picture before it was warped. None: all were."""
    images: Mapping[StartPlan, Image] = field(default_factory=dict)
    """[1, 3, H, W]: the pictures that terms name and compare with pixel by pixel or in parameters."""
    params_of: Mapping[StartPlan, Params] = field(default_factory=dict)
    """Parameters of those that are compared in parameters."""
    valids: Mapping[StartPlan, Tensor] = field(default_factory=dict)
    """[1, 1, H, W] in 0..1 of those that were moved: how far a pixel was in them before."""
    areas: Mapping[AreaPlan, Tensor] = field(default_factory=dict)
    """[1, 1, H, W] in 0..1: the masks of the areas in which terms pull."""


@dataclass(frozen=True)
class Known:
    """What a term can be prepared from, once a frame."""

    targets: Mapping[str | StartPlan, Tensor]
    """A perceptor's unit vectors [D] of prompts and pictures; empty for terms that look at no cutouts."""
    context: Context
    device: torch.device
    features: FeatureNetwork | None = None
    """For terms that look at features."""
    styles: Mapping[StartPlan, Sequence[Style]] = field(default_factory=dict)
    """Statistics of pictures, layer by layer."""
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    """Of the generator's parameters, for terms that look at them."""


@dataclass(frozen=True)
class Loss:
    """A kind of loss term."""

    name: str
    looks_at: LooksAt
    prepare: Callable[[Terms, Known], Constants]
    """From all terms of this kind in a frame. Their weights belong to it."""
    loss: Callable[[Any, Constants], Tensor]
    """From embeddings [n, D], an image, its layers or parameters. For cutouts the loss of each, [n], of which
    the mean counts; else a scalar. No value may be read back from the device."""
    pulls: bool = True
    """Whether it says what to show, so that its weight sets the length of a step; False: it holds back."""
    whole: bool = False
    """Whether a picture that it names is seen once a run and in its own shape, not made to fit the frame."""
    in_scene: bool = False
    """Whether scenes name it under `guidance.losses`; the others are written in ways of their own."""
    description: str = ""
    """What it asks of a picture, for the reference and for editors."""
    weight: tuple[float, float] = (0.0, 100.0)
    """Smallest and largest weight."""
    settings: tuple[Setting, ...] = ()
    """What may be written beside the weight."""


def weighted(distances: Tensor, terms: Constants) -> Tensor:
    """|w| max(sign(w) d, stop), summed over the terms: distances [..., P] -> [...]."""
    weight = terms["weight"]
    return (weight.abs() * torch.maximum(weight.sign() * distances, terms["stop"])).sum(-1)


def prepare_weights(terms: Terms, known: Known) -> Constants:
    """Weights [P] and stops [P] of P terms."""
    return {
        "weight": torch.tensor([term.weight for term in terms], device=known.device),
        "stop": torch.tensor([term.stop for term in terms], device=known.device),
    }


def held_to(term: WeightedTerm, context: Context) -> tuple[Image, Tensor]:
    """The picture [1, 3, H, W] that a term holds to, and where it counts, [1, 1, H, W] in 0..1."""
    picture = given(context.picture) if term.target is None else context.images[term.target]
    valid = context.valid if term.target is None else context.valids.get(term.target)
    return picture, torch.ones_like(picture[:, :1]) if valid is None else valid


def shrunk(valid: Tensor, like: Tensor) -> Tensor:
    """The mask [1, 1, H, W] at the size of a grid [1, C, h, w]."""
    return F.interpolate(valid, like.shape[2:], mode="area")


Part = TypeVar("Part")


def given(part: Part | None) -> Part:
    """What a term needs: the picture that it names, or a part of the context."""
    if part is None:
        raise ValueError("a term compares with a picture or a frame before, but there is none")
    return part
