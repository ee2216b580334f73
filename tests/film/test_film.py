from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.film.conftest import MakeFrames, showing
from tests.probe import probe
from vqanim.errors import LockedError, OutputError
from vqanim.film.formats.pictures import poster_index
from vqanim.film.make import FilmDone, make_film
from vqanim.timeline.plan import Timeline


def film(frames: list[Path], folder: Path, timeline: Timeline, stem: str = "mordor") -> Iterator[FilmDone]:
    """Make the film that shows these files."""
    return make_film(*showing(timeline, frames), folder, stem)


def written(frames: list[Path], folder: Path, timeline: Timeline) -> list[str]:
    """Kinds of the files that making the film writes."""
    return [done.kind for done in film(frames, folder, timeline) if done.written]


def test_three_files(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    frames = make_frames(9)
    out = tmp_path / "out"
    events = list(film(frames, out, timeline))
    assert [(e.kind, Path(e.path).name, e.written) for e in events] == [
        ("mp4", "mordor.mp4", True),
        ("gif", "mordor.gif", True),
        ("poster", "poster.png", True),
    ]
    assert all(event.seconds > 0 for event in events)
    assert sorted(path.name for path in out.iterdir()) == [
        "film.json",
        "mordor.gif",
        "mordor.mp4",
        "poster.png",
    ]
    mp4, gif = probe(out / "mordor.mp4"), probe(out / "mordor.gif")
    assert (mp4.frames, mp4.width, gif.frames, gif.width) == (9, 64, 9, 32)
    assert mp4.fps == timeline.fps
    assert timeline.title.encode() in (out / "mordor.mp4").read_bytes()
    assert (out / "poster.png").read_bytes() == frames[6].read_bytes()


@pytest.mark.parametrize(("count", "index"), [(1, 0), (2, 1), (3, 2), (72, 48)])
def test_the_poster_shows_what_has_grown(count: int, index: int) -> None:
    assert poster_index(count) == index


def test_a_finished_film_is_recognized(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    frames = make_frames(4)
    list(film(frames, tmp_path, timeline))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    events = list(film(frames, tmp_path, timeline))
    assert [(event.kind, event.written) for event in events] == [
        ("mp4", False),
        ("gif", False),
        ("poster", False),
    ]
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"fps": Fraction(24)}, ["mp4", "gif"]),
        ({"crf": 30}, ["mp4"]),
        ({"title": "Other"}, ["mp4"]),
        ({"gif_width": 16}, ["gif"]),
        ({"gif_fps": Fraction(6)}, ["gif"]),
        ({"seed": 8}, []),
    ],
)
def test_changed_settings_remake_what_shows_them(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path, change: dict[str, object], kinds: list[str]
) -> None:
    frames = make_frames(4)
    list(film(frames, tmp_path, timeline))
    changed = replace(timeline, **change)  # type: ignore[arg-type]
    assert written(frames, tmp_path, changed) == kinds
    assert written(frames, tmp_path, changed) == []


def test_changed_frames_remake_the_film(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    frames = make_frames(4)
    list(film(frames, tmp_path, timeline))
    assert written([*frames[1:], frames[0]], tmp_path, timeline) == ["mp4", "gif", "poster"]
    assert written(frames, tmp_path, timeline) == ["mp4", "gif", "poster"]
    assert written(frames[:3], tmp_path, timeline) == ["mp4", "gif"], "its poster is the third frame, too"
    stat = frames[0].stat()
    Image.fromarray(np.full((48, 64, 3), 200, np.uint8)).save(frames[0])
    os.utime(frames[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert written(frames[:3], tmp_path, timeline) == ["mp4", "gif"]


@pytest.mark.parametrize("name", ["mordor.mp4", "mordor.gif", "poster.png"])
def test_deleted_and_damaged_files_are_made_again(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path, name: str
) -> None:
    frames = make_frames(3)
    list(film(frames, tmp_path, timeline))
    path = tmp_path / name
    good = path.read_bytes()
    path.unlink()
    assert len(written(frames, tmp_path, timeline)) == 1
    assert path.read_bytes() == good
    path.write_bytes(good[:-1])
    assert len(written(frames, tmp_path, timeline)) == 1
    assert path.read_bytes() == good


@pytest.mark.parametrize("state", ["", "[]", '{"mordor.mp4": 5}', "\0"])
def test_a_damaged_state_file_costs_only_time(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path, state: str
) -> None:
    frames = make_frames(2)
    list(film(frames, tmp_path, timeline))
    (tmp_path / "film.json").write_text(state)
    assert written(frames, tmp_path, timeline) == ["mp4", "gif", "poster"]
    assert written(frames, tmp_path, timeline) == []
    assert set(json.loads((tmp_path / "film.json").read_text())) == {"mordor.mp4", "mordor.gif", "poster.png"}


def test_what_a_killed_run_left_is_cleared_away(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    (tmp_path / ".mordor.mp4.0123abcd.vqanim-tmp").write_bytes(b"half a film")
    list(film(make_frames(1), tmp_path, timeline))
    assert not list(tmp_path.glob(".*"))


def test_a_stop_between_the_files_keeps_the_finished_one(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    frames = make_frames(2)
    events = film(frames, tmp_path, timeline)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert written(frames, tmp_path, timeline) == ["gif", "poster"]


def test_missing_frames_and_folders_that_are_files(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path
) -> None:
    frames = make_frames(2)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        list(film(frames, tmp_path / "file", timeline))
    with pytest.raises(OutputError, match="none.png"):
        list(film([*frames, tmp_path / "none.png"], tmp_path / "out", timeline))


def test_a_name_with_dots_keeps_them(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    events = list(film(make_frames(1), tmp_path, timeline, "take v1.2 ü"))
    assert [Path(event.path).name for event in events[:2]] == ["take v1.2 ü.mp4", "take v1.2 ü.gif"]
    assert Path(events[0].path).exists()


@pytest.mark.parametrize("calls", [0, 1])
def test_a_film_does_not_appear_once_the_folder_is_lost(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path, calls: int
) -> None:
    left = iter(range(calls))

    def lost() -> None:
        if next(left, None) is None:
            raise LockedError("taken over")

    with pytest.raises(LockedError):
        list(make_film(*showing(timeline, make_frames(3)), tmp_path / "out", "film", guard=lost))
    assert not list((tmp_path / "out").glob("film.*"))
