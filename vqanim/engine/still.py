"""Paints single pictures: first frames, reported step by step, kept as they are when somebody stops them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from vqanim.engine.device import choose_device, device_errors
from vqanim.engine.events import ModelsLoaded, PromptsRead, StepDone
from vqanim.engine.frame import FrameResult, Painter, Progress
from vqanim.engine.loading import load_painter
from vqanim.engine.timelapse import Timelapse, record
from vqanim.guidance.graphs import Choice, choose
from vqanim.guidance.objective import Similarities
from vqanim.pictures import Picture
from vqanim.takes.recording import Recording
from vqanim.timeline.plan import FramePlan, Timeline


@dataclass(frozen=True)
class StillDone:
    """A picture is finished, or was stopped."""

    number: int
    """Of the picture, from 0."""
    seed: int
    plan: FramePlan
    picture: Picture
    similarities: Similarities
    """Empty for a picture that was stopped."""
    steps: int
    """Steps done; fewer than the plan's when it was stopped."""


ONE_PICTURE = Choice("eager", "a single picture is not worth a graph")

StillEvent: TypeAlias = PromptsRead | ModelsLoaded | StepDone | StillDone
OnEvent: TypeAlias = Callable[[StillEvent], None]


def paint_stills(timeline: Timeline, seeds: Sequence[int], device: str, on_event: OnEvent) -> None:
    """Paint the first frame of a timeline once for each seed; the models are loaded once.

    on_event: called with everything that happens, in order. What stops a picture (a signal; no error) is
    raised again once the picture so far was reported as StillDone, if it has a step.
    Raises DeviceError and InputError.
    """
    with device_errors():
        painter, loaded = load_painter(timeline, choose_device(device), ONE_PICTURE)
        on_event(loaded)
        for number, seed in enumerate(seeds):
            plan = replace(timeline.shots[0].frames[0], seed=seed)
            _paint(painter, plan, number, on_event)


def record_timelapse(
    timeline: Timeline, recording: Recording, device: str
) -> Generator[ModelsLoaded | StepDone | Timelapse, None, None]:
    """Record the timelapse that is all of a timeline, or go on with it: events, then what its frames show.

    The recording is open. Raises DeviceError, InputError and OutputError.
    """
    plan = timeline.shots[0].frames[0]
    with device_errors():
        chosen = choose_device(device)
        painter, loaded = load_painter(timeline, chosen, choose(timeline, chosen))
        yield loaded
        yield from record(painter, plan, recording)


def _paint(painter: Painter, plan: FramePlan, number: int, on_event: OnEvent) -> None:
    last: Progress | None = None
    try:
        began = time.monotonic()
        for event in painter.paint(plan):
            if isinstance(event, FrameResult):
                done = StillDone(number, plan.seed, plan, event.picture, event.similarities, plan.steps)
                break
            last, seconds = event, time.monotonic() - began
            look = partial(painter.look, event)
            on_event(StepDone(plan.shot, number, event.steps, plan.steps, seconds, look=look))
            began = time.monotonic()
    except Exception:
        raise
    except BaseException:
        if last is not None:
            steps = min(last.steps, plan.steps - 1)
            on_event(StillDone(number, plan.seed, plan, painter.look(last), (), steps))
        raise
    on_event(done)
