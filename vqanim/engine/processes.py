"""A pool of processes that paint the shots of one film at the same time, on one device or on several.

The process that asked for the film holds the folder's lock, hands out units of shots, and makes the film;
workers save the frames of their own shots and write nothing else. What they need travels as plain data, and
everything that happens comes back as events. A worker that dies loses the frame that it was painting.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess

import torch

from vqanim.engine.cache_check import Chain
from vqanim.engine.device import determinism
from vqanim.engine.events import Event, FrameDone, ModelsLoaded
from vqanim.engine.executor import LocalExecutor, Unit
from vqanim.engine.job import Job
from vqanim.errors import DeviceError, VqanimError
from vqanim.guidance.graphs import choose
from vqanim.timeline.plan import FrameRef

PATIENCE = 5.0
"""Seconds that a worker has to end when it is asked to."""

Pipe = connection.Connection


class ProcessExecutor:
    """Paints units in several processes."""

    def __init__(
        self,
        job: Job,
        devices: Sequence[torch.device],
        workers: int,
        threads: int,
        pixels: Mapping[FrameRef, str],
    ) -> None:
        """threads: of each worker. pixels: hashes of the frames that hold. Workers share the devices."""
        self._job, self._devices, self._count, self._threads = job, devices, workers, threads
        self._pixels = dict(pixels)

    def run(self, units: Sequence[Unit]) -> Generator[Event, None, None]:
        """Paint all units, the longest first; see Executor."""
        waiting = sorted(units, key=lambda unit: -sum(len(shot.frames) for shot in unit.shots))
        workers = dict(self._start(number) for number in range(self._count))
        busy, loaded = list(workers), False
        try:
            while busy:
                for pipe in connection.wait(busy):
                    assert isinstance(pipe, Pipe)
                    message = receive(pipe, workers[pipe])
                    if isinstance(message, Exception):
                        raise message
                    if message is None:
                        unit = waiting.pop(0) if waiting else None
                        pipe.send(unit)
                        if unit is None:  # it takes a while to end, and nobody waits for it before the others
                            busy.remove(pipe)
                    elif not isinstance(message, ModelsLoaded) or not loaded:
                        loaded |= isinstance(message, ModelsLoaded)
                        yield message
        finally:
            for pipe in busy:
                workers[pipe].terminate()
            for process in workers.values():
                process.join(PATIENCE)
                process.kill()
                process.join()

    def _start(self, number: int) -> tuple[Pipe, SpawnProcess]:
        context = get_context("spawn")  # a forked process cannot use CUDA
        ours, theirs = context.Pipe()
        device = str(self._devices[number % len(self._devices)])
        settings = (theirs, self._job, device, self._pixels, self._threads)
        process = context.Process(target=work, args=settings, daemon=True)
        process.start()
        theirs.close()
        return ours, process


def receive(pipe: Pipe, process: SpawnProcess) -> Event | Exception | None:
    """What a worker sent: an event, the error that ended it, or None where it waits for a unit. Raises
    DeviceError when it ended without a word."""
    try:
        message: Event | Exception | None = pipe.recv()
        return message
    except (EOFError, OSError):
        process.join()
        code = process.exitcode
        how = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        raise DeviceError(
            f"a worker process ended ({how}), perhaps because memory ran out; the frames so far are kept: "
            "run the same command again to continue, with fewer --workers if it happens again"
        ) from None


def worker_threads(workers: int) -> int:
    """Threads of each worker on a CPU: those of one process, shared among them."""
    return max(1, torch.get_num_threads() // workers)


def work(pipe: Pipe, job: Job, device: str, pixels: Mapping[FrameRef, str], threads: int) -> None:
    """Paint unit after unit until there is none; what a worker process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it decides
    torch.set_num_threads(threads)
    place = torch.device(device)
    chain = Chain(job.key, job.assets, dict(pixels))
    executor = LocalExecutor(job, place, chain, choose(job.timeline, place))
    try:
        while True:
            pipe.send(None)
            unit = pipe.recv()
            if unit is None:
                return
            with determinism(job.deterministic), closing(executor.run([unit])) as events:
                for event in saved_first(events):
                    pipe.send(event)
    except (BrokenPipeError, EOFError, ConnectionError):
        os._exit(1)  # who asked for the frames is gone
    except VqanimError as error:
        with suppress(OSError):
            pipe.send(error)
    except Exception as error:
        with suppress(OSError):
            pipe.send(RuntimeError(f"in a worker process: {type(error).__name__}: {error}"))
        raise


def saved_first(events: Iterator[Event]) -> Iterator[Event]:
    """The events of an executor, each FrameDone held back until its file is on disk."""
    held: list[Event] = []
    for event in events:
        if isinstance(event, FrameDone):
            yield from held
            held = [event]
        else:
            yield event
    yield from held
