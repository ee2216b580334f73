"""Beats of songs of many kinds: with and without drums, in three and in six, coded badly, cut and faded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from tests import bands, sounds
from tests.audio.conftest import Write
from vqanim.audio.analysis import SongAnalysis
from vqanim.ffmpeg import executable

METERS = {"waltz": 3, "six eight": 6}


def found_in(path: Path, truth: list[float], name: str) -> float:
    """Part of the beats that are where they are."""
    beats = SongAnalysis.of(path).beats(METERS.get(name, 4)).beats
    # In six eighths people tap the eighths, or two times three of them.
    wanted = (truth, truth[::3]) if name == "six eight" else (truth,)
    return max(sounds.share_found(beats, each) for each in wanted)


@pytest.mark.parametrize("name", bands.SONGS)
def test_beats_are_within_30_ms(name: str, write: Write) -> None:
    truth, sound = bands.SONGS[name]()
    assert found_in(write(sound), truth, name) >= 0.95


@pytest.mark.parametrize("name", ["four on the floor", "breakbeat"])
def test_beats_of_a_song_that_was_coded_with_little(name: str, write: Write, tmp_path: Path) -> None:
    truth, sound = bands.SONGS[name]()
    coded = tmp_path / "song.mp3"
    command = [executable(), "-v", "error", "-i", str(write(sound)), "-b:a", "64k", str(coded)]
    subprocess.run(command, check=True)
    assert found_in(coded, truth, name) >= 0.95


@pytest.mark.parametrize("name", ["waltz", "swung jazz"])
def test_beats_of_a_song_at_telephone_quality(name: str, tmp_path: Path) -> None:
    truth, sound = bands.SONGS[name]()
    path = tmp_path / "song.wav"
    soundfile.write(path, resample_poly(sound, 80, 441).astype(np.float32), 8000)
    assert found_in(path, truth, name) >= 0.95


def test_the_beat_is_not_between_the_kicks(write: Write) -> None:
    truth, sound = bands.offbeat_hats()
    found = SongAnalysis.of(write(sound)).beats()
    assert found.tempo == pytest.approx(96, abs=0.2)
    assert min(abs(found.beats[4] - beat) for beat in truth) < 0.03


@pytest.mark.parametrize("bpm", [87, 120, 174])
def test_a_click_at_the_very_beginning_is_a_beat(bpm: float, write: Write) -> None:
    truth, sound = sounds.clicks(bpm, 0.0, 8)
    found = SongAnalysis.of(write(sound)).beats()
    assert found.beats[0] < 0.03
    assert sounds.share_found(found.beats, truth) >= 0.95


def test_what_is_cut_out_of_a_song_has_no_beat_at_its_beginning(write: Write) -> None:
    truth, sound = sounds.clicks(120, 0.37, 12)
    found = SongAnalysis.of(write(sound + sounds.noise(12, 0.05))).beats()
    assert found.beats[0] == pytest.approx(truth[0], abs=0.03)
