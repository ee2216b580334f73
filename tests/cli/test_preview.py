"""Previews: films of a test picture that move as the film will, made without torch and without a model."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run
from tests.probe import decode_frame, probe
from vqanim import api
from vqanim.cli.progress import PictureProgress
from vqanim.film.make import FilmDone
from vqanim.preview.animatic import PictureDone, PreviewEvent, preview_size
from vqanim.preview.pictures import find_views
from vqanim.takes.lock import lock_folder
from vqanim.timeline import FrameRef

SCENE = """\
vqanim: 1
title: Two
size: [64, 48]
fps: 12
prompts:
  - {text: a volcano, weight: {0s: 0, 1s: 1}}
camera: {zoom: 1.5, pan: {x: 0.1}}
guidance: {rate: 6}
shots:
  - {name: one, duration: 500ms}
  - {name: two, duration: 500ms, start: {color: teal}, transition: {dissolve: 250ms}, freeze: 250ms}
"""


@pytest.fixture
def scene(here: Path) -> Path:
    path = here / "two.yaml"
    path.write_text(SCENE)
    return path


def test_a_preview_is_as_long_as_the_film_and_edited_like_it(run: Run, scene: Path) -> None:
    done = run("preview", str(scene))
    assert (done.code, done.err) == (0, "")
    film = Path("renders/two-preview/two-preview.mp4")
    assert str(film) in done.out
    found, timeline = probe(film), api.prepare(scene).timeline
    width, height = preview_size(timeline)
    assert found.frames == len(timeline.edit) == 15
    assert found.width == width
    assert found.height > height  # the strip is below
    assert film.with_suffix(".gif").exists()
    # The freeze holds the last picture; the strip goes on.
    held = [decode_frame(film, index)[:height].astype(int) for index in (11, 14)]
    assert np.abs(held[0] - held[1]).mean() < 2
    # The dissolve begins with the shot before and ends with the other color.
    before, after = (decode_frame(film, index)[:height].mean((0, 1)) for index in (5, 10))
    assert np.abs(before - after).max() > 10


def test_a_preview_is_made_once_and_never_replaces_what_is_not_its_own(run: Run, scene: Path) -> None:
    assert run("preview", str(scene)).code == 0
    film = Path("renders/two-preview/two-preview.mp4")
    before = film.stat().st_mtime_ns
    assert run("preview", str(scene)).code == 0
    assert film.stat().st_mtime_ns == before
    assert run("preview", str(scene), "--set", "camera.zoom=1.2").code == 0
    assert film.stat().st_mtime_ns != before
    Path("other").mkdir()
    Path("other/two-preview.gif").write_text("mine")
    done = run("preview", str(scene), "--out", "other")
    assert done.code == 2
    assert "was not made here" in done.err
    assert [path.name for path in Path("other").iterdir()] == ["two-preview.gif"]


def test_a_part_of_a_preview(run: Run, scene: Path) -> None:
    assert run("preview", str(scene), "--frames", "250ms:750ms", "--out", "part").code == 0
    assert probe(Path("part/two-preview.mp4")).frames == 6
    assert run("preview", str(scene), "--shot", "two", "--out", "two").code == 0
    assert probe(Path("two/two-preview.mp4")).frames == 9
    assert run("preview", str(scene)).code == 0
    height = preview_size(api.prepare(scene).timeline)[1]
    film, part = Path("renders/two-preview/two-preview.mp4"), Path("part/two-preview.mp4")
    seen = [decode_frame(film, 5)[:height].astype(int), decode_frame(part, 2)[:height].astype(int)]
    assert np.abs(seen[0] - seen[1]).mean() < 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--frames", "1s:0.5s"], 2, "the first before the last"),
        (["--frames", "1s"], 2, "allowed is A:B such as 3s:6s"),
        (["--frames", "1:00:1:01:00"], 2, "can be read in several ways"),
        (["--frames", "0s:9s"], 2, "allowed 0 to 15"),
        (["--frames", "a:b"], 2, "is no part of a film"),
        (["--shot", "three"], 2, "allowed are one, two"),
        (["--shot", "one", "--frames", "0:1"], 2, "allowed is one of them"),
        (["--picture", "gird"], 2, "allowed are grid, start, frame or a picture"),
        (["--picture", "two.yaml"], 3, "is no readable picture"),
        (["--picture", "frame"], 3, "is not painted; render it first"),
        (["--set", "fps=0"], 2, "fps"),
    ],
)
def test_bad_wishes_are_refused_before_anything_is_written(
    run: Run, scene: Path, arguments: list[str], code: int, words: str
) -> None:
    done = run("preview", str(scene), *arguments)
    assert (done.code, Path("renders").exists()) == (code, False)
    assert words in done.err
    assert "Traceback" not in done.err


def test_the_camera_can_look_at_a_picture_or_the_start(run: Run, scene: Path) -> None:
    Image.new("RGB", (90, 60), (200, 30, 30)).save("red.png")
    assert run("preview", str(scene), "--picture", "red.png", "--out", "red").code == 0
    red = decode_frame(Path("red/two-preview.mp4"), 5)[20:80, 20:80].mean((0, 1))
    assert red == pytest.approx([200, 30, 30], abs=6)
    assert run("preview", str(scene), "--picture", "start", "--out", "start").code == 0
    teal = decode_frame(Path("start/two-preview.mp4"), 12)[20:80, 20:80].mean((0, 1))
    assert teal == pytest.approx([0, 128, 128], abs=6)


def test_draft_and_normal_move_alike(root: Path) -> None:
    for name in ("mordor", "storm"):
        path = root / "scenes" / f"{name}.yaml"
        normal, draft = api.prepare(path).timeline, api.prepare(path, quality="draft").timeline
        assert (draft.width, draft.height) != (normal.width, normal.height)
        assert len(draft.edit) == len(normal.edit)
        assert draft.frame_count < normal.frame_count
        ways = [find_views(timeline) for timeline in (normal, draft)]
        rates = [timeline.rate or timeline.fps for timeline in (normal, draft)]
        every = rates[0] / rates[1]
        assert every.denominator == 1
        aspects = [timeline.height / timeline.width for timeline in (normal, draft)]
        assert aspects[0] == pytest.approx(aspects[1], abs=0.02)
        shot = normal.shots[0].name
        for index in range(len(draft.shots[0].frames)):
            corner = np.array([0.4, 0.2, 1.0])
            ends = [
                views[FrameRef(shot, number)].new_from_old @ corner
                for views, number in zip(ways, (index * int(every), index), strict=True)
            ]
            seen = [end[:2] / end[2] for end in ends]
            # Tilt and yaw turn about other points where the sides were rounded to other shapes.
            assert np.abs(seen[0] - seen[1]).max() < 2e-3


LIGHT = """
import sys, time; sys.path.insert(0, {root!r})
from vqanim.cli.main import main
assert main(["plan", {scene!r}]) == 0 and main(["preview", {scene!r}, "--frames", ":500ms"]) == 0
print(sorted({{"torch", "torchvision", "kornia"}} & set(sys.modules)))
"""


def test_neither_plan_nor_preview_imports_torch(root: Path, tmp_path: Path) -> None:
    program = LIGHT.format(root=str(root), scene=str(root / "scenes" / "storm.yaml"))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_every_shipped_scene_is_planned_and_previewed_soon(root: Path, tmp_path: Path) -> None:
    for scene in sorted((root / "scenes").glob("*.yaml")):
        began = time.monotonic()
        for command in ("plan", "preview"):
            done = subprocess.run(
                [sys.executable, "-m", "vqanim", command, str(scene)],
                cwd=tmp_path,
                env={"PYTHONPATH": str(root), "PATH": "", "HOME": str(tmp_path)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < 20, scene.name


def test_json_is_all_that_plan_prints(run: Run, scene: Path) -> None:
    done = run("plan", str(scene), "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["frames"] == 15


def test_two_previews_into_one_folder_do_not_meet(run: Run, scene: Path) -> None:
    with lock_folder(Path("shown")):
        done = run("preview", str(scene), "--out", "shown")
    assert done.code == 6
    assert "is making a preview into this folder; wait for it" in done.err
    assert not list(Path("shown").glob("*.mp4"))
    assert run("preview", str(scene), "--out", "shown").code == 0
    assert run("preview", str(scene), "--out", "shown").code == 0


def test_a_long_preview_tells_how_far_it_is_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for pictures, quiet in ((600, False), (100, False), (600, True)):
        shown = PictureProgress(quiet)
        for done in range(1, pictures + 1):
            now[0] += 0.0625
            shown.report(PictureDone(done, pictures))
        shown.close()
        out, err = capsys.readouterr()
        assert out == ""
        assert bool(err) == (pictures == 600 and not quiet)
        if err:
            lines = err.splitlines()
            assert len(lines) == 9
            assert lines[0] == "64 of 600 pictures, 0:34 left"


def test_every_picture_of_a_preview_is_counted(scene: Path) -> None:
    prepared = api.prepare(str(scene))
    events: list[PreviewEvent] = []
    films = api.preview(prepared, "counted", on_event=events.append)
    assert [event for event in events if isinstance(event, FilmDone)] == films
    pictures = [event for event in events if isinstance(event, PictureDone)]
    assert [event.done for event in pictures] == list(range(1, len(pictures) + 1))
    assert {event.pictures for event in pictures} == {len(pictures)}
