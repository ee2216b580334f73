"""`vqanim listen` says what there is to hear, to people and to programs."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests import sounds
from tests.cli.conftest import Run
from vqanim.scene.soundtrack import NAMES

TRUTH, CLICKS = sounds.clicks(120, 0.4, 8)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def song(here: Path) -> Path:
    """A song in the current folder: clicks, with a tone from the third bar on."""
    sound = CLICKS.copy()
    sound[round(4.4 * sounds.RATE) :] += sounds.tone(300, 3.6, 0.3)
    soundfile.write(here / "song.wav", sound, sounds.RATE)
    return Path("song.wav")


def test_a_person_reads_tempo_beats_sections_and_curves(run: Run, song: Path) -> None:
    done = run("listen", str(song))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("song.wav: 8 s\n")
    for said in ("120.0 bpm, confidence 0.", "bar 1 at 0.4", "section 1", "onsets and dynamic programming"):
        assert said in done.out
    rows = {line.split()[0]: line for line in done.out.splitlines()[1:]}
    assert set(NAMES) < set(rows)
    assert "█" in rows["onset"]
    assert sorted(path.name for path in song.parent.iterdir() if path.name != "cache") == ["song.wav"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_plain_terminal_gets_plain_curves(
    encoding: str, run: Run, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding=encoding))
    assert run("listen", str(song)).code == 0
    sys.stdout.flush()
    text = buffer.getvalue().decode(encoding)
    assert "\\u" not in text
    assert "@" in text


@pytest.mark.parametrize("fps", [10, 24])
def test_json_is_all_that_is_written(fps: int, run: Run, song: Path) -> None:
    done = run("listen", str(song), "--json", "--fps", str(fps))
    assert (done.code, done.err) == (0, "")
    said = json.loads(done.out)
    assert said["tempo"] == pytest.approx(120, abs=0.2)
    assert 0.5 < said["confidence"] <= 1
    assert said["first_beat"] == pytest.approx(0.4, abs=0.01)
    assert said["beats"] == pytest.approx(TRUTH, abs=0.02)
    assert said["duration"] == 8
    assert set(said["signals"]) == {*NAMES, "beat"}
    assert {len(values) for values in said["signals"].values()} == {8 * fps}
    onset = np.array(said["signals"]["onset"])
    assert abs(int(onset[3 * fps : round(3.3 * fps)].argmax())) <= 1 or onset.max() > 0.9


def test_a_table_has_a_line_for_every_moment(run: Run, song: Path) -> None:
    done = run("listen", str(song), "--csv", "--fps", "5")
    lines = done.out.splitlines()
    assert lines[0] == ",".join(["seconds", *NAMES, "beat"])
    assert len(lines) == 41
    assert float(lines[3].partition(",")[0]) == pytest.approx(0.4)
    assert float(lines[3].split(",")[-1]) == pytest.approx(0, abs=0.02)


def test_json_and_a_table_at_once_are_refused(run: Run, song: Path) -> None:
    assert run("listen", str(song), "--csv", "--json").code == 2


@pytest.mark.parametrize("arguments", [("--plot",), ("--plot", "song.png"), ("--plot=song.png",)])
def test_the_plot_is_a_picture(arguments: tuple[str, ...], run: Run, song: Path) -> None:
    done = run("listen", str(song), *arguments)
    assert done.code == 0
    assert "wrote song.png" in done.out
    with Image.open("song.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert picture.width > 800
    assert len(np.unique(pixels, axis=0)) > 8


def test_clicks_are_heard_on_the_beats(run: Run, song: Path) -> None:
    assert run("listen", str(song), "--clicks", "clicks.wav").code == 0
    sound, rate = soundfile.read("clicks.wav")
    assert sound.shape == (8 * sounds.RATE, 2)
    original, _ = soundfile.read(song)
    added = np.abs(sound[:, 0] - 0.6 * original) > 0.01
    starts = np.flatnonzero(added & ~np.roll(added, 1)) / rate
    assert all(np.abs(starts - beat).min() < 0.02 for beat in TRUTH)


def test_the_starter_scene_passes_check(run: Run, song: Path) -> None:
    assert run("listen", str(song), "--scene", "film.yaml").code == 0
    text = Path("film.yaml").read_text()
    assert "at: bar " in text
    assert "lead: auto" in text
    done = run("check", "film.yaml")
    assert (done.code, done.err) == (0, "")
    assert "96 frames, 8 s at 12 fps" in done.out


@pytest.mark.parametrize("name", ["it's: a #song.wav", "[1] {x}.wav", '"q" & co.wav', "ünïcode.wav"])
def test_a_scene_for_a_song_with_an_odd_name(name: str, run: Run, song: Path) -> None:
    song.rename(name)
    assert run("listen", name, "--scene", "film.yaml").code == 0
    done = run("check", "film.yaml")
    assert (done.code, done.err) == (0, "")


def test_a_scene_for_a_song_without_beats(run: Run, here: Path) -> None:
    soundfile.write("hum.wav", sounds.tone(200, 5, 0.3), sounds.RATE)
    assert run("listen", "hum.wav", "--scene", "film.yaml").code == 0
    assert run("check", "film.yaml").code == 0


def test_nothing_is_overwritten_unasked(run: Run, song: Path) -> None:
    for option, name in (("--plot", "a.png"), ("--clicks", "a.wav"), ("--scene", "a.yaml")):
        Path(name).write_text("mine")
        done = run("listen", str(song), option, name)
        assert done.code == 2
        assert f"{name} exists" in done.err
        assert Path(name).read_text() == "mine"
        assert run("listen", str(song), option, name, "--force").code == 0
        assert Path(name).read_bytes() != b"mine"
    done = run("listen", str(song), "--clicks", "./song.wav", "--force")
    assert done.code == 2
    assert "is the song itself" in done.err


def test_a_scene_far_from_its_song_is_refused(run: Run, song: Path) -> None:
    Path("far").mkdir()
    done = run("listen", str(song), "--scene", "far/film.yaml")
    assert done.code == 2
    assert "beside the song" in done.err


@pytest.mark.parametrize(
    ("name", "sound", "said"),
    [
        ("none.wav", None, "there is no such file"),
        ("silent.wav", sounds.silence(2), "is silent"),
        ("one.wav", sounds.silence(2)[:1], "holds 1 sample"),
    ],
)
def test_bad_songs_are_named(name: str, sound: sounds.Sound | None, said: str, run: Run, here: Path) -> None:
    if sound is not None:
        soundfile.write(name, sound, sounds.RATE)
    for extra in ((), ("--json",), ("--scene", "x.yaml")):
        done = run("listen", name, *extra)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith(f"Error: {name}: ")
        assert said in done.err
        assert len(done.err.splitlines()) == 1
    assert not Path("x.yaml").exists()


MADE = {
    "clicks at 87": lambda: sounds.clicks(87, 0.37, 14),
    "clicks at 120": lambda: sounds.clicks(120, 0.05, 12),
    "clicks at 174": lambda: sounds.clicks(174, 1.21, 12),
    "swing at 87": lambda: sounds.swing(87, 0.61, 14),
    "swing at 174": lambda: sounds.swing(174, 0.2, 12),
    "90 to 120": lambda: sounds.change(90, 120, 0.3, 10, 22),
    "120 to 90": lambda: sounds.change(120, 90, 0.3, 10, 22),
}


@pytest.mark.parametrize("noise", [0.0, 0.15])
@pytest.mark.parametrize("name", MADE)
def test_the_beats_of_known_songs(name: str, noise: float, run: Run, here: Path) -> None:
    truth, sound = MADE[name]()
    soundfile.write("song.wav", sound + sounds.noise(len(sound) / sounds.RATE, noise), sounds.RATE)
    said = json.loads(run("listen", "song.wav", "--json", "--fps", "12").out)
    assert sounds.share_found(said["beats"], truth) >= 0.95
