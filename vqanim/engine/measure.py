"""Paints a few frames of a film, to learn how long the others will take. Nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic

import numpy as np
import torch

from vqanim.engine.cost import all_plans, models_of, plan_stages
from vqanim.engine.device import choose_device, device_errors
from vqanim.engine.events import FrameDone
from vqanim.engine.frame import Painter
from vqanim.engine.learning import add_frame, device_label, most_memory
from vqanim.engine.loading import load_painter
from vqanim.engine.speeds import Samples
from vqanim.files import Picture
from vqanim.guidance.graphs import choose
from vqanim.timeline.plan import FramePlan, Timeline

STEPS = 4
"""For every size at which a first frame is sketched; a quarter of them is at full size."""
REPEATS = 2
"""Frames of a kind, after one that warms everything up."""
LONG = 8.0
"""Seconds; of a frame that takes so long, one is enough, and warming up is a small part of it."""


def measure(
    timeline: Timeline, multiple: int, device: str, importing: float, films: Callable[[Picture], float]
) -> list[Samples]:
    """What painting this film costs here, by models.

    importing: seconds that the engine took to import. films: makes films of a picture and gives the seconds
    that they took for one of their frames.
    Raises DeviceError and InputError.
    """
    place = choose_device(device)
    label = device_label(str(place), torch.get_num_threads())
    size = (timeline.width, timeline.height)
    with device_errors():
        painter, loaded = load_painter(timeline, place, choose(timeline, place))
        samples: dict[str, Samples] = {}
        picture: Picture = np.full((timeline.height, timeline.width, 3), 127, np.uint8)
        for plan in _specimens(timeline, multiple):
            key = models_of(timeline, plan)
            mine = samples.setdefault(key, Samples(key, label, importing + loaded.seconds))
            for number in range(REPEATS + 1):
                done, painted = _paint(painter, plan, picture)
                if number or done.seconds > LONG:
                    add_frame(mine, plan, done, size)
                if done.seconds > LONG:
                    break
            picture = painted
    seconds = films(picture)
    for each in samples.values():
        each.add("film", size, seconds)
        each.memory, each.memory_size = most_memory(str(place)), size
    return list(samples.values())


def _specimens(timeline: Timeline, multiple: int) -> Iterator[FramePlan]:
    """One frame of every kind whose time may differ, first frames before those that carry one."""
    kinds: dict[object, FramePlan] = {}
    size = (timeline.width, timeline.height)
    for plan in all_plans(timeline):
        sizes = tuple((stage.width, stage.height) for stage in plan_stages(plan, size, multiple))
        kinds.setdefault((plan.previous is not None, plan.cutouts, sizes), plan)
    for plan in sorted(kinds.values(), key=lambda plan: plan.previous is not None):
        stages = plan_stages(plan, size, multiple)
        few = min(plan.steps, STEPS * max(1, len(stages) - 1))
        yield replace(plan, steps=few if plan.previous is None else plan.steps)


def _paint(painter: Painter, plan: FramePlan, picture: Picture) -> tuple[FrameDone, Picture]:
    """Paint a frame on some picture, and tell of it as a render does."""
    began = monotonic()
    painted = painter.finish(plan, {one: picture for one in plan.inputs if one.frame is not None})
    done = FrameDone(
        shot=plan.shot,
        index=plan.index,
        done=0,
        frames=0,
        seconds=monotonic() - began,
        steps=plan.steps,
        weights=(),
        similarities=(),
        path="",
        stages=painted.stages,
    )
    return done, painted.picture
