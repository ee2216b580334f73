"""The walk: compare the frames on disk with the plan, keep what holds, and have the rest painted."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

import torch

from vqanim import ffmpeg
from vqanim.engine.cache_check import settle_edits
from vqanim.engine.device import choose_devices, determinism, using_threads
from vqanim.engine.events import Event, FrameDone, FrameKept, RunStarted, TakesDone
from vqanim.engine.executor import Executor, LocalExecutor, split_units
from vqanim.engine.finished import Looked, look, usable_cores
from vqanim.engine.job import Job
from vqanim.engine.loading import lowest_precision
from vqanim.engine.processes import ProcessExecutor, worker_threads
from vqanim.guidance.graphs import choose
from vqanim.takes.recording import RECORDINGS
from vqanim.takes.store import check_space


def paint_takes(job: Job, looked: Looked | None = None) -> Generator[Event, None, None]:
    """Paint all frames that are missing or no longer hold.

    looked: what was found before, under the same lock; None to look now.
    Models are loaded only when there is something to paint. Stale frames are moved to `superseded/` first,
    never overwritten. With several workers, shots between cuts are painted at the same time. Closing the
    iterator at any moment leaves a folder that can be continued.
    Raises DeviceError, InputError and OutputError.
    """
    with determinism(job.deterministic):
        yield from _walk(job, looked)


def _walk(job: Job, looked: Looked | None) -> Generator[Event, None, None]:
    began, timeline, store = time.monotonic(), job.timeline, job.store
    devices = choose_devices(job.device)
    looked = looked or look(job)
    found = looked.found
    edited = len(found.edited)
    if found.edited:
        settle_edits(found.edited, store, job.edits, timeline.width, timeline.height)
        looked = look(job)
        found = looked.found
    chain = looked.chain
    frames = sum(map(job.count, timeline.shots))
    done = sum(job.count(shot, chain.pixels) for shot in timeline.shots)
    if job.makes_films and done < frames:
        ffmpeg.check_usable(("libx264", "gif", "png"))
    check_space(store.folder, frames - done, timeline.width, timeline.height)
    store.clean()
    moved_to = store.archive(found.stale) if found.stale else None
    units = split_units(timeline)
    unfinished = [
        unit for unit in units if any(job.count(s) > job.count(s, chain.pixels) for s in unit.shots)
    ]
    workers = max(1, min(max(job.workers, len(devices)), len(unfinished)))
    steps = choose(timeline, devices[0])
    threads = _threads(job, workers, goes_on=done > 0)
    yield RunStarted(
        folder=str(store.folder),
        frames=frames,
        kept=done,
        superseded=len(found.stale),
        superseded_to=str(moved_to) if moved_to else None,
        device=", ".join(map(str, devices[:workers])),
        threads=threads,
        cores=usable_cores(),
        workers=workers,
        step=steps.mode,
        step_reason=steps.reason,
        weights=lowest_precision(timeline, devices[0], job.precision),
        deterministic=job.deterministic,
        accepted=edited if job.edits == "accept" else 0,
        repaired=edited if job.edits == "repair" else 0,
    )
    executor: Executor = LocalExecutor(job, devices[0], chain, steps)
    if workers > 1:
        executor = ProcessExecutor(job, devices, workers, threads, chain.pixels)
        units = tuple(unfinished)
    painted = 0
    with (
        using_threads(threads if workers == 1 else torch.get_num_threads()),
        closing(executor.run(units)) as events,
    ):
        for event in events:
            if isinstance(event, FrameKept):
                done += 1
            elif isinstance(event, FrameDone):
                done, painted = done + 1, painted + 1
                yield replace(event, done=done, frames=frames)
            else:
                yield event
    yield TakesDone(painted, time.monotonic() - began)


def _threads(job: Job, workers: int, goes_on: bool) -> int:
    """Threads of each process that paints: what is asked for; else, where a film goes on, those that it was
    begun with, because another count gives visibly other frames; else those that torch takes."""
    if job.threads is not None:
        return job.threads
    if job.threads_before is not None and (goes_on or (job.store.folder / RECORDINGS).is_dir()):
        return job.threads_before
    return torch.get_num_threads() if workers == 1 else worker_threads(workers)
