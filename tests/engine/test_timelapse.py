"""Real timelapses of the pocket models: stopped and continued to the bit, and evenly paced."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqanim.engine.events import Event, FrameDone, ModelsLoaded, RecordingMoved, StepDone
from vqanim.engine.frame import Painter
from vqanim.engine.job import Job
from vqanim.engine.loading import load_painter
from vqanim.engine.render import paint_takes
from vqanim.engine.timelapse import Schedule, Timelapse, record
from vqanim.guidance.graphs import Choice
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.scene import load_scene_text
from vqanim.takes.digest import RunKey, pixel_hash
from vqanim.takes.recording import STATE, Recording
from vqanim.takes.store import TakeStore
from vqanim.timeline import FramePlan, Timeline, compile_timeline

SCENE = """
size: [32, 32]
fps: 4
guidance: {steps: 2, first_steps: 2, cutouts: 2}
shots:
  - {name: flight, duration: 0.5s, prompts: [a castle], camera: {zoom: 1.2}}
  - name: grow
    kind: timelapse
    duration: 1.5s
    prompts: [{text: a volcano, weight: {0s: 1, 0.5s: 0.5}}, {text: a lake, weight: {0s: 0, 1s: 1}}]
  - {name: away, duration: 0.5s, prompts: [a lake], camera: {zoom: 1.2}}
