"""`plan` tells what a film will be and cost, and renders teach it how fast this machine is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import soundfile
from PIL import Image

import vqanim
from tests.cli.conftest import TINY, Run, frames
from tests.sounds import RATE, silence
from vqanim import api
from vqanim.engine.timings import NAME, read_timings
from vqanim.takes.store import TakeStore

SHOTS = """\
vqanim: 1
title: <Two> & more
size: [64, 48]
fps: 10
style: oil
prompts:
  - {text: a volcano, weight: {0s: 0.4, 0.5s: 1}}
camera: {zoom: 1.2, pan: {x: 0.1}}
guidance: {steps: 2, first_steps: 3, cutouts: 4}
effects: [{flash: {0s: 1, 0.3s: 0}}]
shots:
  - {name: one, duration: 0.5s}
  - {name: two, duration: 0.5s, transition: cut, prompts: [a lake], camera: {zoom: 1}, guidance: {steps: 0}}
"""


@pytest.fixture
def cache(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("VQANIM_CACHE", str(here / "cache"))
    return here / "cache"


@pytest.fixture
def scene(here: Path) -> Path:
    path = here / "two.yaml"
    path.write_text(SHOTS)
    return path


def test_plan_tells_shots_prompts_models_and_cost(run: Run, scene: Path, cache: Path) -> None:
    done = run("plan", str(scene))
    assert (done.code, done.err) == (0, "")
    for said in (
        "<Two> & more: 10 frames, 1 s at 10 fps, 64x48",
        "10 frames, 14 steps",
        "generator  pocket",
        "not measured yet on this machine",
        "one  at 0 s, 5 frames, 5 painted in 11 steps",
        "two  at 0.5 s, 5 frames, 5 painted in 3 steps, cut",
        "a volcano  0s 0.4, 0.4s 0.88",
        "|one",
        "zoom",
        "flash",
    ):
        assert said in done.out, said
    assert "oil" not in done.out
    assert max(map(len, done.out.splitlines())) < 200
    assert not cache.exists()


def test_json_holds_every_curve_and_nothing_else_is_printed(run: Run, scene: Path, cache: Path) -> None:
    done = run("plan", str(scene), "--json", "--set", "size=[65, 48]")  # with a warning
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert (document["frames"], document["painted"], document["time"]) == (10, 10, None)
    tracks = {track["name"]: track["values"] for track in document["tracks"]}
    assert tracks["a volcano"][:5] == pytest.approx([0.4, 0.52, 0.64, 0.76, 0.88])
    assert tracks["a volcano"][5:] == [None] * 5
    assert tracks["zoom"] == [None, *[1.2] * 4, None, *[1.0] * 4]
    assert tracks["pan.x"][1] == pytest.approx(0.1, abs=0.002)
    assert tracks["flash"][0] == 1
    assert tracks["steps"] == [3, 2, 2, 2, 2, 3, 0, 0, 0, 0]
    assert document["warnings"]


def test_everything_of_one_frame(run: Run, scene: Path) -> None:
    done = run("plan", str(scene), "--frame", "2")
    assert done.code == 0
    assert "painted[0].losses[0].text" in done.out
    assert "a volcano, oil" in done.out
    document = json.loads(run("plan", str(scene), "--frame", "7", "--json").out)
    assert (document["time"], document["painted"][0]["shot"], document["painted"][0]["index"]) == (
        0.7,
        "two",
        2,
    )
    assert run("plan", str(scene), "--frame", "10").code == 2


def test_plots_are_drawn_and_never_replace_a_file(run: Run, scene: Path) -> None:
    assert run("plan", str(scene), "--plot", "curves.png").code == 0
    with Image.open("curves.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(255, 255, 255), (0xC2, 0x41, 0x0C), (0x1D, 0x4E, 0xD8)} <= colors
    done = run("plan", str(scene), "--plot", "curves.png")
    assert done.code == 2
    assert "--force" in done.err
    assert run("plan", str(scene), "--plot", "curves.png", "--force").code == 0
    assert run("plan", str(scene), "--plot", "page/curves.html").code == 0
    page = Path("page/curves.html").read_text("utf-8")
    assert "&lt;Two&gt; &amp; more" in page
    assert "<Two>" not in page
    assert "http" not in page
    assert page.count("<svg") == page.count("<output>") == 6
    assert run("plan", str(scene), "--plot", "curves.svg").code == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_plots_survive_every_terminal(
    run: Run, scene: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "_encoding", encoding, raising=False)
    monkeypatch.setattr(type(sys.stdout), "encoding", encoding, raising=False)
    done = run("plan", str(scene))
    assert done.code == 0
    assert ("█" in done.out) == (encoding == "utf-8")
    done.out.encode(encoding)


def test_a_render_teaches_plan_how_fast_this_machine_is(run: Run, here: Path, cache: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    began = time.monotonic()
    assert run("render", "tiny.yaml").code == 0
    took = time.monotonic() - began
    (speed,) = read_timings(cache)
    assert speed.models == "pocket + pocket x2"
    assert speed.device.startswith("cpu")
    assert set(speed.seconds) == {"step", "carry", "begin", "film"}
    estimate = api.outline(api.prepare("tiny.yaml"), out="elsewhere").time
    assert estimate is not None
    assert not estimate.guessed
    # All but the first frame is measured by its middle value, so that a hiccup of the machine does not count.
    assert took / 5 < estimate.total < took * 3
    assert "to paint" in run("plan", "tiny.yaml", "--out", "elsewhere").out
    assert "this is less sure" in run("plan", "tiny.yaml", "--set", "size=[96, 64]").out
    assert "not measured yet" in run("plan", "tiny.yaml", "--set", "guidance.cutouts=5").out


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1", "[]", "{}", '{"version": 1, "speeds": [{}]}', '{"version": 2, "speeds": []}', "[" * 9999),
        '{"version": 1, "speeds": [{"models": "a", "device": "b", "start": "x"}]}',
        '{"version":1,"speeds":5}',
    ],
)
def test_a_broken_file_of_speeds_counts_as_none(run: Run, scene: Path, cache: Path, content: str) -> None:
    cache.mkdir()
    (cache / NAME).write_text(content)
    done = run("plan", str(scene))
    assert done.code == 0
    assert "not measured yet" in done.out
    warnings = done.err.splitlines()
    assert len(warnings) == ('"version": 2' not in content)  # of another version is not broken
    assert all(line.startswith("Warning: ") and NAME in line for line in warnings)


def test_measure_learns_without_keeping_a_frame(run: Run, scene: Path, cache: Path) -> None:
    done = run("plan", str(scene), "--measure", "--device", "cpu", "--json")
    assert (done.code, done.err) == (0, "")
    time_ = json.loads(done.out)["time"]
    assert time_["guessed"] is False
    assert time_["total"] > time_["painting"] > 0
    (speed,) = read_timings(cache)
    assert set(speed.seconds) == {"step", "carry", "move", "begin", "film"}
    assert not Path("renders").exists()
    assert run("plan", str(scene), "--device", "cuda").code == 0


def test_a_cache_that_cannot_be_written_is_no_trouble(run: Run, here: Path, cache: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    cache.write_text("a file, not a folder")
    assert run("render", "tiny.yaml", "--set", "duration=0.1s").code == 0
    assert run("plan", "tiny.yaml").code == 0


def test_a_part_of_a_film_is_the_same_as_in_the_whole(run: Run, here: Path, scene: Path) -> None:
    whole = TakeStore(Path("whole"))
    assert run("render", str(scene), "--out", "part", "--frames", "200ms:400ms").code == 0
    assert {path.name for path in Path("part").glob("two*")} == {"two-part.mp4", "two-part.gif"}
    # What comes before is painted, what comes behind is not.
    assert sorted(frames(Path("part"), "one")) == ["000000.png", "000001.png", "000002.png", "000003.png"]
    done = run("render", str(scene), "--out", "shot", "--shot", "two")
    assert done.code == 0
    assert "5 of 10 painted frames" in done.out
    assert "frame 5/5" in done.out
    assert not Path("shot/takes/one").exists()
    assert len(frames(Path("shot"), "two")) == 5
    made = {path.name: path.read_bytes() for path in Path("shot").glob("*shot-two*")}
    assert set(made) == {"two-shot-two.mp4", "two-shot-two.gif", "report-shot-two.html"}
    assert run("render", str(scene), "--out", "shot", "--shot", "one").code == 0
    assert len(list(Path("shot").glob("*shot-one*"))) == 3
    assert {name: (Path("shot") / name).read_bytes() for name in made} == made
    done = run("render", str(scene), "--out", "part")
    assert done.code == 0
    assert "4 of 10 kept, 6 to paint" in done.out
    assert not Path("part/superseded").exists()
    assert run("render", str(scene), "--out", str(whole.folder)).code == 0
    for shot in ("one", "two"):
        assert frames(Path("part"), shot) == frames(whole.folder, shot)
    assert frames(Path("shot"), "two") == frames(whole.folder, "two")
    # A part of a finished film paints nothing and leaves the film alone.
    before = Path("whole/two.mp4").stat().st_mtime_ns
    done = run("render", str(scene), "--out", "whole", "--frames", ":0.3s")
    assert "to paint" not in done.out
    assert Path("whole/two.mp4").stat().st_mtime_ns == before


def test_a_draft_has_a_folder_of_its_own_and_its_scene_renders_it_again(run: Run, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    assert run("render", "tiny.yaml", "-q", "draft", "--set", "duration=0.3s").code == 0
    folder = Path("renders/tiny-draft")
    assert (folder / "tiny.mp4").exists()
    assert not Path("renders/tiny").exists()
    again = vqanim.prepare(folder / "scene.resolved.yaml").timeline
    draft = vqanim.prepare("tiny.yaml", ["duration=0.3s"], quality="draft").timeline
    assert again.shots == draft.shots
    assert run("render", "tiny.yaml", "-q", "best").code == 2


def test_frames_that_are_painted_are_not_counted_again(run: Run, here: Path, cache: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    whole = run("render", "tiny.yaml", "--out", "kept")
    assert whole.code == 0
    estimate = json.loads(run("plan", "tiny.yaml", "--json").out)["time"]
    done = json.loads(run("plan", "tiny.yaml", "--json", "--out", "kept").out)
    assert (done["kept"], done["stale"], done["time"]["painting"], done["time"]["start"]) == (6, 0, 0, 0)
    for name in ("000004.png", "000005.png"):
        (here / "kept/takes/main" / name).unlink()
    before = {path: path.stat().st_mtime_ns for path in (here / "kept").rglob("*")}
    part = run("plan", "tiny.yaml", "--out", "kept")
    assert "4 of 6 frames are painted" in part.out
    assert "for the rest" in part.out
    left = json.loads(run("plan", "tiny.yaml", "--json", "--out", "kept").out)["time"]
    assert 0 < left["painting"] < estimate["painting"]
    assert {path: path.stat().st_mtime_ns for path in (here / "kept").rglob("*")} == before  # nothing written
    # What a render would paint anew is painted anew: here all that comes after the first frame.
    changed = run("plan", "tiny.yaml", "--out", "kept", "--set", "camera.zoom=1.3")
    assert "1 of 6 frames are painted; 3 others no longer right" in changed.out
    assert "are painted" not in run("plan", "tiny.yaml", "--out", "elsewhere").out
    rest = run("render", "tiny.yaml", "--out", "kept", "--set", "camera.zoom=1.3")
    assert "1 of 6 kept, 5 to paint" in rest.out


def test_beats_are_marked_above_the_curves(run: Run, here: Path) -> None:
    (here / "song.yaml").write_text(
        "duration: 4s\nprompts: [{text: a lake, weight: {0s: 0, 4s: 1}}]\n"
        "soundtrack: {file: song.wav, bpm: 120, first_beat: 0s, meter: 4}\n"
    )
    soundfile.write(here / "song.wav", silence(4.0), RATE)
    (line,) = [line for line in run("plan", "song.yaml").out.splitlines() if line.startswith("  beats")]
    marks = line[28:]
    assert (marks.count("|"), marks.count(".")) == (2, 6)
    assert marks.index("|") == 0
    long = run("plan", "song.yaml", "--set", "soundtrack.bpm=1000").out
    assert "  bars" in long
    assert "  beats" not in long
