"""What can go wrong, as one tree. Every class carries the exit code of the command line.

    VqanimError
      UsageError      2   wrong options or arguments
      SceneError      2   mistakes in a scene file, all of them (3 if missing or broken files are all)
      CurveError      2   a curve without a finite value somewhere
      InputError      3   a missing or corrupt input or model
      DeviceError     4   the device is missing or out of memory
      OutputError     5   the encoder or the disk failed
      LockedError     6   another render holds the folder

A message is one line that names what was found, what is allowed and what to do next.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass

_NO_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "can't start new thread",
    "defaultcpuallocator",
)
"""Words of the system, of torch and of others, in small letters, where there was too little memory."""
MOST_PATH = 100  # characters of a field's path that are told; a mistyped key may be of any length


@dataclass(frozen=True)
class Place:
    """Where something was written."""

    file: str  # the file as the user named it, or `--set` for a value from the command line
    line: int  # line, counted from 1; 0 where there is none
    path: str = ""  # the field, as in `shots[2].camera.zoom`; empty for the file as a whole

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:" if self.line else f"{self.file}:"
        path = " ".join(self.path.split())  # a mistyped key may go over several lines
        path = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in path)
        if len(path) > MOST_PATH:
            path = f"{path[: MOST_PATH - 3]}..."
        return f"{where} {path}:" if path else where


@dataclass(frozen=True)
class Problem:
    """One mistake in a scene, printed as one line."""

    place: Place
    message: str  # what was found and what is allowed, with the nearest valid spelling
    about_file: bool = False
    """True when a file that the scene names is missing or broken (exit code 3 instead of 2)."""

    def __str__(self) -> str:
        return f"{self.place} {' '.join(self.message.splitlines())}"


class VqanimError(Exception):
    """Root of all errors that vqanim raises on purpose."""

    exit_code = 1


class UsageError(VqanimError):
    """Wrong options or arguments."""

    exit_code = 2


class SceneError(VqanimError):
    """All mistakes of a scene at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.place.file, p.place.line)))
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """2, or 3 when files are the only trouble."""
        return 3 if all(problem.about_file for problem in self.problems) else 2


class CurveError(VqanimError):
    """A curve has no finite value at some moment."""

    exit_code = 2

    def __init__(self, place: Place, index: int, reason: str) -> None:
        self.place = place
        self.index = index  # index into the sampled moments of the first one without a value
        self.reason = reason
        super().__init__(f"{place} {reason}")


class InputError(VqanimError):
    """A missing or corrupt input or model."""

    exit_code = 3


class DeviceError(VqanimError):
    """The device is missing or out of memory."""

    exit_code = 4


class OutputError(VqanimError):
    """The encoder or the disk failed."""

    exit_code = 5


def lacks_memory(error: BaseException | None) -> bool:
    """Whether something failed because there was too little memory, by the error or by what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        system = isinstance(error, OSError) and error.errno == errno.ENOMEM
        words = str(error).lower() if isinstance(error, ImportError | OSError | RuntimeError) else ""
        if system or isinstance(error, MemoryError) or any(sign in words for sign in _NO_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False


class LockedError(VqanimError):
    """Another render holds the folder."""

    exit_code = 6
