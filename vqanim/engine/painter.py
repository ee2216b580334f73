"""Paints one frame: warp, condition, encode, guide, decode."""

from __future__ import annotations

from collections.abc import Generator as Going
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import monotonic
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.camera import warp_for, warp_for_view
from vqanim.engine.conditioning import condition, hold
from vqanim.engine.events import StageTime
from vqanim.engine.named import Named, NamedArea, NamedPictures
from vqanim.engine.random import generator as random_generator
from vqanim.engine.sketch import Stage, stages
from vqanim.engine.start import start_picture, to_bytes, to_tensor
from vqanim.errors import InputError
from vqanim.files import Picture
from vqanim.guidance.guide import Guide, GuideResult, Losses, OnStep, Reached, Similarities, Verdict, finish
from vqanim.guidance.losses import TERMS, GuideContext
from vqanim.timeline.plan import FramePlan, FrameRef
from vqanim.types import Generator, Latents


@dataclass(frozen=True)
class Painted:
    """A finished frame."""

    picture: Picture
    """uint8 [H, W, 3]."""
    similarities: Similarities
    stages: tuple[StageTime, ...] = ()
    """How long its steps took, by size."""
    losses: Losses = ()


@dataclass(frozen=True)
class Grown:
    """A picture that grows, after a step. What is in it goes on changing: who keeps it copies it."""

    steps: int
    """Steps done of all."""
    part: int
    """Number of the part, each of another size, that the step belongs to."""
    reached: Reached
    """Within the part."""
    opening: Tensor
    """The picture that the part began from, float [1, 3, h, w]."""


