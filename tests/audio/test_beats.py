"""Beats are found where they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sounds as songs
from tests.audio.conftest import Write
from tests.sounds import Sound
from vqanim.audio.analysis import SongAnalysis
from vqanim.audio.reading import open_song, read_mono
from vqanim.audio.spectrum import RATE, log_mels, onset_strength
from vqanim.audio.tempo import find_tempo
from vqanim.cache import cache_folder
from vqanim.scene.soundtrack import NAMES

MADE: dict[str, tuple[list[float], Sound]] = {
    **{f"clicks at {bpm}": songs.clicks(bpm, 0.37, 16) for bpm in (87, 120, 174)},
    **{f"swing at {bpm}": songs.swing(bpm, 0.61, 16) for bpm in (87, 120, 174)},
    "faster from 12 s on": songs.change(100, 132, 0.2, 12, 24),
    "slower from 12 s on": songs.change(120, 90, 0.5, 12, 24),
}


@pytest.mark.parametrize("name", MADE)
def test_beats_are_within_30_ms(name: str, write: Write) -> None:
    truth, sound = MADE[name]
    found = SongAnalysis.of(write(sound)).beats()
    assert songs.share_found(found.beats, truth) >= 0.95
    assert found.confidence > 0.5


@pytest.mark.parametrize("level", [0.05, 0.15])
def test_beats_are_found_under_noise(level: float, write: Write) -> None:
    truth, sound = songs.clicks(128, 0.3, 16)
    found = SongAnalysis.of(write(sound + songs.noise(16, level))).beats()
    assert songs.share_found(found.beats, truth) >= 0.95


@pytest.mark.parametrize("bpm", [92, 104, 126])
def test_the_beat_is_with_the_drums_and_not_with_the_hats_between_them(bpm: float, write: Write) -> None:
    truth, sound = songs.drums_and_hats(bpm, 0.31, 24)
    found = SongAnalysis.of(write(sound)).beats()
    assert songs.share_found(found.beats, truth) >= 0.95
    assert found.tempo == pytest.approx(bpm, abs=0.3)


def test_clicks_are_met_to_a_few_milliseconds(write: Write) -> None:
    truth, sound = songs.clicks(120, 0.4321, 12)
    found = np.array(SongAnalysis.of(write(sound)).beats().beats)
    gaps = np.abs(found[:, None] - np.array(truth)).min(axis=1)
    assert gaps.max() < 0.004


def test_the_tempo_is_exact_and_has_an_octave(write: Write) -> None:
    _, sound = songs.clicks(123.4, 0.2, 16)
    found = SongAnalysis.of(write(sound)).beats()
    assert found.tempo == pytest.approx(123.4, abs=0.15)
    assert found.octave in (
        pytest.approx(found.tempo / 2, abs=0.01),
        pytest.approx(found.tempo * 2, abs=0.01),
    )


def test_a_passage_at_half_the_tempo_is_counted_like_the_rest(write: Write) -> None:
    period = 0.4
    whole, half = [0.3 + period * n for n in range(60)], [0.3 + 2 * period * n for n in range(-20, 0)]
    sound = songs.at([moment + 16 for moment in (*half, *whole)], 42)
    gaps = np.diff(SongAnalysis.of(write(sound)).beats().beats)
    assert np.abs(gaps / period - 1).max() < 0.1


@pytest.mark.parametrize("seed", [0, 2, 5])
def test_where_no_beat_is_heard_the_tempo_of_the_song_goes_on(seed: int, write: Write) -> None:
    """Strokes that are far from even have no tempo, but some tempo is always the likeliest."""
    uneven = np.cumsum(0.38 + np.random.default_rng(seed).uniform(-0.09, 0.09, 76))
    drums = songs.at(list(np.arange(30, 54, 0.5)), 84)
    sound = songs.at([*uneven, *(54.2 + uneven)], 84, level=0.5) + drums
    path = find_tempo(onset_strength(log_mels(read_mono(open_song(write(sound))))))
    assert np.abs(path.bpm / 120 - 1).max() < 0.03


def test_noise_has_no_clear_beat(write: Write) -> None:
    assert SongAnalysis.of(write(songs.noise(12, 0.1))).beats().confidence < 0.25


def test_a_known_tempo_is_kept_to(write: Write) -> None:
    truth, sound = songs.clicks(174, 0.3, 12)
    found = SongAnalysis.of(write(sound)).beats(near=87)
    assert found.tempo == pytest.approx(87, abs=0.3)
    assert (
        songs.share_found(found.beats, truth[::2]) >= 0.95
        or songs.share_found(found.beats, truth[1::2]) >= 0.95
    )


def test_bars_begin_where_the_chord_changes(write: Write) -> None:
    truth, sound = songs.clicks(120, 0.25, 20)
    for bar, first in enumerate(truth[2::4]):
        part = songs.tone((220, 330, 262, 392)[bar % 4], 1.9, 0.25)[
            : max(0, len(sound) - round(first * songs.RATE))
        ]
        sound[round(first * songs.RATE) :][: len(part)] += part
    found = SongAnalysis.of(write(sound)).beats()
    assert found.first_beat == pytest.approx(truth[2], abs=0.03)


def test_sections_change_where_the_sound_does(write: Write) -> None:
    _, sound = songs.clicks(120, 0.0, 48)
    for first, pitch in ((0, 220), (16, 1400), (32, 220)):
        part = songs.tone(pitch, 16, 0.3)
        sound[first * songs.RATE :][: len(part)] += part
    sections = SongAnalysis.of(write(sound)).beats().sections
    assert [section.start for section in sections] == pytest.approx([0, 16, 32], abs=0.05)
    assert [section.label for section in sections] == ["A", "B", "A"]
    assert sections[-1].end == pytest.approx(48, abs=0.01)


def test_a_song_is_heard_once(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(songs.clicks(120, 0.3, 8)[1])
    first = SongAnalysis.of(path)
    beats, bass = first.beats(), first.signal("bass")
    monkeypatch.setattr("vqanim.audio.analysis.read_mono", None)  # whoever reads it again fails
    again = SongAnalysis.of(path)
    assert again.beats() == beats
    assert (again.signal("bass") == bass).all()
    kept = sorted((tmp_path / "cache" / "sound").rglob("*.*"))
    assert len(kept) == 2
    for file in kept:
        file.write_bytes(b"broken")
    monkeypatch.undo()
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    assert SongAnalysis.of(path).beats() == beats


def test_a_cache_that_cannot_be_written_is_done_without(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(songs.clicks(120, 0.3, 8)[1])
    monkeypatch.setenv("VQANIM_CACHE", str(path))  # a file
    assert SongAnalysis.of(path).beats().beats


@pytest.mark.parametrize("seconds", [0.12, 0.5, 1.0])
def test_the_shortest_songs_are_listened_to(seconds: float, write: Write) -> None:
    listener = SongAnalysis.of(write(songs.at([0.05], seconds)))
    assert len(listener.beats().beats) <= 2
    assert all(len(listener.signal(name)) == round(seconds * RATE) for name in NAMES)


@pytest.mark.parametrize(
    "change",
    [
        lambda known, other: other,  # of another song
        lambda known, other: {**known, "seconds": 3.0},
        lambda known, other: {**known, "key": "beats-v1-m4"},
        lambda known, other: {**known, "beats": known["beats"][::-1]},
        lambda known, other: {**known, "beats": [beat + 100 for beat in known["beats"]]},
        lambda known, other: {**known, "beats": [float("nan")]},
        lambda known, other: {**known, "tempo": "fast"},
        lambda known, other: {**known, "downbeat": 10**6},
        lambda known, other: {name: value for name, value in known.items() if name != "song"},
        lambda known, other: [known],
    ],
)
def test_remembered_beats_that_are_not_those_of_the_song_are_found_anew(
    write: Write, change: Callable[[Any, Any], Any]
) -> None:
    made = [songs.clicks(120, 0.2, 8)[1], songs.clicks(100, 0.2, 6)[1]]
    files = [write(sound, f"{number}.wav") for number, sound in enumerate(made)]
    found = [SongAnalysis.of(file).beats() for file in files]
    paths = {path.parent.name: path for path in cache_folder().rglob("beats-*.json")}
    one, two = (paths[SongAnalysis.of(file).digest[:32]] for file in files)
    known, other = (json.loads(path.read_text()) for path in (one, two))
    one.write_text(json.dumps(change(known, other)))
    assert SongAnalysis.of(files[0]).beats() == found[0]
    assert json.loads(one.read_text()) == known
