"""Executors: where the shots of a film are painted, in this process or in several."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch

from vqanim.engine import events
from vqanim.engine.cache_check import Chain, frames_from, settle_edits
from vqanim.engine.device import device_errors
from vqanim.engine.frame import FrameResult, Inputs, Painter
from vqanim.engine.job import Job
from vqanim.engine.loading import load_painter
from vqanim.engine.timelapse import Timelapse, record
from vqanim.guidance.graphs import Choice
from vqanim.pictures import Picture
from vqanim.takes.digest import frame_hash, pixel_hash
from vqanim.takes.params import Arrays, params_bytes, params_hash
from vqanim.takes.recording import RECORDINGS, Recording
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, ShotPlan, Timeline

KEPT_IN_MEMORY = 4
"""Frames: the one before, the anchor, the one that a loop leads to, and one being saved."""


@dataclass(frozen=True)
class Unit:
    """Shots that are painted from each other's frames and from no others: those between two cuts."""

    shots: tuple[ShotPlan, ...]


class Executor(Protocol):
    """Paints units of a film."""

    def run(self, units: Sequence[Unit]) -> Generator[events.Event, None, None]:
        """Paint what is missing of all units and report it; `done` and `frames` of its events are left 0.

        A FrameDone comes when the file of the frame before it in its shot is on disk. Closing the iterator at
        any moment leaves frames that can be continued. Raises DeviceError, InputError and OutputError.
        """


def split_units(timeline: Timeline) -> tuple[Unit, ...]:
    """The units of a timeline, in the order of their first shots."""
    groups: list[set[str]] = []
    for shot in timeline.shots:
        names = {shot.name, *(frame.shot for plan in shot.frames for frame in plan.input_frames)}
        joined = [group for group in groups if group & names]
        groups = [group for group in groups if group not in joined] + [names.union(*joined)]
    units = [Unit(tuple(shot for shot in timeline.shots if shot.name in group)) for group in groups]
    order = {shot.name: number for number, shot in enumerate(timeline.shots)}
    return tuple(sorted(units, key=lambda unit: order[unit.shots[0].name]))


