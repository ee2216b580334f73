import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vqanim.engine.events import Event, FrameDone, ModelsLoaded, RunStarted, StepChanged, TakesDone
from vqanim.engine.job import Job
from vqanim.engine.render import paint_takes
from vqanim.errors import DeviceError
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.scene import load_scene_text
from vqanim.takes.digest import RunKey
from vqanim.takes.store import TakeStore
from vqanim.timeline import Timeline, compile_timeline

SCENE = """
size: [32, 32]
fps: 4
duration: 1s
prompts:
  - text: a volcano
    weight: {0s: 1, 0.75s: 0.5}
camera: {zoom: 1.2}
guidance: {steps: 1, first_steps: 2, cutouts: 2}
models: {generator: pixels, perceptor: pocket}
"""


def timeline(text: str = SCENE) -> Timeline:
    return compile_timeline(load_scene_text(text))


def paint(line: Timeline, folder: Path) -> list[Event]:
    key = RunKey(
        get_generator_entry("pixels").hash, get_perceptor_entry("pocket").hash, line.width, line.height
    )
    return list(paint_takes(Job(line, TakeStore(folder), key, {}, "cpu")))


def painted(events: list[Event]) -> list[int]:
    return [event.index for event in events if isinstance(event, FrameDone)]


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("takes/*/*.png"))]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Event]]]:
    folder = tmp_path_factory.mktemp("film")
    yield folder, paint(timeline(), folder)


def test_events_tell_the_story_in_order(film: tuple[Path, list[Event]]) -> None:
    _, events = film
    assert [type(event).__name__ for event in events] == [
        "RunStarted", "ShotStarted", "ModelsLoaded", *["StepDone"] * 2, "FrameDone",
        *["StepDone", "FrameDone"] * 3, "TakesDone"
    ]  # fmt: skip
    started, last = events[0], events[-2]
    assert isinstance(started, RunStarted)
    assert (started.frames, started.kept, started.superseded) == (4, 0, 0)
    assert isinstance(last, FrameDone)
    assert (last.done, last.frames, last.steps) == (4, 4, 1)
    assert last.weights == (("a volcano", pytest.approx(0.5)),)
    assert -1 <= last.similarities[0][1] <= 1
    assert Path(last.path).exists()


def test_a_finished_take_is_recognized_without_loading_models(film: tuple[Path, list[Event]]) -> None:
    events = paint(timeline(), film[0])
    assert not any(isinstance(event, ModelsLoaded | FrameDone) for event in events)
    assert isinstance(events[-1], TakesDone)
    assert events[-1].painted == 0


