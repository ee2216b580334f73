"""Several processes of one render paint different shots of the same folder at the same time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.plans import frame_plan
from vqanim.errors import LockedError
from vqanim.takes.lock import FolderLock, lock_folder
from vqanim.takes.store import TakeStore

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 12

WORKER = """
import pickle, sys
from dataclasses import replace
import numpy as np
from tests.plans import frame_plan

store = pickle.loads(sys.stdin.buffer.read(int(sys.argv[2])))
print("ready", flush=True)
for index in range(FRAMES):
    sys.stdin.buffer.read(1)
    plan = replace(frame_plan(), shot=sys.argv[1], index=index)
    store.save(plan, np.full((16, 24, 3), index, np.uint8), f"{sys.argv[1]}{index}")
    print("saved", flush=True)
""".replace("FRAMES", str(FRAMES))


class Worker:
    """Another process of a render, which saves a frame of its shot whenever it is told to."""

    def __init__(self, shot: str, store: TakeStore) -> None:
        data, pipe = pickle.dumps(store), subprocess.PIPE
        command = [sys.executable, "-c", WORKER, shot, str(len(data))]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
        self._write(data)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def save(self, count: int = 1) -> None:
        """Tell it to save so many frames, one after another; does not wait."""
        self._write(b"." * count)

    def finish(self) -> tuple[int, str]:
        """Exit code and messages, once it has ended."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors.decode()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def start(shots: Sequence[str], store: TakeStore, stack: ExitStack) -> list[Worker]:
    return [stack.enter_context(Worker(shot, store)) for shot in shots]


@pytest.mark.slow
def test_two_processes_save_into_two_shots_at_once(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as lock, ExitStack() as stack:
        store = TakeStore(tmp_path, lock.check)
        for shot in ("one", "two"):  # what is in the way moves to superseded/, of both at the same time
            for index in range(FRAMES):
                store.save(
                    replace(frame_plan(), shot=shot, index=index), np.full((8, 8, 3), 99, np.uint8), "old"
                )
        workers = start(("one", "two"), store, stack)
        for worker in workers:
            worker.save(FRAMES)
        assert [worker.finish() for worker in workers] == [(0, "")] * 2
        for shot in ("one", "two"):
            found = [store.record(shot, index) for index in range(FRAMES)]
            assert [record.digest for record in found if record] == [f"{shot}{n}" for n in range(FRAMES)]
            record = (store.shot_folder(shot) / "record.jsonl").read_text()
            for index in range(FRAMES):
                assert np.all(store.load(shot, index) == index)
                store.record(shot, index)
            again = (store.shot_folder(shot) / "record.jsonl").read_text()
            assert again == record, "what another process has recorded is known, not hashed anew"
            moved = tmp_path.glob(f"superseded/*/{shot}/*.png")
            assert sorted(path.name for path in moved) == [f"{index:06d}.png" for index in range(FRAMES)]
        assert not list(tmp_path.rglob("*.vqanim-tmp"))


def test_a_worker_leaves_what_another_one_is_writing(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as lock:
        store, picture = TakeStore(tmp_path, lock.check), np.zeros((8, 8, 3), np.uint8)
        store.save(replace(frame_plan(), shot="one"), picture, "d")
        half = tmp_path / "takes/one/.000009.png.0123abcd.vqanim-tmp"
        half.write_bytes(b"half of a frame")
        pickle.loads(pickle.dumps(store)).save(replace(frame_plan(), shot="two"), picture, "d")
        assert half.exists()


@pytest.mark.slow
def test_workers_stop_when_the_folder_is_taken_over(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as lock, ExitStack() as stack:
        (worker,) = start(["one"], TakeStore(tmp_path, lock.check), stack)
        worker.save()
        assert worker.process.stdout is not None
        assert worker.process.stdout.readline() == b"saved\n"
        holder = tmp_path / ".lock.json"
        holder.write_text(holder.read_text().replace(lock.token, "theirs"))
        worker.save(FRAMES)
        code, errors = worker.finish()
        assert code != 0
        assert "took this folder over" in errors
        assert TakeStore(tmp_path).find_frames("one") == (0,)


HOLD = """
import pickle, sys
from pathlib import Path
from vqanim.takes.lock import lock_folder
with lock_folder(Path(sys.argv[1])) as lock:
    print(pickle.dumps(lock).hex(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="nobody can ask there whether a process runs")
def test_a_worker_stops_when_the_holder_was_killed(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=pipe, stdout=pipe
    ) as holder:
        assert holder.stdout is not None
        lock: FolderLock = pickle.loads(bytes.fromhex(holder.stdout.readline().decode()))
        lock.check()
        holder.kill()
        holder.wait()
        with pytest.raises(LockedError, match="has ended"):
            lock.check()
