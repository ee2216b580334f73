"""One render a folder: a lock that the operating system takes back, however its holder ends."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vqanim.errors import LockedError
from vqanim.files import make_folder, write_atomic, writing

LOCK = ".lock"
HOLDER = ".lock.json"
"""Who holds the lock. Meaningless while nobody does: a killed holder leaves it behind."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a render's folder, which is made when missing. Never waits.

    Raises LockedError, which names the holder, when another process (or this one) has it, and OutputError
    when the folder cannot be written. The lock file stays: removing it would let two processes in.
    """
    make_folder(folder)
    # Not bound to a thread, because a generator that holds it may be closed by another one.
    lock = FileLock(folder / LOCK, thread_local=False)
    with writing(folder):
        try:
            lock.acquire(blocking=False)
        except Timeout as error:  # which is an OSError too
            raise LockedError(_message(folder)) from error
    try:
        write_atomic(folder / HOLDER, _holder())
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _holder() -> str:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}) + "\n"


def _message(folder: Path) -> str:
    try:
        holder = json.loads((folder / HOLDER).read_text("utf-8"))
        who = f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process, which has just begun,"
    return f"{folder}: {who} is rendering into this folder; wait for it, stop it, or choose another folder"
