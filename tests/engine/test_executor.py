"""Shots between cuts are painted by several processes, to the same bits as by one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqanim.engine.events import Event, FrameDone, ModelsLoaded, RunStarted, StepDone
from vqanim.engine.executor import split_units
from vqanim.engine.job import Job
from vqanim.engine.render import paint_takes
from vqanim.errors import DeviceError
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.scene.loader import load_scene_text
from vqanim.takes.digest import RunKey
from vqanim.takes.store import TakeStore
from vqanim.timeline import Timeline, compile_timeline

SCENE = """\
size: [32, 32]
fps: 4
models: {generator: pixels, perceptor: pocket}
prompts: [a volcano]
guidance: {steps: 1, first_steps: 2, cutouts: 2}
shots:
  - {name: one, duration: 1s}
  - {name: carried, duration: 0.5s}
  - {name: two, duration: 1s, transition: cut, start: {color: navy}}
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As each of two workers has: other numbers of threads give other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def timeline(text: str = SCENE) -> Timeline:
    return compile_timeline(load_scene_text(text))


def job(folder: Path, workers: int, line: Timeline | None = None) -> Job:
    line = line or timeline()
    key = RunKey(get_generator_entry("pixels").hash, get_perceptor_entry("pocket").hash, 32, 32)
    return Job(line, TakeStore(folder), key, {}, "cpu", workers=workers)


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        f"{path.parent.name}/{path.name}": np.asarray(Image.open(path)).tobytes()
        for path in folder.glob("takes/*/*.png")
    }


def test_units_are_the_shots_between_cuts() -> None:
    units = split_units(timeline())
    assert [[shot.name for shot in unit.shots] for unit in units] == [["one", "carried"], ["two"]]


def test_a_loop_that_leads_back_to_the_first_shot_makes_one_unit_of_both_ends() -> None:
    """The last frames are painted from the first one, so no other process may paint them."""
    units = split_units(timeline(SCENE.replace("size:", "loop: true\nsize:", 1)))
    assert [[shot.name for shot in unit.shots] for unit in units] == [["one", "carried", "two"]]


def test_two_processes_paint_the_same_frames_as_one(tmp_path: Path) -> None:
    alone = list(paint_takes(job(tmp_path / "alone", 1)))
    both: list[Event] = []
    for event in paint_takes(job(tmp_path / "both", 2)):
        both.append(event)
        if isinstance(event, FrameDone):
            assert Path(event.path).exists(), "it is reported once it is on the disk"
    assert pictures(tmp_path / "both") == pictures(tmp_path / "alone")
    started = both[0]
    assert isinstance(started, RunStarted)
    assert started.workers == 2
    done = [event for event in both if isinstance(event, FrameDone)]
    assert [event.done for event in done] == list(range(1, len(done) + 1))
    assert {event.frames for event in done} == {10}
    for kind in (StepDone, ModelsLoaded):
        assert sum(isinstance(one, kind) for one in both) == sum(isinstance(one, kind) for one in alone)
    again = list(paint_takes(job(tmp_path / "both", 2)))
    assert not any(isinstance(event, FrameDone) for event in again), "what was painted holds"


def kill_a_worker(folder: Path) -> None:
    """Paint until a frame is done, kill one of two workers, and go on."""
    killed = False
    for event in paint_takes(job(folder, 2)):
        if isinstance(event, FrameDone) and not killed:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            painting = [int(child) for child in children if b"spawn_main" in command(child)]
            assert len(painting) == 2
            os.kill(painting[0], signal.SIGKILL)
            killed = True


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_frame_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="worker process ended .signal 9.*--workers"):
        kill_a_worker(tmp_path / "film")
    kept = pictures(tmp_path / "film")
    assert kept
    list(paint_takes(job(tmp_path / "film", 1)))
    list(paint_takes(job(tmp_path / "alone", 1)))
    assert pictures(tmp_path / "film") == pictures(tmp_path / "alone")


def command(process: str) -> bytes:
    """The command line of a process."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.slow
def test_a_walk_that_is_closed_leaves_no_worker_behind(tmp_path: Path) -> None:
    walk = paint_takes(job(tmp_path, 2))
    next(event for event in walk if isinstance(event, FrameDone))
    walk.close()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [child for child in children if b"spawn_main" in command(child)]