def test_a_second_render_gives_the_same_files(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    paint(timeline(), tmp_path)
    assert contents(tmp_path) == contents(film[0])


def test_a_stopped_render_continues_to_the_same_files(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    key = RunKey(get_generator_entry("pixels").hash, get_perceptor_entry("pocket").hash, 32, 32)
    walk = paint_takes(Job(timeline(), TakeStore(tmp_path), key, {}, "cpu"))
    for event in walk:
        if isinstance(event, FrameDone) and event.index == 1:
            break
    walk.close()
    assert painted(paint(timeline(), tmp_path)) == [2, 3]
    assert contents(tmp_path) == contents(film[0])


def test_a_lost_frame_is_painted_again_and_those_after_it_are_kept(
    film: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    paint(timeline(), tmp_path)
    (tmp_path / "takes/main/000001.png").unlink()
    assert painted(paint(timeline(), tmp_path)) == [1]
    assert contents(tmp_path) == contents(film[0])


def test_a_change_late_in_the_scene_keeps_the_frames_before_it(tmp_path: Path) -> None:
    paint(timeline(), tmp_path)
    before = contents(tmp_path)
    events = paint(timeline(SCENE.replace("0.75s: 0.5", "0.5s: 0.66666666666666666, 0.75s: 3")), tmp_path)
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.kept, started.superseded) == (3, 1)
    assert painted(events) == [3]
    assert contents(tmp_path)[:3] == before[:3]
    assert started.superseded_to is not None
    assert (Path(started.superseded_to) / "main/000003.png").read_bytes() == before[3]


def test_a_cut_starts_anew_and_a_carried_shot_goes_on(tmp_path: Path) -> None:
    text = """
size: [32, 32]
fps: 4
prompts: [a volcano]
guidance: {steps: 0, first_steps: 0}
carry: none
start: {color: "#204060"}
camera: {zoom: 1.0}
shots:
  - {name: one, duration: 0.5s}
  - {name: two, duration: 0.5s, start: {color: "#ff0000"}}
  - {name: three, duration: 0.5s, start: {color: "#ff0000"}, transition: cut}
"""
    events = paint(timeline(text), tmp_path)
    assert len(painted(events)) == 6
    store = TakeStore(tmp_path)
    colors = [store.load(name, 1)[8, 8].tolist() for name in ("one", "two", "three")]
    assert colors == [[32, 64, 96], [32, 64, 96], [255, 0, 0]]


def test_without_steps_no_model_runs_and_the_picture_is_only_warped(tmp_path: Path) -> None:
    text = SCENE.replace("steps: 1, first_steps: 2", "steps: 0, first_steps: 0").replace(
        "zoom: 1.2", "zoom: 1"
    )
    paint(timeline(text + "carry: none\n"), tmp_path)
    store = TakeStore(tmp_path)
    assert np.array_equal(store.load("main", 0), store.load("main", 3))


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    line = timeline()
    key = RunKey("g", "p", line.width, line.height)
    with pytest.raises(DeviceError, match="cuda:99"):
        list(paint_takes(Job(line, TakeStore(tmp_path), key, {}, "cuda:99")))


def test_other_cutouts_give_other_frames(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    paint(replace(timeline(), shots=timeline(SCENE + "seed: 1\n").shots), tmp_path)
    assert contents(tmp_path)[0] != contents(film[0])[0]


def test_a_perceptor_without_weight_is_not_even_loaded(
    film: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    """There is no such model, so that loading it would fail; the frames are those without it."""
    text = SCENE.replace("perceptor: pocket", "perceptor: [pocket, {name: no-such-model, weight: 0}]")
    paint(timeline(text), tmp_path)
    assert contents(tmp_path) == contents(film[0])


def test_two_perceptors_paint_a_film(film: tuple[Path, list[Event]], tmp_path: Path) -> None:
    two = "perceptor: [pocket, {name: pocket, weight: 0.5, cutouts: 3}]"
    events = paint(timeline(SCENE.replace("perceptor: pocket", two)), tmp_path)
    (loaded,) = (event for event in events if isinstance(event, ModelsLoaded))
    assert loaded.perceptors == ("pocket",)
    assert painted(events) == [0, 1, 2, 3]
    assert contents(tmp_path)[0] != contents(film[0])[0]


def test_a_deterministic_run_gives_the_same_files_and_leaves_no_trace(
    film: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    line = timeline()
    key = RunKey(get_generator_entry("pixels").hash, get_perceptor_entry("pocket").hash, 32, 32)
    walk = paint_takes(Job(line, TakeStore(tmp_path), key, {}, "cpu", deterministic=True))
    assert not torch.are_deterministic_algorithms_enabled()
    seen = [(type(event), torch.are_deterministic_algorithms_enabled()) for event in walk]
    assert all(on for _, on in seen)
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    assert contents(tmp_path) == contents(film[0])


def test_a_run_that_is_short_of_memory_goes_on_and_says_so(tmp_path: Path) -> None:
    """The perceptor has room for eight cutouts and is asked for ten."""
    line = timeline(SCENE.replace("cutouts: 2", "cutouts: 10"))
    key = RunKey(get_generator_entry("pixels").hash, get_perceptor_entry("pocket").hash, 32, 32)
    look = ConsePerceptor.encode_image

    def narrow(self: ConsePerceptor, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return look(self, images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConsePerceptor, "encode_image", narrow)
        events = list(paint_takes(Job(line, TakeStore(tmp_path), key, {}, "cpu")))
    changes = [event for event in events if isinstance(event, StepChanged)]
    assert [change.mode for change in changes] == ["chunks"]
    assert painted(events) == [0, 1, 2, 3]
