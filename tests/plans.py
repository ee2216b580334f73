"""Frame plans for tests: one plain plan, changed by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vqanim.camera.step import CameraStep
from vqanim.timeline.plan import FramePlan, StartPlan, WeightedTerm

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
