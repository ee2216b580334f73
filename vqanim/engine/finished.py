"""A film of which every frame is there, told from the record of its run: torch takes longer to import than
all the rest. Where anything is in doubt, the engine looks itself."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vqanim import files
from vqanim.engine.cache_check import CacheCheck, Chain, check_cache
from vqanim.engine.events import Event, RunStarted, ShotStarted, TakesDone
from vqanim.engine.job import Job
from vqanim.errors import VqanimError

_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
_DRIVERS = ("/proc/driver/nvidia/gpus", "/sys/class/kfd/kfd/topology/nodes")
"""Folders with an entry for each GPU."""


@dataclass(frozen=True)
class Looked:
    """What a folder was found to hold before anything is painted."""

    chain: Chain
    found: CacheCheck


def look(job: Job) -> Looked:
    """Compare the frames on disk with the plan."""
    chain = Chain(job.key, job.assets)
    return Looked(chain, check_cache(job.timeline, job.store, chain))


def asked_of(job: Job) -> dict[str, Any]:
    """What was asked for, and a digest of what decides here what becomes of it; stands in run.json."""
    return {
        "device": job.device,
        "precision": job.precision,
        "workers": job.workers,
        "deterministic": job.deterministic,
        "here": machine_digest(),
    }


def finished_walk(
    job: Job, looked: Looked, before: Mapping[str, Any] | None
) -> Generator[Event, None, None] | None:
    """The events of a walk that has nothing to paint; None where there is, or where the settings of the run
    before, as in run.json, do not say what the engine would find out."""
    found, chain = looked.found, looked.chain
    frames = sum(map(job.count, job.timeline.shots))
    done = sum(job.count(shot, chain.pixels) for shot in job.timeline.shots)
    threads = job.threads if job.threads is not None else job.threads_before
    if not 0 < frames == done or found.edited or found.stale or threads is None:
        return None
    if before is None or before.get("asked") != asked_of(job) or not _known_here(job.device):
        return None
    if not isinstance(before.get("step"), dict):
        return None
    if not all(isinstance(before.get(name), str) for name in ("device", "weights", "machine")):
        return None
    return _events(job, before, chain, frames, threads)


def _events(
    job: Job, before: Mapping[str, Any], chain: Chain, frames: int, threads: int
) -> Generator[Event, None, None]:
    began = time.monotonic()
    job.store.clean()
    device = before["device"]
    yield RunStarted(
        folder=str(job.store.folder),
        frames=frames,
        kept=frames,
        superseded=0,
        superseded_to=None,
        device=device,
        threads=threads,
        cores=usable_cores(),
        step=str(before["step"].get("way")),
        step_reason=str(before["step"].get("reason")),
        weights=before["weights"],
        deterministic=job.deterministic,
        label="" if device == "cpu" else before["machine"].partition("; ")[2],
    )
    for shot in job.timeline.shots:
        if requested := job.count(shot):
            yield ShotStarted(shot.name, requested, job.count(shot, chain.pixels))
    yield TakesDone(0, time.monotonic() - began)


def usable_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_digest() -> str:
    """A short digest of what devices and instructions are chosen by: the processor, the GPUs that can be
    seen, and torch."""
    facts = [platform.machine(), platform.python_version(), version("torch"), *map(os.environ.get, _VISIBLE)]
    with suppress(OSError, ValueError, VqanimError):
        lines = files.read_text("/proc/cpuinfo").splitlines()
        facts += dict.fromkeys(line for line in lines if line.startswith(("model name", "flags", "Features")))
    for folder in _DRIVERS:
        with suppress(OSError):
            facts += sorted(path.name for path in Path(folder).iterdir())
    return hashlib.sha256("\n".join(map(str, facts)).encode("utf-8", "replace")).hexdigest()[:16]


def _known_here(device: str) -> bool:
    """Whether the digest of this machine says which device a name means."""
    return device == "cpu" or sys.platform in ("linux", "darwin")
