"""Old results are never overwritten: they are archived in superseded/001/, superseded/002/ and so on."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from vqanim.errors import OutputError
from vqanim.files import Guard, make_folder, make_folder_in, write_atomic, writing

_NUMBERED = re.compile(r"\d{3,}")


def next_archive(folder: Path) -> Path:
    """Make and give the next free superseded/NNN of a render's folder. Raises OutputError."""
    parent = folder / "superseded"
    make_folder_in(folder, parent)
    while True:
        with writing(parent):
            taken = [int(p.name) for p in parent.iterdir() if _NUMBERED.fullmatch(p.name)]
        free = parent / f"{max(taken, default=0) + 1:03d}"
        try:
            with writing(free):
                free.mkdir()
        except OutputError:
            if not free.exists():
                raise
        else:
            return free


def write_keeping_old(
    path: Path, text: str, archive: Path | None = None, guard: Guard = lambda: None
) -> Path | None:
    """Write a text file atomically; an older one with other contents is moved away, not overwritten.

    It goes to `archive`, the folder to which the frames of the same older scene went, or else to the next
    free superseded/NNN beside it. Returns where it went; None when there was nothing to move. The file is not
    touched when its contents are the same. guard: see files.staged. Raises OutputError.
    """
    content = text.encode("utf-8")
    with writing(path):
        old = path.read_bytes() if path.exists() else None
    if old == content:
        return None
    moved = None
    if old is not None:
        fits = archive is not None and not (archive / path.name).exists()
        moved = (archive if archive and fits else next_archive(path.parent)) / path.name
        # A copy first: a stop between the two steps must not leave a folder without the file.
        write_atomic(moved, old, guard)
    make_folder(path.parent)
    write_atomic(path, content, guard)
    return moved


def move_into(path: Path, folder: Path) -> None:
    """Move a file into a folder of the same disk where its name is free. Raises OutputError."""
    target = folder / path.name
    with writing(target):
        if target.exists():
            raise FileExistsError(errno.EEXIST, "there is already such a file", str(target))
        path.rename(target)