class Saver:
    """Saves frames in the background, one at a time and in order, so that painting never waits for the disk.

    A failed save is raised by the next `save` and on leaving the context; leaving it waits for the last one.
    """

    def __init__(self, store: TakeStore) -> None:
        self.store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._pending: Future[object] | None = None
        self._recent: dict[FrameRef, Picture] = {}
        self._params: tuple[FrameRef | None, Arrays] = None, {}

    def save(
        self, plan: FramePlan, frame: FrameResult, digest: str, models: str, metrics: Metrics, params: bytes
    ) -> None:
        """Begin to save a frame, once the one before is on disk. Raises OutputError of the one before."""
        self.flush()
        here = FrameRef(plan.shot, plan.index)
        self._remember(here, frame.picture)
        self._params = (here, frame.params)
        work = (plan, frame.picture, digest, models, metrics, params)
        self._pending = self._worker.submit(self.store.save, *work)

    def take(self, frame: FrameRef) -> Picture:
        """A saved frame, uint8 [H, W, 3]; those used last come from memory."""
        picture = self._recent.get(frame)
        if picture is None:
            self.flush()
            picture = self.store.load(frame.shot, frame.index)
        self._remember(frame, picture)
        return picture

    def inputs(self, plan: FramePlan) -> Inputs:
        """The saved frames that a plan names, by what they are for."""
        return {one: self.take(one.frame) for one in plan.inputs if one.frame is not None}

    def params(self, plan: FramePlan) -> Arrays:
        """The parameters that a frame goes on from; none where it needs none. Those saved last come from
        memory."""
        if plan.params is None or plan.params.frame is None:
            return {}
        frame, known = self._params
        if frame == plan.params.frame:
            return known
        self.flush()
        return self.store.load_params(plan.params.frame)

    def flush(self) -> None:
        """Wait until all frames are on disk. Raises OutputError."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _remember(self, frame: FrameRef, picture: Picture) -> None:
        """Keep the frame in memory, and of the others those used last."""
        self._recent.pop(frame, None)
        self._recent[frame] = picture
        while len(self._recent) > KEPT_IN_MEMORY:
            del self._recent[next(iter(self._recent))]

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self._worker.shutdown()


class LocalExecutor:
    """Paints in this process, shot by shot in the order of the film."""

    def __init__(self, job: Job, device: torch.device, chain: Chain, steps: Choice) -> None:
        """chain: knows the frames that hold. steps: how they are made."""
        self._job, self._device, self._chain, self._steps = job, device, chain, steps
        self._painter: Painter | None = None

    def run(self, units: Sequence[Unit]) -> Generator[events.Event, None, None]:
        """See Executor."""
        names = {shot.name for unit in units for shot in unit.shots}
        with Saver(self._job.store) as saver:
            for shot in self._job.timeline.shots:
                if shot.name in names:
                    with closing(self._shot(shot, saver)) as painting:
                        yield from painting

    def _shot(self, shot: ShotPlan, saver: Saver) -> Generator[events.Event, None, None]:
        """Paint what is missing of a shot; the models are loaded at the first frame that is."""
        job, chain = self._job, self._chain
        requested, kept = job.count(shot), job.count(shot, chain.pixels)
        if not requested:
            return
        yield events.ShotStarted(shot.name, requested, kept)
        first, timelapse = shot.frames[0], None
        for plan in shot.frames:
            here = FrameRef(plan.shot, plan.index)
            if here in chain.pixels or not job.requests(here):
                continue
            digest = digest_of(plan, chain)
            if self._holds(here, digest):
                yield events.FrameKept(plan.shot, plan.index)
                continue
            if self._painter is None:
                with device_errors():
                    self._painter, loaded = load_painter(
                        job.timeline, self._device, self._steps, job.precision
                    )
                yield loaded
            painter = self._painter
            mode = painter.method.mode
            if plan.timelapse and timelapse is None:
                recording = recording_of(first, chain, job.store)
                if moved := recording.open(job.store.folder):
                    yield events.RecordingMoved(first.shot, str(moved))
                with device_errors():
                    start = saver.inputs(first), saver.params(first)
                    for event in record(painter, first, recording, *start):
                        if isinstance(event, Timelapse):
                            timelapse = event
                        else:
                            yield event
            started = began = time.monotonic()
            frame = timelapse.frame(plan.index) if timelapse else None
            if frame is None:
                with device_errors():
                    for step in painter.paint(plan, saver.inputs(plan), params=saver.params(plan)):
                        if isinstance(step, FrameResult):
                            frame = step
                            break
                        seconds, began = time.monotonic() - began, time.monotonic()
                        look = partial(painter.look, step)
                        yield events.StepDone(
                            plan.shot, plan.index, step.steps, plan.steps, seconds, look=look
                        )
            assert frame is not None
            yield self._save(plan, frame, digest, started, saver)
            if painter.method.mode != mode:
                yield events.StepChanged(*painter.method.mode)
        if first.timelapse:
            saver.flush()
            recording_of(first, chain, job.store).discard()

    def _holds(self, here: FrameRef, digest: str) -> bool:
        """Whether a frame behind a missing one is right all the same; if it is not, it is moved away. It is
        looked at only now, also for whether somebody changed it."""
        store = self._job.store
        record = store.record(here.shot, here.index)
        if record is not None and record.digest != digest:
            store.archive(frames_from(here.index, here.shot, store))
            return False
        if record is not None and record.edited:
            settle_edits([here], store, self._job.edits, self._job.timeline.width, self._job.timeline.height)
            record = store.record(here.shot, here.index)
        if record is not None:
            self._chain.pixels[here] = record.identity
        return record is not None

    def _save(
        self, plan: FramePlan, frame: FrameResult, digest: str, started: float, saver: Saver
    ) -> events.FrameDone:
        """Have a frame saved."""
        params = params_bytes(frame.params) if frame.params else b""
        identity = frame_hash(pixel_hash(frame.picture), params_hash(params))
        self._chain.pixels[FrameRef(plan.shot, plan.index)] = identity
        painting = time.monotonic() - started
        metrics = Metrics(None if plan.timelapse else painting, frame.similarities, frame.losses)
        saver.save(plan, frame, digest, self._job.timeline.models, metrics, params)
        return events.FrameDone(
            shot=plan.shot,
            index=plan.index,
            done=0,
            frames=0,
            seconds=time.monotonic() - started,
            steps=0 if plan.timelapse else plan.steps,
            weights=tuple((term.text, term.weight) for term in plan.losses if term.is_prompt),
            similarities=frame.similarities,
            path=str(self._job.store.frame_path(plan.shot, plan.index)),
            stages=frame.stages,
            losses=frame.losses,
            from_timelapse=plan.timelapse is not None,
        )


def digest_of(plan: FramePlan, chain: Chain) -> str:
    """The digest of a frame whose inputs are there."""
    digest = chain.digest(plan)
    assert digest is not None, "frames are painted in the order of their inputs"
    return digest


def recording_of(plan: FramePlan, chain: Chain, store: TakeStore) -> Recording:
    """Where a timelapse that begins with a frame is recorded until all its frames are there."""
    return Recording(store.folder / RECORDINGS / plan.shot, digest_of(plan, chain))
