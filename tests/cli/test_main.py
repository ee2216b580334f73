from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import vqanim
from tests.cli.conftest import Run, command, environment
from vqanim.cli.main import COMMANDS
from vqanim.cli.stopping import SIGNALS, Stopped, stopping


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_has_help(run: Run, name: str, flag: str) -> None:
    result = run(*filter(None, [name, flag]))
    assert result.code == 0
    assert result.out.startswith(f"Usage: vqanim {name}".rstrip())
    assert result.err == ""


def test_help_lists_every_command_with_its_purpose(run: Run) -> None:
    out = " ".join(run("--help").out.split())
    assert all(f" {name} {text}" in out for name, text in COMMANDS.items())


def test_version(run: Run) -> None:
    assert run("--version").out.split()[-1] == vqanim.__version__


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rendr", "x.yaml"], "did you mean 'render'?"),
        (["chek"], "did you mean 'check'?"),
        (["x.yaml"], "did you mean `vqanim render x.yaml`?"),
        (
            ["qqq"],
            "there are render, image, style, timelapse, encode, report, compare, plan, preview",
        ),
        (["render"], "Missing argument 'SCENE'"),
        (["check"], "Missing argument 'SCENE...'"),
        (["render", "x.yaml", "--devise", "cpu"], "'--device'"),
        (["render", "x.yaml", "--device", "gpu"], "'gpu' is none of auto, cpu, cuda, cuda:N, mps"),
    ],
)
def test_wrong_usage_says_what_is_right(run: Run, args: list[str], said: str) -> None:
    result = run(*args)
    assert result.code == 2
    assert said in result.err
    assert result.out == ""


def test_python_m_vqanim_is_the_same_program(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command("--version"), cwd=tmp_path, env=environment(root), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"vqanim, version {vqanim.__version__}"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_stopped_and_the_old_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(s) for s in SIGNALS]
    with pytest.raises(Stopped) as caught, stopping():
        signal.raise_signal(number)
    assert caught.value.exit_code == 128 + number
    assert [signal.getsignal(s) for s in SIGNALS] == before


def test_an_ignored_hangup_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, ["this is a bug in vqanim: ZeroDivisionError", "VQANIM_DEBUG=1"]),
        ({"VQANIM_DEBUG": "1"}, ["Traceback"]),
    ],
)
def test_a_bug_is_named_as_one(root: Path, tmp_path: Path, env: dict[str, str], words: list[str]) -> None:
    # A command that fails in a way nobody foresaw: the scene file's reader is replaced by a division by zero.
    program = (
        "import sys, vqanim.cli.main as m\n"
        "m.Commands.get_command = lambda *a: 1 / 0\n"
        "sys.exit(m.main(['check', 'x.yaml']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**environment(root), **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert all(word in done.stderr for word in words)
    assert ("Traceback" in done.stderr) == bool(env)


def test_a_closed_pipe_is_no_error(root: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command("--help"),
        cwd=tmp_path,
        env=environment(root),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_soon_sleep_while_they_wait_unless_told_otherwise(
    given: dict[str, str], expected: str, root: Path
) -> None:
    code = (
        "import os; from vqanim.cli.main import main; main(['--version']); "
        "print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    waits = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    told = {name: value for name, value in environment(root).items() if name not in waits} | given
    result = subprocess.run(
        [sys.executable, "-c", code], env=told, check=True, capture_output=True, text=True
    )
    assert result.stdout.splitlines()[-1] == expected
