"""The walk: for every frame of every shot, keep what holds and paint the rest."""

from __future__ import annotations

import time
from collections.abc import Container, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from vqanim.engine.device import choose_device, determinism, device_errors
from vqanim.engine.edits import Edits, settle
from vqanim.engine.events import (
    Event,
    FrameDone,
    ModelsLoaded,
    RecordingMoved,
    RunStarted,
    ShotStarted,
    StepChanged,
    TakesDone,
)
from vqanim.engine.lapse import Lapse, record
from vqanim.engine.painter import Painted, Painter
from vqanim.engine.precision import Precision, lower_precision, lowest_precision
from vqanim.engine.start import whole_picture
from vqanim.engine.survey import Chain, frames_from, survey
from vqanim.files import Picture
from vqanim.guidance.graphs import Choice, choose
from vqanim.guidance.guide import Guide
from vqanim.guidance.losses import TERMS, LooksAt
from vqanim.guidance.views import Viewer
from vqanim.models.features import load_features
from vqanim.models.load import load_generator, load_perceptor
from vqanim.takes.digest import RunKey, pixel_hash
from vqanim.takes.recording import RECORDINGS, Recording
from vqanim.takes.records import Figures
from vqanim.takes.space import check_space
from vqanim.takes.store import FrameRecord, TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, ShotPlan, StartPlan, Timeline
from vqanim.types import Image