@dataclass(frozen=True)
class Painter:
    """What painting needs, loaded once a run."""

    generator: Generator
    guide: Guide
    device: torch.device
    height: int
    width: int

    def paint(
        self,
        plan: FramePlan,
        previous: Picture | None,
        anchor: Picture | None = None,
        on_step: OnStep | None = None,
        saved: Mapping[FrameRef, Picture] = MappingProxyType({}),
    ) -> Painted:
        """Paint the frame of a plan; `previous` is the saved frame that it carries, uint8 [H, W, 3], and
        `anchor` the one whose look it holds to; each is given exactly when the plan names one. on_step is
        told of every step; a frame that is sketched first has latents of several sizes.
        saved: the frames that its terms name.

        Raises InputError when the optimisation ran away to inf or nan, when a start image is broken, or
        when the saved frame has another size.
        """
        if (previous is None, anchor is None) != (plan.previous is None, plan.anchor is None):
            raise ValueError(f"frame {plan.index} of {plan.shot}: give the saved frames that its plan names")
        if previous is None:
            growing = self.grow(plan)
            return finish(
                growing, on_step and (lambda grown: on_step(grown.steps - 1, grown.reached.latents))
            )
        picture, valid = self._carried(plan, previous)
        verdict = Verdict()
        times: list[StageTime] = []
        if plan.steps > 0:
            with torch.no_grad():
                latents = self.generator.carry(picture)
            context = self._with_saved(self._context(plan, picture, latents, valid), plan, saved)
            began = monotonic()
            steps = self._steps(latents, plan, "cutouts", context)
            picture, verdict = finish(
                steps, on_step and (lambda reached: on_step(reached.steps - 1, reached.latents))
            )
            times.append(StageTime(self.width, self.height, plan.steps, monotonic() - began))
        if anchor is not None:
            picture = hold(picture, to_tensor(anchor).to(self.device), plan)
        return Painted(to_bytes(picture), verdict.similarities, tuple(times), verdict.losses)

    def grow(
        self, plan: FramePlan, previous: Picture | None = None, begin: Grown | None = None
    ) -> Going[Grown, None, Painted]:
        """Paint a picture that no camera has moved, step by step: one that grows from the plan's start,
        coarse to fine where that is no picture yet, or all of a timelapse.

        begin: go on after that step, to the same bits. Raises as `paint` does.
        """
        parts = self._parts(plan)
        picture = begin.opening.to(self.device) if begin else self.opening(plan, previous, parts[0])
        if plan.steps == 0:
            return Painted(to_bytes(picture), ())
        verdict = Verdict()
        done = 0
        times: list[StageTime] = []
        for number, part in enumerate(parts):
            if begin is None or number >= begin.part:
                since = begin.reached if begin and number == begin.part else None
                opening = resize(picture, part.height, part.width)
                staged, began = plan.part(done, part.steps), monotonic()
                for_part = self._grow_part(staged, opening, since)
                picture, verdict = yield from _numbered(for_part, done, number, opening)
                times.append(StageTime(part.width, part.height, part.steps, monotonic() - began))
            done += part.steps
        return Painted(to_bytes(picture), verdict.similarities, tuple(times), verdict.losses)

    def opening(self, plan: FramePlan, previous: Picture | None, part: Stage | None = None) -> Tensor:
        """The picture [1, 3, h, w] that the steps begin from, at full size or at that of a part."""
        height, width = (part.height, part.width) if part else self.size
        if previous is not None:
            return self._saved(plan, previous)
        if plan.start is None:
            raise ValueError(f"frame {plan.index} of {plan.shot} has neither a start nor a frame before")
        return start_picture(plan.start, height, width, self._random(plan, "start")).to(self.device)

    def _parts(self, plan: FramePlan) -> tuple[Stage, ...]:
        if plan.steps == 0 or plan.opens_on_picture:
            return (Stage(*self.size, plan.steps),)
        return stages(plan.steps, *self.size, self.generator.multiple)

    def _grow_part(
        self, plan: FramePlan, opening: Tensor, since: Reached | None
    ) -> Going[Reached, None, tuple[Tensor, Verdict]]:
        """The steps of one size."""
        with torch.no_grad():
            if plan.previous is None:
                latents = self.generator.start(opening, self._random(plan, "start latents"))
            else:
                latents = self.generator.carry(opening)
        height, width = opening.shape[2:]
        context = self._context(plan, opening, latents)
        return (yield from self._steps(latents, plan, f"cutouts {width}x{height}", context, since))

    def _steps(
        self,
        latents: Latents,
        plan: FramePlan,
        purpose: str,
        context: GuideContext,
        since: Reached | None = None,
    ) -> Going[Reached, None, tuple[Tensor, Verdict]]:
        """All steps, once more with half the learning rate where latents run away; then the picture, which is
        decoded after the last of them."""
        for tried in tries(plan):
            result = yield from self.guide.steps(latents, tried, self._random(plan, purpose), context, since)
            if result.finite:
                break
        return self._decoded(result, plan), Verdict(result.similarities, result.losses)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, in pixels."""
        return self.height, self.width

    @cached_property
    def _named(self) -> NamedPictures:
        return NamedPictures(self.generator, self.device)

    def _context(
        self, plan: FramePlan, picture: Tensor, latents: Latents, valid: Tensor | None = None
    ) -> GuideContext:
        """What the terms of a frame compare it with; the pictures that they name are as large as it is."""
        terms = [term for term in plan.terms if not TERMS[term.kind].whole]
        targets = (term.target for term in terms if term.target is not None)
        named = [target for target in dict.fromkeys(targets) if target.frame is None]
        height, width = picture.shape[2:]
        sized = {start: Named(start, height, width, plan.seed, plan.shot) for start in named}
        coded = {term.target for term in terms if TERMS[term.kind].looks_at == "latents"}
        images = {start: self._named.image(sized[start]) for start in named}
        codes = {start: self._named.latents(sized[start]) for start in named if start in coded}
        parts = dict.fromkeys(term.area for term in plan.terms if term.area is not None)
        areas = {area: self._named.area(NamedArea(area, height, width)) for area in parts}
        return GuideContext(picture, latents, valid, images=images, codes=codes, areas=areas)

    def _with_saved(
        self, context: GuideContext, plan: FramePlan, saved: Mapping[FrameRef, Picture]
    ) -> GuideContext:
        """The context with the saved frames that terms name, moved as they say."""
        targets = (term.target for term in plan.terms if term.target is not None)
        moved = {
            target: warp_for_view(target.view, target.border, self.size, self.device).apply(
                to_tensor(saved[target.frame]).to(self.device)
            )
            for target in dict.fromkeys(targets)
            if target.frame is not None
        }
        if not moved:
            return context
        images = {target: image for target, (image, _) in moved.items()}
        valids = {target: valid for target, (_, valid) in moved.items()}
        return replace(context, images={**context.images, **images}, valids=valids)

    def _decoded(self, result: GuideResult, plan: FramePlan) -> Tensor:
        """The picture after the last step."""
        if not result.finite:
            raise InputError(
                f"shot {plan.shot}, frame {plan.index}: the optimisation ran away to infinity; "
                f"lower guidance.learning_rate (here {plan.learning_rate:g})"
            )
        with torch.no_grad():
            return self.generator.decode(result.latents)

    def _carried(self, plan: FramePlan, previous: Picture) -> tuple[Tensor, Tensor | None]:
        """The warped and conditioned picture of the frame before, on the device, and how far each of its
        pixels [1, 1, H, W] was in that frame; None where nothing moved."""
        before = self._saved(plan, previous)
        warp = warp_for(plan.camera, self.size, self.device)
        warped, valid = (before, None) if warp is None else warp.apply(before)
        return condition(warped, before, plan, self._random(plan, "noise")), valid

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


def tries(plan: FramePlan) -> tuple[FramePlan, ...]:
    """A plan, and what is tried when its latents run away to inf or nan: half the learning rate.

    A timelapse shows its steps, so that it has one try.
    """
    return (plan,) if plan.lapse else (plan, replace(plan, learning_rate=plan.learning_rate / 2))


def _numbered(
    part: Going[Reached, None, tuple[Tensor, Verdict]], done: int, number: int, opening: Tensor
) -> Going[Grown, None, tuple[Tensor, Verdict]]:
    """The steps of a part among all steps, `done` of which came before it."""
    while True:
        try:
            reached = next(part)
        except StopIteration as end:
            result: tuple[Tensor, Verdict] = end.value
            return result
        yield Grown(done + reached.steps, number, reached, opening)


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Picture [1, 3, h, w] in 0..1 to [1, 3, height, width]; the very same one if that is its size."""
    if tuple(picture.shape[2:]) == (height, width):
        return picture
    return F.interpolate(picture, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
