"""Places that hold what is no file, made anew for each test."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[[Path], None]


def _folder(path: Path) -> None:
    path.mkdir(parents=True)


def _socket(path: Path) -> None:
    """Under a short name, as those of sockets are limited."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{short}/s")
        Path(f"{short}/s").rename(path)


def _huge(path: Path) -> None:
    """So large that reading it as a whole would take all memory; nothing on the disk is used for it."""
    with path.open("wb") as file:
        file.truncate(1 << 38)


KINDS: dict[str, Put] = {
    "pipe": os.mkfifo,
    "folder": _folder,
    "socket": _socket,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "nowhere": lambda path: path.symlink_to("nowhere-at-all"),
    "circle": lambda path: path.symlink_to(path.name),
    "huge": _huge,
}
"""What may lie where a file is expected, by a name for it."""


@pytest.fixture(params=list(KINDS))
def put(request: pytest.FixtureRequest) -> Put:
    """Puts one kind of what is no file in a place."""
    return KINDS[request.param]