FEATURE_KINDS = frozenset(name for name, kind in TERMS.items() if kind.looks_at == "features")
KEPT_IN_MEMORY = 4
"""Frames: the one before, the anchor, the one that a loop leads to, and one being saved."""


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
    wanted = {shot.name: _count_wanted(shot, run) for shot in timeline.shots}
    frames = sum(wanted.values())
    kept = {shot.name: _count_wanted(shot, run, chain.pixels) for shot in timeline.shots}
    done = sum(kept.values())
    check_space(run.store.folder, frames - done, timeline.width, timeline.height)
    moved_to = run.store.supersede(found.stale) if found.stale else None
    steps = choose(timeline, device)
    yield RunStarted(
        folder=str(run.store.folder),
        frames=frames,
        kept=done,
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
    painted = 0
    painter: Painter | None = None
    with Saver(run.store) as saver:
        for shot in timeline.shots:
            if not wanted[shot.name]:
                continue
            yield ShotStarted(shot.name, wanted[shot.name], kept[shot.name])
            lapse: Lapse | None = None
            for plan in shot.frames:
                here = FrameRef(plan.shot, plan.index)
                if here in chain.pixels or not run.wants(here):
                    continue
                digest = chain.digest(plan)
                assert digest is not None, "frames are walked in the order of their inputs"
                if (record := holding(here, digest, run)) is not None:
                    chain.pixels[here] = record.pixels
                    done += 1
                    continue
                if run.store.record(plan.shot, plan.index) is not None:
                    run.store.supersede(frames_from(plan.index, shot.name, run.store))
                if painter is None:
                    with device_errors():
                        painter, loaded = load_painter(timeline, device, steps, run.precision)
                    yield loaded
                before = painter.guide.way
                if plan.lapse and lapse is None:
                    with device_errors():
                        lapse = yield from film_lapse(painter, shot.frames[0], chain, saver)
                started = time.monotonic()
                frame = lapse.frame(plan.index) if lapse else paint_frame(painter, plan, saver)
                chain.pixels[here] = pixel_hash(frame.picture)
                seconds = None if lapse else time.monotonic() - started
                figures = Figures(seconds, frame.similarities, frame.losses)
                saver.save(plan, frame.picture, digest, timeline.models, figures)
                painted += 1
                done += 1
                yield FrameDone(
                    shot=plan.shot,
                    index=plan.index,
                    done=done,
                    frames=frames,
                    seconds=time.monotonic() - started,
                    steps=0 if lapse else plan.steps,
                    weights=tuple((term.text, term.weight) for term in plan.losses if term.is_prompt),
                    similarities=frame.similarities,
                    path=str(run.store.frame_path(plan.shot, plan.index)),
                    stages=frame.stages,
                    losses=frame.losses,
                    of_lapse=lapse is not None,
                )
                if painter.guide.way != before:
                    yield StepChanged(*painter.guide.way)
            if shot.frames[0].lapse:
                saver.flush()
                recording_of(shot.frames[0], chain, run.store).discard()
    yield TakesDone(painted, time.monotonic() - began)


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


def load_painter(
    timeline: Timeline, device: torch.device, steps: Choice, precision: Precision = "auto"
) -> tuple[Painter, ModelsLoaded]:
    """Load the models of a timeline, embed its prompts once a run, and drop what only texts need."""
    began = time.monotonic()
    generator = load_generator(timeline.generator, device)
    perceptors = {plan.name: load_perceptor(plan.name, device) for plan in timeline.perceptors}
    viewers = [Viewer(perceptors[plan.name], plan.share) for plan in timeline.perceptors]
    guide = Guide(
        generator,
        viewers,
        timeline.prompts,
        whole_pictures(timeline, "cutouts", device),
        graphs=steps.way == "graph",
        features=load_features(device) if timeline.kinds & FEATURE_KINDS else None,
        styles=whole_pictures(timeline, "features", device),
    )
    notes: tuple[str, ...] = ()
    for perceptor in perceptors.values():
        perceptor.release_text()
        notes += perceptor.notes(timeline.prompts)
    lower_precision(generator, perceptors.values(), device, precision)
    painter = Painter(generator, guide, device, timeline.height, timeline.width)
    return painter, ModelsLoaded(generator.name, tuple(perceptors), time.monotonic() - began, notes)


def whole_pictures(timeline: Timeline, looks_at: LooksAt, device: torch.device) -> dict[StartPlan, Image]:
    """The pictures [1, 3, h, w] that terms see in their own shape, by their plans. Raises InputError."""
    terms = (term for shot in timeline.shots for frame in shot.frames for term in frame.losses)
    kinds = {name for name, kind in TERMS.items() if kind.whole and kind.looks_at == looks_at}
    plans = dict.fromkeys(term.target for term in terms if term.kind in kinds and term.target)
    rng = torch.Generator().manual_seed(timeline.seed)
    return {plan: whole_picture(plan, timeline.height, timeline.width, rng).to(device) for plan in plans}


class Saver:
    """Saves frames in the background, one at a time and in order, so that painting never waits for the disk.

    A failed save is raised by the next `save` and on leaving the context; leaving it waits for the last one.
    """

    def __init__(self, store: TakeStore) -> None:
        self.store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._pending: Future[object] | None = None
        self._recent: dict[FrameRef, Picture] = {}

    def save(self, plan: FramePlan, picture: Picture, digest: str, models: str, figures: Figures) -> None:
        """Begin to save a frame, once the one before is on disk. Raises OutputError of the one before."""
        self._wait()
        self._remember(FrameRef(plan.shot, plan.index), picture)
        self._pending = self._worker.submit(self.store.save, plan, picture, digest, models, figures)

    def load(self, frame: FrameRef | None) -> Picture | None:
        """A saved frame, if one is named, uint8 [H, W, 3]."""
        return None if frame is None else self.take(frame)

    def take(self, frame: FrameRef) -> Picture:
        """A saved frame, uint8 [H, W, 3]; those used last come from memory."""
        if frame not in self._recent:
            self._wait()
            self._remember(frame, self.store.load(frame.shot, frame.index))
        else:
            self._remember(frame, self._recent[frame])
        return self._recent[frame]

    def flush(self) -> None:
        """Wait until all frames are on disk. Raises OutputError."""
        self._wait()

    def _remember(self, frame: FrameRef, picture: Picture) -> None:
        """Keep the frame in memory, and of the others those used last."""
        self._recent.pop(frame, None)
        self._recent[frame] = picture
        while len(self._recent) > KEPT_IN_MEMORY:
            del self._recent[next(iter(self._recent))]

    def _wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._worker.shutdown()
