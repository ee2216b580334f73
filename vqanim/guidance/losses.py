"""Terms of the loss, by kind. A new kind is two functions and one line in TERMS.

A kind looks at one of four things: the cutouts of each perceptor, the whole picture, its features, or the
latents. What a term needs and a frame does not change is prepared once a frame, as tensors by name; the loss
is a pure function of what it looks at and of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.cutouts import Boxes
from vqanim.guidance.features import CONTENT_LAYERS, Style, edges, spread, style_distance, style_of, unit
from vqanim.timeline.plan import AreaPlan, StartPlan, WeightedTerm
from vqanim.types import FeatureNetwork, Image, Latents

PIXELS_SCALE = 20.0
"""The squared difference of two unlike photographs is near 0.1, their distance to a perceptor near 1."""
NEAR_PIXELS_SCALE = 100.0
NEAR_LATENTS_SCALE = 1.0
STYLE_SCALE = 1.0
NEAR_FEATURES_SCALE = 1.0
NEAR_EDGES_SCALE = 5.0
COARSE = 8
"""Pixels a side of the blur in a comparison by pixels."""

LooksAt = Literal["cutouts", "picture", "latents", "features"]

Constants: TypeAlias = "dict[str, Tensor]"
"""What the terms of one kind need in all steps of a frame, by name."""
ByKind: TypeAlias = "dict[str, Constants]"


HearLoss: TypeAlias = Callable[[str, Tensor], None]
"""Told of a kind and its loss."""


class View(NamedTuple):
    """What a term for cutouts looks at in one step: some or all cutouts of one perceptor."""

    embeddings: Tensor
    """Unit vectors, [n, D]."""
    boxes: Boxes
    """Where the cutouts lie; each tensor is [n]."""


@dataclass(frozen=True)
class GuideContext:
    """What terms may compare a frame with; a part is None, or empty, where a frame has no such thing."""

    picture: Image | None = None
    """[1, 3, H, W]: what the latents came from, warped and conditioned."""
    latents: Latents | None = None
    """Those that the frame begins with."""
    valid: Tensor | None = None
    """[1, 1, H, W] in 0..1: how far a pixel was in the picture before it was warped. None: all were."""
    images: Mapping[StartPlan, Image] = field(default_factory=dict)
    """[1, 3, H, W]: the pictures that terms name and compare with pixel by pixel or in latents."""
    codes: Mapping[StartPlan, Latents] = field(default_factory=dict)
    """Latents of those that are compared in latents."""
    valids: Mapping[StartPlan, Tensor] = field(default_factory=dict)
    """[1, 1, H, W] in 0..1 of those that were moved: how far a pixel was in them before."""
    areas: Mapping[AreaPlan, Tensor] = field(default_factory=dict)
    """[1, 1, H, W] in 0..1: the masks of the areas in which terms pull."""


@dataclass(frozen=True)
class Known:
    """What a term can be prepared from, once a frame."""

    targets: Mapping[str, Tensor]
    """A perceptor's unit vectors [D] by prompt; empty for terms that do not look at cutouts."""
    context: GuideContext
    device: torch.device
    pictures: Mapping[StartPlan, Tensor] = field(default_factory=dict)
    """A perceptor's unit vectors [D] of pictures."""
    features: FeatureNetwork | None = None
    """For terms that look at features."""
    styles: Mapping[StartPlan, Sequence[Style]] = field(default_factory=dict)
    """Statistics of pictures, layer by layer."""

    def target(self, term: WeightedTerm) -> Tensor:
        """Unit vector [D] of what a term for cutouts asks for."""
        return self.targets[term.text] if term.target is None else self.pictures[term.target]


@dataclass(frozen=True)
class TermKind:
    """A kind of term."""

    looks_at: LooksAt
    prepare: Callable[[Sequence[WeightedTerm], Known], Constants]
    """From all terms of this kind in a frame. Their weights belong to it."""
    loss: Callable[[Any, Constants], Tensor]
    """From a View, an image, its layers or latents. For cutouts the loss of each, [n], of which the mean
    counts; else a scalar. No value may be read back from the device."""
    pulls: bool = True
    """Whether it says what to show, so that its weight sets the length of a step; False: it holds back."""
    whole: bool = False
    """Whether a picture that it names is seen once a run and in its own shape, not made to fit the frame."""


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 asin(|a - b| / 2)^2 between unit vectors a [N, D] and b [P, D] -> [N, P], 0..pi^2 / 2.

    From Katherine Crowson's VQGAN+CLIP notebook (2021). The chord is kept a hair away from 0 and 2,
    where the slope of the root and of asin is infinite.
    """
    chord = (2 - 2 * a @ b.T).clamp(min=1e-8).sqrt() / 2
    return 2 * chord.clamp(max=1 - 1e-6).asin().square()


def prepare_prompts(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Targets [P, D], weights [P] and stops [P] of P prompts, texts or pictures."""
    target = torch.stack([known.target(term) for term in terms]).to(known.device)
    return {"target": target, **numbers_of(terms, known)}


