"""How long painting takes on this machine: measured, kept between runs, and used for estimates. No torch.

What was measured (see `measure`) is kept in one small JSON file, by models with their cutouts and by
device; a broken file counts as none.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from vqanim.engine.events import FrameDone, StageTime, StepDone
from vqanim.errors import OutputError
from vqanim.files import make_folder, write_atomic
from vqanim.models.catalogue import first_stages
from vqanim.own_files import drop, find_fault, read_cache
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline
from vqanim.types import Stage

NAME = "speeds.json"
VERSION = 1
"""Of the file; another one is not read."""
MAX_BYTES = 1_000_000
MOST_SECONDS = 1e15
"""Of anything, and bytes likewise: what is summed up with it stays a number."""
_ENTRY = {
    "models": str,
    "device": str,
    "start": (float, None),
    "memory": (float, None),
    "memory_size": ([int], None),
    "png": (float, None),
    "seconds": {str: {str: float}},
}
MOST_KEPT = 100
"""Combinations of models and device; those not used for longest are forgotten."""

KINDS = ("step", "carry", "move", "begin", "film")
"""Seconds by size: of a step; of carrying a frame beside its steps; of a frame that is only moved; of a
first frame beside its steps; of a film frame in all the films that a render makes."""

STEPS_BESIDE = 2
"""Carrying, decoding and saving a frame take about as long as so many steps."""

PNG_BYTES = 1.7
"""A pixel of a painted frame, where none was saved yet; measured on renders of the shipped scenes."""
MP4_BYTES = 0.14
"""A pixel of a film frame; measured on the same, at crf 17."""
GIF_BYTES = 0.85
"""A pixel of a frame of the GIF."""
FILM_SECONDS = 1e-6
"""A pixel of a film frame, where no film was made yet."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Timings:
    """What was measured of some models on a device."""

    models: str
    """Names, with the cutouts of each perceptor: see `models_of`."""
    device: str
    """`cpu, 2 threads`, or the name of a GPU."""
    start: float | None = None
    """Seconds until the models are loaded."""
    memory: int | None = None
    """Bytes at most, of the process or, on a GPU, of its memory."""
    memory_size: Size | None = None
    """Size of the film that took so much."""
    png: float | None = None
    """Bytes a pixel of a saved frame."""
    seconds: Mapping[str, Mapping[Size, float]] = field(default_factory=dict)
    """By kind (one of KINDS) and size."""

    def at(self, kind: str, size: Size) -> tuple[float | None, bool]:
        """Seconds at a size, and whether that very size was measured; None when nothing is known.

        Between sizes that were measured the time runs in a straight line with the pixels; beyond the
        largest it grows with them, and below the smallest it is no shorter than their share.
        """
        known = self.seconds.get(kind, {})
        if size in known:
            return known[size], True
        if not known:
            return None, False
        points = sorted((math.prod(each), value) for each, value in known.items())
        pixels, (most, seconds) = math.prod(size), points[-1]
        if pixels > most:
            return seconds * pixels / most, False
        xs, ys = zip((0, 0.0), *points, strict=True)
        return float(np.interp(pixels, xs, ys)), False


@dataclass
class Measurements:
    """Collects what one run measures of some models; the middle value of each kind and size counts."""

    models: str
    device: str
    start: float | None = None
    memory: int | None = None
    memory_size: Size | None = None
    png: list[float] = field(default_factory=list)
    seconds: dict[tuple[str, Size], list[float]] = field(default_factory=dict)

    def add(self, kind: str, size: Size, seconds: float) -> None:
        """Take note of a measured time."""
        self.seconds.setdefault((kind, size), []).append(seconds)

    def add_frame(self, plan: FramePlan, seconds: float, done: Iterable[StageTime], size: Size) -> None:
        """Take note of a painted frame: its steps by size, and what was beside them."""
        for stage in done:
            self.add("step", (stage.width, stage.height), stage.seconds / max(1, stage.steps))
            seconds -= stage.seconds
        self.add(_kind_of(plan), size, max(0.0, seconds))

    def merged(self, before: Timings | None) -> Timings:
        """What was known, with what was measured now in its place."""
        known = before or Timings(self.models, self.device)
        seconds = {kind: dict(sizes) for kind, sizes in known.seconds.items()}
        for (kind, size), values in self.seconds.items():
            seconds.setdefault(kind, {})[size] = statistics.median(values)
        of_memory = known if self.memory is None else self
        return replace(
            known,
            start=known.start if self.start is None else self.start,
            memory=of_memory.memory,
            memory_size=of_memory.memory_size,
            png=statistics.median(self.png) if self.png else known.png,
            seconds=seconds,
        )


