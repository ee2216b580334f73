"""Paints one frame: warp, feed back, carry into parameters, follow the objective, decode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import monotonic
from types import MappingProxyType
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.camera import warp_for, warp_for_view
from vqanim.engine.events import StageTime
from vqanim.engine.feedback import feed_back, hold
from vqanim.engine.fit import FIRST_FIT, fit
from vqanim.engine.pictures import TargetPictures, random_generator, start_picture, to_bytes, to_tensor
from vqanim.errors import InputError
from vqanim.guidance.descent import DescentResult, Losses, OptimizerState
from vqanim.guidance.objective import Similarities
from vqanim.losses import LOSSES, Context
from vqanim.pictures import Picture
from vqanim.takes.params import Arrays
from vqanim.timeline.plan import FramePlan, Input
from vqanim.types import Generator, Method, Params, Stage

Inputs: TypeAlias = Mapping[Input, Picture]
"""Of what a plan names in `inputs`, the saved frames: uint8 [H, W, 3]. Picture files are read where they are
drawn, because a start, a target and a mask each fit them in their own way."""
NO_INPUTS: Inputs = MappingProxyType({})


@dataclass(frozen=True)
class Progress:
    """A picture after a step. What is in it goes on changing: who keeps it copies it."""

    steps: int
    """Steps done of all."""
    stage: int
    """Number of the stage, each of another size or detail, that the step belongs to."""
    optimizer: OptimizerState
    """Within the stage."""
    opening: Tensor
    """The picture that the stage began from, float [1, 3, h, w]."""


@dataclass(frozen=True)
class FrameResult:
    """A finished frame; the last that painting gives."""

    picture: Picture
    """uint8 [H, W, 3]."""
    similarities: Similarities = ()
    stages: tuple[StageTime, ...] = ()
    """How long its steps took, by size."""
    losses: Losses = ()
    params: Arrays = field(default_factory=dict)
    """What the picture is made of, where no picture tells; empty else."""


@dataclass(frozen=True)
class Painter:
    """What painting needs, loaded once a run."""

    generator: Generator
    method: Method
    device: torch.device
    height: int
    width: int

    def paint(
        self,
        plan: FramePlan,
        inputs: Inputs = NO_INPUTS,
        since: Progress | None = None,
        params: Arrays = MappingProxyType({}),
    ) -> Iterator[Progress | FrameResult]:
        """Paint the frame of a plan, or all of a timelapse: progress after every step, then the result.

        A frame that starts from nothing is painted coarse to fine, as the generator says. since: go on after
        that step, to the same bits. params: what was kept beside the frame before, where the plan names it.

        Raises InputError when the optimization ran away to inf or nan, when a start image is broken, or when
        a saved frame has another size; ValueError when the plan names saved frames that `inputs` lacks.
        """
        if missing := [one for one in plan.inputs if one.frame is not None and one not in inputs]:
            raise ValueError(f"frame {plan.index} of {plan.shot}: {missing[0].role} is not given")
        stages = self._stages(plan)
        valid: Tensor | None = None
        before = {name: torch.tensor(array, device=self.device) for name, array in params.items()}
        if since is not None:
            picture = since.opening.to(self.device)
        elif plan.carries_view:
            picture, valid = self._carried(plan, inputs)
        else:
            picture = self.opening(plan, inputs, stages[0])
        found, done, times = DescentResult({}, (), True), 0, []
        for number, stage in enumerate(stages if plan.steps or plan.fit is not None else ()):
            if since is None or number >= since.stage:
                began = monotonic()
                opening = resize(picture, stage.height, stage.width)
                begin = since.optimizer if since and number == since.stage else None
                start = partial(self._start, plan, stage, opening, before, valid, fits=begin is None)
                for event in self._steps(plan.part(done, stage.steps), stage, start, inputs, valid, begin):
                    if isinstance(event, OptimizerState):
                        yield Progress(done + event.steps, number, event, opening)
                    else:
                        picture, found = event
                        before = dict(found.params)
                times.append(StageTime(stage.width, stage.height, stage.steps, monotonic() - began))
            done += stage.steps
        painted = to_bytes(self._finished(picture, plan, inputs))
        kept = {} if plan.fit is None else to_arrays(found.params)
        yield FrameResult(painted, found.similarities, tuple(times), found.losses, kept)

    def finish(self, plan: FramePlan, inputs: Inputs = NO_INPUTS) -> FrameResult:
        """Paint the frame of a plan to its end; as `paint` does."""
        *_, result = self.paint(plan, inputs)
        assert isinstance(result, FrameResult)
        return result

    def opening(self, plan: FramePlan, inputs: Inputs = NO_INPUTS, stage: Stage | None = None) -> Tensor:
        """The picture [1, 3, h, w] that the steps of a frame without a camera begin from, at full size or at
        that of a stage."""
        height, width = (stage.height, stage.width) if stage else self.size
        if plan.previous is not None:
            return self._saved(plan, inputs[Input("previous", plan.previous)])
        if plan.start is None:
            raise ValueError(f"frame {plan.index} of {plan.shot} has neither a start nor a frame before")
        return start_picture(plan.start, height, width, self._random(plan, "start")).to(self.device)

    def look(self, progress: Progress) -> Picture:
        """The picture after a step, uint8 [H, W, 3] at full size; before the next step is made."""
        with torch.no_grad():
            height, width = progress.opening.shape[2:]
            picture = self.generator.decode(progress.optimizer.shown, (height, width))
            return to_bytes(resize(picture, *self.size))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, in pixels."""
        return self.height, self.width

    def _stages(self, plan: FramePlan) -> tuple[Stage, ...]:
        if plan.steps == 0 or plan.opens_on_picture:
            return (Stage(*self.size, plan.steps),)
        first, *others = self.generator.stages(plan.steps, self.size)
        return (replace(first, fresh=True), *others)

    def _steps(
        self,
        plan: FramePlan,
        stage: Stage,
        start: Callable[[], tuple[Tensor, Params]],
        inputs: Inputs,
        valid: Tensor | None,
        since: OptimizerState | None,
    ) -> Iterator[OptimizerState | tuple[Tensor, DescentResult]]:
        """The steps of a stage, once more with half the learning rate where parameters run away; then the
        picture with what the last step saw."""
        opening, params = start()
        context, size = self._context(plan, opening, params, valid, inputs), (stage.height, stage.width)
        purpose = "cutouts" if plan.carries_view else f"cutouts {stage.width}x{stage.height}"
        if stage.detail != 1:  # stages of one size see other cutouts
            purpose += f" {stage.detail:g}"
        rates = [plan.learning_rate] if plan.timelapse else [plan.learning_rate, plan.learning_rate / 2]
        for rate in rates:  # a timelapse shows its steps, so that it has one attempt
            attempt, rng = replace(plan, learning_rate=rate), self._random(plan, purpose)
            for event in self.method.steps(params, attempt, size, rng, context, since):
                if isinstance(event, OptimizerState):
                    yield event
                elif event.finite:
                    with torch.no_grad():
                        yield self.generator.decode(event.params, size), event
                    return
        raise InputError(
            f"shot {plan.shot}, frame {plan.index}: the optimization ran away to infinity; "
            f"lower guidance.learning_rate (here {plan.learning_rate:g})"
        )

    def _start(
        self,
        plan: FramePlan,
        stage: Stage,
        opening: Tensor,
        before: Params,
        valid: Tensor | None,
        fits: bool,
    ) -> tuple[Tensor, Params]:
        """What a stage works on: the picture that it begins from, and its parameters.

        before: those of the stage or frame before, of a generator that is not invertible; they are fitted to
        the picture. fits: not where a stage goes on in its middle.
        """
        rng = self._random(plan, "start latents")
        with torch.no_grad():
            if plan.fit is None:
                if plan.previous is None:
                    return opening, self.generator.start(opening, rng, stage)
                return opening, self.generator.carry(opening)
            params = before or self.generator.start(opening, rng, stage)
        steps = plan.fit if before else FIRST_FIT if plan.previous or plan.opens_on_picture else 0
        still = before and not plan.moves_view and plan.timelapse is None
        if steps and fits and not still:
            size = (stage.height, stage.width)
            params = fit(self.generator, params, opening, size, valid, steps, plan.learning_rate)
        return opening, params

    def _finished(self, picture: Tensor, plan: FramePlan, inputs: Inputs) -> Tensor:
        """The last picture as it is saved: held to an anchor, unless it must stay what `decode` gives."""
        if self.generator.exact and not plan.steps:
            with torch.no_grad():
                return self.generator.decode(self.generator.carry(picture), self.size)
        if self.generator.exact or plan.anchor is None:
            return picture
        anchor = inputs[Input("anchor", plan.anchor)]
        return hold(picture, to_tensor(anchor).to(self.device), plan)

    @cached_property
    def _targets(self) -> TargetPictures:
        return TargetPictures(self.generator, self.device)

    def _context(
        self, plan: FramePlan, picture: Tensor, params: Params, valid: Tensor | None, inputs: Inputs
    ) -> Context:
        """What the terms of a frame compare it with; the pictures that they name are as large as it is."""
        terms = [term for term in plan.terms if not LOSSES[term.kind].whole]
        targets = list(dict.fromkeys(term.target for term in terms if term.target is not None))
        height, width = picture.shape[2:]
        sized = {one: (one, height, width, plan.seed, plan.shot) for one in targets if one.frame is None}
        images = {start: self._targets.image(*one) for start, one in sized.items()}
        in_params = {term.target for term in terms if LOSSES[term.kind].looks_at == "params"}
        params_of = {start: self._targets.params(*one) for start, one in sized.items() if start in in_params}
        parts = dict.fromkeys(term.area for term in plan.terms if term.area is not None)
        areas = {area: self._targets.area(area, height, width) for area in parts}
        valids = {}
        for target in targets:
            if target.frame is not None:
                saved = to_tensor(inputs[Input("target", target.frame)]).to(self.device)
                warp = warp_for_view(target.view, target.border, self.size, self.device)
                images[target], valids[target] = warp.apply(saved)
        return Context(picture, params, valid, images, params_of, valids, areas)

    def _carried(self, plan: FramePlan, inputs: Inputs) -> tuple[Tensor, Tensor | None]:
        """The picture of the frame before, warped and fed back, on the device, and how far each of its pixels
        [1, 1, H, W] was in that frame; None where nothing moved."""
        assert plan.previous is not None
        before = self._saved(plan, inputs[Input("previous", plan.previous)])
        warp = warp_for(plan.camera, self.size, self.device)
        warped, valid = (before, None) if warp is None else warp.apply(before)
        reference = before if plan.anchor is None else None
        if self.generator.exact and plan.anchor is not None:
            reference = to_tensor(inputs[Input("anchor", plan.anchor)]).to(self.device)
        return feed_back(warped, reference, plan, self._random(plan, "noise")), valid

    def _saved(self, plan: FramePlan, previous: Picture) -> Tensor:
        """The saved frame before, [1, 3, H, W] on the device."""
        if previous.shape != (*self.size, 3):
            raise InputError(
                f"shot {plan.shot}, frame {plan.index}: the frame before it is {previous.shape[1]}x"
                f"{previous.shape[0]} pixels, expected {self.width}x{self.height}; delete it to paint it anew"
            )
        return to_tensor(previous).to(self.device)

    def _random(self, plan: FramePlan, purpose: str) -> torch.Generator:
        return random_generator(plan.seed, plan.shot, plan.index, purpose)


def to_arrays(params: Params) -> Arrays:
    """Parameters as float32 arrays of their own memory."""
    return {
        name: tensor.detach().float().cpu().contiguous().numpy().copy() for name, tensor in params.items()
    }


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Picture [1, 3, h, w] in 0..1 to [1, 3, height, width]; the very same one if that is its size."""
    if tuple(picture.shape[2:]) == (height, width):
        return picture
    return F.interpolate(picture, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
