"""The objective of a frame: what its prompts and other terms ask of a picture, as a gradient on the picture.

It knows no generator: whoever makes pictures shows them to it and follows the gradient back.

Some terms pull in an area only. Every cutout is looked at once and as it is, so that they see the area among
its surroundings; what comes back of their loss is multiplied by the area's mask, and a cutout counts as much
as it shows of the area. That is stylecloud's idea, a picture that takes a shape, for one that is found by its
gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.cutouts import Boxes, Cutouts, Viewer, cut, draw_cutouts
from vqanim.losses import LOSSES, Constants, Context, Known, LooksAt, given
from vqanim.losses.features import style_of
from vqanim.timeline.plan import FramePlan, StartPlan, WeightedTerm
from vqanim.types import FeatureNetwork, Image, Knob

PROMPT_CUTOUTS = 24
"""Cutouts of a picture that is a prompt."""
GRAIN = 16
"""Pixels a side of a mask's cutout, of which only the mean counts."""
LEAST_SHARE = 1e-3
"""What cutouts show of an area at least, in the mean of a step, before they are weighed against it."""

Similarities: TypeAlias = tuple[tuple[str, float], ...]
"""(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty without steps."""
ByKind: TypeAlias = "dict[str, Constants]"
"""The constants of some kinds of terms."""


class Part(NamedTuple):
    """The terms that pull in the same part of a frame, by what they look at."""

    mask: Tensor | None
    """[1, 1, H, W], 1 where they pull and 0 where they do not; None: everywhere."""
    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    features: ByKind


class Terms(NamedTuple):
    """The terms of a frame, with all that they need."""

    parts: tuple[Part, ...]
    """The whole frame, then the areas."""
    params: ByKind
    """Those that look at the generator's parameters."""


class Pull(NamedTuple):
    """What an objective asks of a picture."""

    gradient: Tensor
    """Of the loss, on the picture, [1, 3, H, W]."""
    seen: tuple[Tensor, ...]
    """Unit vectors of the cutouts [n, D], of each viewer; detached. Empty where no term looks at cutouts."""


class LossSums(dict[str, Tensor]):
    """The losses of a step by kind, scalars, beside the gradient. Nothing is read from the device."""

    def add(self, kind: str, loss: Tensor, factor: float = 1.0, weights: Tensor | None = None) -> None:
        """Add a loss, a scalar or one a cutout [n], times a factor and, of cutouts, weights [n]."""
        loss = loss.detach()
        found = factor * (loss if weights is None else loss * weights).sum()
        self[kind] = self[kind] + found if kind in self else found


