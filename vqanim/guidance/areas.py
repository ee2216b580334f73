"""Areas: parts of the frame in which some terms pull, and outside of which they do not.

Every cutout is looked at once and as it is, so that a term sees its part among its surroundings. What comes
back of its loss is multiplied by the area's mask, so that only the part changes; and a cutout counts as much
as it shows of the part. That is stylecloud's idea, a picture that takes a shape, for a picture that is found
by its gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from vqanim.guidance.cutouts import Boxes, cut
from vqanim.losses import LOSSES, Constants, Known, LooksAt
from vqanim.timeline.plan import AreaPlan, WeightedTerm

GRAIN = 16
"""Pixels a side of a mask's cutout, of which only the mean counts."""
LEAST_SHARE = 1e-3
"""What cutouts show of an area at least, in the mean of a step, before they are weighed against it."""

ByKind: TypeAlias = "dict[str, Constants]"
"""The constants of some kinds of terms."""


class Area(NamedTuple):
    """An area and its terms."""

    mask: Tensor
    """[1, 1, H, W], 1 where the terms pull and 0 where they do not."""
    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    features: ByKind


class LossSums:
    """Adds up the losses of a step by kind, beside the gradient. Nothing is read from the device."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        """Scalars."""

    def add(self, kind: str, loss: Tensor, factor: float = 1.0, weights: Tensor | None = None) -> None:
        """Add a loss, a scalar or one a cutout [n], times a factor and, of cutouts, weights [n]."""
        loss = loss.detach()
        found = factor * (loss if weights is None else loss * weights).sum()
        self.losses[kind] = self.losses[kind] + found if kind in self.losses else found


class Part(NamedTuple):
    """What one look is judged by: the terms of an area, or those of the whole frame."""

    terms: ByKind
    mask: Tensor | None = None
    """None: the whole frame."""
    weights: Tensor | None = None
    """How much each cutout counts, [n], 1 in the mean; None: all the same."""

    def cutout_loss(self, embeddings: Tensor, some: slice, sums: LossSums, factor: float) -> Tensor:
        """The sum over cutouts; the embeddings are of `some` of those of the step. In the sums they count by
        a factor, as they do for whom the sum is meant."""
        weights = None if self.weights is None else self.weights[some]
        losses = sum_losses(embeddings, self.terms, sums, factor, weights)
        return (losses if weights is None else losses * weights).sum()

    def within(self, gradient: Tensor) -> Tensor:
        """What it may change of the picture, of a gradient [1, 3, H, W]."""
        return gradient if self.mask is None else self.mask * gradient


def prepare_terms(losses: Sequence[WeightedTerm], looks_at: LooksAt, known: Known) -> ByKind:
    """The constants of those kinds that look at one thing. Raises KeyError for a kind that LOSSES lacks."""
    kinds = dict.fromkeys(term.kind for term in losses if LOSSES[term.kind].looks_at == looks_at)
    return {
        kind: LOSSES[kind].prepare([term for term in losses if term.kind == kind], known) for kind in kinds
    }


def sum_losses(
    seen: Tensor | Sequence[Tensor] | Mapping[str, Tensor],
    terms: ByKind,
    sums: LossSums | None = None,
    factor: float = 1.0,
    weights: Any = None,
) -> Tensor:
    """The losses of all kinds that look at the same thing; [n] for cutouts, else a scalar.

    sums: takes note of the loss of each kind, times a factor and the weights of cutouts.
    """
    losses = [LOSSES[kind].loss(seen, constants) for kind, constants in terms.items()]
    if sums is not None:
        for kind, loss in zip(terms, losses, strict=True):
            sums.add(kind, loss, factor, weights)
    return torch.stack(losses).sum(0)


def prepare_areas(losses: Sequence[WeightedTerm], known: Sequence[Known], alone: Known) -> tuple[Area, ...]:
    """The areas of a frame. known: of each viewer; alone: for terms that look at no cutouts."""
    areas: dict[AreaPlan, list[WeightedTerm]] = {}
    for term in losses:
        if term.area is not None:
            areas.setdefault(term.area, []).append(term)
    return tuple(
        Area(
            alone.context.areas[plan],
            tuple(prepare_terms(terms, "cutouts", one) for one in known),
            prepare_terms(terms, "picture", alone),
            prepare_terms(terms, "features", alone),
        )
        for plan, terms in areas.items()
    )


def cutout_parts(terms: ByKind, areas: Sequence[Area], viewer: int, boxes: Boxes) -> list[Part]:
    """All that the cutouts of a viewer are judged by in a step; empty where nothing looks at them."""
    found = [Part(terms)] if terms else []
    return found + [
        Part(area.cutouts[viewer], area.mask, cutout_weights(area.mask, boxes))
        for area in areas
        if area.cutouts[viewer]
    ]


def cutout_weights(mask: Tensor, boxes: Boxes) -> Tensor:
    """How much the cutouts of a step [n] count for an area [1, 1, H, W]: by how much they show of it."""
    shares = cut(mask, boxes, GRAIN).mean((1, 2, 3))
    return shares / shares.mean().clamp(min=LEAST_SHARE)
