"""A scene in numbers: every curve sampled, the camera's speeds integrated, every frame planned. No torch."""

from vqanim.timeline.compile import compile_timeline
from vqanim.timeline.frames import Limits, ViewLimits
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

__all__ = ["FramePlan", "FrameRef", "Limits", "Timeline", "ViewLimits", "compile_timeline"]
