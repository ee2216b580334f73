"""The walk: for every frame of every shot, keep what holds and paint the rest."""

from __future__ import annotations

import time
from collections.abc import Container, Generator, Mapping
from dataclasses import dataclass

import torch

from vqanim.engine.device import choose_device, determinism, device_errors
from vqanim.engine.edits import Edits, settle
from vqanim.engine.events import (
    Event,
    FrameDone,
    RecordingMoved,
    RunStarted,
    ShotStarted,
    StepChanged,
    TakesDone,
)
from vqanim.engine.lapse import Lapse, record
from vqanim.engine.loading import load_painter
from vqanim.engine.painter import Painted, Painter
from vqanim.engine.precision import Precision, lowest_precision
from vqanim.engine.saver import Saver
from vqanim.engine.survey import Chain, frames_from, survey
from vqanim.guidance.graphs import Choice, choose
from vqanim.takes.digest import RunKey, pixel_hash
from vqanim.takes.recording import RECORDINGS, Recording
from vqanim.takes.records import Figures
from vqanim.takes.space import check_space
from vqanim.takes.store import FrameRecord, TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, ShotPlan, Timeline


@dataclass(frozen=True)
class Run:
    """What a walk needs besides the timeline."""

    store: TakeStore
    key: RunKey
    """Hashes of the models, as the catalogue gives them: frames are compared before models are loaded."""
    assets: Mapping[str, str]
    """Content hash of each picture file that a plan names, by path."""
    device: str = "auto"
    deterministic: bool = False
    """Whether only operations are allowed that give the same bits each time."""
    only: frozenset[FrameRef] | None = None
    """Frames that are painted; all when None. What they are painted from is among them."""
    edits: Edits = "refuse"
    """What to do with frames that somebody changed."""
    precision: Precision = "auto"
    """Of the networks' weights."""
    workers: int = 1
    """Processes that paint at the same time."""

    def wants(self, frame: FrameRef) -> bool:
        """Whether a frame is to be painted."""
        return self.only is None or frame in self.only


def paint_takes(timeline: Timeline, run: Run) -> Generator[Event, None, None]:
    """Paint all frames that are missing or no longer hold, shot by shot.

    Models are loaded only when there is something to paint. Stale frames are moved to `superseded/`
    first, never overwritten. Closing the iterator at any moment leaves a folder that can be continued.
    Raises DeviceError, InputError and OutputError.
    """
    with determinism(run.deterministic):
        yield from _walk(timeline, run)


def _walk(timeline: Timeline, run: Run) -> Generator[Event, None, None]:
    began = time.monotonic()
    device = choose_device(run.device)
    chain = Chain(run.key, run.assets)
    found = survey(timeline, run.store, chain)
    edited = len(found.edited)
    if found.edited:
        settle(found.edited, run.store, run.edits)
        chain = Chain(run.key, run.assets)
        found = survey(timeline, run.store, chain)
    shots = [shot for shot in timeline.shots if _count_wanted(shot, run)]
    frames = sum(_count_wanted(shot, run) for shot in shots)
    kept = sum(_count_wanted(shot, run, chain.pixels) for shot in shots)
    check_space(run.store.folder, frames - kept, timeline.width, timeline.height)
    moved_to = run.store.supersede(found.stale) if found.stale else None
    steps = choose(timeline, device)
    yield RunStarted(
        folder=str(run.store.folder),
        frames=frames,
        kept=kept,
        superseded=len(found.stale),
        superseded_to=str(moved_to) if moved_to else None,
        device=str(device),
        threads=torch.get_num_threads(),
        step=steps.way,
        step_reason=steps.reason,
        weights=lowest_precision(timeline, device, run.precision),
        deterministic=run.deterministic,
        accepted=edited if run.edits == "accept" else 0,
        repaired=edited if run.edits == "repair" else 0,
    )
    with Saver(run.store) as saver:
        walker = Walker(timeline, run, device, steps, chain, saver, frames, done=kept)
        for shot in shots:
            yield ShotStarted(shot.name, _count_wanted(shot, run), _count_wanted(shot, run, chain.pixels))
            yield from walker.walk(shot)
    yield TakesDone(walker.painted, time.monotonic() - began)