class Objective:
    """What a run asks of its pictures. Every viewer embeds the prompts once, when it is made."""

    def __init__(
        self,
        viewers: Sequence[Viewer],
        prompts: Sequence[str],
        pictures: Mapping[StartPlan, Image] = MappingProxyType({}),
        features: FeatureNetwork | None = None,
        styles: Mapping[StartPlan, Image] = MappingProxyType({}),
    ) -> None:
        """pictures: [1, 3, h, w], those that terms for cutouts name.

        features: for plans with terms that look at them; `styles` are the pictures [1, 3, h, w] whose styles
        such terms ask for.
        """
        self.viewers = tuple(viewers)
        self.features = features
        self.targets = tuple(embed_targets(viewer, prompts, pictures) for viewer in self.viewers)
        """Unit vector [D] of each prompt, and of each picture that a term for cutouts names, by viewer."""
        with torch.no_grad():
            layers = {plan: given(features)(picture) for plan, picture in styles.items()}
            self.styles = {plan: tuple(map(style_of, each)) for plan, each in layers.items()}
            """Statistics of each picture whose style is asked for, layer by layer."""

    def prepare(
        self,
        losses: Sequence[WeightedTerm],
        context: Context,
        device: torch.device,
        knobs: Mapping[str, Knob] = MappingProxyType({}),
    ) -> Terms:
        """What terms need in all steps that they are for. knobs: of the parameters that some may look at."""
        known = [Known(targets, context, device) for targets in self.targets]
        alone = Known({}, context, device, features=self.features, styles=self.styles, knobs=knobs)

        def part(terms: Sequence[WeightedTerm], mask: Tensor | None) -> Part:
            cutouts = tuple(prepare_terms(terms, "cutouts", one) for one in known)
            return Part(
                mask, cutouts, prepare_terms(terms, "picture", alone), prepare_terms(terms, "features", alone)
            )

        everywhere = [term for term in losses if term.area is None]
        areas = dict.fromkeys(term.area for term in losses if term.area is not None)
        parts = [part([term for term in losses if term.area == area], context.areas[area]) for area in areas]
        return Terms((part(everywhere, None), *parts), prepare_terms(everywhere, "params", alone))

    def draw(
        self, plan: FramePlan, size: tuple[int, int], rng: torch.Generator, device: torch.device
    ) -> tuple[Cutouts, ...]:
        """The cutouts of all steps of a frame, viewer by viewer; size: height and width in pixels."""
        counts = zip(self.viewers, plan.cutouts, plan.cutout_noise, strict=True)
        return tuple(draw_cutouts(*each, plan.steps, size, rng, device) for each in counts)

    def pull(
        self,
        image: Image,
        cutouts: Sequence[Cutouts],
        terms: Terms,
        sums: LossSums,
        chunk: int | None = None,
    ) -> Pull:
        """What the terms ask of a picture [1, 3, H, W], a leaf that requires its gradient, in one step.

        A viewer's part is over before the next one begins. chunk: cutouts that a viewer looks at together;
        None for all. sums: takes note of what the terms still lose.
        """
        gradient, seen = torch.zeros_like(image), []
        for number, (viewer, drawn) in enumerate(zip(self.viewers, cutouts, strict=True)):
            parts = [part for part in terms.parts if part.cutouts[number]]
            if not parts:
                continue
            masks = (part.mask for part in parts)
            counts = [None if mask is None else cutout_weights(mask, drawn.boxes) for mask in masks]
            embeddings, done, factor = [], 0, viewer.share / drawn.number
            for some in drawn.chunks(chunk):
                view = viewer.look(image, some)
                embeddings.append(view.detach())
                here, losses = slice(done, done + some.number), []
                for part, weights in zip(parts, counts, strict=True):
                    mine = None if weights is None else weights[here]
                    each = sum_losses(view, part.cutouts[number], sums, factor, mine)
                    total = (each if mine is None else each * mine).sum()
                    losses.append((viewer.share * total / drawn.number, part.mask))
                add_pulls(gradient, image, losses)
                done = here.stop
            seen.append(torch.cat(embeddings))
        shown = [part for part in terms.parts if part.picture]
        add_pulls(gradient, image, [(sum_losses(image, part.picture, sums), part.mask) for part in shown])
        if felt := [part for part in terms.parts if part.features]:
            layers, pulls = given(self.features)(image), torch.zeros_like(image)
            add_pulls(pulls, image, [(sum_losses(layers, part.features, sums), part.mask) for part in felt])
            gradient += pulls
        return Pull(gradient, tuple(seen))

    def similarities(self, losses: Sequence[WeightedTerm], seen: tuple[Tensor, ...]) -> Similarities:
        """How near the cutouts of a step came to what terms ask for: the mean over a viewer's cutouts, then
        over the viewers by share. Read from the device at once."""
        terms = [term for term in losses if LOSSES[term.kind].looks_at == "cutouts"]
        if not terms or not seen:
            return ()
        cosines = []
        for viewer, targets, view in zip(self.viewers, self.targets, seen, strict=True):
            target = torch.stack([targets[term.target or term.text] for term in terms]).to(view.device)
            cosines.append(viewer.share * (view @ target.T).mean(0))
        return tuple(zip([term.text for term in terms], torch.stack(cosines).sum(0).tolist(), strict=True))


def add_pulls(gradient: Tensor, image: Image, losses: Sequence[tuple[Tensor, Tensor | None]]) -> None:
    """Add to a gradient [1, 3, H, W] those of losses that may share a graph, each within its mask."""
    for left, (loss, mask) in zip(reversed(range(len(losses))), losses, strict=True):
        found = torch.autograd.grad(loss, image, retain_graph=left > 0)[0]
        gradient += found if mask is None else mask * found


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
    weights: Tensor | None = None,
) -> Tensor:
    """The losses of all kinds that look at the same thing; [n] for cutouts, else a scalar.

    sums: takes note of the loss of each kind, times a factor and the weights of cutouts.
    """
    losses = {kind: LOSSES[kind].loss(seen, constants) for kind, constants in terms.items()}
    if sums is not None:
        for kind, loss in losses.items():
            sums.add(kind, loss, factor, weights)
    return torch.stack(list(losses.values())).sum(0)


def cutout_weights(mask: Tensor, boxes: Boxes) -> Tensor:
    """How much the cutouts of a step [n] count for an area [1, 1, H, W], 1 in the mean: by how much they show
    of it."""
    shares = cut(mask, boxes, GRAIN).mean((1, 2, 3))
    return shares / shares.mean().clamp(min=LEAST_SHARE)


def embed_targets(
    viewer: Viewer, prompts: Sequence[str], pictures: Mapping[StartPlan, Image]
) -> Mapping[str | StartPlan, Tensor]:
    """Unit vector [D] of each prompt and picture."""
    vectors = viewer.perceptor.encode_text(list(prompts)) if prompts else ()
    found: dict[str | StartPlan, Tensor] = dict(zip(prompts, vectors, strict=True))
    return found | {plan: embed_picture(viewer, picture) for plan, picture in pictures.items()}


def embed_picture(viewer: Viewer, picture: Image) -> Tensor:
    """The mean of a picture's cutouts, a unit vector [D]; the same cutouts in every run."""
    rng = torch.Generator().manual_seed(0)
    size = (picture.shape[2], picture.shape[3])
    cutouts = draw_cutouts(viewer, PROMPT_CUTOUTS, 0.0, 1, size, rng, picture.device).step(0)
    with torch.no_grad():
        return F.normalize(viewer.look(picture, cutouts).mean(0), dim=0)
