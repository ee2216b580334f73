"""A finished film, decoded: what is heard is where it belongs, and as long as what is seen."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests import sounds
from tests.film.conftest import MakeFrames, showing
from tests.probe import probe
from tests.sounds import RATE, Sound
from vqanim.errors import InputError
from vqanim.ffmpeg import executable
from vqanim.film.make import make_film
from vqanim.timeline.plan import SoundPlan, Timeline

DECODED = 48_000
CLICKS = [0.25, 0.9, 1.6]


def decoded(path: Path) -> NDArray[np.float32]:
    """All that is heard of a film, [N] at DECODED, as a player hears it: after its edit list."""
    command = [executable(), "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1", "-ar", str(DECODED)]
    done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4")


def clicks_in(heard: NDArray[np.float32]) -> list[float]:
    """Seconds of the loudest moments, each at least 0.2 s from the others."""
    loud, found = np.abs(heard), []
    while loud.max(initial=0.0) > 0.2:
        peak = int(loud.argmax())
        first = np.flatnonzero(np.abs(heard[max(0, peak - 480) : peak + 1]) > 0.1)[0] + max(0, peak - 480)
        found.append(first / DECODED)
        loud[max(0, peak - DECODED // 10) : peak + DECODED // 10] = 0
    return sorted(found)


def film(
    frames: list[Path],
    timeline: Timeline,
    folder: Path,
    sound: Sound,
    start: float = 0.0,
    preset: str = "web",
) -> Path:
    """The path of a film with a song."""
    soundfile.write(folder / "song.wav", sound, RATE)
    timeline, find = showing(replace(timeline, sound=SoundPlan(str(folder / "song.wav"), start)), frames)
    (made,) = make_film(timeline, find, folder, "film", [preset])
    return Path(made.path)


@pytest.mark.parametrize("preset", ["web", "youtube", "instagram", "prores", "webm"])
def test_clicks_are_within_2_ms(
    preset: str, make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    path = film(make_frames(24), timeline, tmp_path, sounds.at(CLICKS, 3), preset=preset)
    heard = decoded(path)
    assert clicks_in(heard) == pytest.approx(CLICKS, abs=0.002)
    # VP9 in WebM counts in milliseconds.
    assert len(heard) == pytest.approx(2 * DECODED, abs=1 if preset != "webm" else 96)
    assert float(probe(path).duration) == pytest.approx(2, abs=0 if preset != "webm" else 0.01)


@pytest.mark.parametrize("start", [0.0, 0.4, 0.123456])
def test_the_offset_counts(start: float, make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    heard = decoded(film(make_frames(12), timeline, tmp_path, sounds.at(CLICKS, 3), start))
    assert clicks_in(heard) == pytest.approx([c - start for c in CLICKS if 0 <= c - start < 1], abs=0.002)
    assert len(heard) == DECODED


@pytest.mark.parametrize("fps", [Fraction(7), Fraction(30000, 1001), Fraction(60)])
def test_a_song_that_ends_before_is_followed_by_silence(
    fps: Fraction, make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    path = film(make_frames(20), replace(timeline, fps=fps), tmp_path, sounds.at([0.05], 0.2))
    heard = decoded(path)
    assert len(heard) == pytest.approx(float(20 / fps) * DECODED, abs=2)
    assert np.abs(heard[round(0.25 * DECODED) :]).max(initial=0) < 1e-3
    assert probe(path).duration == 20 / fps


def test_another_song_makes_the_film_anew_and_the_same_does_not(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    frames = make_frames(6)
    first = film(frames, timeline, tmp_path, sounds.at([0.1], 1)).read_bytes()
    shown, find = showing(replace(timeline, sound=SoundPlan(str(tmp_path / "song.wav"))), frames)
    (again,) = make_film(shown, find, tmp_path, "film", ["web"])
    assert not again.written
    assert film(frames, timeline, tmp_path, sounds.at([0.3], 1)).read_bytes() != first
    assert film(frames, timeline, tmp_path, sounds.at([0.1], 1)).read_bytes() == first


def test_a_mono_song_and_one_of_eight_channels_are_heard(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    one = sounds.at(CLICKS, 2)
    eight = np.stack([one] * 8, axis=1)
    heard = decoded(film(make_frames(24), timeline, tmp_path, eight))
    assert clicks_in(heard) == pytest.approx(CLICKS, abs=0.002)


def test_a_song_that_has_gone_is_named(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    shown, find = showing(replace(timeline, sound=SoundPlan(str(tmp_path / "gone.wav"))), make_frames(3))
    with pytest.raises(InputError, match=r"gone\.wav"):
        list(make_film(shown, find, tmp_path, "film", ["web"]))
    assert not (tmp_path / "film.mp4").exists()


def test_a_gif_has_no_sound_and_needs_none(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    shown, find = showing(replace(timeline, sound=SoundPlan(str(tmp_path / "gone.wav"))), make_frames(3))
    (made,) = make_film(shown, find, tmp_path, "film", ["gif"])
    assert made.written
