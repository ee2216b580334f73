"""What reaches the terminal, and what happens where there is none."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import TINY, Run, command, environment
from vqanim.cli import formatting
from vqanim.cli.progress import Progress
from vqanim.cli.terminal import LONGEST_LINE, visible

HOSTILE = "a\x1b]0;mine\x07\x9b31m\x7f\u202eb\r\u2028c\td\n e"
CONTROLS = set(map(chr, (*range(10), *range(11, 32), *range(127, 160), 0x2028, 0x202E, 0x2066)))


def clean(text: str) -> bool:
    return not CONTROLS & set(text)


def test_control_characters_are_seen_and_obeyed_by_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    formatting.say(HOSTILE)
    formatting.complain(HOSTILE)
    formatting.warn([HOSTILE])
    formatting.say(formatting.rows([(HOSTILE, HOSTILE)]))
    formatting.say(formatting.table([[HOSTILE, "b"]]))
    out, err = capsys.readouterr()
    assert clean(out)
    assert clean(err)
    assert out.count("\n") == 4  # only `say` itself is given whole texts
    assert err.count("\n") == 3
    assert out.startswith(r"a\u001b]0;mine\u0007\u009b31m\u007f\u202eb\u000d\u2028c\u0009d")


@pytest.mark.parametrize(
    "text", ["ein Vulkan \U0001f30b", "\u05e9\u05dc\u05d5\u05dd", "\U0001f469\u200d\U0001f680"]
)
def test_other_alphabets_and_signs_stay(text: str) -> None:
    assert visible(text) == text


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    formatting.say(json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False))
    assert json.loads(capsys.readouterr().out) == {HOSTILE: HOSTILE}


@pytest.mark.parametrize("redraws", [True, False])
def test_a_progress_bar_obeys_nobody(redraws: bool, capsys: pytest.CaptureFixture[str]) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=200, color_system=None) if redraws else None
    progress = Progress(console=console)
    progress.show(1, 2, lambda since: HOSTILE, title=HOSTILE, note=HOSTILE, urgent=True)
    progress.close()
    written = file.getvalue() + capsys.readouterr().out
    assert "mine" in written
    for sign in ("\x1b]", "\x07", "\x9b", "\u202e", "\x7f"):
        assert sign not in written


def test_names_and_records_of_strangers(run: Run, here: Path) -> None:
    name = "a\x1b[31m\u202eb\n.yaml"
    (here / name).write_text(TINY)
    folder = here / "theirs"
    folder.mkdir()
    (here / "tiny.yaml").write_text(TINY)
    (folder / "run.json").write_text(
        json.dumps({"rate": "10", "threads": HOSTILE, "seed": HOSTILE, "scene": name})
    )
    holder = {"pid": os.getpid(), "host": HOSTILE, "since": HOSTILE, "token": HOSTILE}
    (folder / ".lock.json").write_text(json.dumps(holder))
    for args in (
        ("check", name),
        ("check", "\x1b[2Jnone.yaml", "--set", "\x1b[2J=\x9b"),
        ("\x1b[2J",),
        ("check", "--\x1b[2J"),
        ("plan", name, "--frame", "0"),
        ("report", "theirs"),
        ("render", "tiny.yaml", "--out", "theirs", "--set", "duration=1f"),
        ("image", "x", "--like", name),
        ("models", "info", "\x1b[2J"),
    ):
        result = run(*args)
        assert clean(result.out), args
        assert clean(result.err), args


def test_a_name_of_any_length_is_cut(run: Run) -> None:
    result = run("check", "a" * 100_000)
    assert result.code == 3
    assert len(result.err) < LONGEST_LINE
    assert result.err.startswith("aaa")
    assert len(run("check", "a b " * 30_000).err) < 2 * LONGEST_LINE


@pytest.mark.parametrize(("scene", "code"), [("tiny.yaml", 0), ("none.yaml", 3)])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_like_quiet(here: Path, root: Path, scene: str, code: int, closed: str) -> None:
    (here / "tiny.yaml").write_text(TINY)
    line = f"{' '.join(command('check', scene))} {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=here, env=environment(root), capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.slow
def test_a_file_never_takes_the_place_of_a_closed_stream(here: Path, root: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    line = f"{' '.join(command('render', 'tiny.yaml', '--set', 'duration=1f'))} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], cwd=here, env=environment(root)).returncode == 0
    assert (here / "renders" / "tiny" / "tiny.mp4").stat().st_size > 500


def test_a_pipe_that_is_closed_has_its_own_exit(here: Path, root: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    for args in (("plan", "tiny.yaml"), ("schema",)):
        process = subprocess.Popen(
            command(*args),
            cwd=here,
            env=environment(root),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 141


def test_a_terminal_that_goes_away_has_its_own_exit(here: Path, root: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("plan", "tiny.yaml"),
        cwd=here,
        env=environment(root),
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    os.close(ours)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141


def test_a_full_disk_behind_standard_output_is_said_once(here: Path, root: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("check", "tiny.yaml"),
            cwd=here,
            env=environment(root),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1


# As `vqanim` is started by a shell in front, whatever the tests were started with.
PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); print('here', flush=True);"
    "from vqanim.__main__ import run; sys.exit(run())"
)


@pytest.mark.parametrize("after", [0.1, 0.2, 0.35])
def test_ctrl_c_at_the_very_beginning_prints_no_traceback(here: Path, root: Path, after: float) -> None:
    (here / "tiny.yaml").write_text(TINY)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "render", "tiny.yaml", "--set", "guidance.steps=500"],
        cwd=here,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"  # Python itself has begun
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().startswith("stopped")
