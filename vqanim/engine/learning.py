"""Hears a render and takes note of how long things take, for later estimates. No torch of its own."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic

from vqanim.engine.cost import models_of
from vqanim.engine.events import Event, FrameDone, ModelsLoaded, RunStarted, StepDone
from vqanim.engine.speeds import Samples, Size, learn
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

FULL_SIZE = 0.9
"""Of the steps of a timelapse: those after it are at full size, whatever it began from."""
SECONDS_BETWEEN_SAVES = 30.0
"""What a killed render has learned in the last ones is lost."""


class Learner:
    """Collects times by models and device, and saves them now and then."""

    def __init__(self, timeline: Timeline, folder: Path, importing: float) -> None:
        """folder: of the cache. importing: seconds that the engine took to import."""
        self._timeline, self._folder, self._importing = timeline, folder, importing
        self._plans = {
            FrameRef(plan.shot, plan.index): plan for shot in timeline.shots for plan in shot.frames
        }
        self._samples: dict[str, Samples] = {}
        self._device = ""
        self._start: float | None = None
        self._before: Path | None = None
        self._saved = monotonic()
        self._dirty = False

    @property
    def size(self) -> Size:
        """Width and height of the frames."""
        return self._timeline.width, self._timeline.height

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, RunStarted):
            self._device = device_label(event.device, event.threads)
        elif isinstance(event, ModelsLoaded):
            # Downloads are no part of it: they happen once.
            self._start = self._importing + event.seconds
        elif isinstance(event, FrameDone) and not event.of_lapse:
            self._frame(event)
        elif isinstance(event, StepDone) and event.timelapse and event.step > FULL_SIZE * event.steps:
            self._lapse_step(event)

    def _frame(self, event: FrameDone) -> None:
        plan = self._plans[FrameRef(event.shot, event.index)]
        samples = self.samples_of(plan)
        samples.start = self._start
        add_frame(samples, plan, event, self.size)
        self._png(samples, Path(event.path))
        self._dirty = True
        if monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            self.close()

    def _lapse_step(self, event: StepDone) -> None:
        samples = self.samples_of(self._plans[FrameRef(event.shot, 0)])
        samples.start = self._start
        samples.add("step", self.size, event.seconds)
        self._dirty = True

    def samples_of(self, plan: FramePlan) -> Samples:
        """Where what is learned from a frame belongs."""
        key = models_of(self._timeline, plan)
        return self._samples.setdefault(key, Samples(key, self._device))

    def _png(self, samples: Samples, path: Path) -> None:
        """The file of the frame before: this one's is still being written."""
        if self._before is not None:
            with suppress(OSError):
                samples.png.append(self._before.stat().st_size / (self.size[0] * self.size[1]))
        self._before = path

    def films(self, seconds: float) -> None:
        """Take note of how long all films of the run took."""
        for samples in self._samples.values():
            samples.add("film", self.size, seconds / len(self._timeline.edit))
            self._dirty = True

    def close(self) -> None:
        """Write what was learned since the last time; it can go on."""
        if not self._dirty:
            return
        for samples in self._samples.values():
            samples.memory, samples.memory_size = most_memory(self._device), self.size
        learn(self._folder, self._samples.values())
        self._dirty, self._saved = False, monotonic()


def add_frame(samples: Samples, plan: FramePlan, done: FrameDone, size: Size) -> None:
    """Take note of a painted frame: its steps by size, and what was beside them."""
    for stage in done.stages:
        samples.add("step", (stage.width, stage.height), stage.seconds / max(1, stage.steps))
    beside = max(0.0, done.seconds - sum(stage.seconds for stage in done.stages))
    kind = "begin" if plan.previous is None else "carry" if plan.steps else "move"
    samples.add(kind, size, beside)


def device_label(device: str, threads: int) -> str:
    """`cpu, 2 threads`, `cuda, NVIDIA H100`: what a time was measured on."""
    if device == "cpu":
        return f"cpu, {threads} thread{'s' if threads != 1 else ''}"
    if device.startswith("cuda") and "torch" in sys.modules:
        import torch

        return f"{device}, {torch.cuda.get_device_name(device)}"
    return device


def most_memory(device: str) -> int | None:
    """Bytes that this process has used at most: of the GPU where that paints. None where nobody knows."""
    if device.startswith("cuda") and "torch" in sys.modules:
        import torch

        return int(torch.cuda.max_memory_reserved())
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
