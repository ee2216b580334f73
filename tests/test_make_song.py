"""The songs of the example scenes: made by a script that knows their beats, and heard as they are."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.sounds import share_found
from vqanim.api import load_scene
from vqanim.audio.analysis import SongAnalysis

FOLDER = Path(__file__).parent.parent / "scenes" / "music"
NAMES = ("tide", "ember")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def make_song() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("make_song", FOLDER / "make_song.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_song"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_song"]


@pytest.mark.parametrize("name", NAMES)
def test_the_songs_are_small_and_their_beats_and_sections_are_heard(name: str, make_song: ModuleType) -> None:
    song = next(song for song in make_song.SONGS if song.name == name)
    path = FOLDER / f"{name}.ogg"
    assert path.stat().st_size < 400_000
    truth = make_song.beat_times(song)[:-1]
    assert [float(line) for line in (FOLDER / f"{name}.txt").read_text().split()] == pytest.approx(
        truth, abs=1e-4
    )
    found = SongAnalysis.of(path).beats()
    assert share_found(found.beats, truth) >= 0.95
    assert found.first_beat == pytest.approx(truth[0], abs=0.01)
    borders = list(make_song.section_times(song).values())[1:]
    assert [section.start for section in found.sections[1:]] == pytest.approx(borders, abs=0.03)


def test_a_song_is_written_with_its_parts(make_song: ModuleType, tmp_path: Path) -> None:
    song = make_song.Song("one", 0.1, (make_song.Section("a", 1, 240, ("Am",)),), 1)
    assert make_song.write_song(song, tmp_path, "wav", stems=True) == tmp_path / "one.wav"
    names = {"one.wav", "one.txt", *(f"one-{part}.wav" for part in make_song.PARTS)}
    assert {path.name for path in tmp_path.glob("one*")} == names
    assert SongAnalysis.of(tmp_path / "one-drums.wav").signal("onset").max() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_scenes_know_the_beats_of_their_songs(name: str, make_song: ModuleType) -> None:
    truth = make_song.beat_times(next(song for song in make_song.SONGS if song.name == name))
    clock = load_scene(FOLDER / f"{name}.yaml").sound.clock
    assert clock is not None
    found = [clock.second_of(beat) for beat in range(len(truth) - 1)]
    assert found == pytest.approx(truth[:-1], abs=0.01)
