"""Measures how long painting takes: while a film is rendered, and of a few frames for `plan --measure`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np

from vqanim.engine.events import Event, FrameDone, ModelsLoaded, RunStarted, StepDone
from vqanim.engine.timings import Measurements, all_plans, device_label, models_of, plan_stages, save_timings
from vqanim.lazy import torch
from vqanim.pictures import Picture
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

FULL_SIZE = 0.9
"""Of the steps of a timelapse: those after it are at full size, whatever it began from."""
SECONDS_BETWEEN_SAVES = 30.0
"""What a killed render has learned in the last ones is lost."""
STEPS = 4
"""For every size that a first frame goes through; a quarter of them is at full size."""
REPEATS = 2
"""Frames of a kind, after one that warms everything up."""
LONG = 8.0
"""Seconds; of a frame that takes so long, one is enough, and warming up is a small part of it."""


class TimingsRecorder:
    """Collects times from the events of a render, by models and device, and saves them now and then."""

    def __init__(self, timeline: Timeline, folder: Path, importing: float) -> None:
        """folder: of the cache. importing: seconds that the engine took to import."""
        self._timeline, self._folder, self._importing = timeline, folder, importing
        self._plans = {FrameRef(plan.shot, plan.index): plan for plan in all_plans(timeline)}
        self._size = timeline.width, timeline.height
        self._measured: dict[str, Measurements] = {}
        self._device = ""
        self._start: float | None = None
        self._before: Path | None = None
        self._saved = monotonic()
        self._dirty = False

    def on_event(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case RunStarted():
                self._device = event.label or device_label(event.device, event.threads)
            case ModelsLoaded():  # downloads are no part of it: they happen once
                self._start = self._importing + event.seconds
            case FrameDone(from_timelapse=False):
                plan = self._plans[FrameRef(event.shot, event.index)]
                measured = self._measured_of(plan)
                measured.add_frame(plan, event.seconds, event.stages, self._size)
                if self._before is not None:  # the file of this one is still being written
                    with suppress(OSError):
                        measured.png.append(self._before.stat().st_size / math.prod(self._size))
                self._before = Path(event.path)
                if monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
                    self.close()
            case StepDone(timelapse=True) if event.step > FULL_SIZE * event.steps:
                measured = self._measured_of(self._plans[FrameRef(event.shot, 0)])
                measured.add("step", self._size, event.seconds)

    def _measured_of(self, plan: FramePlan) -> Measurements:
        key = models_of(self._timeline, plan)
        measured = self._measured.setdefault(key, Measurements(key, self._device))
        measured.start, self._dirty = self._start, True
        return measured

    def add_films(self, seconds: float) -> None:
        """Take note of how long all films of the run took."""
        for measured in self._measured.values():
            measured.add("film", self._size, seconds / len(self._timeline.edit))
            self._dirty = True

    def close(self) -> None:
        """Write what was learned since the last time; it can go on."""
        if not self._dirty:
            return
        for measured in self._measured.values():
            measured.memory, measured.memory_size = peak_memory(self._device), self._size
        save_timings(self._folder, self._measured.values())
        self._dirty, self._saved = False, monotonic()


def measure(
    timeline: Timeline, device: str, importing: float, films: Callable[[Picture], float]
) -> list[Measurements]:
    """What painting this film costs here, by models.

    importing: seconds that the engine took to import. films: makes films of a picture and gives the seconds
    that they took for one of their frames.
    Raises DeviceError and InputError.
    """
    from vqanim.engine.device import choose_device, device_errors
    from vqanim.engine.loading import load_painter
    from vqanim.guidance.graphs import choose

    place = choose_device(device)
    label = device_label(str(place), torch.get_num_threads())
    size = (timeline.width, timeline.height)
    with device_errors():
        painter, loaded = load_painter(timeline, place, choose(timeline, place))
        measured: dict[str, Measurements] = {}
        picture: Picture = np.full((timeline.height, timeline.width, 3), 127, np.uint8)
        for plan in _specimens(timeline):
            key = models_of(timeline, plan)
            mine = measured.setdefault(key, Measurements(key, label, importing + loaded.seconds))
            for number in range(REPEATS + 1):
                began = monotonic()
                inputs = {one: picture for one in plan.inputs if one.frame is not None}
                painted = painter.finish(plan, inputs)
                seconds = monotonic() - began
                if number or seconds > LONG:
                    mine.add_frame(plan, seconds, painted.stages, size)
                if seconds > LONG:
                    break
            picture = painted.picture
    seconds = films(picture)
    for each in measured.values():
        each.add("film", size, seconds)
        each.memory, each.memory_size = peak_memory(str(place)), size
    return list(measured.values())


def _specimens(timeline: Timeline) -> Iterator[FramePlan]:
    """One frame of every kind whose time may differ, first frames before those that carry one."""
    kinds: dict[object, FramePlan] = {}
    for plan in all_plans(timeline):
        sizes = tuple((stage.width, stage.height) for stage in plan_stages(plan, timeline))
        kinds.setdefault((plan.previous is not None, plan.cutouts, sizes), plan)
    for plan in sorted(kinds.values(), key=lambda plan: plan.previous is not None):
        stages = plan_stages(plan, timeline)
        few = min(plan.steps, STEPS * max(1, len(stages) - 1))
        yield replace(plan, steps=few if plan.previous is None else plan.steps)


def peak_memory(device: str) -> int | None:
    """Bytes that this process has used at most: of the GPU where that paints. None where nobody knows."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_reserved(device.split(",")[0]))
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
