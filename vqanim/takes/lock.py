"""One render a folder: a lock that the operating system takes back, however its holder ends.

The operating system's lock alone does not hold where somebody deletes the lock file, nor on network disks
that pass no locks on. So the holder also leaves its name and a random token, and looks before every rename
whether the token is still its own: one that was pushed aside stops instead of writing into another's render.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vqanim.errors import LockedError, OutputError
from vqanim.files import is_there, make_folder, no_file, passes_locks, write_atomic, writing
from vqanim.own_files import Damaged, log, read_json

LOCK = ".lock"
HOLDER = ".lock.json"  # Who holds the lock. A killed holder leaves it behind.
_HOLDER = {"pid": int, "host": str, "since?": str, "started?": (str, None), "token?": str}


@dataclass(frozen=True)
class FolderLock:
    """A folder that is held. The processes that work for the holder are given (pickled) copies."""

    folder: Path
    token: str

    def check(self) -> None:
        """Raise LockedError when another process holds the folder now, and, in a process that works for the
        holder, when that has ended: somebody may begin anew any moment; OutputError when the folder is gone.
        To be called before every rename."""
        holder = _holder(self.folder)
        if not (self.folder / HOLDER).exists():
            raise self.gone()
        if holder.get("token") != self.token:
            raise LockedError(
                f"{self.folder}: {_name(holder)} took this folder over, so this render stops; "
                "all frames so far are kept"
            )
        if holder.get("host") == socket.gethostname() and not _is_alive(holder) and os.name != "nt":
            raise LockedError(
                f"{self.folder}: {_name(holder)}, whose work this is, has ended; so this stops too"
            )

    def gone(self) -> OutputError:
        """What is said when the folder, or the record of who holds it, is not there any more."""
        what = f"{HOLDER} in it" if self.folder.is_dir() else "it"
        return OutputError(
            f"{self.folder}: {what} was moved or deleted while this was at work, so this stops; run "
            "again, with --out where the folder has another place now: it continues with the frames there"
        )


@contextmanager
def lock_folder(folder: Path, work: str = "rendering") -> Iterator[FolderLock]:
    """Hold a render's folder, which is made when missing. Never waits. work: what is done, for others.

    Raises LockedError, which names the holder, when another process (or this one) has it, and OutputError
    when the folder cannot be written. The lock file stays: removing it would let two processes in. A holder
    that has ended, or one on another machine whose lock does not reach this one, is taken over.
    """
    make_folder(folder)
    if not _is_empty(folder / LOCK):  # locking it would empty it
        raise _foreign(folder / LOCK)
    # Not bound to a thread, because a generator that holds it may be closed by another one.
    lock = FileLock(folder / LOCK, thread_local=False)
    with writing(folder):
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError, NotImplementedError) as error:
            if passes_locks(folder / LOCK):
                if not isinstance(error, Timeout):
                    raise
                raise LockedError(_message(folder, work)) from error
            log.warning(
                "%s: this disk knows no locks; start no second render into the folder from another machine",
                folder,
            )
    try:
        if not _is_record(folder / HOLDER):
            raise _foreign(folder / HOLDER)
        if _is_alive(_holder(folder)):  # somebody deleted the lock file under it
            raise LockedError(_message(folder, work))
        held = FolderLock(folder, secrets.token_hex(16))
        pid, since = os.getpid(), datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        about = {"pid": pid, "host": socket.gethostname(), "since": since, "started": _started(pid)}
        write_atomic(folder / HOLDER, json.dumps({**about, "token": held.token}) + "\n")
        try:
            yield held
        except OutputError as error:  # a file may have been begun between two checks
            if folder.is_dir():
                raise
            raise held.gone() from error
        finally:
            if _holder(folder).get("token") == held.token:
                with suppress(OSError):
                    (folder / HOLDER).unlink()
    finally:
        lock.release()


def _holder(folder: Path) -> dict[str, Any]:
    """Who holds a folder, or held it; nothing where that cannot be read."""
    with suppress(Damaged):
        return read_json(folder / HOLDER, _HOLDER) or {}
    return {}


def _foreign(path: Path) -> OutputError:
    return OutputError(f"{path}: is there and no lock of vqanim's; move it, or choose another folder")


def _is_empty(path: Path) -> bool:
    """Whether a file is a lock, in which nothing stands, or is not there."""
    if not is_there(path):
        return True
    try:
        return not no_file(path) and path.stat().st_size == 0
    except OSError:
        return True


def _is_record(path: Path) -> bool:
    """Whether a file says who holds a folder, as far as it was written, or is not there."""
    return _is_empty(path) or {"pid", "host"} <= set(_holder(path.parent))


def _is_alive(holder: Mapping[str, Any]) -> bool:
    """Whether a holder is a process of this machine that still runs; not one that got its number later."""
    if os.name == "nt":  # where asking like this would end the process
        return False
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return holder.get("started") == _started(pid)


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the machine's start, which no clock can change; Linux only."""
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{fields[19]} {boot}"
    return None


def _message(folder: Path, work: str) -> str:
    who = _name(_holder(folder))
    return f"{folder}: {who} is {work} into this folder; wait for it, stop it, or choose another folder"


def _name(holder: Mapping[str, Any]) -> str:
    if not {"pid", "host", "since"} <= set(holder):
        return "another process, which has just begun,"
    return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
