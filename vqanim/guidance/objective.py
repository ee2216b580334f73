"""The objective of a frame: what its prompts and other terms ask of a picture, as a gradient on the picture.

It knows no generator: whoever makes pictures shows them to it and follows the gradient back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.areas import (
    Area,
    ByKind,
    LossSums,
    Part,
    cutout_parts,
    prepare_areas,
    prepare_terms,
    sum_losses,
)
from vqanim.guidance.views import Cutouts, Viewer, draw_cutouts, mean_cosines
from vqanim.losses import LOSSES, Context, Known, given
from vqanim.losses.features import Style, style_of
from vqanim.timeline.plan import FramePlan, StartPlan, WeightedTerm
from vqanim.types import FeatureNetwork, Image, Knob

PROMPT_CUTOUTS = 24
"""Cutouts of a picture that is a prompt."""

Similarities: TypeAlias = tuple[tuple[str, float], ...]
"""(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty without steps."""


class Terms(NamedTuple):
    """The terms of a frame, by what they look at, with all that they need."""

    cutouts: tuple[ByKind, ...]
    """Of each viewer."""
    picture: ByKind
    params: ByKind
    features: ByKind
    areas: tuple[Area, ...] = ()
    """Those that pull in a part of the frame only; the others pull everywhere."""


class Pull(NamedTuple):
    """What an objective asks of a picture."""

    gradient: Tensor
    """Of the loss, on the picture, [1, 3, H, W]."""
    seen: tuple[Tensor, ...]
    """Unit vectors of the cutouts [n, D], of each viewer; detached. Empty where no term looks at cutouts."""


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
        self.targets = tuple(embed_texts(viewer, prompts) for viewer in self.viewers)
        """Unit vector [D] of each prompt, for each viewer."""
        self.pictures = tuple(
            {plan: embed_picture(viewer, picture) for plan, picture in pictures.items()}
            for viewer in self.viewers
        )
        """Unit vector [D] of each picture that a term for cutouts names, for each viewer."""
        self.styles = {plan: style_statistics(features, picture) for plan, picture in styles.items()}
        """Statistics of each picture whose style is asked for, layer by layer."""

    def prepare(
        self,
        losses: Sequence[WeightedTerm],
        context: Context,
        device: torch.device,
        knobs: Mapping[str, Knob] = MappingProxyType({}),
    ) -> Terms:
        """What terms need in all steps that they are for. knobs: of the parameters that some may look at."""
        known = [
            Known(targets, context, device, pictures)
            for targets, pictures in zip(self.targets, self.pictures, strict=True)
        ]
        alone = Known({}, context, device, features=self.features, styles=self.styles, knobs=knobs)
        everywhere = [term for term in losses if term.area is None]
        return Terms(
            tuple(prepare_terms(everywhere, "cutouts", one) for one in known),
            prepare_terms(everywhere, "picture", alone),
            prepare_terms(everywhere, "params", alone),
            prepare_terms(everywhere, "features", alone),
            prepare_areas(losses, known, alone),
        )

    def draw(
        self, plan: FramePlan, size: tuple[int, int], rng: torch.Generator, device: torch.device
    ) -> tuple[Cutouts, ...]:
        """The cutouts of all steps of a frame, viewer by viewer; size: height and width in pixels."""
        counts = zip(self.viewers, plan.cutouts, plan.cutout_noise, strict=True)
        return tuple(
            draw_cutouts(viewer, count, noise, plan.steps, size, rng, device)
            for viewer, count, noise in counts
        )

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
            parts = cutout_parts(terms.cutouts[number], terms.areas, number, drawn.boxes)
            if not parts:
                continue
            embeddings, done, factor = [], 0, viewer.share / drawn.number
            for some in drawn.chunks(chunk):
                view = viewer.look(image, some)
                embeddings.append(view.detach())
                here = slice(done, done + some.number)
                for left, part in zip(reversed(range(len(parts))), parts, strict=True):
                    loss = viewer.share * part.cutout_loss(view, here, sums, factor) / drawn.number
                    gradient += part.within(torch.autograd.grad(loss, image, retain_graph=left > 0)[0])
                done = here.stop
            seen.append(torch.cat(embeddings))
        for part in (Part(terms.picture), *(Part(area.picture, area.mask) for area in terms.areas)):
            if part.terms:
                loss = sum_losses(image, part.terms, sums)
                gradient += part.within(torch.autograd.grad(loss, image)[0])
        gradient += self._pull_features(image, terms, sums)
        return Pull(gradient, tuple(seen))

    def _pull_features(self, image: Image, terms: Terms, sums: LossSums) -> Tensor | float:
        """The pull of terms that look at features, which are computed once for all of them."""
        parts = [Part(terms.features), *(Part(area.features, area.mask) for area in terms.areas)]
        parts = [part for part in parts if part.terms]
        if not parts:
            return 0.0
        layers, gradient = given(self.features)(image), torch.zeros_like(image)
        for left, part in zip(reversed(range(len(parts))), parts, strict=True):
            loss = sum_losses(layers, part.terms, sums)
            gradient += part.within(torch.autograd.grad(loss, image, retain_graph=left > 0)[0])
        return gradient

    def similarities(self, losses: Sequence[WeightedTerm], seen: tuple[Tensor, ...]) -> Similarities:
        """How near the cutouts of a step came to what terms ask for; read from the device at once."""
        terms = [term for term in losses if LOSSES[term.kind].looks_at == "cutouts"]
        if not terms or not seen:
            return ()
        knowns = [
            Known(texts, Context(), view.device, pictures)
            for texts, pictures, view in zip(self.targets, self.pictures, seen, strict=True)
        ]
        targets = tuple(
            torch.stack([known.target(term) for term in terms]).to(known.device) for known in knowns
        )
        cosines = mean_cosines(seen, targets, tuple(viewer.share for viewer in self.viewers))
        return tuple(zip([term.text for term in terms], cosines.tolist(), strict=True))


def embed_texts(viewer: Viewer, prompts: Sequence[str]) -> Mapping[str, Tensor]:
    """Unit vector [D] of each prompt."""
    texts = list(prompts)
    vectors: Sequence[Tensor] = tuple(viewer.perceptor.encode_text(texts)) if texts else ()
    return dict(zip(texts, vectors, strict=True))


def embed_picture(viewer: Viewer, picture: Image) -> Tensor:
    """The mean of a picture's cutouts, a unit vector [D]; the same cutouts in every run."""
    rng = torch.Generator().manual_seed(0)
    size = (picture.shape[2], picture.shape[3])
    cutouts = draw_cutouts(viewer, PROMPT_CUTOUTS, 0.0, 1, size, rng, picture.device).step(0)
    with torch.no_grad():
        return F.normalize(viewer.look(picture, cutouts).mean(0), dim=0)


@torch.no_grad()
def style_statistics(features: FeatureNetwork | None, picture: Image) -> tuple[Style, ...]:
    """Statistics of a picture [1, 3, h, w], layer by layer."""
    return tuple(style_of(layer) for layer in given(features)(picture))
