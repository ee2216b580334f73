"""The optimisation of one frame: latents are moved a few steps so that the perceptors see the prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from vqanim.guidance.adam import TensorAdam
from vqanim.guidance.graphs import GraphedStep
from vqanim.guidance.losses import TERMS, GuideContext, Known, prepare_terms
from vqanim.guidance.memory import LADDER, Ladder, Memory
from vqanim.guidance.smoothing import add_averages
from vqanim.guidance.step import Inputs, Step, Terms
from vqanim.guidance.views import Cutouts, Viewer, draw_cutouts, mean_cosines
from vqanim.timeline.plan import FramePlan
from vqanim.types import Generator, Latents

Similarities: TypeAlias = tuple[tuple[str, float], ...]
"""(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty without steps."""


@dataclass(frozen=True)
class GuideResult:
    """What became of the latents."""

    latents: Latents
    similarities: Similarities
    finite: bool
    """False when the optimisation ran away to inf or nan."""


class Guide:
    """Moves latents towards the prompts of a plan. Every viewer embeds the prompts once, when it is made."""

    def __init__(
        self,
        generator: Generator,
        viewers: Sequence[Viewer],
        prompts: Sequence[str],
        memory: Memory = "full",
        graphs: bool = False,
    ) -> None:
        """`memory` is where the ladder begins; it climbs by itself when memory runs out.

        graphs: record steps as CUDA graphs, as `guidance.graphs.choose` advises.
        """
        self.generator = generator
        self.viewers = tuple(viewers)
        step = Step(generator, self.viewers)
        self.step: Step | GraphedStep = GraphedStep(step) if graphs else step
        self.ladder = Ladder(memory)
        self.targets = tuple(embed(viewer, prompts) for viewer in self.viewers)
        """Unit vector [D] of each prompt, for each viewer."""

    def optimise(
        self,
        latents: Latents,
        plan: FramePlan,
        rng: torch.Generator,
        context: GuideContext = GuideContext(),
    ) -> GuideResult:
        """Run `plan.steps` steps from `latents`; rng is a CPU generator of this frame's own.

        Raises DeviceError when memory does not suffice on any rung of the ladder.
        """
        moving = {name: z.detach().clone().requires_grad_(True) for name, z in latents.items()}
        if plan.steps == 0 or not plan.losses:
            return GuideResult(detached(moving), (), True)
        terms = self._terms(plan, context, device_of(moving))
        cutouts = self._cutouts(plan, moving, rng)
        optimisers = {name: TensorAdam(z.data) for name, z in moving.items()}
        rate = plan.learning_rate * strength(plan)
        seen: tuple[Tensor, ...] = ()
        for index in range(plan.steps):
            inputs = Inputs(moving, tuple(drawn.step(index) for drawn in cutouts), terms)
            gradient = self.ladder.climb(partial(self.step, inputs))
            for name, optimiser in optimisers.items():
                optimiser.step(add_averages(gradient.latents[name], plan.smoothing), rate)
            self.generator.project(detached(moving))
            seen = gradient.seen
        done = detached(moving)
        return GuideResult(done, self._similarities(plan, seen), all_finite(done))

    @property
    def way(self) -> tuple[str, str]:
        """How steps are made now, and why not as fast as they might: `graph`, `eager`, or the rung of the
        ladder on which they are, `chunks` or `checkpoint`."""
        if self.ladder.rung is not LADDER[0]:
            return self.ladder.rung.name, "memory ran out"
        if isinstance(self.step, GraphedStep) and not self.step.failure:
            return "graph", ""
        return "eager", self.step.failure if isinstance(self.step, GraphedStep) else ""

    def _terms(self, plan: FramePlan, context: GuideContext, device: torch.device) -> Terms:
        """What the terms of a frame need in all its steps."""
        known = [Known(targets, context, device) for targets in self.targets]
        alone = Known({}, context, device)
        return Terms(
            tuple(prepare_terms(plan.losses, "cutouts", one) for one in known),
            prepare_terms(plan.losses, "picture", alone),
            prepare_terms(plan.losses, "latents", alone),
        )

    def _cutouts(self, plan: FramePlan, latents: Latents, rng: torch.Generator) -> tuple[Cutouts, ...]:
        """The cutouts of all steps, viewer by viewer."""
        size, device = self.generator.size_of(latents), device_of(latents)
        counts = zip(self.viewers, plan.cutouts, plan.cutout_noise, strict=True)
        return tuple(
            draw_cutouts(viewer, count, noise, plan.steps, size, rng, device)
            for viewer, count, noise in counts
        )

    def _similarities(self, plan: FramePlan, seen: tuple[Tensor, ...]) -> Similarities:
        texts = [term.text for term in plan.losses if term.kind == "prompt"]
        if not texts:
            return ()
        targets = tuple(
            torch.stack([known[text] for text in texts]).to(view.device)
            for known, view in zip(self.targets, seen, strict=True)
        )
        cosines = mean_cosines(seen, targets, tuple(viewer.share for viewer in self.viewers))
        return tuple(zip(texts, cosines.tolist(), strict=True))


def embed(viewer: Viewer, prompts: Sequence[str]) -> Mapping[str, Tensor]:
    """Unit vector [D] of each prompt."""
    texts = list(prompts)
    vectors: Sequence[Tensor] = tuple(viewer.perceptor.encode_text(texts)) if texts else ()
    return dict(zip(texts, vectors, strict=True))


def strength(plan: FramePlan) -> float:
    """min(1, sum of |weights|): Adam forgets the scale of a gradient, so weights must set the step.

    Only what pulls by way of cutouts counts; other terms hold a picture back or tint it.
    """
    pulling = (term for term in plan.losses if TERMS[term.kind].looks_at == "cutouts")
    return min(1.0, sum(abs(term.weight) for term in pulling))


def detached(latents: Latents) -> dict[str, Tensor]:
    """The same latents without a gradient; the memory is shared."""
    return {name: z.detach() for name, z in latents.items()}


def device_of(latents: Latents) -> torch.device:
    """The device of latents."""
    return next(iter(latents.values())).device


def all_finite(latents: Latents) -> bool:
    """Whether no value is inf or nan."""
    return all(bool(torch.isfinite(z).all()) for z in latents.values())
