"""A scene in numbers: every curve sampled, the camera's speeds integrated, every frame planned. No torch."""

from vqanim.timeline.compile import compile_timeline
from vqanim.timeline.plan import (
    CameraStep,
    FramePlan,
    FrameRef,
    Limits,
    PerceptorPlan,
    ShotPlan,
    StartPlan,
    Timeline,
    ViewLimits,
    WeightedTerm,
)

__all__ = [
    "CameraStep",
    "FramePlan",
    "FrameRef",
    "Limits",
    "PerceptorPlan",
    "ShotPlan",
    "StartPlan",
    "Timeline",
    "ViewLimits",
    "WeightedTerm",
    "compile_timeline",
]
