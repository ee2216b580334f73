"""Running the command line in this process and in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vqanim.cli.main import main

TINY = """\
vqanim: 1
size: [64, 48]
fps: 10
duration: 0.6s
seed: 4
prompts:
  - text: a volcano
    weight: {0s: 0.4, 0.5s: 1}
  - text: a lake
    weight: 0.5
camera: {zoom: 1.2, rotate: 10}
guidance: {steps: 1, first_steps: 2, cutouts: 2}
"""
"""Six frames that are quickly painted."""


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once(models_read_once: None) -> None:
    """For all commands that run in this process."""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VQANIM_DEBUG", raising=False)
    return tmp_path


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in this process, in an empty current folder."""

    def run_(*args: str) -> Result:
        capsys.readouterr()
        code = main(args)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run_


def command(*args: str) -> list[str]:
    """The command line for a process of its own."""
    return [sys.executable, "-m", "vqanim", *args]


def environment(root: Path) -> dict[str, str]:
    """An environment in which `vqanim` is the one under test, whatever the current folder is."""
    return {**os.environ, "PYTHONPATH": str(root)}


@pytest.fixture
def start(here: Path, root: Path) -> Iterator[Start]:
    """Starts a command as a process of its own in the current folder; kills what still runs in the end."""
    started: list[subprocess.Popen[str]] = []

    def start_(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*args),
            cwd=here,
            env=environment(root),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 240) -> None:
    """Wait until a process has written a file. Fails when the process ends before."""
    end = time.monotonic() + seconds
    while not path.exists():
        if process.poll() is not None:
            raise AssertionError(f"ended before {path.name} was there: {process.communicate()}")
        if time.monotonic() > end:
            raise AssertionError(f"{path.name} is not there after {seconds} s")
        time.sleep(0.003)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a render of TINY that nothing disturbed. Do not write to it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["render", "tiny.yaml"]) == 0
    return folder / "renders" / "tiny"


def frames(folder: Path, shot: str = "main") -> dict[str, bytes]:
    """The frames of a take, byte for byte, by file name."""
    return {path.name: path.read_bytes() for path in sorted((folder / "takes" / shot).glob("*.png"))}
