"""Areas: parts of the frame in which some terms pull, and outside of which they do not.

Every cutout is looked at once and as it is, so that a term sees its part among its surroundings. What comes
back of its loss is multiplied by the area's mask, so that only the part changes; and a cutout counts as much
as it shows of the part. That is stylecloud's idea, a picture that takes a shape, for a picture that is found
by its gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from vqanim.guidance.cutouts import Boxes, cut
from vqanim.guidance.losses import ByKind, Known, Tally, View, prepare_terms, sum_losses
from vqanim.timeline.plan import AreaPlan, WeightedTerm

GRAIN = 16
"""Pixels a side of a mask's cutout, of which only the mean counts."""
LEAST_SHARE = 1e-3
"""What cutouts show of an area at least, in the mean of a step, before they are weighed against it."""


class Area(NamedTuple):
    """An area and its terms."""

    mask: Tensor
    """[1, 1, H, W], 1 where the terms pull and 0 where they do not."""
    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    features: ByKind


class Part(NamedTuple):
    """What one viewer's look is judged by: the terms of an area, or those of the whole frame."""

    terms: ByKind
    mask: Tensor | None = None
    """None: the whole frame."""
    weights: Tensor | None = None
    """How much each cutout counts, [n], 1 in the mean; None: all the same."""

    def loss(self, view: View, some: slice, tally: Tally, factor: float) -> Tensor:
        """The sum over cutouts; the view shows `some` of those of the step. In the tally they count by a
        factor, as they do for whom the sum is meant."""
        weights = None if self.weights is None else self.weights[some]
        losses = sum_losses(view, self.terms, tally.hear(factor, weights))
        return (losses if weights is None else losses * weights).sum()

    def within(self, gradient: Tensor) -> Tensor:
        """What it may change of the picture, of a gradient [1, 3, H, W]."""
        return gradient if self.mask is None else self.mask * gradient


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


def parts(terms: ByKind, areas: Sequence[Area], viewer: int, boxes: Boxes) -> list[Part]:
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
