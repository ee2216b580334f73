"""Frame plans for tests: one plain plan, changed by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch

from vqanim.camera.step import CameraStep
from vqanim.engine.frame import FrameResult, Painter
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent, DescentResult
from vqanim.guidance.memory import Memory
from vqanim.guidance.objective import Objective
from vqanim.losses import Context
from vqanim.pictures import Picture
from vqanim.timeline.plan import FramePlan, FrameRef, Input, StartPlan, WeightedTerm
from vqanim.types import Generator, Image, Params

PLAIN = FramePlan(
    shot="main",
    index=0,
    time=0.0,
    seed=0,
    previous=None,
    start=StartPlan("noise"),
    camera=CameraStep(),
    losses=(WeightedTerm("prompt", "a volcano", 1.0),),
    steps=1,
    learning_rate=0.2,
    cutouts=(2,),
    match_colors=0.0,
    match_detail=0.0,
    sharpen=0.0,
    noise=0.0,
)


def frame_plan(**changes: Any) -> FramePlan:
    """The plain plan with some fields changed."""
    return replace(PLAIN, **changes)


def make_descent(
    generator: Generator,
    viewers: Sequence[Viewer],
    prompts: Sequence[str],
    pictures: Mapping[StartPlan, Image] = MappingProxyType({}),
    *,
    memory: Memory = "full",
    graphs: bool = False,
    **features: Any,
) -> Descent:
    """A descent with an objective of its own."""
    return Descent(generator, Objective(viewers, prompts, pictures, **features), memory, graphs)


def optimize(
    descent: Descent,
    params: Params,
    plan: FramePlan,
    rng: torch.Generator,
    context: Context = Context(),
    size: tuple[int, int] | None = None,
) -> DescentResult:
    """All steps of a descent on parameters of a picture of a size, which a VQGAN's latents tell."""
    multiple = descent.generator.multiple
    size = size or (multiple * params["z"].shape[2], multiple * params["z"].shape[3])
    *_, result = descent.steps(params, plan, size, rng, context)
    assert isinstance(result, DescentResult)
    return result


def paint_from(
    painter: Painter,
    plan: FramePlan,
    previous: Picture,
    anchor: Picture | None = None,
    targets: Mapping[FrameRef, Picture] = MappingProxyType({}),
) -> FrameResult:
    """A frame painted from saved ones."""
    inputs = {Input("previous", plan.previous): previous}
    if anchor is not None:
        inputs[Input("anchor", plan.anchor)] = anchor
    return painter.finish(plan, inputs | {Input("target", frame): one for frame, one in targets.items()})


def decode(generator: Generator, params: Params, recompute: bool = False) -> Image:
    """The picture of a VQGAN's latents."""
    height, width = params["z"].shape[2:]
    return generator.decode(params, (generator.multiple * height, generator.multiple * width), recompute)