"""
SKETCHED = """
size: [128, 128]
fps: 8
duration: 0.5s
kind: timelapse
prompts: [a volcano]
guidance: {steps: 0, first_steps: 6, cutouts: 2}
"""


def timeline(text: str = SCENE) -> Timeline:
    return compile_timeline(load_scene_text(text))


def walk(line: Timeline, folder: Path) -> Generator[Event, None, None]:
    key = RunKey(get_generator_entry("pocket").hash, get_perceptor_entry("pocket").hash, 32, 32)
    return paint_takes(Job(line, TakeStore(folder), key, {}, "cpu"))


def stop_at(step: int, folder: Path, line: Timeline | None = None) -> None:
    """Paint until a timelapse has done a step, and lose whatever is in memory."""
    walking = walk(line or timeline(), folder)
    for event in walking:
        if isinstance(event, StepDone) and event.step == step:
            break
    walking.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("takes/*/*.png"))}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    folder = tmp_path_factory.mktemp("film")
    return folder, list(walk(timeline(), folder))


def test_a_take_is_painted_step_by_step_and_leaves_only_its_frames(film: tuple[Path, list[Event]]) -> None:
    folder, events = film
    steps = [event for event in events if isinstance(event, StepDone) and event.timelapse]
    assert [(event.step, event.steps, event.since) for event in steps] == [(k, 12, 0) for k in range(1, 13)]
    done = [event for event in events if isinstance(event, FrameDone)]
    assert [(event.shot, event.index) for event in done if event.from_timelapse] == [
        ("grow", k) for k in range(6)
    ]
    assert {event.steps for event in done if event.from_timelapse} == {0}, "they were reported step by step"
    assert [event.done for event in done] == list(range(1, 11))
    assert [dict(event.weights)["a volcano"] for event in done if event.shot == "grow"] == [
        1, 0.75, 0.5, 0.5, 0.5, 0.5
    ]  # fmt: skip
    assert len(set(contents(folder).values())) == 10
    assert not (folder / "recordings").exists()


def test_it_goes_on_from_the_shot_before_and_the_one_after_goes_on_from_it(
    film: tuple[Path, list[Event]],
) -> None:
    """No jump at either border: the step into the take is one of its own."""
    store = TakeStore(film[0])
    frames = [store.load("flight", 1), *(store.load("grow", k) for k in range(6))]
    steps = [float(np.abs(a.astype(int) - b).mean()) for a, b in pairwise(frames)]
    assert max(steps) < 1.5 * min(steps)


@pytest.mark.parametrize(("step", "saved"), [(6, 3), (11, 11)])
def test_a_stopped_take_goes_on_to_the_same_files(
    film: tuple[Path, list[Event]], tmp_path: Path, step: int, saved: int
) -> None:
    """There is a state every four pictures."""
    stop_at(step, tmp_path)
    events = list(walk(timeline(), tmp_path))
    first = next(event for event in events if isinstance(event, StepDone))
    assert first.since == first.step - 1 == saved
    assert contents(tmp_path) == contents(film[0])
    assert not (tmp_path / "recordings").exists()
    assert not any(isinstance(event, StepDone | ModelsLoaded) for event in walk(timeline(), tmp_path))


def test_one_that_was_stopped_while_its_frames_were_saved_is_completed(
    film: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    walking = walk(timeline(), tmp_path)
    for event in walking:
        if isinstance(event, FrameDone) and (event.shot, event.index) == ("grow", 2):
            break
    walking.close()
    assert (tmp_path / "recordings" / "grow" / STATE).exists()
    list(walk(timeline(), tmp_path))
    assert contents(tmp_path) == contents(film[0])


def test_a_recording_of_other_settings_is_set_aside(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    stop_at(8, tmp_path, timeline(SCENE.replace("a lake, weight", "a tiger, weight")))
    other = (tmp_path / "recordings" / "grow" / STATE).read_bytes()
    events = list(walk(timeline(), tmp_path))
    (moved,) = [event for event in events if isinstance(event, RecordingMoved)]
    assert (Path(moved.moved_to) / "grow" / STATE).read_bytes() == other
    assert contents(tmp_path) == contents(film[0])


@pytest.mark.parametrize("damage", ["picture", pytest.param("state", marks=pytest.mark.slow)])
def test_what_is_damaged_begins_anew(film: tuple[Path, list[Event]], tmp_path: Path, damage: str) -> None:
    stop_at(8, tmp_path)
    recording = tmp_path / "recordings" / "grow"
    if damage == "state":
        (recording / STATE).write_bytes((recording / STATE).read_bytes()[:-9])
    else:
        (recording / "000002.png").unlink()
    events = list(walk(timeline(), tmp_path))
    assert next(event.since for event in events if isinstance(event, StepDone)) == 0
    assert contents(tmp_path) == contents(film[0])


@pytest.mark.slow
def test_another_pace_is_another_take(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    list(walk(timeline(SCENE.replace("kind: timelapse", "kind: timelapse\n    pace: linear")), tmp_path))
    linear, even = contents(tmp_path), contents(film[0])
    assert linear["takes/flight/000001.png"] == even["takes/flight/000001.png"]
    assert linear["takes/grow/000002.png"] != even["takes/grow/000002.png"]
    pixels = [pixel_hash(TakeStore(folder).load("grow", 5)) for folder in (tmp_path, film[0])]
    assert pixels[0] == pixels[1], "the same optimization comes out the same"


def test_a_picture_that_it_begins_from_is_its_first_frame(tmp_path: Path) -> None:
    """Near to the start, for two perceptors; stopped and continued."""
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 255, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(blocks).save(tmp_path / "photo.png")
    text = """
