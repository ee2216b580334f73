"""Disks that are full, terminals that are old, people who press Ctrl-C twice."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Run, Start, command, environment, frames, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and signals of POSIX")

RECORD = 40_000
"""Bytes; more than any frame or film of TINY has."""


@pytest.fixture
def half(finished: Path, here: Path) -> Path:
    """A render of tiny.yaml in the current folder whose last frame and films are not there yet."""
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    folder = here / "renders" / "tiny"
    (folder / "takes" / "main" / "000005.png").unlink()
    for film in ("tiny.mp4", "tiny.gif", "poster.png", "film.json"):
        (folder / film).unlink()
    return folder


@contextlib.contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file may become larger than so many bytes: a disk that is full, at a chosen point."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("where", ["frame", "record", "film"])
def test_a_full_disk_loses_nothing(half: Path, finished: Path, run: Run, where: str) -> None:
    largest = max(len(content) for content in frames(finished).values())
    gif = (finished / "tiny.gif").stat().st_size
    record = half / "takes" / "main" / "record.jsonl"
    if where == "record":
        with record.open("a") as file:
            file.write("\n" * RECORD)
    before = frames(half)
    with full_disk({"frame": largest // 2, "record": RECORD, "film": (largest + gif) // 2}[where]):
        full = run("render", "tiny.yaml")
    assert full.code == 5, full.err
    assert "Traceback" not in full.err
    *warnings, error = full.err.splitlines()
    assert error.startswith("Error: ")
    assert all(line.startswith("Warning: live.html cannot be written: ") for line in warnings)
    assert len(warnings) <= 1
    assert before.items() <= frames(half).items()
    assert not (half / "tiny.gif").exists()
    assert run("render", "tiny.yaml").code == 0
    assert frames(half) == frames(finished)
    assert (half / "tiny.gif").read_bytes() == (finished / "tiny.gif").read_bytes()
    assert not list(half.rglob("*.vqanim-tmp"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow)]
)
def test_a_signal_ends_in_good_order_and_says_how_to_go_on(
    start: Start, run: Run, here: Path, finished: Path, number: signal.Signals, code: int
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    process = start("render", "tiny.yaml")
    wait_for(here / "renders" / "tiny" / "takes" / "main" / "000000.png", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert err.splitlines()[-1] == "stopped; to continue: vqanim render tiny.yaml"
    assert run("render", "tiny.yaml").code == 0
    assert frames(here / "renders" / "tiny") == frames(finished)


@pytest.mark.parametrize("how", ["moved", pytest.param("deleted", marks=pytest.mark.slow)])
def test_a_folder_that_goes_away_ends_a_render_with_one_clear_message(
    start: Start, run: Run, here: Path, how: str
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    folder, away = here / "renders" / "tiny", here / "elsewhere"
    process = start("render", "tiny.yaml", "--set", "guidance.steps=30", "--set", "duration=9s")
    wait_for(folder / "takes" / "main" / "000001.png", process)
    folder.rename(away)
    if how == "deleted":
        shutil.rmtree(away)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5
    assert len(err.splitlines()) == 1
    assert err.startswith("Error: renders/tiny: it was moved or deleted while this was at work")
    assert not folder.exists(), "nothing is begun anew in its place"


def test_a_missing_ffmpeg_is_found_before_anything_is_painted(
    half: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames(half)
    with monkeypatch.context() as patch:
        patch.setenv("IMAGEIO_FFMPEG_EXE", str(half / "none"))
        result = run("render", "tiny.yaml", "--set", "prompts=[a lake]")
    assert result.code == 5
    assert "ffmpeg cannot be started" in result.err
    assert frames(half) == before
    assert not (half / "superseded").exists()


@pytest.mark.slow
def test_a_second_signal_ends_at_once(start: Start, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    folder = here / "renders" / "tiny"
    process = start("render", "tiny.yaml", "--set", "guidance.steps=200")
    wait_for(folder / "takes" / "main" / "000000.png", process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "LC_ALL": "C"},
        {"TERM": "dumb", "NO_COLOR": "1"},
        {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    ],
    ids=["cp1252", "dumb", "decimal commas"],
)
def test_terminals_and_languages_of_all_kinds(here: Path, root: Path, variables: dict[str, str]) -> None:
    prompt = "ein Vulkan \U0001f30b \u05e9\u05dc\u05d5\u05dd"
    (here / "tiny.yaml").write_text(TINY.replace("a volcano", prompt), encoding="utf-8")
    done = subprocess.run(
        command("check", "tiny.yaml"),
        env={**environment(root), **variables},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"ein Vulkan" in done.stdout
    assert b"0.6 s at 10 fps" in done.stdout
    assert b"\x1b" not in done.stdout


def test_a_clock_that_jumps_changes_no_frame(half: Path, run: Run, finished: Path) -> None:
    """Times of files may lie in the future or the past: contents count."""
    for index, path in enumerate(sorted((half / "takes" / "main").glob("*.png"))):
        os.utime(path, (4e9 if index % 2 else 1, 4e9 if index % 2 else 1))
    holder = {"pid": 2**22 + 1, "host": "elsewhere", "since": "2099-01-01 00:00:00+00:00", "token": "x"}
    (half / ".lock.json").write_text(json.dumps(holder))
    result = run("render", "tiny.yaml")
    assert result.code == 0
    assert "5 of 6 kept, 1 to paint" in result.out
    assert frames(half) == frames(finished)


def test_without_a_home_it_renders(half: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USER"):
        monkeypatch.delenv(name, raising=False)
    assert run("render", "tiny.yaml", "--quiet").code == 0


def test_a_cache_that_cannot_be_written_stops_no_render(
    half: Path, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("")
    monkeypatch.setenv("VQANIM_CACHE", str(here / "file" / "cache"))
    assert run("render", "tiny.yaml", "--quiet").code == 0
