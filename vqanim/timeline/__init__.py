"""A scene in numbers: every curve sampled, the camera's speeds integrated, every frame planned. No torch."""

from vqanim.camera.step import CameraStep, Move
from vqanim.timeline.compile import compile_timeline
from vqanim.timeline.plan import (
    Chapter,
    FilmFrame,
    FramePlan,
    FrameRef,
    Layer,
    Limits,
    Look,
    PerceptorPlan,
    ShotPlan,
    SoundPlan,
    StartPlan,
    Timeline,
    ViewLimits,
    WeightedTerm,
)

__all__ = [
    "CameraStep",
    "Chapter",
    "FilmFrame",
    "FramePlan",
    "FrameRef",
    "Layer",
    "Limits",
    "Look",
    "Move",
    "PerceptorPlan",
    "ShotPlan",
    "SoundPlan",
    "StartPlan",
    "Timeline",
    "ViewLimits",
    "WeightedTerm",
    "compile_timeline",
]
