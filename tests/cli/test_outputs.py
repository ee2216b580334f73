"""What a render writes besides frames takes the place of nothing that somebody owns."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Run

OUTPUTS = ["tiny.mp4", "tiny.gif", "poster.png", "film.json", "report.html", "live.html", "live.js"]
RECORDS = ["run.json", "scene.resolved.yaml"]


@pytest.fixture
def copy(finished: Path, here: Path) -> Path:
    """A finished render of tiny.yaml in the current folder."""
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    return here / "renders" / "tiny"


def kept(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Files of some names in superseded/."""
    found = {path.name: path.read_bytes() for path in (folder / "superseded").rglob("*") if path.is_file()}
    return {name: found[name] for name in names if name in found}


def test_files_of_the_user_are_kept_and_told_of(run: Run, here: Path, finished: Path) -> None:
    folder = here / "mine"
    shutil.copytree(finished / "takes", folder / "takes")
    (here / "tiny.yaml").write_text(TINY)
    names = [*OUTPUTS, *RECORDS, "tiny.live.mp4"]
    for name in names:
        (folder / name).write_text(f"my {name}")
    result = run("render", "tiny.yaml", "--out", "mine")
    assert result.code == 0
    assert (folder / "tiny.live.mp4").read_text() == "my tiny.live.mp4"
    assert kept(folder, names) == {name: f"my {name}".encode() for name in names[:-1]}
    for name in names[:-1]:
        assert f"mine/{name} was not made here" in result.err
    for name in ("tiny.mp4", "tiny.gif", "poster.png"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()

    again = run("render", "tiny.yaml", "--out", "mine")
    assert (again.code, again.err) == (0, "")
    assert "finished: nothing to do" in again.out


@pytest.mark.parametrize("name", ["tiny.mp4", "tiny.gif", "poster.png", "report.html"])
@pytest.mark.parametrize("how", ["longer", "same size and time"])
def test_a_film_that_somebody_changed_is_kept(copy: Path, run: Run, name: str, how: str) -> None:
    path = copy / name
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    changed = bytes(content) + (b"more" if how == "longer" else b"")
    path.write_bytes(changed)
    if how != "longer":
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    # Other pictures in the film: all of it is made again.
    result = run("render", "tiny.yaml", "--set", "effects=[{hue: 90}]")
    assert result.code == 0
    assert kept(copy, [name]) == {name: changed}
    assert f"{name} was not made here, or was changed since" in result.err
    assert path.read_bytes() != changed


def test_own_films_are_replaced_without_a_word(copy: Path, run: Run) -> None:
    result = run("render", "tiny.yaml", "--set", "effects=[{hue: 90}]")
    assert (result.code, result.err) == (0, "")
    assert not kept(copy, OUTPUTS)


def test_films_whose_record_was_lost_are_found_to_be_the_same(copy: Path, run: Run) -> None:
    """As a kill leaves them between a film and the record of it."""
    (copy / "film.json").unlink()
    result = run("render", "tiny.yaml")
    assert (result.code, result.err) == (0, "")
    assert not (copy / "superseded").exists()


def test_a_film_that_fails_leaves_what_was_there(
    copy: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (copy / "tiny.mp4").write_text("mine")
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(broken))
    assert run("render", "tiny.yaml").code == 5
    assert (copy / "tiny.mp4").read_text() == "mine"
    assert not (copy / "superseded").exists()


def test_the_film_that_grows_makes_way(copy: Path, run: Run) -> None:
    (copy / "tiny.live.mp4").write_text("mine")
    result = run("render", "tiny.yaml", "--live")
    assert result.code == 0
    assert kept(copy, ["tiny.live.mp4"]) == {"tiny.live.mp4": b"mine"}
    assert not (copy / "tiny.live.mp4").exists()


def test_frames_that_somebody_changed_in_a_folder_of_frames_are_kept(copy: Path, run: Run) -> None:
    assert run("encode", "renders/tiny", "--preset=frames").code == 0
    frame = copy / "tiny-frames" / "000002.png"
    frame.write_bytes(frame.read_bytes() + b"mine")
    result = run("encode", "renders/tiny", "--preset=frames", "--upscale=1")
    assert result.code == 0
    assert "tiny-frames was not made here, or was changed since" in result.err
    assert kept(copy, ["000002.png"])["000002.png"].endswith(b"mine")
    assert not frame.read_bytes().endswith(b"mine")


def test_a_preview_that_somebody_changed_is_kept(run: Run, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    assert run("preview", "tiny.yaml").code == 0
    folder = here / "renders" / "tiny-preview"
    film = folder / "tiny-preview.mp4"
    film.write_bytes(film.read_bytes() + b"mine")
    result = run("preview", "tiny.yaml")
    assert result.code == 0
    assert "tiny-preview.mp4 was not made here, or was changed since" in result.err
    assert kept(folder, [film.name])[film.name].endswith(b"mine")
