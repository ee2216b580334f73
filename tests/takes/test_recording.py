from pathlib import Path

import numpy as np
import pytest

from vqanim.errors import InputError, OutputError
from vqanim.pictures import Picture
from vqanim.takes.recording import STATE, Recording, State

ARRAYS = {
    "latents.z": np.array([[0.1, -3e-41], [2, 1 / 3]], np.float32),
    "second.z": np.array(0.7, np.float32),
}


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = Recording(tmp_path / "render" / "recordings" / "main", "digest")
    assert made.open(tmp_path / "render") is None
    return made


def test_a_state_comes_back_to_the_bit(recording: Recording) -> None:
    assert recording.read_state() is None
    recording.save_state(State(ARRAYS, {"steps": 3}))
    recording.save_state(State(ARRAYS, {"steps": 7}))
    state = recording.read_state()
    assert state is not None
    assert state.counts == {"steps": 7}
    for name, array in ARRAYS.items():
        assert np.asarray(state.arrays[name]).tobytes() == array.tobytes()
        assert state.arrays[name].shape == array.shape


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{broken}", b"\xff" * 100])
def test_a_broken_state_is_none(recording: Recording, content: bytes) -> None:
    (recording.folder / STATE).write_bytes(content)
    assert recording.read_state() is None


def test_pictures_come_in_the_order_of_their_steps(recording: Recording, picture: Picture) -> None:
    for step in (12, 4, 1_000_000):
        recording.add(step, picture)
    assert [step for step, _ in recording.pictures()] == [4, 12, 1_000_000]
    assert np.array_equal(recording.load(12), picture)
    with pytest.raises(InputError, match="run again"):
        recording.load(5)


def test_a_recording_of_something_else_is_moved_and_kept(recording: Recording, picture: Picture) -> None:
    recording.add(4, picture)
    home = recording.folder.parent.parent
    other = Recording(recording.folder, "another digest")
    assert not other.is_there
    other.discard()
    assert recording.is_there, "only its own is discarded"
    moved = other.open(home)
    assert moved == home / "superseded" / "001"
    assert (moved / "main" / "000004.png").exists()
    assert other.pictures() == []
    assert other.is_there
    assert other.open(home) is None, "goes on with its own"


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "song.wav").write_bytes(b"la")
    with pytest.raises(OutputError, match="is in the way"):
        Recording(tmp_path / "recording", "digest").open(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["recording", "song.wav"]


def test_what_was_made_from_it_is_known_until_somebody_changes_it(
    recording: Recording, tmp_path: Path
) -> None:
    film, foreign = tmp_path / "film.mp4", tmp_path / "other.mp4"
    film.write_bytes(b"half")
    assert not recording.has_made(film)
    recording.claim([film])
    film.write_bytes(b"more")
    assert recording.has_made(film), "it was being made when something stopped that"
    recording.note_made([film])
    assert recording.has_made(film)
    assert not recording.has_made(foreign)
    film.write_bytes(b"of somebody else")
    assert not recording.has_made(film)


def test_a_finished_recording_leaves_nothing(recording: Recording, picture: Picture) -> None:
    recording.add(4, picture)
    recording.discard()
    assert not recording.folder.parent.exists()
