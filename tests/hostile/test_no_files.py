"""Pipes, devices, sockets, folders, links to nowhere and files of hundreds of gigabytes in place of files."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile.conftest import KINDS, Put
from tests.hostile.limits import assert_calm, assert_refused, contents, run_limited
from vqanim.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes with names")

Seen = Callable[[], str]

SCENES = {
    "start": "start: {image: x.png}",
    "icon": "start: {shape: x.svg}",
    "font": "start: {text: a, font: x.ttf}",
    "mask": "prompts: [{text: a, inside: {image: x.png}}]",
    "target": "prompts: [{image: x.png}]",
    "song": "soundtrack: x.wav",
    "lyrics": "soundtrack: x.wav\nlyrics: x.lrc",
    "palette": "models: {generator: {pixels: {palette: x.png}}}",
}
COMMANDS = {
    "check": ("check", "x.yaml"),
    "plan": ("plan", "x.yaml"),
    "import": ("import", "x.txt", "--out", "y.yaml"),
    "listen": ("listen", "x.wav"),
    "shape": ("icon", "--shape", "x.svg", "--out", "y.png"),
    "font": ("icon", "--text", "a", "--font", "x.ttf", "--out", "y.png"),
}


@contextmanager
def in_time(seconds: float = 5.0) -> Iterator[None]:
    """Fails what waits for longer, within this process."""

    def late(*_: object) -> None:
        raise AssertionError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 3 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """A command in this process, which answers in time: its exit code, and what it said of trouble."""
    capsys.readouterr()
    with in_time():
        code = main(args)
    said = capsys.readouterr().err
    assert "bug" not in said, said
    assert "Traceback" not in said, said
    return code, said


@pytest.mark.parametrize("name", COMMANDS)
def test_in_place_of_what_a_command_is_given(
    name: str, put: Put, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = (word for word in COMMANDS[name] if word.startswith("x."))
    put(here / file)
    before = contents_but_huge(here)
    code, said = run(COMMANDS[name], capsys)
    assert code in (2, 3)
    assert len(said.strip().splitlines()) == 1, said
    assert contents_but_huge(here) == before


@pytest.mark.parametrize("name", SCENES)
def test_in_place_of_what_a_scene_names(
    name: str, put: Put, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(word for word in ("x.png", "x.svg", "x.ttf", "x.lrc", "x.wav") if word in SCENES[name])
    put(here / file)
    prompts = "" if "prompts" in SCENES[name] else "prompts: a lake\n"
    (here / "scene.yaml").write_text(f"duration: 1s\n{prompts}{SCENES[name]}\n")
    code, said = run(("check", "scene.yaml"), capsys)
    assert code in (2, 3), said
    assert "scene.yaml:" in said


def contents_but_huge(folder: Path) -> dict[str, bytes | str]:
    """Names and contents; of a file that is too large to be read, only the name."""
    huge = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1 << 30]
    return {path.name: "huge" for path in huge} or contents(folder)


OWN = (
    "run.json",
    "film.json",
    "scene.resolved.yaml",
    "scene.schema.json",
    ".lock.json",
    ".lock",
    "live.js",
    "live.html",
    "report.html",
    "poster.png",
    "takes/main/record.jsonl",
    "takes/main/000001.png",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A render that is done. Do not write to it."""
    folder = tmp_path_factory.mktemp("finished")
    scene = "duration: 0.3s\nfps: 10\nsize: 64x48\nprompts: a lake\n"
    scene += "guidance: {steps: 1, first_steps: 1, cutouts: 2}"
    (folder / "a.yaml").write_text(scene)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(("render", "a.yaml")) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OWN)
def test_in_place_of_our_own_files(
    name: str, kind: str, finished: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, here, dirs_exist_ok=True)
    path = here / "renders" / "a" / name
    if path.exists():
        path.unlink()
    KINDS[kind](path)
    for command in (
        ("report", "renders/a"),
        ("plan", "a.yaml"),
        ("encode", "renders/a"),
        ("render", "a.yaml"),
    ):
        with in_time(20):
            code = main(command)
        said = capsys.readouterr().err
        assert "bug" not in said, (command, said)
        assert code in (0, 2, 3, 5, 6), (command, code, said)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_in_place_of_a_checkpoint_or_its_config(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / "x.ckpt")
    KINDS[kind](tmp_path / "x.yaml")
    ended = run_limited(
        "models",
        "add",
        "mine",
        "--weights",
        "x.ckpt",
        "--config",
        "x.yaml",
        cwd=tmp_path,
        seconds=20,
        megabytes=1500,
    )
    assert_calm(ended, 20, 1500)
    assert ended.code in (2, 3)


def test_a_pipe_keeps_no_command_waiting(tmp_path: Path) -> None:
    KINDS["pipe"](tmp_path / "x.txt")
    assert_refused(run_limited("import", "x.txt", cwd=tmp_path))
