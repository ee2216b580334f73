"""Short scenes, compiled, and what a test wants to know about the films."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable

from vqanim.camera.step import CameraStep
from vqanim.errors import SceneError
from vqanim.scene import load_scene_text
from vqanim.timeline import FramePlan, Limits, Timeline, compile_timeline


def compiled(text: str, limits: Limits = Limits()) -> Timeline:
    """The timeline of a scene; its version and a size, where it names none, are put before it."""
    head = "vqanim: 1\n" if "size:" in text else "vqanim: 1\nsize: [64, 32]\n"
    return compile_timeline(load_scene_text(head + text), limits=limits)


def mistakes(text: str) -> list[str]:
    """What compiling says about a scene that loads, one line a mistake. Its first line is line 3."""
    scene = load_scene_text("vqanim: 1\nsize: [64, 32]\n" + text)
    try:
        compile_timeline(scene)
    except SceneError as error:
        return [str(problem) for problem in error.problems]
    return []


def frames_of(timeline: Timeline) -> list[FramePlan]:
    """All frames in the order of the film."""
    return [frame for shot in timeline.shots for frame in shot.frames]


def path(steps: Iterable[CameraStep]) -> tuple[complex, complex]:
    """(factor, shift) of steps one after another: z -> factor z + shift, frame widths from the middle."""
    factor, shift = 1 + 0j, 0j
    for step in steps:
        turn = cmath.rect(step.scale, math.radians(step.angle))
        factor, shift = turn * factor, turn * shift + complex(step.shift_x, step.shift_y)
    return factor, shift


def movement(timeline: Timeline, start: float, end: float) -> tuple[complex, complex]:
    """The movement of the picture between two moments of the film, as `path` gives it."""
    first, last = round(start * timeline.fps), round(end * timeline.fps)
    return path(frame.camera for frame in frames_of(timeline)[first + 1 : last + 1])


def weights(timeline: Timeline, text: str) -> list[float]:
    """The weight of a text at every frame of the film, 0 where it is not named."""
    return [sum(term.weight for term in frame.losses if term.text == text) for frame in frames_of(timeline)]
