"""Runs the ffmpeg that comes with imageio-ffmpeg: no shell, and nothing that hangs for ever."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from vqanim.errors import OutputError

LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before an input: nothing in it may make ffmpeg open anything but files."""
QUIET = ("-hide_banner", "-loglevel", "error", "-y")

_TAIL = 400
"""Characters of ffmpeg's last words that go into an error."""
_KEPT = 16_384
"""Bytes of them that are kept."""
_READING = 5.0
"""Seconds for the last of them to arrive, once ffmpeg has ended."""


def executable() -> str:
    """Path of the ffmpeg binary. Raises OutputError when there is none for this machine."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OutputError(
            "no ffmpeg for this machine: install one and put its path into IMAGEIO_FFMPEG_EXE"
        ) from error


def start(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    """Start ffmpeg in a session of its own, with pipes for its input and its messages, and `output`, PIPE or
    DEVNULL, for what it writes. Raises OutputError."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to handle, not ffmpeg's
        )
    except OSError as error:
        raise OutputError(f"ffmpeg cannot be started ({error.strerror}): {command[0]}") from error


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that has a session of its own, and whatever it started."""
    if process.poll() is not None:  # its number may be somebody else's by now
        return
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class Words:
    """Reads what ffmpeg says as fast as it says it, and keeps the last of it.

    A full pipe that nobody reads would stop it, and a file could fill the disk.
    """

    def __init__(self, messages: IO[bytes] | None) -> None:
        assert messages is not None
        self._messages = messages
        self._kept = b""
        self._reader = threading.Thread(target=self._read, daemon=True)

    @property
    def last(self) -> str:
        """Its last words in one line, once it has ended."""
        self._reader.join(_READING)
        lines = self._kept.decode("utf-8", "replace").splitlines()
        words = "; ".join(line.strip() for line in lines if line.strip())
        words = "".join(c if c.isprintable() else "?" for c in words)
        return f"... {words[-_TAIL:]}" if len(words) > _TAIL else words

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # closed under us
            while block := os.read(self._messages.fileno(), 1 << 16):
                self._kept = (self._kept + block)[-_KEPT:]

    def __enter__(self) -> Words:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.join(_READING)
        self._messages.close()


class Watchdog:
    """Ends a process that does not take the next picture, or does not come to its end, in good time."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """seconds: its patience."""
        self.patience = seconds
        self.bitten = False
        self._process = process
        self._since = math.inf
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While this lasts, which is until the process has done something, its time runs."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = math.inf

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self.patience / 4)):
            if time.monotonic() - self._since > self.patience and self._process.poll() is None:
                self.bitten = True
                kill(self._process)
                return

    def __enter__(self) -> Watchdog:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()


def patience() -> float:
    """Seconds that ffmpeg may take for one picture, or to finish: `VQANIM_FFMPEG_PATIENCE`, or 300.

    Raises OutputError for what is no number above 0.
    """
    written = os.environ.get("VQANIM_FFMPEG_PATIENCE", "300")
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise OutputError(
            f"VQANIM_FFMPEG_PATIENCE: found {written!r}, allowed are seconds above 0, such as 300"
        )
    return seconds
