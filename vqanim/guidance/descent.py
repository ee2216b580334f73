"""Descent: parameters are moved a few steps, by Adam, so that their picture suits an objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.adam import add_averages, make_adam
from vqanim.guidance.averages import Averages
from vqanim.guidance.cutouts import Cutouts
from vqanim.guidance.graphs import GraphedStep
from vqanim.guidance.memory import LEVELS, Memory, MemoryLevel, MemoryPolicy
from vqanim.guidance.objective import LossSums, Objective, Similarities, Terms, sum_losses
from vqanim.losses import LOSSES, Context
from vqanim.timeline.plan import FramePlan, Segment, WeightedTerm
from vqanim.types import Generator, Params

Losses: TypeAlias = tuple[tuple[str, float], ...]
"""(kind of terms, what they still lose, weights included) at the last step; empty without steps."""


class StepInputs(NamedTuple):
    """What a step depends on, besides the models."""

    params: dict[str, Tensor]
    """Leaves that require their gradient."""
    cutouts: tuple[Cutouts, ...]
    """Of each viewer, for this step."""
    terms: Terms


class Gradient(NamedTuple):
    """What a step gives."""

    params: dict[str, Tensor]
    """Gradient of the loss, by name."""
    seen: tuple[Tensor, ...]
    """Unit vectors of the cutouts [n, D], of each viewer; detached. Empty where no term looks at cutouts."""
    losses: dict[str, Tensor]
    """What the terms of each kind still lose, weights included; scalars, detached."""


@dataclass(frozen=True)
class Step:
    """The gradient of one step as a pure function of tensors: decode once, and follow what the objective
    and the generator itself ask back to the parameters."""

    generator: Generator
    objective: Objective

    def __call__(self, inputs: StepInputs, size: tuple[int, int], level: MemoryLevel = LEVELS[0]) -> Gradient:
        """The gradient at the parameters as they are; size: height and width of the picture in pixels.

        The backward pass has two parts, to the picture and from there to the parameters, so that what the
        viewers kept is free before the second begins."""
        image = self.generator.decode(inputs.params, size, level.recompute)
        shown, sums = image.detach().requires_grad_(True), LossSums()
        pull = self.objective.pull(shown, inputs.cutouts, inputs.terms, sums, level.chunk)
        ends, pulls = [image], [pull.gradient]
        if inputs.terms.params:
            ends.append(sum_losses(inputs.params, inputs.terms.params, sums))
        for name, loss in self.generator.prior(inputs.params, image).items():
            sums.add(name, loss)
            ends.append(loss)
        pulls += [torch.ones_like(loss) for loss in ends[1:]]
        gradients = torch.autograd.grad(ends, list(inputs.params.values()), pulls)
        return Gradient(dict(zip(inputs.params, gradients, strict=True)), pull.seen, dict(sums))


@dataclass(frozen=True)
class OptimizerState:
    """Where an optimization is after a step, and all that it needs to go on from there.

    The tensors go on changing: who keeps them copies them.
    """

    steps: int
    """Steps done."""
    params: Params
    first: Params
    """The optimizer's first moments, shaped like the parameters; of a denoising the noisy picture."""
    second: Params
    """Its second moments, if it has any."""
    averages: Params = field(default_factory=dict)
    """Of the parameters that are averaged over the steps, what stands for them in a picture."""

    @property
    def shown(self) -> Params:
        """What a picture after the step is made of."""
        return {**self.params, **self.averages}


@dataclass(frozen=True)
class DescentResult:
    """What became of the parameters; the last that a descent gives."""

    params: Params
    similarities: Similarities
    finite: bool
    """False when the optimization ran away to inf or nan."""
    losses: Losses = ()