@dataclass
class Walker:
    """Goes from frame to frame, and loads the models at the first that is missing."""

    timeline: Timeline
    run: Run
    device: torch.device
    steps: Choice
    chain: Chain
    saver: Saver
    frames: int
    """Those that are wanted, in all shots."""
    done: int
    """Of them, those that are on the disk."""
    painted: int = 0
    painter: Painter | None = None

    def walk(self, shot: ShotPlan) -> Generator[Event, None, None]:
        """Paint what is missing of a shot."""
        first, lapse = shot.frames[0], None
        for plan in shot.frames:
            here = FrameRef(plan.shot, plan.index)
            if here in self.chain.pixels or not self.run.wants(here):
                continue
            digest = self.chain.digest(plan)
            assert digest is not None, "frames are walked in the order of their inputs"
            if self._holds(here, digest):
                continue
            painter = yield from self._load()
            before = painter.guide.way
            if plan.lapse and lapse is None:
                with device_errors():
                    lapse = yield from film_lapse(painter, first, self.chain, self.saver)
            yield self._paint(painter, plan, digest, lapse)
            if painter.guide.way != before:
                yield StepChanged(*painter.guide.way)
        if first.lapse:
            self.saver.flush()
            recording_of(first, self.chain, self.run.store).discard()

    def _holds(self, here: FrameRef, digest: str) -> bool:
        """Whether a frame behind a missing one is right all the same; if it is not, it is moved away."""
        record = holding(here, digest, self.run)
        if record is not None:
            self.chain.pixels[here] = record.pixels
            self.done += 1
        elif self.run.store.record(here.shot, here.index) is not None:
            self.run.store.supersede(frames_from(here.index, here.shot, self.run.store))
        return record is not None

    def _load(self) -> Generator[Event, None, Painter]:
        if self.painter is None:
            with device_errors():
                self.painter, loaded = load_painter(
                    self.timeline, self.device, self.steps, self.run.precision
                )
            yield loaded
        return self.painter

    def _paint(self, painter: Painter, plan: FramePlan, digest: str, lapse: Lapse | None) -> FrameDone:
        """Paint a frame, or take it from a timelapse, and have it saved."""
        started = time.monotonic()
        frame = lapse.frame(plan.index) if lapse else paint_frame(painter, plan, self.saver)
        self.chain.pixels[FrameRef(plan.shot, plan.index)] = pixel_hash(frame.picture)
        seconds = time.monotonic() - started
        figures = Figures(None if lapse else seconds, frame.similarities, frame.losses)
        self.saver.save(plan, frame.picture, digest, self.timeline.models, figures)
        self.painted += 1
        self.done += 1
        return FrameDone(
            shot=plan.shot,
            index=plan.index,
            done=self.done,
            frames=self.frames,
            seconds=time.monotonic() - started,
            steps=0 if lapse else plan.steps,
            weights=tuple((term.text, term.weight) for term in plan.losses if term.is_prompt),
            similarities=frame.similarities,
            path=str(self.run.store.frame_path(plan.shot, plan.index)),
            stages=frame.stages,
            losses=frame.losses,
            of_lapse=lapse is not None,
        )


def holding(frame: FrameRef, digest: str, run: Run) -> FrameRecord | None:
    """The record of a frame on the disk if it is the one that is wanted.

    One that lay behind a missing frame is looked at only now, also for whether somebody changed it.
    """
    record = run.store.record(frame.shot, frame.index)
    if record is None or record.digest != digest:
        return None
    if record.edited:
        settle([frame], run.store, run.edits)
        record = run.store.record(frame.shot, frame.index)
    return record


def paint_frame(painter: Painter, plan: FramePlan, saver: Saver) -> Painted:
    """Paint a frame from the saved ones that its plan names."""
    with device_errors():
        named = {saved: saver.take(saved) for saved in plan.saved}
        return painter.paint(plan, saver.load(plan.previous), saver.load(plan.anchor), saved=named)


def film_lapse(
    painter: Painter, plan: FramePlan, chain: Chain, saver: Saver
) -> Generator[Event, None, Lapse]:
    """Record the timelapse that begins with a frame, or go on with it."""
    recording = recording_of(plan, chain, saver.store)
    if moved := recording.open(saver.store.folder):
        yield RecordingMoved(plan.shot, str(moved))
    verdict = yield from record(painter, plan, saver.load(plan.previous), recording)
    return Lapse(recording, plan, verdict)


def recording_of(plan: FramePlan, chain: Chain, store: TakeStore) -> Recording:
    """Where a timelapse that begins with a frame is recorded until all its frames are there."""
    digest = chain.digest(plan)
    assert digest is not None, "frames are walked in the order of their inputs"
    return Recording(store.folder / RECORDINGS / plan.shot, digest)


def _count_wanted(shot: ShotPlan, run: Run, among: Container[FrameRef] | None = None) -> int:
    """How many frames of a shot are to be painted, or are among some frames."""
    refs = (FrameRef(plan.shot, plan.index) for plan in shot.frames)
    return sum(run.wants(ref) and (among is None or ref in among) for ref in refs)