size: [32, 32]
fps: 4
duration: 1.5s
kind: timelapse
start: {image: photo.png}
prompts: [a volcano, {image: photo.png, through: pixels, weight: {0s: 0, 1s: 0.5}}]
models: {perceptor: [pocket, {name: pocket, weight: 0.5, cutouts: 3}]}
guidance: {steps: 2, cutouts: 2, stay_near: {to: start, weight: 0.5}}
"""
    line = compile_timeline(load_scene_text(text, folder=tmp_path))
    photo = str(tmp_path / "photo.png")
    job = Job(line, TakeStore(tmp_path / "film"), RunKey("g", "p", 32, 32), {photo: "content"}, "cpu")
    for event in (walking := paint_takes(job)):
        if isinstance(event, StepDone) and event.step == 6:
            break
    walking.close()
    events = list(paint_takes(job))
    assert next(event.since for event in events if isinstance(event, StepDone)) == 3
    assert np.array_equal(job.store.load("main", 0), blocks)
    whole = Job(line, TakeStore(tmp_path / "whole"), job.key, job.assets, "cpu")
    list(paint_takes(whole))
    assert contents(tmp_path / "film") == contents(tmp_path / "whole")


def painter_of(line: Timeline) -> Painter:
    return load_painter(line, torch.device("cpu"), Choice("eager", ""))[0]


def opened(plan: FramePlan, folder: Path) -> Recording:
    recording = Recording(folder / "recording", "any")
    recording.open(folder)
    return recording


@pytest.mark.slow
def test_a_sketched_picture_goes_on_within_either_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps at half the size, two at full size; a state after each."""
    monkeypatch.setattr("vqanim.engine.timelapse.PICTURES_A_STATE", 1)
    line = timeline(SKETCHED)
    plan, painter = line.shots[0].frames[0], painter_of(line)
    whole = opened(plan, tmp_path / "whole")
    list(record(painter, plan, whole))
    for step in (2, 4, 5):
        stopped = opened(plan, tmp_path / str(step))
        recording = record(painter, plan, stopped)
        steps = (event.step for event in recording if isinstance(event, StepDone))
        while next(steps) < step:
            pass
        next(steps)  # the state of a step is saved before the next one is made
        stopped.folder.joinpath(f"{step + 1:06d}.png").unlink(missing_ok=True)
        list(record(painter, plan, stopped))
        for (_, one), (_, other) in zip(whole.pictures(), stopped.pictures(), strict=True):
            assert one.read_bytes() == other.read_bytes()
    picture = replace(plan, timelapse=None)
    assert np.array_equal(painter.finish(picture).picture, whole.load(6)), "as `vqanim image` paints it"


@pytest.mark.parametrize(
    ("text", "last"),
    [("steps: 0, first_steps: 1", 1), ("steps: 0, first_steps: 0", 0)],
    ids=["one step", "no step"],
)
def test_hardly_any_steps(tmp_path: Path, text: str, last: int) -> None:
    line = timeline(SKETCHED.replace("128", "32").replace("steps: 0, first_steps: 6", text))
    plan = line.shots[0].frames[0]
    recording = opened(plan, tmp_path)
    list(record(painter_of(line), plan, recording))
    timelapse = Timelapse(recording, plan)
    assert timelapse.steps == last
    assert all(np.array_equal(timelapse.frame(k).picture, recording.load(last)) for k in range(4))


def test_little_is_lost_of_many_steps_for_few_frames() -> None:
    plan = timeline(SKETCHED.replace("first_steps: 6", "first_steps: 5000")).shots[0].frames[0]
    steps = Schedule.of(plan).until(5000)
    assert steps[0] == 10
    assert steps[-1] == 5000
    assert max(b - a for a, b in pairwise(steps)) == 10


@pytest.mark.parametrize(
    ("prompt", "seed", "steps"),
    [
        ("a castle", 1, 24),
        pytest.param("a tiger at night", 5, 60, marks=pytest.mark.slow),
        pytest.param("a coral reef", 2, 300, marks=pytest.mark.slow),
    ],
)
def test_the_frames_of_a_real_timelapse_change_evenly(
    tmp_path: Path, prompt: str, seed: int, steps: int
) -> None:
    """However many frames there are: after the first fifth no step is three times another."""
    text = f"size: [32, 32]\nseed: {seed}\nkind: timelapse\nprompts: [{prompt}]\n"
    text += f"guidance: {{steps: 0, first_steps: {steps}, cutouts: 4}}\nfps: 24\n"
    line = timeline(text + "duration: 6s")
    plan = line.shots[0].frames[0]
    recording = opened(plan, tmp_path)
    list(record(painter_of(line), plan, recording))
    assert plan.timelapse is not None
    for frames in (5, 24, 72, 144, 360):
        timelapse = Timelapse(recording, replace(plan, timelapse=replace(plan.timelapse, frames=frames)))
        shown = [timelapse.frame(k).picture.astype(int) for k in range(frames)]
        changes = [float(np.abs(a - b).mean()) for a, b in pairwise(shown)]
        late = changes[frames // 5 :]
        assert max(late) < 3 * min(late), frames
