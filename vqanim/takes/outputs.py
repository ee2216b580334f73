"""What is written besides frames never takes the place of what somebody owns: one rule for all of it.

A file (or a folder of frames) is replaced only where it is what was written there before, bit for bit. Films
and posters are known by a record beside them, pages by a seal in their last line. Anything else, whether
somebody put it there or changed it, moves to the next free superseded/NNN beside it, and that is told.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vqanim import files
from vqanim.errors import OutputError
from vqanim.files import Guard, check_place, make_folder_in, sha256_of, write_atomic, writing
from vqanim.own_files import Damaged, log, read_bytes, read_json

_ARCHIVE = re.compile(r"\d{3,}")
_SEAL = re.compile(rb"<!-- vqanim ([0-9a-f]{64}) -->\n")
_SEAL_LENGTH = 81  # bytes
MAX_PAGE = 256 * 2**20  # bytes; a page with a film in it has a tenth of that
_ENTRY = {"digest": str, "bytes": int, "sha256?": str, "inode?": int}


@dataclass(frozen=True)
class Manifest:
    """A record beside the films: by file name, the digest of all that a file was made of, and the hash of
    what was written."""

    name: str = "film.json"

    def knows(self, path: Path) -> bool:
        """Whether a file, or a folder of frames, of that name was made here before."""
        return path.name in self._read(path)

    def is_current(self, path: Path, digest: str) -> bool:
        """Whether a file is there, was made of this and is as it was then."""
        entry = self._read(path).get(path.name)
        return entry is not None and entry["digest"] == digest and self.wrote(path)

    def wrote(self, path: Path) -> bool:
        """Whether what is there is bit for bit what was written there."""
        entry = self._read(path).get(path.name, {})
        if not entry.get("sha256") or not path.exists() or entry["bytes"] != _size(path):
            return False
        return bool(entry["sha256"] == _hash(path))

    def remember(self, path: Path, digest: str, guard: Guard = lambda: None) -> Place:
        """Take note of what a file was made of; gives what became of a record that is none of ours. Raises
        OutputError."""
        with writing(path):
            entry = {"digest": digest, "bytes": _size(path), "sha256": _hash(path)}
        return self._add(path, entry, guard)

    def begin_growing(self, path: Path, guard: Guard = lambda: None) -> Place:
        """Make an empty file that grows from now on and is removed in the end; gives what became of one that
        was there and is not ours. Raises OutputError."""
        with making_way(path, self.grows(path), guard) as place, writing(path):
            path.write_bytes(b"")
            inode = path.stat().st_ino
        self._add(path, {"digest": "", "bytes": 0, "inode": inode}, guard)
        return place

    def grows(self, path: Path) -> bool:
        """Whether a file is the one that was made to grow here."""
        with suppress(OSError):
            return bool(self._read(path).get(path.name, {}).get("inode") == path.stat().st_ino)
        return False

    def _add(self, path: Path, entry: dict[str, Any], guard: Guard) -> Place:
        record, entries = path.with_name(self.name), self._read(path)
        text = json.dumps({**entries, path.name: entry}, indent=2, sort_keys=True) + "\n"
        with making_way(record, bool(entries), guard) as place:
            write_atomic(record, text, guard)
        return place

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        """All entries; none where the file is not one that was written here."""
        record = path.with_name(self.name)
        try:
            return read_json(record, {str: _ENTRY}) or {}
        except Damaged as error:
            log.warning(
                "%s: %s; so films beside it are made anew, and those that are there are kept", record, error
            )
            return {}


def _parts(path: Path) -> list[Path]:
    """A file, or the files in a folder."""
    return sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in _parts(path))


def _hash(path: Path) -> str:
    """SHA-256 of a file, or of names and contents in a folder; empty where it cannot be read."""
    try:
        if not path.is_dir():
            return sha256_of(path)
        parts = [[part.relative_to(path).as_posix(), sha256_of(part)] for part in _parts(path)]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
    except OSError:
        return ""


@dataclass
class Place:
    """Where a file is about to appear; see `making_way`."""

    path: Path
    moved_to: Path | None = field(default=None, init=False)
    """Where what somebody else had there is now."""

    @property
    def texts(self) -> tuple[str, str]:
        """What was in the place, and where it is now."""
        return str(self.path), str(self.moved_to)


@contextmanager
def making_way(path: Path, ours: bool, guard: Guard = lambda: None) -> Iterator[Place]:
    """While this lasts, a file is written to `path`. What was there and is not `ours` goes to superseded/; it
    comes back where nothing was written, and is dropped where the very same was written again. Raises
    OutputError."""
    place = Place(path)
    if not ours and files.is_there(path):
        place.moved_to = move_aside(path, guard)
    try:
        yield place
    finally:
        if place.moved_to is not None:
            _settle(place)


def _settle(place: Place) -> None:
    moved = place.moved_to
    assert moved is not None
    written = place.path.exists()
    if written and not (moved.is_file() and place.path.is_file() and _equal(moved, place.path)):
        return
    with suppress(OSError):
        if written:
            moved.unlink()
        else:
            moved.rename(place.path)
        place.moved_to = None
        moved.parent.rmdir()
        moved.parent.parent.rmdir()  # unless it holds more


def _equal(one: Path, other: Path) -> bool:
    """Whether two files hold the same; large ones are read only where their sizes are equal."""
    return _size(one) == _size(other) and _hash(one) == _hash(other)


def move_aside(path: Path, guard: Guard = lambda: None) -> Path:
    """Move a file or folder to the next free superseded/NNN beside it, and give where it is. Raises
    OutputError."""
    guard()
    check_place(path)
    archive = next_archive(path.parent)
    move_into(path, archive)
    return archive / path.name


def next_archive(folder: Path) -> Path:
    """Make and give the next free superseded/NNN of a folder. Raises OutputError."""
    parent = folder / "superseded"
    make_folder_in(folder, parent)
    while True:
        with writing(parent):
            taken = [int(p.name) for p in parent.iterdir() if _ARCHIVE.fullmatch(p.name)]
        free = parent / f"{max(taken, default=0) + 1:03d}"
        try:
            with writing(free):
                free.mkdir()
            return free
        except OutputError:
            if not free.exists():
                raise


def move_into(path: Path, folder: Path) -> None:
    """Move a file into a folder of the same disk where its name is free. Raises OutputError."""
    target = folder / path.name
    with writing(target):
        if target.exists():
            raise FileExistsError(errno.EEXIST, "there is already such a file", str(target))
        path.rename(target)


def write_keeping_old(
    path: Path, text: str, archive: Path | None = None, guard: Guard = lambda: None
) -> Path | None:
    """Write a text file atomically; an older one with other contents is moved away, not overwritten.

    It goes to `archive`, the folder to which the frames of the same older scene went, or else to the next
    free superseded/NNN beside it. Returns where it went; None when there was nothing to move. The file is not
    touched when its contents are the same. guard: see files.staged. Raises OutputError.
    """
    content = text.encode("utf-8")
    fits = archive is not None and not files.is_there(archive / path.name)
    home = archive if archive and fits else None
    if files.is_there(path) and files.no_file(path):  # a pipe, a folder, a link that leads nowhere
        home = home or next_archive(path.parent)
        move_into(path, home)
        write_atomic(path, content, guard)
        return home / path.name
    with writing(path):
        old = files.read_bytes(path, MAX_PAGE) if path.exists() else None
    if old == content:
        return None
    moved = None
    if old is not None:
        moved = (home or next_archive(path.parent)) / path.name
        # A copy first: a stop between the two steps must not leave a folder without the file.
        write_atomic(moved, old, guard)
    files.make_folder(path.parent)
    write_atomic(path, content, guard)
    return moved


def sealed(text: str) -> str:
    """An HTML page with a last line that tells whether anybody has changed it since."""
    body = text if text.endswith("\n") else text + "\n"
    digest = hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()
    return f"{body}<!-- vqanim {digest} -->\n"


def is_sealed(path: Path) -> bool:
    """Whether a file is a page that was written here and that nobody has changed since."""
    try:
        content = read_bytes(path, MAX_PAGE) or b""
    except Damaged:
        return False
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    match = _SEAL.search(seal)
    if match is None or match.end() != len(seal):
        return False
    return hashlib.sha256(body + seal[: match.start()]).hexdigest().encode() == match[1]
