"""Folders of models that a user added: put in place, replaced and removed so that a stop at any moment loses
none. While one is replaced, the one before waits beside it, and comes back where nothing took its place."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vqanim.cache import cache_folder
from vqanim.files import make_folder, passes_locks, sync_folder, writing

_BEFORE = re.compile(r"\.(.+)\.[0-9a-f]{8}\.old")
_STRAYS = (".*.new", ".*.removed", ".*.old")
_MEANWHILE = 10.0  # seconds after which nobody is at work between two renames any more


@contextmanager
def staging_beside(target: Path) -> Iterator[Path]:
    """A folder to fill, one process at a time; it is removed in the end unless it took its place.

    What stopped processes left is swept away first. Raises OutputError.
    """
    make_folder(cache_folder() / "locks")
    with writing(cache_folder() / "locks"):
        lock = FileLock(cache_folder() / "locks" / "own-models.lock", thread_local=False)
        while True:
            try:
                lock.acquire(blocking=False)
                break
            except (Timeout, OSError, NotImplementedError) as error:
                if not passes_locks(Path(lock.lock_file)):
                    break
                if not isinstance(error, Timeout):
                    raise
            time.sleep(0.1)
    try:
        make_folder(target.parent)
        _sweep(target.parent)
        staging = target.with_name(f".{secrets.token_hex(4)}.new")
        make_folder(staging)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        lock.release()


def place(staging: Path, target: Path) -> None:
    """Let a whole folder take its place; one that was there is deleted only then. Raises OutputError, with
    the one before in its place."""
    before = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    with writing(target):
        had = target.exists()
        if had:
            target.rename(before)
        try:
            staging.rename(target)
            sync_folder(target.parent)
        except OSError:
            if had and not target.exists():
                before.rename(target)
            raise
    shutil.rmtree(before, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a folder, as a whole. Raises OutputError."""
    away = folder.with_name(f".{secrets.token_hex(4)}.removed")
    with writing(folder):
        folder.rename(away)
        shutil.rmtree(away)


def restore(target: Path, after: float = _MEANWHILE) -> None:
    """Bring a folder back that waits beside its place, because a process was killed while it replaced it.
    after: seconds that it must have waited."""
    with suppress(OSError):
        waiting = target.parent.glob(".*.old") if not target.exists() else ()
        for path in waiting:
            match = _BEFORE.fullmatch(path.name)
            if match and match[1] == target.name and time.time() - path.stat().st_ctime >= after:
                path.rename(target)
                return


def _sweep(folder: Path) -> None:
    """Remove what stopped processes left, once what waits to come back is back."""
    for path in folder.glob(".*.old"):
        if match := _BEFORE.fullmatch(path.name):
            restore(folder / match[1], after=0.0)
    for pattern in _STRAYS:
        for stray in folder.glob(pattern):
            shutil.rmtree(stray, ignore_errors=True)