def read_timings(folder: Path) -> tuple[Timings, ...]:
    """What was measured, the latest first; nothing when the file is missing or cannot be understood."""
    path = folder / NAME
    document = read_cache(path, {"version": int, "speeds?": object}, MAX_BYTES)
    if document is None or document["version"] != VERSION:
        return ()
    if fault := find_fault(document.get("speeds"), [_ENTRY], "speeds"):
        drop(path, fault)
        return ()
    try:
        return tuple(map(_parse, document["speeds"]))
    except ValueError as error:
        drop(path, error)
        return ()


def save_timings(folder: Path, measured: Iterable[Measurements]) -> None:
    """Add what a run measured to what is known. A folder that cannot be written is no trouble."""
    known = {(each.models, each.device): each for each in read_timings(folder)}
    fresh = [each.merged(known.pop((each.models, each.device), None)) for each in measured]
    if not fresh:
        return
    entries = [_document(each) for each in (*fresh, *known.values())][:MOST_KEPT]
    with suppress(OutputError):
        make_folder(folder)
        write_atomic(folder / NAME, json.dumps({"version": VERSION, "speeds": entries}, indent=1) + "\n")


def _document(timings: Timings) -> dict[str, Any]:
    seconds = {
        kind: {f"{width}x{height}": round(value, 6) for (width, height), value in sizes.items()}
        for kind, sizes in timings.seconds.items()
    }
    return {**asdict(replace(timings, seconds={})), "seconds": seconds}


def _parse(entry: Any) -> Timings:
    """Raises ValueError for what was not written here."""
    memory, size = entry["memory"], entry["memory_size"]
    seconds = {
        kind: {_size(text.split("x")): _number(value) for text, value in sizes.items()}
        for kind, sizes in entry["seconds"].items()
        if kind in KINDS
    }
    return Timings(
        str(entry["models"]),
        str(entry["device"]),
        None if entry["start"] is None else _number(entry["start"]),
        None if memory is None else int(_number(memory)),
        None if size is None else _size(size),
        None if entry["png"] is None else _number(entry["png"]),
        seconds,
    )


def _number(value: float) -> float:
    if not 0 <= value < MOST_SECONDS:
        raise ValueError(f"has {value:g} for a length of time or a size")
    return float(value)


def _size(sides: Iterable[Any]) -> Size:
    width, height = (int(side) if len(str(side)) < 10 else 0 for side in sides)
    if min(width, height) < 1:
        raise ValueError("has a size that is none")
    return width, height


class Pace:
    """Seconds per frame of late, and seconds left; frames count by their steps, for the first has most."""

    def __init__(self, timeline: Timeline) -> None:
        frames = list(all_plans(timeline))
        self._place = {(frame.shot, frame.index): place for place, frame in enumerate(frames)}
        self._costs = [_cost(frame) for frame in frames]
        self._has_steps = any(frame.steps for frame in frames)
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)
        self._seconds: deque[float] = deque(maxlen=20)
        self._left = 0.0

    def add(self, event: FrameDone) -> None:
        """Take note of a painted frame."""
        place = self._place[event.shot, event.index]
        self._seconds.append(event.seconds)
        # A frame that is only moved says nothing about those that are painted.
        if self._costs[place] and not event.from_timelapse and (event.steps or not self._has_steps):
            self._recent.append((event.seconds, self._costs[place]))
        after = self._costs[place + 1 :]
        self._left = statistics.fmean(after or (0,)) * (event.frames - event.done)

    def add_step(self, event: StepDone) -> None:
        """Take note of a step; only those of a timelapse say how long the rest takes."""
        if not event.timelapse:
            return
        self._recent.append((event.seconds, 1))
        place = self._place[event.shot, 0]
        self._left = event.steps - event.step + sum(self._costs[place + 1 :])

    @property
    def seconds_a_frame(self) -> float | None:
        """Mean of the last frames; None before the first."""
        return statistics.fmean(self._seconds) if self._seconds else None

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the painting that is still to do; None before the first frame or step."""
        done = sum(cost for _, cost in self._recent)
        return self._left * sum(seconds for seconds, _ in self._recent) / done if done else None


def _cost(frame: FramePlan) -> int:
    """Of a frame, in steps; the first one of a timelapse costs as much as all of it."""
    if frame.timelapse is not None:
        return 0 if frame.index else frame.steps
    return frame.steps + STEPS_BESIDE


@dataclass(frozen=True)
class Estimate:
    """Seconds of a render of all that is not painted yet, and of the films."""

    device: str
    start: float
    """Until the models are loaded; 0 where none is needed any more."""
    painting: float
    films: float
    """Making MP4, GIF and poster."""
    step: float | None
    """Of one step at full size; None when no frame has one."""
    guessed: bool
    """Whether some of it was measured at other sizes, so that it is less sure."""
    memory: int | None
    """Bytes at most, where a film of this size was measured."""

    @property
    def total(self) -> float:
        """Seconds of all of it."""
        return self.start + self.painting + self.films


@dataclass(frozen=True)
class Disk:
    """Bytes, about."""

    takes: int
    films: int


def all_plans(timeline: Timeline) -> Iterable[FramePlan]:
    """Every frame that will be painted."""
    return (plan for shot in timeline.shots for plan in shot.frames)


def models_of(timeline: Timeline, plan: FramePlan) -> str:
    """`pocket + pocket x12`: what a frame's steps are known by, names and how many cutouts each looks at."""
    views = zip(timeline.perceptors, plan.cutouts, strict=True)
    return " + ".join([timeline.generator_text, *(f"{each.name} x{cutouts}" for each, cutouts in views)])


