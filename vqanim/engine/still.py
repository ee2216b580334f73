"""Paints single pictures: first frames, told of step by step, saved as they are when somebody stops them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

from vqanim.engine.device import choose_device, device_errors
from vqanim.engine.events import LapseStep, ModelsLoaded
from vqanim.engine.lapse import Lapse, record
from vqanim.engine.loading import load_painter
from vqanim.engine.painter import Painter, resize
from vqanim.engine.start import to_bytes
from vqanim.files import Picture
from vqanim.guidance.graphs import Choice, choose
from vqanim.guidance.guide import Similarities
from vqanim.takes.recording import Recording
from vqanim.timeline.plan import FramePlan, Timeline
from vqanim.types import Latents


@dataclass(frozen=True)
class StepDone:
    """A step of a picture is done."""

    number: int
    """Of the picture, from 0."""
    step: int
    """Steps done."""
    steps: int
    look: Callable[[], Picture]
    """Decodes the picture as it is now, uint8 [H, W, 3] at full size; to be called before the next step."""


@dataclass(frozen=True)
class StillDone:
    """A picture is finished, or was stopped."""

    number: int
    seed: int
    plan: FramePlan
    picture: Picture
    similarities: Similarities
    """Empty for a picture that was stopped."""
    steps: int
    """Steps done; fewer than the plan's when it was stopped."""


ONE_PICTURE = Choice("eager", "a single picture is not worth a graph")

StillEvent: TypeAlias = ModelsLoaded | StepDone | StillDone
LapseEvent: TypeAlias = ModelsLoaded | LapseStep
Hear: TypeAlias = Callable[[StillEvent], None]


def paint_stills(timeline: Timeline, seeds: Sequence[int], device: str, hear: Hear) -> None:
    """Paint the first frame of a timeline once for each seed; the models are loaded once.

    hear: told of everything, in order. What stops a picture (a signal; no error) is raised again once the
    picture so far was told of as StillDone, if it has a step.
    Raises DeviceError and InputError.
    """
    with device_errors():
        painter, loaded = load_painter(timeline, choose_device(device), ONE_PICTURE)
        hear(loaded)
        for number, seed in enumerate(seeds):
            plan = replace(timeline.shots[0].frames[0], seed=seed)
            _paint(painter, plan, number, hear)


def record_lapse(timeline: Timeline, recording: Recording, device: str) -> Generator[LapseEvent, None, Lapse]:
    """Record the timelapse that is all of a timeline, or go on with it, and tell of every step.

    The recording is open. Raises DeviceError, InputError and OutputError.
    """
    plan = timeline.shots[0].frames[0]
    with device_errors():
        chosen = choose_device(device)
        painter, loaded = load_painter(timeline, chosen, choose(timeline, chosen))
        yield loaded
        verdict = yield from record(painter, plan, None, recording)
    return Lapse(recording, plan, verdict)


def _paint(painter: Painter, plan: FramePlan, number: int, hear: Hear) -> None:
    watch = _Watch(painter, plan, number, hear)
    try:
        painted = painter.paint(plan, None, on_step=watch)
    except Exception:
        raise
    except BaseException:
        if watch.steps:
            hear(StillDone(number, plan.seed, plan, watch.look(), (), min(watch.steps, plan.steps - 1)))
        raise
    hear(StillDone(number, plan.seed, plan, painted.picture, painted.similarities, plan.steps))


class _Watch:
    """Knows the last step of a picture and its latents."""

    def __init__(self, painter: Painter, plan: FramePlan, number: int, hear: Hear) -> None:
        self.steps = 0
        self._painter, self._plan, self._number, self._hear = painter, plan, number, hear
        self._latents: Latents = {}

    def __call__(self, index: int, latents: Latents) -> None:
        """A step is done; its number is that of the picture's, whatever size it is sketched at."""
        self._latents = latents
        self.steps = index + 1
        self._hear(StepDone(self._number, self.steps, self._plan.steps, self.look))

    def look(self) -> Picture:
        """The picture of the latest latents, uint8 [H, W, 3] at full size."""
        with torch.no_grad():
            picture = self._painter.generator.decode(self._latents)
            return to_bytes(resize(picture, *self._painter.size))
