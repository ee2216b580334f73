"""Executors: where the shots of a film are painted, in this process or in several."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch

from vqanim.engine.cache_check import Chain, frames_from, settle_edits
from vqanim.engine.device import device_errors
from vqanim.engine.events import (
    Event,
    FrameDone,
    FrameKept,
    RecordingMoved,
    ShotStarted,
    StepChanged,
    StepDone,
)
from vqanim.engine.frame import FrameResult, Inputs, Painter
from vqanim.engine.job import Job
from vqanim.engine.loading import load_painter
from vqanim.engine.saver import Saver
from vqanim.engine.timelapse import Timelapse, record
from vqanim.guidance.graphs import Choice
from vqanim.takes.digest import pixel_hash
from vqanim.takes.recording import RECORDINGS, Recording
from vqanim.takes.records import FrameRecord, Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, ShotPlan, Timeline


@dataclass(frozen=True)
class Unit:
    """Shots that are painted from each other's frames and from no others: those between two cuts."""

    shots: tuple[ShotPlan, ...]


class Executor(Protocol):
    """Paints units of a film."""

    def run(self, units: Sequence[Unit]) -> Generator[Event, None, None]:
        """Paint what is missing of all units and report it; `done` and `frames` of its events are left 0.

        A FrameDone comes when the file of the frame before it in its shot is on disk. Closing the iterator at
        any moment leaves frames that can be continued. Raises DeviceError, InputError and OutputError.
        """
        ...


def split_units(timeline: Timeline) -> tuple[Unit, ...]:
    """The units of a timeline, in the order of their first shots."""
    parent = {shot.name: shot.name for shot in timeline.shots}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    order = {shot.name: number for number, shot in enumerate(timeline.shots)}
    for shot in timeline.shots:
        for other in {frame.shot for plan in shot.frames for frame in plan.input_frames}:
            first, second = sorted((root(shot.name), root(other)), key=order.__getitem__)
            parent[second] = first
    units: dict[str, list[ShotPlan]] = {}
    for shot in timeline.shots:
        units.setdefault(root(shot.name), []).append(shot)
    return tuple(Unit(tuple(shots)) for shots in units.values())


class LocalExecutor:
    """Paints in this process, shot by shot in the order of the film."""

    def __init__(self, job: Job, device: torch.device, chain: Chain, steps: Choice) -> None:
        """chain: knows the frames that hold. steps: how they are made."""
        self._job, self._device, self._chain, self._steps = job, device, chain, steps
        self._painter: Painter | None = None

    def run(self, units: Sequence[Unit]) -> Generator[Event, None, None]:
        """See Executor."""
        order = {shot.name: number for number, shot in enumerate(self._job.timeline.shots)}
        shots = sorted((shot for unit in units for shot in unit.shots), key=lambda shot: order[shot.name])
        with Saver(self._job.store) as saver:
            for shot in shots:
                with closing(self._shot(shot, saver)) as events:
                    yield from events

    def _shot(self, shot: ShotPlan, saver: Saver) -> Generator[Event, None, None]:
        """Paint what is missing of a shot; the models are loaded at the first frame that is."""
        job, chain = self._job, self._chain
        requested, kept = job.count(shot), job.count(shot, chain.pixels)
        if not requested:
            return
        yield ShotStarted(shot.name, requested, kept)
        first, timelapse = shot.frames[0], None
        for plan in shot.frames:
            here = FrameRef(plan.shot, plan.index)
            if here in chain.pixels or not job.requests(here):
                continue
            digest = chain.digest(plan)
            assert digest is not None, "frames are painted in the order of their inputs"
            if self._holds(here, digest):
                yield FrameKept(plan.shot, plan.index)
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
                for event in _record(painter, first, chain, saver):
                    if isinstance(event, Timelapse):
                        timelapse = event
                    else:
                        yield event
            started = began = time.monotonic()
            frame = timelapse.frame(plan.index) if timelapse else None
            if frame is None:
                with device_errors():
                    for step in painter.paint(plan, load_inputs(plan, saver)):
                        if isinstance(step, FrameResult):
                            frame = step
                            break
                        seconds, began = time.monotonic() - began, time.monotonic()
                        look = partial(painter.look, step)
                        yield StepDone(plan.shot, plan.index, step.steps, plan.steps, seconds, look=look)
            assert frame is not None
            yield self._save(plan, frame, digest, started, saver)
            if painter.method.mode != mode:
                yield StepChanged(*painter.method.mode)
        if first.timelapse:
            saver.flush()
            recording_of(first, chain, job.store).discard()

    def _holds(self, here: FrameRef, digest: str) -> bool:
        """Whether a frame behind a missing one is right all the same; if it is not, it is moved away."""
        store = self._job.store
        record = self._holding(here, digest)
        if record is not None:
            self._chain.pixels[here] = record.pixels
        elif store.record(here.shot, here.index) is not None:
            store.archive(frames_from(here.index, here.shot, store))
        return record is not None

    def _holding(self, frame: FrameRef, digest: str) -> FrameRecord | None:
        """The record of a frame on the disk if it is the one that is asked for.

        One that lay behind a missing frame is looked at only now, also for whether somebody changed it.
        """
        store = self._job.store
        record = store.record(frame.shot, frame.index)
        if record is None or record.digest != digest:
            return None
        if record.edited:
            settle_edits([frame], store, self._job.edits)
            record = store.record(frame.shot, frame.index)
        return record

    def _save(
        self, plan: FramePlan, frame: FrameResult, digest: str, started: float, saver: Saver
    ) -> FrameDone:
        """Have a frame saved."""
        self._chain.pixels[FrameRef(plan.shot, plan.index)] = pixel_hash(frame.picture)
        painting = time.monotonic() - started
        metrics = Metrics(None if plan.timelapse else painting, frame.similarities, frame.losses)
        saver.save(plan, frame.picture, digest, self._job.timeline.models, metrics)
        return FrameDone(
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


def load_inputs(plan: FramePlan, saver: Saver) -> Inputs:
    """The saved frames that a plan names, by what they are for."""
    return {one: saver.take(one.frame) for one in plan.inputs if one.frame is not None}


def _record(painter: Painter, plan: FramePlan, chain: Chain, saver: Saver) -> Iterator[Event | Timelapse]:
    """Record the timelapse that begins with a frame, or go on with it; in the end, what its frames show."""
    recording = recording_of(plan, chain, saver.store)
    if moved := recording.open(saver.store.folder):
        yield RecordingMoved(plan.shot, str(moved))
    with device_errors():
        for event in record(painter, plan, recording, load_inputs(plan, saver)):
            yield Timelapse(recording, plan, event) if isinstance(event, FrameResult) else event


def recording_of(plan: FramePlan, chain: Chain, store: TakeStore) -> Recording:
    """Where a timelapse that begins with a frame is recorded until all its frames are there."""
    digest = chain.digest(plan)
    assert digest is not None, "frames are painted in the order of their inputs"
    return Recording(store.folder / RECORDINGS / plan.shot, digest)
