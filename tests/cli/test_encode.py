"""Films from takes that are there: edited, delivered in other forms, and what is missing is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vqanim
from tests.cli.conftest import Run, frames
from tests.probe import decode_frame, probe
from vqanim.cli.main import main
from vqanim.engine.events import FrameDone
from vqanim.ffmpeg import executable
from vqanim.film.formats import PRESETS
from vqanim.film.make import FilmDone
from vqanim.pictures import read_picture

SCENE = """\
vqanim: 1
title: Two
size: [64, 48]
fps: 12
seed: 4
prompts: [a volcano]
camera: {zoom: 1.2}
guidance: {rate: 6, steps: 1, first_steps: 2, cutouts: 2}
shots:
  - {name: one, duration: 2s}
  - {name: two, duration: 2s, start: {color: teal}, transition: {dissolve: 1s}}
"""
PAINTED = 12 + 6 + 12


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two.yaml and its render. Do not write to it."""
    folder = tmp_path_factory.mktemp("rendered")
    (folder / "two.yaml").write_text(SCENE)
    events = list(vqanim.render(folder / "two.yaml", out=folder / "renders" / "two"))
    assert sum(isinstance(event, FrameDone) for event in events) == PAINTED
    return folder


@pytest.fixture
def folder(rendered: Path, here: Path) -> Path:
    """A copy of the render, below the current folder, with its scene in it."""
    shutil.copytree(rendered, here, dirs_exist_ok=True)
    return here / "renders" / "two"


def takes(folder: Path) -> dict[str, bytes]:
    """Every frame of every take, byte for byte."""
    return {f"{shot}/{name}": data for shot in ("one", "two") for name, data in frames(folder, shot).items()}


