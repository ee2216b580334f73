"""Paints one frame: warp, condition, encode, guide, decode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.camera.warp import field, warp
from vqanim.engine.conditioning import condition, hold
from vqanim.engine.named import Named, NamedArea, NamedPictures
from vqanim.engine.random import generator as random_generator
from vqanim.engine.sketch import Stage, stages
from vqanim.engine.start import start_picture, to_bytes, to_tensor
from vqanim.errors import InputError
from vqanim.files import Picture
from vqanim.guidance.guide import Guide, OnStep, Similarities
from vqanim.guidance.losses import TERMS, GuideContext
from vqanim.timeline.plan import CameraStep, FramePlan
from vqanim.types import Generator, Latents


@dataclass(frozen=True)
class Painted:
    """A finished frame."""

    picture: Picture
    """uint8 [H, W, 3]."""
    similarities: Similarities


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
    ) -> Painted:
        """Paint the frame of a plan; `previous` is the saved frame that it carries, uint8 [H, W, 3], and
        `anchor` the one whose look it holds to; each is given exactly when the plan names one. on_step is
        told of every step; a frame that is sketched first has latents of several sizes.

        Raises InputError when the optimisation ran away to inf or nan, when a start image is broken, or
        when the saved frame has another size.
        """
        if (previous is None, anchor is None) != (plan.previous is None, plan.anchor is None):
            raise ValueError(f"frame {plan.index} of {plan.shot}: give the saved frames that its plan names")
        if previous is None:
            return self._begin(plan, on_step)
        picture, valid = self._carried(plan, previous)
        similarities: Similarities = ()
        if plan.steps > 0:
            with torch.no_grad():
                latents = self.generator.carry(picture)
            context = self._context(plan, picture, latents, valid)
            picture, similarities = self._guided(latents, plan, "cutouts", context, on_step)
        if anchor is not None:
            picture = hold(picture, to_tensor(anchor).to(self.device), plan)
        return Painted(to_bytes(picture), similarities)

    def _begin(self, plan: FramePlan, on_step: OnStep | None) -> Painted:
        """A frame that grows from the plan's start, coarse to fine where that is no picture yet."""
        if plan.start is None:
            raise ValueError(f"frame {plan.index} of {plan.shot} has neither a start nor a frame before")
        parts: tuple[Stage, ...] = (Stage(*self.size, plan.steps),)
        if plan.steps > 0 and not plan.start.is_picture:
            parts = stages(plan.steps, *self.size, self.generator.multiple)
        rng = self._random(plan, "start")
        picture = start_picture(plan.start, parts[0].height, parts[0].width, rng).to(self.device)
        if plan.steps == 0:
            return Painted(to_bytes(picture), ())
        similarities: Similarities = ()
        for part in parts:
            with torch.no_grad():
                picture = resize(picture, part.height, part.width)
                latents = self.generator.start(picture, self._random(plan, "start latents"))
            purpose = f"cutouts {part.width}x{part.height}"
            context, staged = self._context(plan, picture, latents), replace(plan, steps=part.steps)
            picture, similarities = self._guided(latents, staged, purpose, context, on_step)
        return Painted(to_bytes(picture), similarities)

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
        terms = [term for term in plan.losses if TERMS[term.kind].looks_at != "cutouts"]
        named = dict.fromkeys(term.target for term in terms if term.target is not None)
        height, width = picture.shape[2:]
        sized = {start: Named(start, height, width, plan.seed, plan.shot) for start in named}
        coded = {term.target for term in terms if TERMS[term.kind].looks_at == "latents"}
        images = {start: self._named.image(sized[start]) for start in named}
        codes = {start: self._named.latents(sized[start]) for start in named if start in coded}
        parts = dict.fromkeys(term.area for term in plan.losses if term.area is not None)
        areas = {area: self._named.area(NamedArea(area, height, width)) for area in parts}
        return GuideContext(picture, latents, valid, images=images, codes=codes, areas=areas)

    def _guided(
        self,
        latents: Latents,
        plan: FramePlan,
        purpose: str,
        context: GuideContext,
        on_step: OnStep | None = None,
    ) -> tuple[Tensor, Similarities]:
        """The picture after the plan's steps, decoded after the last of them."""
        result = self.guide.optimise(latents, plan, self._random(plan, purpose), context, on_step)
        if not result.finite:
            raise InputError(
                f"shot {plan.shot}, frame {plan.index}: the optimisation ran away to infinity; "
                f"lower guidance.learning_rate (here {plan.learning_rate:g})"
            )
        with torch.no_grad():
            return self.generator.decode(result.latents), result.similarities

    def _carried(self, plan: FramePlan, previous: Picture) -> tuple[Tensor, Tensor | None]:
        """The warped and conditioned picture of the frame before, on the device, and how far each of its
        pixels [1, 1, H, W] was in that frame; None where nothing moved."""
        if previous.shape != (*self.size, 3):
            raise InputError(
                f"shot {plan.shot}, frame {plan.index}: the frame before it is {previous.shape[1]}x"
                f"{previous.shape[0]} pixels, expected {self.width}x{self.height}; delete it to paint it anew"
            )
        before = to_tensor(previous).to(self.device)
        warped, valid = (before, None) if plan.camera.still else self._warp(before, plan.camera)
        return condition(warped, before, plan, self._random(plan, "noise")), valid

    def _warp(self, picture: Tensor, step: CameraStep) -> tuple[Tensor, Tensor]:
        grid = field(step, self.size).to(self.device)
        return warp(picture, grid, step.border)

    def _random(self, plan: FramePlan, purpose: str) -> torch.Generator:
        return random_generator(plan.seed, plan.shot, plan.index, purpose)


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Picture [1, 3, h, w] in 0..1 to [1, 3, height, width]; the very same one if that is its size."""
    if tuple(picture.shape[2:]) == (height, width):
        return picture
    return F.interpolate(picture, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