class Descent:
    """Moves parameters towards what a plan asks for."""

    def __init__(
        self, generator: Generator, objective: Objective, memory: Memory = "full", graphs: bool = False
    ) -> None:
        """`memory` is the level to begin at; a run goes to the next by itself when memory runs out.

        graphs: record steps as CUDA graphs, as `guidance.graphs.choose` advises.
        """
        self.generator = generator
        self.objective = objective
        step = Step(generator, objective)
        self.step: Step | GraphedStep = GraphedStep(step) if graphs else step
        self.memory = MemoryPolicy(memory)

    def steps(
        self,
        params: Params,
        plan: FramePlan,
        size: tuple[int, int],
        rng: torch.Generator,
        context: Context = Context(),
        since: OptimizerState | None = None,
    ) -> Iterator[OptimizerState | DescentResult]:
        """Run `plan.steps` steps from `params`: a state after each, and the result in the end.

        size: height and width of the picture in pixels. rng: a CPU generator of this frame's own.
        since: go on from there, to the same bits, with everything else as it was in the beginning.
        Raises DeviceError when memory suffices on no level.
        """
        moving = {name: tensor.detach().clone().requires_grad_(True) for name, tensor in params.items()}
        if plan.steps == 0 or not plan.terms:
            yield DescentResult(detached(moving), (), True)
            return
        device = next(iter(moving.values())).device
        cutouts = self.objective.draw(plan, size, rng, device)
        knobs = self.generator.knobs
        optimizers = {name: make_adam(tensor.data, knobs[name]) for name, tensor in moving.items()}
        if since is not None:
            for name, optimizer in optimizers.items():
                optimizer.restore(since.params[name], since.first[name], since.second[name], since.steps)
        averages = Averages(plan, knobs, since.averages if since else {})
        segments = [segment for segment in plan.segments for _ in range(segment.steps)]
        now: Segment | None = None
        seen: tuple[Tensor, ...] = ()
        losses: Mapping[str, Tensor] = {}
        for index in range(since.steps if since else 0, plan.steps):
            if (segment := segments[index]) is not now:
                now, terms = segment, self.objective.prepare(segment.losses, context, device, knobs)
                rate = segment.learning_rate * strength(segment.losses)
                area = pulled_area(segment.losses, context)
            inputs = StepInputs(moving, tuple(drawn.step(index) for drawn in cutouts), terms)
            gradient = self.memory.run_within_memory(partial(self.step, inputs, size))
            for name, optimizer in optimizers.items():
                slope, smooth = gradient.params[name], 0.0
                if knobs[name].spatial:
                    slope, smooth = within(slope, area), segment.smoothing
                optimizer.step(add_averages(slope, smooth), rate * knobs[name].rate)
            self.generator.project(detached(moving))
            seen, losses = gradient.seen, gradient.losses
            first = {name: optimizer.first for name, optimizer in optimizers.items()}
            second = {name: optimizer.second for name, optimizer in optimizers.items()}
            averages.add(detached(moving), index + 1)
            yield OptimizerState(index + 1, detached(moving), first, second, averages.values)
        done = {**detached(moving), **averages.values}
        similarities = self.objective.similarities(plan.segments[-1].losses, seen)
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in done.values())
        yield DescentResult(done, similarities, finite, values_of(losses))

    @property
    def mode(self) -> tuple[str, str]:
        """How steps are made now, and why not as fast as they might: `graph`, `eager`, or the level of
        memory at which they are, `chunks` or `checkpoint`."""
        if self.memory.level is not LEVELS[0]:
            return self.memory.level.name, "memory is short"
        if isinstance(self.step, GraphedStep) and not self.step.failure:
            return "graph", ""
        return "eager", self.step.failure if isinstance(self.step, GraphedStep) else ""


def strength(losses: Sequence[WeightedTerm]) -> float:
    """min(1, sum of |weights|): Adam forgets the scale of a gradient, so weights must set the step.

    Only what pulls counts; other terms hold a picture back.
    """
    pulling = (term for term in losses if LOSSES[term.kind].pulls)
    return min(1.0, sum(abs(term.weight) for term in pulling))


def pull_share(losses: Sequence[WeightedTerm]) -> float:
    """What a gradient is multiplied with where its length counts: weights above 1 in all pull no further."""
    total = sum(abs(term.weight) for term in losses if LOSSES[term.kind].pulls)
    return 1.0 / max(1.0, total)


def pulled_area(losses: Sequence[WeightedTerm], context: Context) -> Tensor | None:
    """Where anything pulls at the picture, float [1, 1, H, W]; None where something pulls everywhere. Norms
    and attention of a decoder would carry a pull beyond its area."""
    pulling = [term for term in losses if LOSSES[term.kind].pulls and term.weight]
    if not pulling or any(term.area is None for term in pulling):
        return None
    return torch.cat([context.areas[term.area] for term in pulling if term.area is not None]).amax(0)[None]


def within(slope: Tensor, area: Tensor | None) -> Tensor:
    """The gradient of a grid [B, C, h, w] in an area; a cell that is partly inside counts as inside."""
    if area is None:
        return slope
    return slope * F.adaptive_max_pool2d(area, (slope.shape[2], slope.shape[3]))


def detached(params: Params) -> dict[str, Tensor]:
    """The same parameters without a gradient; the memory is shared."""
    return {name: tensor.detach() for name, tensor in params.items()}


def values_of(losses: Mapping[str, Tensor]) -> Losses:
    """Scalars by name as numbers, read from the device at once."""
    if not losses:
        return ()
    values = torch.stack([loss.float() for loss in losses.values()]).tolist()
    return tuple(zip(losses, values, strict=True))
