"""Files as the whole project handles them: written whole or not at all, read only where they are files."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias, cast

from vqanim.errors import InputError, OutputError
from vqanim.leftovers import TEMP_SUFFIX, temporary_beside

Guard: TypeAlias = Callable[[], None]
"""Raises where a file may no longer be written, because somebody else holds its folder."""

MOST_BYTES = 64 * 2**20
"""Of a file that is read as a whole where nothing else is said: far more than any that is written here."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run again, it will continue",
    errno.EFBIG: "the file is larger than this disk or this account may have; write elsewhere and run again",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space and run again, it will continue",
    errno.EACCES: "permission denied; give yourself write access or choose another folder",
    errno.EPERM: "permission denied; give yourself write access or choose another folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder; move that file or choose another folder",
    errno.EEXIST: "a file is where a folder should be; move it or choose another folder",
    errno.EISDIR: "a folder is where a file should be; move it or choose another folder",
    errno.ELOOP: "it is a link; remove it, or choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
_LONGEST = 1024  # bytes of a folder's path that is made
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_GONE = "it was moved or deleted meanwhile; run again, it will continue"
_NO_FOLDER = "its folder is not there; make it, or put it back where it was moved or deleted, and run again"


class NotAFile(InputError, OSError):
    """Something that cannot be read as a file is: a folder, a pipe, a socket, a device, or far too large."""

    def __init__(self, path: Path | str, reason: str) -> None:
        OSError.__init__(self, errno.EINVAL, reason)
        self.reason = reason  # as it goes on after the name
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; give a regular file"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError raised inside into an OutputError that names `path` and what to do next."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = _REMEDIES.get(error.errno or 0, f"{reason}; check the disk and run again, it will continue")
        if error.errno == errno.ENOENT:
            remedy = _GONE if path.parent.is_dir() else _NO_FOLDER
        raise OutputError(f"{path}: cannot be written: {remedy}") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there. Raises OutputError."""
    with writing(folder):
        if len(os.fsencode(folder)) > _LONGEST:  # Python makes the folders above it by calling itself
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(folder))
        folder.mkdir(parents=True, exist_ok=True)


def make_folder_in(root: Path, folder: Path) -> None:
    """Make a folder below `root` unless it is there. Folders come from strangers too: one that a link leads
    out of `root` is refused. Raises OutputError."""
    make_folder(folder)
    with writing(folder):
        real, inside = folder.resolve(), root.resolve()
    if not real.is_relative_to(inside):
        raise OutputError(
            f"{folder}: leads out of {root}, to {real}; remove the link, or choose another folder"
        )


def sync_file(path: Path) -> None:
    """Wait until the contents of a file are on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a rename outlives a power cut."""
    if os.name == "nt":  # Windows cannot open folders, and keeps renames in its journal
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def staged(path: Path, guard: Guard = lambda: None, sync: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there appears as `path` at the end, whole.

    guard: called right before that; what it raises keeps the file from appearing. When the block raises,
    the temporary file is removed and `path` stays as it was. A killed process may leave the temporary file,
    never a part of `path`; `remove_temporary` clears it away.
    sync: wait until it is on the disk, so that it is whole after a power cut, too.
    Raises OutputError when the disk refuses.
    """
    with writing(path):  # whoever writes may say it less clearly
        if not path.name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.parent.stat()
        check_place(path)
    temporary = temporary_beside(path)
    try:
        yield temporary
        with writing(path):
            if sync:
                sync_file(temporary)
            guard()
            temporary.replace(path)
            if sync:
                sync_folder(path.parent)
    finally:
        with writing(path):
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str, guard: Guard = lambda: None) -> None:
    """Write a file whole (text as UTF-8), or raise OutputError and leave what was. guard: see `staged`."""
    content = data.encode("utf-8") if isinstance(data, str) else data
    with writing(path), staged(path, guard) as temporary:
        temporary.write_bytes(content)


