"""Signals say what is heard, when it is heard, at any frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from tests import sounds as songs
from tests.audio.conftest import Write
from vqanim.audio.analysis import SongAnalysis
from vqanim.audio.spectrum import RATE
from vqanim.scene.fields.music import Band
from vqanim.scene.sound import Signal
from vqanim.scene.soundtrack import NAMES

FPS = (12, 24, 30, 60)
TONES = {"bass": 80.0, "mid": 1000.0, "treble": 7000.0}
KICK = Band(40, 120, 0.005, 0.12)


def signal(listener: SongAnalysis, name: str, own: Band | None = None, start: float = 0.0) -> Signal:
    """A signal of a song as a film has it that begins `start` seconds into it."""
    return Signal(RATE, listener.signal(name, own), -start)


def frames(fps: int, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Moments of the frames."""
    return np.arange(round(seconds * fps)) / fps


@pytest.mark.parametrize("fps", FPS)
def test_tones_are_separated_by_20_db(fps: int, write: Write) -> None:
    listener = SongAnalysis.of(write(np.concatenate([songs.tone(pitch, 2) for pitch in TONES.values()])))
    for place, name in enumerate(TONES):
        values = signal(listener, name).at(frames(fps, 6))
        inside = values[round((2 * place + 0.3) * fps) : round((2 * place + 1.7) * fps)]
        outside = [
            values[round((2 * other + 0.7) * fps) : round((2 * other + 1.7) * fps)]
            for other in range(3)
            if other != place
        ]
        assert inside.min() > 0.9
        assert np.concatenate(outside).max() < 0.1


def test_a_band_that_nothing_plays_in_stays_silent(write: Write) -> None:
    listener = SongAnalysis.of(write(songs.tone(80, 3)))
    for name in ("mid", "treble"):  # but for the moment at which the tone is switched on
        assert listener.signal(name)[100:-100].max() < 0.1
    assert listener.signal("bass")[200:400].min() > 0.9


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("name", ["onset", "loudness", "treble", "mid"])
def test_nothing_is_late(name: str, fps: int, write: Write) -> None:
    hits = [0.517, 1.283, 2.049, 3.111]
    found = signal(SongAnalysis.of(write(songs.at(hits, 4))), name)
    values = found.at(frames(fps, 4))
    for hit in hits:
        near = slice(round((hit - 0.3) * fps), round((hit + 0.3) * fps) + 1)
        peak = (near.start + int(np.argmax(values[near]))) / fps
        assert abs(peak - hit) <= 1 / fps + 0.003


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("name", ["onset", "loudness", "treble"])
def test_a_single_hit_in_a_long_song_is_not_early(name: str, fps: int, write: Write) -> None:
    values = signal(SongAnalysis.of(write(songs.at([7.013], 20))), name).at(frames(fps, 20))
    assert abs(int(np.argmax(values)) / fps - 7.013) <= 1 / fps + 0.003


@pytest.mark.parametrize("fps", FPS)
def test_a_kick_is_seen_at_its_stroke(fps: int, write: Write) -> None:
    t = np.arange(round(0.2 * songs.RATE)) / songs.RATE
    kick = np.asarray(np.sin(2 * np.pi * 70 * t) * np.exp(-t / 0.04) * np.minimum(1, t / 0.002), np.float32)
    hits = [0.5, 1.25, 2.0, 2.75]
    values = signal(SongAnalysis.of(write(songs.at(hits, 3.5, kick))), "kick", KICK).at(frames(fps, 3.5))
    for hit in hits:
        near = slice(round((hit - 0.3) * fps), round((hit + 0.3) * fps) + 1)
        assert abs((near.start + int(np.argmax(values[near]))) / fps - hit) <= max(1 / fps, 0.02) + 0.003


def test_attack_and_release_are_as_long_as_they_say(write: Write) -> None:
    listener = SongAnalysis.of(write(songs.at([1.0, 3.0], 4)))
    found = signal(listener, "own", Band(500, 4000, 0.1, 0.4))
    peak = float(found.at(np.array([1.0]))[0])
    before, after = found.at(np.array([0.9, 1.4])) / peak
    assert before == pytest.approx(np.exp(-1), abs=0.07)
    assert after == pytest.approx(np.exp(-1), abs=0.07)


def test_the_offset_counts_and_silence_after_the_end_is_0(write: Write) -> None:
    listener = SongAnalysis.of(write(songs.at([1.0], 2)))
    whole, part = signal(listener, "onset"), signal(listener, "onset", start=0.75)
    seconds = np.linspace(0, 1.2, 50)
    assert part.at(seconds) == pytest.approx(whole.at(seconds + 0.75))
    assert part.at(np.array([1.3, 5.0, -1.0])).tolist() == [0, 0, 0]


def test_the_mean_does_not_depend_on_how_time_is_cut(write: Write) -> None:
    found = signal(SongAnalysis.of(write(songs.at([0.5, 1.2], 2))), "loudness")
    coarse, fine = np.array([0.0, 1.0, 2.0]), np.linspace(0, 1.99, 200)
    (first, second) = found.mean(coarse[:-1], coarse[1:])
    parts = found.mean(fine[:-1], fine[1:])
    assert (first * 1 + second * 0.99) / 1.99 == pytest.approx(parts.mean(), abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_signals_lie_in_0_to_1_and_use_it(name: str, write: Write) -> None:
    sound = songs.noise(6, 0.02) + songs.at(np.arange(0.5, 5.5, 0.5).tolist(), 6)
    values = SongAnalysis.of(write(sound)).signal(name)
    assert len(values) == 6 * RATE
    assert values.min() >= 0
    assert values.max() <= 1
    assert values.max() - values.min() > 0.5


def test_brightness_tells_dark_from_bright(write: Write) -> None:
    sound = np.concatenate([songs.tone(150, 2), songs.tone(6000, 2), songs.silence(1)])
    found = signal(SongAnalysis.of(write(sound)), "brightness").at(np.array([1.0, 3.0, 4.7]))
    assert found[0] < 0.2
    assert found[1] > 0.8
    assert found[2] == 0


def test_a_tremble_is_one_hit_and_two_strokes_are_two() -> None:
    values = np.array([0, 0.2, 0.65, 0.58, 0.7, 0.3, 0.1, 0.8, 0.2, 0.0])
    assert Signal(10, values).rises(0.6).tolist() == pytest.approx([0.2, 0.7])


def test_a_stem_that_is_silent_is_0(write: Write) -> None:
    listener = SongAnalysis.of(write(songs.silence(2)))
    assert all(listener.signal(name).max() == 0 for name in NAMES)
