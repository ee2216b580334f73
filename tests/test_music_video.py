"""A music video from its scene to the MP4, decoded: what is seen and heard of a click is one moment."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image

from tests import sounds
from tests.sounds import RATE
from vqanim.api import load_scene
from vqanim.ffmpeg import executable
from vqanim.film.make import make_film
from vqanim.timeline import compile_timeline

SCENE = """\
size: [64, 48]
duration: soundtrack
soundtrack: song.wav
prompts: a lake
{more}
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


def make(folder: Path, more: str, colors: dict[str, int]) -> Path:
    """The MP4 of a scene whose takes are gray pictures, of one gray for each shot."""
    (folder / "scene.yaml").write_text(SCENE.format(more=more))
    timeline = compile_timeline(load_scene(folder / "scene.yaml"))
    for shot, gray in colors.items():
        Image.new("RGB", (64, 48), (gray, gray, gray)).save(folder / f"{shot}.png")
    (made,) = make_film(timeline, lambda frame: folder / f"{frame.shot}.png", folder, "film", ["web"])
    return Path(made.path)


def seen(path: Path) -> NDArray[np.float64]:
    """Mean brightness of every frame, 0..255."""
    command = [executable(), "-v", "error", "-i", str(path), "-map", "0:v", "-vf", "scale=8:6,format=gray"]
    done = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, 48).mean(axis=1)


def heard(path: Path) -> list[float]:
    """Seconds at which clicks begin."""
    command = [executable(), "-v", "error", "-i", str(path), "-map", "0:a", "-ac", "1", "-ar", "48000"]
    done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    loud = np.abs(np.frombuffer(done.stdout, "<f4")) > 0.15
    starts = np.flatnonzero(loud) / 48_000
    return [float(starts[0]), *(float(b) for a, b in pairwise(starts) if b - a > 0.1)]


@pytest.mark.parametrize("fps", [12, 24])
def test_every_click_has_its_flash_on_its_frame(fps: int, tmp_path: Path) -> None:
    # None of the clicks is halfway between two frames, where some milliseconds would decide.
    truth = [0.51 + 0.5 * number for number in range(11)]
    soundfile.write(tmp_path / "song.wav", sounds.at(truth, 6.25), RATE)
    path = make(tmp_path, f"fps: {fps}\nhits: [{{on: beat, flash: 1, fade: 0s}}]", {"main": 60})
    bright = np.flatnonzero(seen(path) > 150).tolist()
    assert heard(path) == pytest.approx(truth, abs=0.002)
    assert bright == [round(moment * fps) for moment in truth]
    assert len(seen(path)) == round(6.25 * fps)


@pytest.mark.parametrize("fps", [12, 24, 60])
def test_cuts_are_on_their_beats(fps: int, tmp_path: Path) -> None:
    truth, sound = sounds.clicks(120, 0.5, 8)
    soundfile.write(tmp_path / "song.wav", sound, RATE)
    more = (
        f"fps: {fps}\nshots:\n- name: a\n- {{name: b, at: bar 2, transition: cut}}\n"
        "- {name: c, at: bar 3 beat 3}"
    )
    path = make(tmp_path, more, {"a": 30, "b": 120, "c": 220})
    jumps = (np.flatnonzero(np.abs(np.diff(seen(path))) > 40) + 1) / fps
    assert jumps == pytest.approx([truth[4], truth[10]], abs=0.5 / fps + 0.01)


@pytest.mark.parametrize("fps", [12, 24, 25])
@pytest.mark.parametrize("first", [0.41, 0.44, 0.46, 0.49])
def test_a_flash_is_on_the_first_frame_after_its_cut(first: float, fps: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", sounds.silence(6), RATE)
    more = (
        f"fps: {fps}\nhits: [{{on: bar, flash: 1, fade: 0s}}]\nshots:\n- name: a\n"
        "- {name: b, at: bar 2, transition: cut}\n- {name: c, at: bar 3, transition: cut}"
    )
    song = f"{{file: song.wav, bpm: 97, first_beat: {first}s}}"
    text = SCENE.format(more=more).replace("soundtrack: song.wav", f"soundtrack: {song}")
    (tmp_path / "scene.yaml").write_text(text)
    film = compile_timeline(load_scene(tmp_path / "scene.yaml"))
    flashes = [number for number, frame in enumerate(film.edit) if frame.effects]
    cuts = [chapter.first for chapter in film.chapters[1:]]
    assert flashes[1:] == cuts
    assert all(abs(cut / fps - first - 4 * 60 / 97 * bar) <= 0.5 / fps for bar, cut in enumerate(cuts, 1))