def numbers_of(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Weights [P] and stops [P] of P terms."""
    return {
        "weight": torch.tensor([term.weight for term in terms], device=known.device),
        "stop": torch.tensor([term.stop for term in terms], device=known.device),
    }


def prompt_loss(view: View, prompts: Constants) -> Tensor:
    """|w| max(sign(w) d, stop), summed over the prompts, for each cutout."""
    return weighed(spherical_distance(view.embeddings, prompts["target"]), prompts)


def weighed(distances: Tensor, terms: Constants) -> Tensor:
    """|w| max(sign(w) d, stop), summed over the terms: distances [..., P] -> [...]."""
    weight = terms["weight"]
    return (weight.abs() * torch.maximum(weight.sign() * distances, terms["stop"])).sum(-1)


def prepare_pixels(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Pictures [P, 3, H, W] to come near to, with weights and stops [P]."""
    pictures = torch.cat([known.context.images[wanted(term)] for term in terms])
    return {"picture": pictures, **numbers_of(terms, known)}


def pixel_loss(image: Image, terms: Constants) -> Tensor:
    """Mean squared difference to each picture, half of it after a blur, so that large shapes come first."""
    difference = image - terms["picture"]
    coarse = F.avg_pool2d(difference, min(COARSE, *difference.shape[2:]))
    distances = (difference.square().mean((1, 2, 3)) + coarse.square().mean((1, 2, 3))) / 2
    return weighed(PIXELS_SCALE * distances, terms)


def prepare_near_pixels(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Pictures [P, 3, H, W] to stay near to, and how much each pixel of them counts, [P, 1, H, W]."""
    held = [held_to(term, known.context) for term in terms]
    counts = [term.weight * valid for term, (_, valid) in zip(terms, held, strict=True)]
    return {"picture": torch.cat([picture for picture, _ in held]), "count": torch.cat(counts)}


def held_to(term: WeightedTerm, context: GuideContext) -> tuple[Image, Tensor]:
    """The picture [1, 3, H, W] that a term holds to, and where it counts, [1, 1, H, W] in 0..1."""
    picture = given(context.picture) if term.target is None else context.images[term.target]
    valid = context.valid if term.target is None else context.valids.get(term.target)
    return picture, torch.ones_like(picture[:, :1]) if valid is None else valid


def near_pixels_loss(image: Image, terms: Constants) -> Tensor:
    """Weighted mean squared difference; what has just come into view is free."""
    return NEAR_PIXELS_SCALE * ((image - terms["picture"]).square() * terms["count"]).mean((1, 2, 3)).sum()


def prepare_near_latents(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Of each name of latents: those to stay near to, `of <name>` [P, C, h, w], and how much each counts,
    `count <name>` [P, 1, h, w], which is relative to their mean square."""
    context, made = known.context, {}
    for name, latents in given(context.latents).items():
        wanted_ = [latents if term.target is None else context.codes[term.target][name] for term in terms]
        counts = [
            term.weight * (ones if term.target or context.valid is None else shrunk(context.valid, ones))
            for term in terms
            for ones in [torch.ones_like(latents[:, :1])]
        ]
        made[f"of {name}"] = torch.cat(wanted_)
        made[f"count {name}"] = torch.cat(counts) / latents.square().mean().clamp(min=1e-12)
    return made


def near_latents_loss(latents: Latents, terms: Constants) -> Tensor:
    """Weighted mean squared difference, relative to the latents' mean square."""
    losses = [
        ((z - terms[f"of {name}"]).square() * terms[f"count {name}"]).mean((1, 2, 3)).sum()
        for name, z in latents.items()
    ]
    return NEAR_LATENTS_SCALE * torch.stack(losses).sum()


def prepare_style(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Of each layer the statistics of P pictures, `mean <layer>` [P, C] and `covariance <layer>` [P, C, C],
    with weights and stops [P]."""
    made = numbers_of(terms, known)
    for layer, styles in enumerate(zip(*(known.styles[wanted(term)] for term in terms), strict=True)):
        made[f"mean {layer}"] = torch.stack([style.mean for style in styles])
        made[f"covariance {layer}"] = torch.stack([style.covariance for style in styles])
    return made


def style_loss(layers: Sequence[Tensor], terms: Constants) -> Tensor:
    """Distance of the picture's style to each of those, mean over the layers."""
    distances = [
        style_distance(style_of(layer), Style(terms[f"mean {index}"], terms[f"covariance {index}"]))
        for index, layer in enumerate(layers)
    ]
    return weighed(STYLE_SCALE * torch.stack(distances).mean(0), terms)


@torch.no_grad()
def prepare_near_features(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Of each layer that tells the content: `of <layer>` [P, C, h, w] of P pictures, and how much each place
    counts, `count <layer>` [P, 1, h, w], which is relative to the features' spread."""
    made: Constants = {}
    held = [held_to(term, known.context) for term in terms]
    layers = given(known.features)(torch.cat([picture for picture, _ in held]))
    for index in CONTENT_LAYERS:
        made[f"of {index}"] = of = layers[index]
        counts = [term.weight * shrunk(valid, of) for term, (_, valid) in zip(terms, held, strict=True)]
        made[f"count {index}"] = torch.cat(counts) / spread(of)
    return made


def near_features_loss(layers: Sequence[Tensor], terms: Constants) -> Tensor:
    """Weighted mean squared difference, relative to the spread of the features, mean over the layers."""
    losses = [
        ((layers[index] - terms[f"of {index}"]).square() * terms[f"count {index}"]).mean((1, 2, 3)).sum()
        for index in CONTENT_LAYERS
    ]
    return NEAR_FEATURES_SCALE * torch.stack(losses).mean()


def prepare_near_edges(terms: Sequence[WeightedTerm], known: Known) -> Constants:
    """Edges [P, 2, h, w] as vectors of length 1, and how much each of P pictures counts, [P]."""
    held = [held_to(term, known.context) for term in terms]
    fields = torch.cat([edges(picture) for picture, _ in held])
    valid = torch.cat([shrunk(valid, fields) for _, valid in held])
    weight = torch.tensor([term.weight for term in terms], device=known.device)
    return {"edges": unit(fields * valid), "valid": valid, "weight": weight}


def near_edges_loss(image: Image, terms: Constants) -> Tensor:
    """1 - cosine of the picture's edges to each of those: where they are and which way they rise counts, not
    how steep all of them are."""
    found = unit(edges(image) * terms["valid"])
    distances = 1 - (found * terms["edges"]).sum((1, 2, 3))
    return NEAR_EDGES_SCALE * (terms["weight"] * distances).sum()


def shrunk(valid: Tensor, like: Tensor) -> Tensor:
    """The mask [1, 1, H, W] at the size of latents [1, 1, h, w]."""
    return F.interpolate(valid, like.shape[2:], mode="area")


def wanted(term: WeightedTerm) -> StartPlan:
    """The picture of a term that must have one."""
    if term.target is None:
        raise ValueError(f"a term of the kind {term.kind} names a picture")
    return term.target


Part = TypeVar("Part")


def given(part: Part | None) -> Part:
    """A part of the context that a term needs."""
    if part is None:
        raise ValueError("a term compares with a frame before, but the context has none")
    return part


TERMS: Mapping[str, TermKind] = {
    "prompt": TermKind("cutouts", prepare_prompts, prompt_loss),
    "image": TermKind("cutouts", prepare_prompts, prompt_loss, whole=True),
    "style": TermKind("features", prepare_style, style_loss, whole=True),
    "pixels": TermKind("picture", prepare_pixels, pixel_loss),
    "stay_near_pixels": TermKind("picture", prepare_near_pixels, near_pixels_loss, pulls=False),
    "stay_near_latents": TermKind("latents", prepare_near_latents, near_latents_loss, pulls=False),
    "stay_near_features": TermKind("features", prepare_near_features, near_features_loss, pulls=False),
    "stay_near_edges": TermKind("picture", prepare_near_edges, near_edges_loss, pulls=False),
}


def prepare_terms(losses: Sequence[WeightedTerm], looks_at: LooksAt, known: Known) -> ByKind:
    """The constants of those kinds that look at one thing. Raises KeyError for a kind that TERMS lacks."""
    kinds = dict.fromkeys(term.kind for term in losses if TERMS[term.kind].looks_at == looks_at)
    return {
        kind: TERMS[kind].prepare([term for term in losses if term.kind == kind], known) for kind in kinds
    }


def sum_losses(
    seen: View | Image | Sequence[Tensor] | Latents, terms: ByKind, hear: HearLoss | None = None
) -> Tensor:
    """The losses of all kinds that look at the same thing; [n] for cutouts, else a scalar.

    hear: told of the loss of each kind, detached.
    """
    losses = [TERMS[kind].loss(seen, constants) for kind, constants in terms.items()]
    if hear is not None:
        for kind, loss in zip(terms, losses, strict=True):
            hear(kind, loss.detach())
    return torch.stack(losses).sum(0)


class Tally:
    """Adds up the losses of a step by kind, beside the gradient. Nothing is read from the device."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        """Scalars."""

    def hear(self, factor: float = 1.0, weights: Tensor | None = None) -> HearLoss:
        """Adds losses, a scalar or one a cutout [n], times a factor and, of cutouts, weights [n]."""

        def add(kind: str, loss: Tensor) -> None:
            found = factor * (loss if weights is None else loss * weights).sum()
            self.losses[kind] = self.losses[kind] + found if kind in self.losses else found

        return add
