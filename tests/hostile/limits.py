"""Commands under limits of time and memory: what a hostile file may cost, and what it may not say.

A command runs as a process of its own, with all that it starts, and is ended where it takes too long or too
much memory. `assert_refused` holds what any file of a stranger must lead to: a documented exit code, one
message, no traceback, no talk of a bug and no raw control character.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5.0
MEGABYTES = 500
"""Over what the program takes at its start."""
START_MEGABYTES = 150
"""What a command takes that imports no torch."""
TORCH_MEGABYTES = 700
"""What a command takes that does, with the models that come along."""
SLOWNESS = 3.0
"""Wall seconds that one CPU second may take beside other programs."""

_RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OURS = ("traceback", "this is a bug", "vqanim_debug")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    cpu: float  # seconds, of it and of all that it waited for
    wall: float  # seconds
    megabytes: float  # resident at most, as far as it was seen
    killed: str = ""  # why it was ended, where it was

    @property
    def said(self) -> str:
        """All that a user sees."""
        return self.out + self.err


def command(*args: str) -> list[str]:
    """The command line for a process of its own."""
    return [sys.executable, "-m", "vqanim", *args]


def run_limited(
    *args: str,
    cwd: Path,
    seconds: float = SECONDS,
    megabytes: float = MEGABYTES + START_MEGABYTES,
    environment: Mapping[str, str] | None = None,
    program: list[str] | None = None,
) -> Ended:
    """Run one command in `cwd`; end it and all that it started after so many CPU seconds (or some times as
    many of the clock), or where one of its processes has so many MB. program: another one than vqanim."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(environment or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            program or command(*args),
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        killed, most = "", 0.0
        while True:
            most = max(most, _megabytes(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > SLOWNESS * seconds or _cpu(process.pid) > seconds:
                killed = f"more than {seconds:g} s"
            elif most > megabytes:
                killed = f"more than {megabytes:g} MB"
            if killed:
                os.killpg(process.pid, signal.SIGKILL)
                _, status, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read(1 << 20).decode("utf-8", "backslashreplace"))
    cpu = usage.ru_utime + usage.ru_stime
    return Ended(process.returncode, texts[0], texts[1], cpu, wall, most, killed)


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far; 0 where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int) -> float:
    """Most resident memory of a process so far; 0 where that cannot be read. What wait4 tells is no help: it
    counts what the process that started it had."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0.0
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), default=0.0)


def assert_calm(
    ended: Ended, seconds: float = SECONDS, megabytes: float = MEGABYTES + START_MEGABYTES
) -> None:
    """It ended by itself, in time, within its memory, and without words that are not for users."""
    assert not ended.killed, (ended.killed, ended.said[-2000:])
    assert ended.code >= 0, (ended.code, ended.said[-2000:])
    assert ended.cpu <= seconds, (ended.cpu, ended.said[-2000:])
    assert ended.megabytes <= megabytes, (ended.megabytes, ended.said[-2000:])
    low = ended.said.lower()
    assert not any(word in low for word in _OURS), ended.said[-2000:]
    assert not _RAW.search(ended.said), ended.said[-2000:]


def assert_refused(
    ended: Ended,
    codes: Collection[int] = (2, 3),
    lines: int = 1,
    megabytes: float = MEGABYTES + START_MEGABYTES,
) -> None:
    """It is calm, ends with one of some exit codes, and says so in one message of at most so many lines."""
    assert_calm(ended, megabytes=megabytes)
    assert ended.code in codes, (ended.code, ended.said[-2000:])
    said = ended.err.strip().splitlines()
    assert 1 <= len(said) <= lines, said[:20]


def contents(folder: Path) -> dict[str, bytes | str]:
    """What lies in a folder, to see that nothing of it was touched: files by name, and of what is none, the
    kind. Nothing is read that never ends."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = f"kind {path.stat().st_mode >> 12}"
    return found


def doubling(work: list[float]) -> float:
    """By how much the cost of a thing grows when its size doubles: the largest ratio of neighbors among the
    costs of sizes n, 2n, 4n ... that are long enough to be measured."""
    pairs = [(a, b) for a, b in itertools.pairwise(work) if b > 0.05]
    return max((b / max(a, 0.01) for a, b in pairs), default=0.0)
