from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.plans import frame_plan
from vqanim.errors import LockedError, OutputError
from vqanim.files import write_atomic
from vqanim.takes.lock import lock_folder
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef

ROOT = Path(__file__).resolve().parents[2]

HOLD = """
import sys
from pathlib import Path
from vqanim.files import write_atomic
from vqanim.takes.lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input ends or it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with (
        other_process(tmp_path) as holder,
        pytest.raises(
            LockedError, match=rf"process {holder.pid} on .+ since \d{{4}}-\d\d-\d\d \d\d:"
        ) as caught,
        lock_folder(tmp_path),
    ):
        pytest.fail("two renders in one folder")
    assert str(tmp_path) in str(caught.value)
    assert "wait for it, stop it, or choose another folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_kill_releases_it(tmp_path: Path) -> None:
    with other_process(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lock_folder(tmp_path):
            pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(LockedError, match=f"process {os.getpid()} "),
        lock_folder(tmp_path),
    ):
        pytest.fail("two renders in one folder")


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path):
        _ = 1 / 0
    with lock_folder(tmp_path):
        pass


def test_another_folder_is_free(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a"), lock_folder(tmp_path / "b"):
        pass


@pytest.mark.parametrize("words", ["", '{"pid": 1}', "[1]"])
def test_a_holder_who_has_not_said_its_name_yet(tmp_path: Path, words: str) -> None:
    with lock_folder(tmp_path):
        (tmp_path / ".lock.json").write_text(words)
        with pytest.raises(LockedError, match="another process"), lock_folder(tmp_path):
            pytest.fail("two renders in one folder")


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="out: .*file"), lock_folder(tmp_path / "out"):
        pytest.fail("a file is no folder")
    with pytest.raises(OutputError, match="file"), lock_folder(tmp_path / "out" / "deeper"):
        pytest.fail("a file is no folder")


def test_a_deleted_lock_file_does_not_let_a_second_process_in(tmp_path: Path) -> None:
    with other_process(tmp_path) as holder:
        (tmp_path / ".lock").unlink()
        with pytest.raises(LockedError, match=f"process {holder.pid} on"), lock_folder(tmp_path):
            pytest.fail("two renders in one folder")


def test_a_number_that_another_process_has_now_is_not_the_holder(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        holder = json.loads((tmp_path / ".lock.json").read_text())
    holder["started"] = "1 of-another-boot"
    (tmp_path / ".lock.json").write_text(json.dumps(holder))
    with lock_folder(tmp_path) as lock:
        lock.check()


def test_a_holder_on_another_machine_is_taken_over_and_notices(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as first:
        store = TakeStore(tmp_path, first.check)
        picture = np.zeros((16, 24, 3), np.uint8)
        store.save(frame_plan(), picture, "mine")
        holder = json.loads((tmp_path / ".lock.json").read_text())
        other = {**holder, "host": "elsewhere", "token": "theirs"}
        (tmp_path / ".lock.json").write_text(json.dumps(other))
        with pytest.raises(LockedError, match="elsewhere .* took this folder over"):
            store.save(replace(frame_plan(), index=1), picture, "mine")
        with pytest.raises(LockedError):
            store.archive([FrameRef("main", 0)])
        assert store.find_frames("main") == (0,)
        assert not (tmp_path / "superseded").exists()
    assert json.loads((tmp_path / ".lock.json").read_text())["token"] == "theirs", "it is not ours to remove"
    with lock_folder(tmp_path):
        pass


def test_what_cannot_be_written_into_a_folder_that_is_gone_is_told_as_that(tmp_path: Path) -> None:
    folder, away = tmp_path / "render", tmp_path / "away"
    with pytest.raises(OutputError, match="render: it was moved or deleted"), lock_folder(folder):  # noqa: PT012
        folder.rename(away)
        write_atomic(folder / "record.jsonl", "a line")
    other = tmp_path / "other"
    with pytest.raises(OutputError, match=r"record\.jsonl: cannot be written"), lock_folder(other):
        write_atomic(other / "nowhere" / "record.jsonl", "a line")