def plan_stages(plan: FramePlan, timeline: Timeline) -> tuple[Stage, ...]:
    """The steps of a frame by size, as the painter does them."""
    width, height = timeline.width, timeline.height
    if plan.steps < 1 or (plan.timelapse and plan.index):  # all steps of a timelapse precede its first frame
        return ()
    if plan.start is None or plan.start.is_picture:
        return (Stage(height, width, plan.steps),)
    settings = dict(timeline.generator_settings)
    return first_stages(timeline.generator, settings, plan.steps, (height, width))


def _kind_of(plan: FramePlan) -> str:
    """Which of KINDS the time beside the steps of a frame is."""
    if plan.previous is None and not (plan.timelapse and plan.index):
        return "begin"
    return "move" if plan.steps < 1 or plan.timelapse else "carry"


def estimate(
    timeline: Timeline,
    timings: Sequence[Timings],
    device: str | None = None,
    painted: Container[FrameRef] = frozenset(),
) -> Estimate | None:
    """Seconds of a render, or None when too little was measured.

    timings: the latest first; the first one that knows the film's models says which device is meant, unless
    `device` begins the name of one. painted: frames that are there already.
    """
    needed = {models_of(timeline, plan) for plan in all_plans(timeline)}
    for each in dict.fromkeys(one.device for one in timings):
        if device is None or each == device or each.startswith(f"{device}, "):
            by_models = {one.models: one for one in timings if one.device == each}
            if needed <= set(by_models) and (found := _estimate(timeline, by_models, painted)):
                return found
    return None


def _estimate(
    timeline: Timeline, by_models: dict[str, Timings], painted: Container[FrameRef]
) -> Estimate | None:
    size = (timeline.width, timeline.height)
    left = [plan for plan in all_plans(timeline) if FrameRef(plan.shot, plan.index) not in painted]
    seconds, guessed = 0.0, False
    for plan in left:
        timings = by_models[models_of(timeline, plan)]
        # What is beside the steps is little; where it was not measured, another kind stands in.
        kinds = [kind for kind in (_kind_of(plan), "carry", "move", "begin") if timings.seconds.get(kind)]
        parts = [(kinds[0] if kinds else "", size, 1)]
        parts += [("step", (one.width, one.height), one.steps) for one in plan_stages(plan, timeline)]
        for kind, its_size, times in parts:
            found, exact = timings.at(kind, its_size)
            if found is None:
                return None
            seconds, guessed = seconds + found * times, guessed or not exact
    timings = by_models[models_of(timeline, timeline.shots[0].frames[0])]
    film, exact = timings.at("film", size)
    fits = timings.memory_size is not None and timings.memory_size >= size
    return Estimate(
        device=timings.device,
        start=(timings.start or 0.0) if left else 0.0,
        painting=seconds,
        films=(FILM_SECONDS * math.prod(size) if film is None else film) * len(timeline.edit),
        step=timings.at("step", size)[0],
        guessed=guessed or not exact,
        memory=timings.memory if fits else None,
    )


def disk_space(timeline: Timeline, timings: Sequence[Timings] = ()) -> Disk:
    """Bytes that a render's frames and films take, about."""
    pixels = timeline.width * timeline.height
    a_pixel = next((each.png for each in timings if each.png is not None), PNG_BYTES)
    width = min(timeline.gif_width, timeline.width)
    gif_frames = len(timeline.edit) * min(float(timeline.gif_fps / timeline.fps), 1.0)
    gif = gif_frames * width * width * timeline.height / timeline.width * GIF_BYTES
    return Disk(
        takes=round(timeline.frame_count * pixels * a_pixel),
        films=round(len(timeline.edit) * pixels * MP4_BYTES + gif),
    )


def device_label(device: str, threads: int) -> str:
    """`cpu, 2 threads`, `cuda, NVIDIA H100`: what a time was measured on."""
    if device == "cpu":
        return f"cpu, {threads} thread{'s' if threads != 1 else ''}"
    if device.startswith("cuda") and (torch := sys.modules.get("torch")):  # whoever paints has imported it
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return device
