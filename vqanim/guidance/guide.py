"""The optimisation of one frame: latents are moved a few steps so that the perceptors see the prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Generator as Going
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.adam import TensorAdam
from vqanim.guidance.areas import prepare_areas
from vqanim.guidance.features import Style, style_of
from vqanim.guidance.graphs import GraphedStep
from vqanim.guidance.losses import TERMS, GuideContext, Known, given, prepare_terms
from vqanim.guidance.memory import LADDER, Ladder, Memory
from vqanim.guidance.smoothing import add_averages
from vqanim.guidance.step import Inputs, Step, Terms
from vqanim.guidance.views import Cutouts, Viewer, draw_cutouts, mean_cosines
from vqanim.timeline.plan import FramePlan, Segment, StartPlan, WeightedTerm
from vqanim.types import FeatureNetwork, Generator, Image, Latents

OnStep: TypeAlias = Callable[[int, Latents], None]
"""Called with the number of the step, from 0, and the latents after it."""

LOOKS = 24
"""Cutouts of a picture that is a prompt."""

Similarities: TypeAlias = tuple[tuple[str, float], ...]
"""(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty without steps."""

Losses: TypeAlias = tuple[tuple[str, float], ...]
"""(kind of terms, what they still lose, weights included) at the last step; empty without steps."""


class Verdict(NamedTuple):
    """What is known about a picture after its last step."""

    similarities: Similarities = ()
    losses: Losses = ()


Moment = TypeVar("Moment")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Reached:
    """Where an optimisation is after a step, and all that it needs to go on from there.

    The tensors go on changing: who keeps them copies them.
    """

    steps: int
    """Steps done."""
    latents: Latents
    first: Latents
    """The optimiser's first moments, shaped like the latents."""
    second: Latents
    """Its second moments, scalars."""


@dataclass(frozen=True)
class GuideResult:
    """What became of the latents."""

    latents: Latents
    similarities: Similarities
    finite: bool
    """False when the optimisation ran away to inf or nan."""
    losses: Losses = ()


class Guide:
    """Moves latents towards the prompts of a plan. Every viewer embeds the prompts once, when it is made."""

    def __init__(
        self,
        generator: Generator,
        viewers: Sequence[Viewer],
        prompts: Sequence[str],
        pictures: Mapping[StartPlan, Image] = MappingProxyType({}),
        memory: Memory = "full",
        graphs: bool = False,
        features: FeatureNetwork | None = None,
        styles: Mapping[StartPlan, Image] = MappingProxyType({}),
    ) -> None:
        """`memory` is where the ladder begins; it climbs by itself when memory runs out.

        features: for plans with terms that look at them; `styles` are the pictures [1, 3, h, w] whose styles
        such terms ask for.

        graphs: record steps as CUDA graphs, as `guidance.graphs.choose` advises.
        """
        self.generator = generator
        self.viewers = tuple(viewers)
        self.features = features
        step = Step(generator, self.viewers, features)
        self.step: Step | GraphedStep = GraphedStep(step) if graphs else step
        self.ladder = Ladder(memory)
        self.targets = tuple(embed(viewer, prompts) for viewer in self.viewers)
        """Unit vector [D] of each prompt, for each viewer."""
        self.pictures = tuple(see(viewer, pictures) for viewer in self.viewers)
        """Unit vector [D] of each picture [1, 3, h, w] that a term for cutouts names, for each viewer."""
        self.styles = {plan: see_style(features, picture) for plan, picture in styles.items()}
        """Statistics of each picture whose style is asked for, layer by layer."""

    def optimise(
        self,
        latents: Latents,
        plan: FramePlan,
        rng: torch.Generator,
        context: GuideContext = GuideContext(),
        on_step: OnStep | None = None,
    ) -> GuideResult:
        """Run `plan.steps` steps from `latents`; rng is a CPU generator of this frame's own.

        on_step: told of every step when it is done. What it is given goes on changing: it copies what it
        keeps.
        Raises DeviceError when memory does not suffice on any rung of the ladder.
        """
        going = self.steps(latents, plan, rng, context)
        return finish(going, on_step and (lambda reached: on_step(reached.steps - 1, reached.latents)))

    def steps(
        self,
        latents: Latents,
        plan: FramePlan,
        rng: torch.Generator,
        context: GuideContext = GuideContext(),
        begin: Reached | None = None,
    ) -> Going[Reached, None, GuideResult]:
        """The same, step by step; what is to be told comes after every step.

        begin: go on from there, to the same bits, with everything else as it was in the beginning.
        """
        moving = {n: z.detach().clone().requires_grad_(True) for n, z in latents.items()}
        if plan.steps == 0 or not plan.terms:
            return GuideResult(detached(moving), (), True)
        device = device_of(moving)
        cutouts = self._cutouts(plan, moving, rng)
        optimisers = {name: TensorAdam(z.data) for name, z in moving.items()}
        if begin is not None:
            restore(moving, optimisers, begin)
        way = [segment for segment in plan.segments for _ in range(segment.steps)]
        now: Segment | None = None
        seen: tuple[Tensor, ...] = ()
        losses: Mapping[str, Tensor] = {}
        for index in range(begin.steps if begin else 0, plan.steps):
            if (segment := way[index]) is not now:
                now, terms = segment, self._terms(segment.losses, context, device)
                rate = segment.learning_rate * strength(segment.losses)
            inputs = Inputs(moving, tuple(drawn.step(index) for drawn in cutouts), terms)
            gradient = self.ladder.climb(partial(self.step, inputs))
            for name, optimiser in optimisers.items():
                optimiser.step(add_averages(gradient.latents[name], segment.smoothing), rate)
            self.generator.project(detached(moving))
            seen, losses = gradient.seen, gradient.losses
            yield reached(index + 1, moving, optimisers)
        done = detached(moving)
        similarities = self._similarities(plan.segments[-1].losses, seen)
        return GuideResult(done, similarities, all_finite(done), values_of(losses))

    @property
    def way(self) -> tuple[str, str]:
        """How steps are made now, and why not as fast as they might: `graph`, `eager`, or the rung of the
        ladder on which they are, `chunks` or `checkpoint`."""
        if self.ladder.rung is not LADDER[0]:
            return self.ladder.rung.name, "memory ran out"
        if isinstance(self.step, GraphedStep) and not self.step.failure:
            return "graph", ""
        return "eager", self.step.failure if isinstance(self.step, GraphedStep) else ""

    def _terms(self, losses: Sequence[WeightedTerm], context: GuideContext, device: torch.device) -> Terms:
        """What terms need in all steps that they are for."""
        known = [
            Known(targets, context, device, pictures)
            for targets, pictures in zip(self.targets, self.pictures, strict=True)
        ]
        alone = Known({}, context, device, features=self.features, styles=self.styles)
        everywhere = [term for term in losses if term.area is None]
        return Terms(
            tuple(prepare_terms(everywhere, "cutouts", one) for one in known),
            prepare_terms(everywhere, "picture", alone),
            prepare_terms(everywhere, "latents", alone),
            prepare_terms(everywhere, "features", alone),
            prepare_areas(losses, known, alone),
        )

    def _cutouts(self, plan: FramePlan, latents: Latents, rng: torch.Generator) -> tuple[Cutouts, ...]:
        """The cutouts of all steps, viewer by viewer."""
        size, device = self.generator.size_of(latents), device_of(latents)
        counts = zip(self.viewers, plan.cutouts, plan.cutout_noise, strict=True)
        return tuple(
            draw_cutouts(viewer, count, noise, plan.steps, size, rng, device)
            for viewer, count, noise in counts
        )

    def _similarities(self, losses: Sequence[WeightedTerm], seen: tuple[Tensor, ...]) -> Similarities:
        terms = [term for term in losses if TERMS[term.kind].looks_at == "cutouts"]
        if not terms or not seen:
            return ()
        knowns = [
            Known(texts, GuideContext(), view.device, pictures)
            for texts, pictures, view in zip(self.targets, self.pictures, seen, strict=True)
        ]
        targets = tuple(
            torch.stack([known.target(term) for term in terms]).to(known.device) for known in knowns
        )
        cosines = mean_cosines(seen, targets, tuple(viewer.share for viewer in self.viewers))
        return tuple(zip([term.text for term in terms], cosines.tolist(), strict=True))


def embed(viewer: Viewer, prompts: Sequence[str]) -> Mapping[str, Tensor]:
    """Unit vector [D] of each prompt."""
    texts = list(prompts)
    vectors: Sequence[Tensor] = tuple(viewer.perceptor.encode_text(texts)) if texts else ()
    return dict(zip(texts, vectors, strict=True))


def see(viewer: Viewer, pictures: Mapping[StartPlan, Image]) -> Mapping[StartPlan, Tensor]:
    """Unit vector [D] of each picture [1, 3, h, w] in 0..1: the mean of cutouts, as those of a frame are."""
    return {plan: see_one(viewer, picture) for plan, picture in pictures.items()}


def see_one(viewer: Viewer, picture: Image) -> Tensor:
    """The mean of a picture's cutouts, a unit vector [D]; the same cutouts in every run."""
    rng = torch.Generator().manual_seed(0)
    size = (picture.shape[2], picture.shape[3])
    cutouts = draw_cutouts(viewer, LOOKS, 0.0, 1, size, rng, picture.device).step(0)
    with torch.no_grad():
        return F.normalize(viewer.look(picture, cutouts).embeddings.mean(0), dim=0)


@torch.no_grad()
def see_style(features: FeatureNetwork | None, picture: Image) -> tuple[Style, ...]:
    """Statistics of a picture [1, 3, h, w], layer by layer."""
    return tuple(style_of(layer) for layer in given(features)(picture))


def finish(going: Going[Moment, None, Result], hear: Callable[[Moment], None] | None = None) -> Result:
    """Go on to the end, and tell of every moment on the way."""
    while True:
        try:
            moment = next(going)
        except StopIteration as end:
            result: Result = end.value
            return result
        if hear is not None:
            hear(moment)


def reached(steps: int, moving: Latents, optimisers: Mapping[str, TensorAdam]) -> Reached:
    """The moment after a step."""
    first = {name: optimiser.first for name, optimiser in optimisers.items()}
    second = {name: optimiser.second for name, optimiser in optimisers.items()}
    return Reached(steps, detached(moving), first, second)


def restore(moving: Latents, optimisers: Mapping[str, TensorAdam], begin: Reached) -> None:
    """Put latents and optimisers, in place, where they were after a step."""
    for name, z in moving.items():
        z.data.copy_(begin.latents[name])
        optimisers[name].go_on(begin.first[name], begin.second[name], begin.steps)


def strength(losses: Sequence[WeightedTerm]) -> float:
    """min(1, sum of |weights|): Adam forgets the scale of a gradient, so weights must set the step.

    Only what pulls counts; other terms hold a picture back.
    """
    pulling = (term for term in losses if TERMS[term.kind].pulls)
    return min(1.0, sum(abs(term.weight) for term in pulling))


def detached(latents: Latents) -> dict[str, Tensor]:
    """The same latents without a gradient; the memory is shared."""
    return {name: z.detach() for name, z in latents.items()}


def device_of(latents: Latents) -> torch.device:
    """The device of latents."""
    return next(iter(latents.values())).device


def values_of(losses: Mapping[str, Tensor]) -> Losses:
    """Scalars by name as numbers, read from the device at once."""
    if not losses:
        return ()
    values = torch.stack([loss.float() for loss in losses.values()]).tolist()
    return tuple(zip(losses, values, strict=True))


def all_finite(latents: Latents) -> bool:
    """Whether no value is inf or nan."""
    return all(bool(torch.isfinite(z).all()) for z in latents.values())
