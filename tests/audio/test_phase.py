"""Beats stay on their side of the off-beats, bars with their first beat, whatever the drums do meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.audio.conftest import Write
from tests.bands import Band, Made, beats, chord, kick, note
from tests.sounds import RATE, noise, silence
from vqanim.audio.analysis import Beats, SongAnalysis


def share_met(found: Beats, truth: list[float], within: float = 0.05) -> float:
    """Part of the beats that are found, or of the found ones that are beats: on this side, at this tempo."""
    heard = np.array([beat for beat in found.beats if truth[0] - within <= beat <= truth[-1] + within])
    if not len(heard):
        return 0.0
    gaps = np.abs(heard[:, None] - np.array(truth))
    return float(min((gaps.min(axis=1) <= within).mean(), (gaps.min(axis=0) <= within).mean()))


def sections_on_either_side(bpm: float) -> Made:
    """Rock, then sixteen beats in which only what is between the beats is loud, and so on, three times."""
    seconds = 48 * 3 * 60 / bpm
    b, band, p = beats(bpm, 0.4, seconds), Band(seconds), 60 / bpm
    for number, moment in enumerate(b):
        if number % 48 < 32:
            band.play([moment], kick() if number % 2 == 0 else band.snare, 1.0)
            band.play([moment + p / 2], band.hat, 0.2)
        else:
            band.play([moment + p / 2], band.snare, 0.9)
            band.play([moment], band.hat, 0.15)
    return b, band.done()


def break_without_drums() -> Made:
    """Twelve seconds of a chord that swells, between two parts with drums."""
    b, band, p = beats(128, 0.3, 60), Band(60), 60 / 128
    inside = [moment for moment in b if not 24 <= moment < 36]
    band.play(inside, kick(), 1.0)
    band.play([moment + p / 2 for moment in inside], band.hat, 0.5)
    band.play([24.0], chord(196, 12, 3.0), 0.15)
    return b, band.done()


def half_time_break() -> Made:
    """A breakdown whose drums play half as fast."""
    b, band, p = beats(174, 0.25, 50), Band(50), 60 / 174
    for number, moment in enumerate(b):
        slow = 48 <= number < 80
        if not slow:
            band.play([moment], kick() if number % 2 == 0 else band.snare, 1.0)
            band.play([moment + p / 2], band.hat, 0.3)
        elif number % 4 == 0:
            band.play([moment], kick(), 1.0)
        elif number % 4 == 2:
            band.play([moment], band.snare, 1.0)
    return b, band.done()


def loud_swing() -> Made:
    """A shuffle in which what is swung is louder than the beat."""
    b, band, p = beats(126, 0.5, 40), Band(40), 60 / 126
    band.play(b, kick(), 0.7)
    band.play(b, band.hat, 0.3)
    band.play([moment + p * 2 / 3 for moment in b], band.snare, 0.8)
    return b, band.done()


def threes_against_twos() -> Made:
    """Straight eighths at 160 with an accent on every third of them, for a while."""
    b, band, p = beats(160, 0.3, 40), Band(40), 60 / 160
    eighths = [moment + p * half / 2 for moment in b for half in (0, 1)]
    band.play(eighths, band.hat, 0.3)
    band.play(b[::2], kick(), 0.9)
    band.play(b[1::2], band.snare, 0.5)
    band.play(eighths[32:96:3], note(220, 0.1, 0.004), 0.6)
    return b, band.done()


SONGS: dict[str, Callable[[], Made]] = {
    "either side at 135": lambda: sections_on_either_side(135),
    "either side at 104": lambda: sections_on_either_side(104),
    "break without drums": break_without_drums,
    "half-time break": half_time_break,
    "loud swing": loud_swing,
    "threes against twos": threes_against_twos,
}


@pytest.mark.parametrize("name", SONGS)
def test_beats_do_not_change_sides(name: str, write: Write) -> None:
    truth, sound = SONGS[name]()
    assert share_met(SongAnalysis.of(write(sound)).beats(), truth) >= 0.95


def test_a_new_tempo_has_beats_of_its_own(write: Write) -> None:
    band = Band(50)
    first = [float(moment) for moment in np.arange(0.3, 25, 60 / 100)]
    second = [float(moment) for moment in np.arange(first[-1] + 0.6, 49, 60 / 132)]
    band.play([*first, *second], kick(), 1.0)
    found = SongAnalysis.of(write(band.done())).beats()
    assert share_met(found, [*first, *second]) >= 0.95


def test_silence_before_a_song_alters_nothing_of_it(write: Write) -> None:
    truth, sound = sections_on_either_side(120)
    alone = SongAnalysis.of(write(sound, "alone.wav")).beats()
    for seconds in (10, 60):
        later = np.concatenate([silence(seconds), sound])
        found = SongAnalysis.of(write(later, f"after {seconds}.wav")).beats()
        assert found.confidence >= alone.confidence - 0.03
        assert found.tempo == pytest.approx(alone.tempo, abs=0.1)
        assert found.beats[0] == pytest.approx(seconds + alone.beats[0], abs=0.03)
        assert share_met(found, [seconds + beat for beat in truth]) >= 0.95


def test_a_song_that_is_faded_in_from_noise_has_its_beats(write: Write) -> None:
    truth, sound = sections_on_either_side(135)
    rise = np.clip(np.arange(len(sound)) / RATE / 20, 0, 1).astype(np.float32)
    found = SongAnalysis.of(write(sound * rise + noise(len(sound) / RATE, 0.003)[: len(sound)])).beats()
    assert share_met(found, [beat for beat in truth if beat > 4]) >= 0.95


@pytest.mark.parametrize("upbeats", [0, 1, 3])
def test_bars_go_on_through_a_break(upbeats: int, write: Write) -> None:
    b, band, p = beats(116, 0.4, 60), Band(60), 60 / 116
    bars = b[upbeats::4]
    for number, moment in enumerate(b):
        if not 24 <= moment < 34:
            band.play([moment], kick() if (number - upbeats) % 2 == 0 else band.snare, 0.8)
            band.play([moment + p / 2], band.hat, 0.3)
    for number, moment in enumerate(bars):
        band.play([moment], note((55, 73, 49, 65)[number % 4], 3.9 * p, 0.01), 0.5)
        band.play([moment], chord((220, 147, 196, 131)[number % 4], 3.9 * p, 0.02), 0.1)
    found = SongAnalysis.of(write(band.done())).beats()
    heard = np.array(found.beats[found.downbeat % 4 :: 4])
    assert np.median([np.abs(heard - bar).min() <= 0.05 for bar in bars]) == 1
    assert np.mean([np.abs(heard - bar).min() <= 0.05 for bar in bars]) >= 0.9