def open_file(path: Path | str) -> BinaryIO:
    """Open a regular file for reading. All that others may have put in its place, such as a pipe, which would
    never answer, or a device, which would never end, is refused before a byte is read.

    Raises NotAFile, and OSError where it is missing or may not be read.
    """
    # Without waiting, as opening a pipe waits for somebody who writes into it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0))
    except ValueError as error:  # a name with a NUL, which no file has
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # how a socket is told
            raise NotAFile(path, "is a socket, not a file") from error
        raise
    try:
        if kind := _kind(os.fstat(handle).st_mode):
            raise NotAFile(path, f"is {kind}, not a file")
        return cast(BinaryIO, os.fdopen(handle, "rb"))
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: Path | str, limit: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file, of which there may be so many. Raises NotAFile and OSError."""
    with open_file(path) as file:
        return read_limited(file, path, limit)


def read_text(path: Path | str, limit: int = MOST_BYTES) -> str:
    """The same as a text in UTF-8. Raises UnicodeDecodeError, too."""
    return read_bytes(path, limit).decode("utf-8").replace("\r\n", "\n")


def read_limited(file: IO[bytes], path: Path | str, limit: int) -> bytes:
    """The rest of an open file, of which there may be so many bytes. Raises NotAFile and OSError."""
    if os.fstat(file.fileno()).st_size > limit or len(content := file.read(limit + 1)) > limit:
        raise NotAFile(path, f"has more than {in_megabytes(limit)}")
    return content


def in_megabytes(size: float) -> str:
    """Bytes as `64 MB`, `0.2 MB`."""
    return f"{size / 2**20:.0f} MB" if size >= 2**20 else f"{size / 2**20:.1g} MB"


def _kind(mode: int) -> str:
    """What something is that is no regular file, by its mode; empty for one that is."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return "" if stat.S_ISREG(mode) else kinds.get(stat.S_IFMT(mode), "something else")


def check_place(path: Path) -> None:
    """Raise OutputError where a device, a pipe or a socket is in a file's place that is to be written."""
    if exists(path) and not path.is_dir() and (wrong := no_file(path)):
        raise OutputError(f"{path}: {wrong}; choose another name")


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file of any size. Raises NotAFile and OSError."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def remove_temporary(folder: Path) -> None:
    """Remove what killed writers left in a folder. Call it only while holding the folder's lock."""
    with writing(folder):
        for stray in folder.glob(f".*{TEMP_SUFFIX}"):
            if stray.is_dir() and not stray.is_symlink():
                shutil.rmtree(stray)
            else:
                stray.unlink(missing_ok=True)


def is_file(path: Path | str) -> bool:
    """Whether a path, or what else a user wrote in its place, leads to a file."""
    with suppress(OSError, ValueError):  # a name that no file system takes
        return Path(path).is_file()
    return False


def exists(path: Path | str) -> bool:
    """Likewise, to a file or a folder."""
    with suppress(OSError, ValueError):
        return Path(path).exists()
    return False


def passes_locks(path: Path) -> bool:
    """Whether the disk of a lock file knows locks; some network disks do not, and say so only when one is
    tried. To be asked where a lock was refused: a lock that somebody holds is one that is known."""
    if os.name == "nt":
        return True
    import fcntl

    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    return True


def no_file(path: Path, missing: str = "is missing") -> str | None:
    """What is wrong with a path that is to be read, or None; a pipe or a device would never end."""
    try:
        if kind := _kind(path.stat().st_mode):
            return f"is {kind}, not a file"
    except (OSError, ValueError):  # a name that no file system takes
        return "is a link that leads nowhere" if _is_link(path) else missing
    return None


def holds(path: Path, content: bytes) -> bool:
    """Whether a regular file has just these bytes. Raises OSError where it is there and cannot be read."""
    try:
        return read_bytes(path, len(content)) == content
    except (NotAFile, FileNotFoundError):
        return False


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link that leads nowhere included."""
    return os.path.lexists(path)


def refuse_special(path: Path) -> None:
    """Raise OutputError where something that is no regular file has the place of one that is appended to."""
    if is_there(path) and (wrong := no_file(path)):
        raise OutputError(f"{path}: {wrong}; move it, and run again")


def check_file(path: Path | str) -> None:
    """Raise NotAFile or OSError unless something is a regular file that can be read: for libraries that open
    files by name themselves."""
    open_file(path).close()


def _is_link(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_symlink()
    return False


@contextmanager
def warnings_off() -> Iterator[None]:
    """Readers of files warn about odd tags that change nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