CHANGES = {
    "an effect": ("title: Two", "effects: [{saturation: 0}, {grain: 0.1}, {punch: '1 + t / 10'}]"),
    "hits": ("title: Two", "hits: [{on: [0.5s, 3s], flash: 1, shake: 0.1}]"),
    "fps": ("fps: 12", "fps: 30000/1001"),
    "a way to play": ("start: {color", "reverse: true, start: {color"),
    "output": ("title: Two", "output: {crf: 30, gif: {width: 32}}"),
    "the title": ("title: Two", "title: Other"),
    "a shorter dissolve": ("dissolve: 1s", "dissolve: 0.5s"),
    "a freeze": ("start: {color", "freeze: 0.5s, start: {color"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_edit_paints_no_frame(change: str, folder: Path) -> None:
    before = takes(folder)
    Path("two.yaml").write_text(SCENE.replace(*CHANGES[change]))
    encoded = list(vqanim.encode("two.yaml"))
    assert "mp4" in [event.kind for event in encoded if isinstance(event, FilmDone) and event.written]
    assert takes(folder) == before
    rendered = list(vqanim.render("two.yaml"))
    assert [event for event in rendered if isinstance(event, FrameDone)] == []
    assert [event.written for event in rendered if isinstance(event, FilmDone)] == [False] * 3
    assert takes(folder) == before


def painted(events: Iterable[object]) -> list[tuple[str, int]]:
    """The frames that a render paints."""
    return [(event.shot, event.index) for event in events if isinstance(event, FrameDone)]


def test_a_dissolve_that_becomes_shorter_and_longer_paints_what_was_never_there(folder: Path) -> None:
    before = takes(folder)
    for length in ("0.5s", "1s"):
        Path("two.yaml").write_text(SCENE.replace("dissolve: 1s", f"dissolve: {length}"))
        assert painted(vqanim.render("two.yaml")) == []
        assert takes(folder) == before
    Path("two.yaml").write_text(SCENE.replace("dissolve: 1s", "dissolve: 1.5s"))
    assert painted(vqanim.render("two.yaml")) == [("one", 18), ("one", 19), ("one", 20)]
    assert not list((folder / "superseded").rglob("*.png")), "run.json alone changes"


def test_fps_alone_is_a_matter_of_the_edit(here: Path, run: Run) -> None:
    """A scene that says no rate was painted at its fps, and is encoded at any other without painting."""
    text = "vqanim: 1\nsize: [64, 48]\nfps: 6\nduration: 1s\nprompts: [a volcano]\ncamera: {pan: {x: 0.2}}\n"
    text += "guidance: {steps: 1, first_steps: 2, cutouts: 2}\n"
    (here / "one.yaml").write_text(text)
    assert len(painted(vqanim.render("one.yaml"))) == 6
    before = frames(here / "renders" / "one")
    (here / "one.yaml").write_text(text.replace("fps: 6", "fps: 24"))
    result = run("encode", "one.yaml", "--preset=web")
    assert (result.code, result.err) == (0, "")
    info = probe(here / "renders" / "one" / "one.mp4")
    assert (info.frames, info.fps) == (24, 24)
    result = run("encode", "renders/one", "--preset=web", "--set=fps=12")
    assert (result.code, result.err) == (0, "")
    assert probe(here / "renders" / "one" / "one.mp4").frames == 12
    (here / "one.yaml").write_text(text.replace("fps: 6", "fps: 24").replace("{steps", "{rate: 6, steps"))
    assert painted(vqanim.render("one.yaml")) == []
    assert frames(here / "renders" / "one") == before
    (here / "one.yaml").write_text(text.replace("fps: 6", "fps: 8"))
    result = run("render", "one.yaml", "--quiet")
    assert (result.code, result.err) == (
        0,
        "Warning: renders/one holds frames painted at 6 a second and fps is 8 now, so 8 frames are painted "
        "anew; to keep those that are there and let the edit make the frames between, set "
        "`guidance: {rate: 6}`\n",
    )
    assert run("render", "one.yaml", "--quiet").err == ""


def test_a_loop_can_be_seen_before_its_way_back_is_painted(folder: Path, run: Run) -> None:
    before = takes(folder)
    result = run("encode", "two.yaml", "--preset=web", "--set=loop=true")
    assert result.code == 0
    assert result.err == (
        "Warning: shot two: 5 frames of an older version of the scene, shown as they are; "
        "render the scene to paint them anew\n"
    )
    assert takes(folder) == before
    first, last = (decode_frame(folder / "two.mp4", k).astype(int) for k in (0, 47))
    assert np.abs(first - last).mean() < 5, "the edit's blend alone"


@pytest.mark.parametrize("fps", ["12", "24", "25", "30000/1001"])
def test_a_flash_is_on_the_frame_of_its_moment_at_any_fps_and_not_in_the_takes(
    folder: Path, run: Run, fps: str
) -> None:
    before = takes(folder)
    result = run(
        "encode",
        "two.yaml",
        f"--set=fps={fps}",
        "--set=hits=[{on: 1s, flash: 1, fade: 0s}]",
        "--preset=frames",
    )
    assert result.code == 0
    pictures = [read_picture(path) for path in sorted((folder / "two-frames").iterdir())]
    assert len(pictures) == round(4 * Fraction(fps))
    white = [k for k, picture in enumerate(pictures) if (picture == 255).all()]
    (k,) = white
    assert abs(k / Fraction(fps) - 1) <= Fraction(1, 2) / Fraction(fps)
    assert takes(folder) == before


def test_the_middle_of_a_dissolve_is_the_mean_of_both_takes(folder: Path, run: Run) -> None:
    assert run("encode", "renders/two", "--preset", "frames").code == 0
    shown = read_picture(folder / "two-frames" / "000030.png").astype(float)
    one, two = (
        read_picture(folder / "takes" / shot / f"{index:06}.png").astype(float)
        for shot, index in (("one", 15), ("two", 3))
    )
    assert np.abs(shown - (one + two) / 2).max() <= 0.51


def words_about(film: Path) -> str:
    """What ffmpeg says of a file."""
    command = [executable(), "-hide_banner", "-i", str(film)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


VIDEOS = {
    "web": ("two.mp4", "h264", "yuv420p"),
    "youtube": ("two-youtube.mp4", "h264", "yuv420p"),
    "prores": ("two.mov", "prores", "yuv422p10le"),
    "webm": ("two.webm", "vp9", "yuv420p"),
    "apng": ("two.apng", "apng", "rgb24"),
}


@pytest.mark.parametrize("preset", VIDEOS)
def test_every_preset_has_all_frames_and_the_exact_length(preset: str, folder: Path, run: Run) -> None:
    name, codec, pixels = VIDEOS[preset]
    result = run("encode", "two.yaml", "--preset", preset)
    assert (result.code, result.err) == (0, "")
    assert f"renders/two/{name}" in result.out
    info = probe(folder / name)
    assert (info.codec, info.pix_fmt, info.width, info.height, info.frames) == (codec, pixels, 64, 48, 48)
    # These two round the duration of every frame for itself, but not the moment at which it is shown.
    assert info.duration == pytest.approx(4, abs={"webm": 0.02, "apng": 0.001}.get(preset, 0))
    assert "Duration: 00:00:04.00" in words_about(folder / name) or preset == "apng"


def test_instagram_is_wide_enough_and_fast_enough(folder: Path, run: Run) -> None:
    assert run("encode", "two.yaml", "--preset", "instagram").code == 0
    info = probe(folder / "two-instagram.mp4")
    assert (info.width, info.height, info.frames, info.duration) == (1080, 810, 96, 4)
    one, twin, next_ = (decode_frame(folder / "two-instagram.mp4", k).astype(int) for k in (40, 41, 42))
    assert np.abs(one - twin).mean() < 1 < np.abs(one - next_).mean()


def test_the_gif_is_as_long_as_the_film(folder: Path, run: Run) -> None:
    assert run("encode", "two.yaml", "--preset=gif", "--gif-full", "--set=fps=11").code == 0
    with Image.open(folder / "two-full.gif") as image:
        delays = []
        for index in range(image.n_frames):
            image.seek(index)
            delays.append(image.info["duration"])
        assert image.size == (64, 48)
    assert len(delays) == 44
    assert sum(delays) == 4000
    assert set(delays) == {90, 100}, "11 fps cannot be said in hundredths"


def test_a_long_gif_is_bounded_unless_asked_for(folder: Path) -> None:
    text = "size: [256, 144]\nfps: 24\nprompts: [a]\nduration: {}s\n"
    small, long, endless = (
        vqanim.compile_timeline(vqanim.scene.load_scene_text(text.format(seconds)))
        for seconds in (10, 100, 2000)
    )
    assert (small.gif_width, small.gif_fps) == (256, 24)
    assert long.gif_width == 256
    assert 8 <= long.gif_fps < 12
    assert endless.gif_width < 200
    assert len(endless.edit) / 24 * endless.gif_fps * endless.gif_width**2 * 9 / 16 < 250e6


def test_upscaling_and_quality(folder: Path, run: Run) -> None:
    result = run("encode", "two.yaml", "--preset=web", "--preset=frames", "--upscale=2", "--crf=5")
    assert result.code == 0, result.err
    info = probe(folder / "two-2x.mp4")
    assert (info.width, info.height, info.frames) == (128, 96, 48)
    with Image.open(folder / "two-2x-frames" / "000047.png") as last:
        assert last.size == (128, 96)
    large = (folder / "two-2x.mp4").stat().st_size
    assert run("encode", "two.yaml", "--preset=web", "--upscale=2", "--crf=40").code == 0
    assert (folder / "two-2x.mp4").stat().st_size < large / 2


def test_chapters_have_the_names_of_the_shots(folder: Path) -> None:
    words = words_about(folder / "two.mp4")
    assert "Chapter #0:0: start 0.000000, end 2.000000" in words
    assert "Chapter #0:1: start 2.000000, end 4.000000" in words
    titles = [line.split()[-1] for line in words.splitlines() if line.split()[:1] == ["title"]]
    assert titles == ["Two", "one", "two"]


def test_films_may_go_elsewhere_and_replace_nothing_of_others(folder: Path, run: Run, here: Path) -> None:
    (here / "films").mkdir()
    (here / "films" / "two.webm").write_text("mine")
    result = run("encode", "renders/two", "--preset=webm", "--out=films")
    assert result.code == 2
    assert "two.webm: is there and was not made here" in result.err
    assert run("encode", "renders/two", "--preset=web", "--out=films").code == 0
    assert run("encode", "renders/two", "--preset=web", "--out=films", "--crf=30").code == 0
    assert (here / "films" / "two.webm").read_text() == "mine"


def test_a_folder_of_frames_is_replaced_only_if_it_is_one(folder: Path, run: Run) -> None:
    frames_folder = folder / "two-frames"
    frames_folder.mkdir()
    (frames_folder / "000000.png").write_text("mine")
    assert run("encode", "two.yaml", "--preset=frames").code == 2
    assert (frames_folder / "000000.png").read_text() == "mine"
    shutil.rmtree(frames_folder)
    assert run("encode", "two.yaml", "--preset=frames").code == 0
    assert run("encode", "two.yaml", "--preset=frames", "--set=fps=6").code == 0
    assert len(list(frames_folder.iterdir())) == 24
    (frames_folder / "notes.txt").write_text("mine")
    result = run("encode", "two.yaml", "--preset=frames")
    assert (result.code, len(result.err.splitlines())) == (5, 1)
    assert "holds notes.txt, which is no frame" in result.err
    assert (frames_folder / "notes.txt").read_text() == "mine"


def test_half_a_take_makes_half_a_film_and_it_is_said(folder: Path, run: Run) -> None:
    for index in range(6, 12):
        (folder / "takes" / "two" / f"{index:06}.png").unlink()
    result = run("encode", "two.yaml", "--preset=web")
    assert result.code == 0
    assert result.err.splitlines() == [
        "Warning: shot two: 6 of 12 frames are not painted",
        "Warning: 13 of 48 frames are not in this film; render the scene to paint them",
    ]
    assert probe(folder / "two.mp4").frames == 35


def test_a_take_that_is_missing_is_named_and_the_other_is_shown(folder: Path, run: Run) -> None:
    shutil.rmtree(folder / "takes" / "two")
    result = run("encode", "two.yaml", "--preset=web")
    assert result.code == 0
    assert "shot two: none of its 12 frames is painted" in result.err
    assert probe(folder / "two.mp4").frames == 25, (
        "the first frame of the dissolve shows the first shot alone"
    )


def test_a_broken_frame_is_a_missing_one(folder: Path, run: Run) -> None:
    (folder / "takes" / "one" / "000003.png").write_bytes(b"half")
    result = run("encode", "two.yaml", "--preset=web")
    assert "shot one: 1 of 12 frames are not painted" in result.err
    assert probe(folder / "two.mp4").frames == 45


def test_a_longer_dissolve_holds_the_last_picture_and_says_so(folder: Path, run: Run) -> None:
    result = run("encode", "two.yaml", "--preset=web", "--set=shots[1].transition.dissolve=2s")
    assert result.code == 0
    assert result.err == (
        "Warning: shot one: 6 frames under the dissolve that follows are not painted, "
        "its last picture is held there\n"
    )
    assert probe(folder / "two.mp4").frames == 48


def test_frames_of_an_older_scene_are_shown_and_named(folder: Path, run: Run) -> None:
    result = run("encode", "two.yaml", "--preset=web", "--set=prompts=[a lake]")
    assert result.code == 0
    assert "shot one: 18 frames of an older version of the scene, shown as they are" in result.err
    assert run("encode", "renders/two", "--preset=web").err == "", "the folder's own scene is the one painted"


def test_nothing_to_encode(folder: Path, run: Run, here: Path) -> None:
    for shot in ("one", "two"):
        shutil.rmtree(folder / "takes" / shot)
    empty = run("encode", "two.yaml")
    assert (empty.code, len(empty.err.splitlines())) == (3, 1)
    assert "the takes are empty, no frame of one, two is there; render it first" in empty.err
    (here / "other.yaml").write_text(SCENE)
    never = run("encode", "other.yaml")
    assert (never.code, never.err) == (
        3,
        "Error: renders/other: there are no takes of other.yaml; render it first, or name the folder that "
        "was its --out\n",
    )
    (here / "none").mkdir()
    assert run("encode", "none").code == 3


def test_wishes_that_cannot_be_fulfilled(folder: Path, run: Run) -> None:
    for arguments, words in {
        ("--preset=prores", "--crf=3"): "prores have no such number",
        ("--preset=web", "--crf=60"): "allowed for web are 0 to 51",
        ("--preset=vhs",): "'vhs' is not one of",
        ("--upscale=9",): "is not in the range",
    }.items():
        result = run("encode", "two.yaml", *arguments)
        assert result.code == 2
        assert words in result.err


def test_an_encoder_that_ffmpeg_lacks_is_named(
    folder: Path, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = here / "ffmpeg"
    poor.write_text(
        f'#!/bin/sh\nfor a; do shift; set -- "$@" "${{a#prores_}}"; done\nexec {executable()} "$@"\n'
    )
    poor.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(poor))
    result = run("encode", "two.yaml", "--preset=prores")
    assert (result.code, len(result.err.splitlines())) == (5, 1)
    assert "two.mov: this ffmpeg has no encoder 'ks'; choose another preset" in result.err


def test_encoding_needs_no_torch(folder: Path, root: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from vqanim.cli.main import main; "
        "code = main(['encode', 'renders/two', '--quiet', '--set=effects=[{blur: 0.1}]']); "
        "sys.exit(code or ('torch' in sys.modules) * 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_help_page_names_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown and preset.about in shown for name, preset in PRESETS.items())
