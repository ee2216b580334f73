"""Runs the ffmpeg that comes with imageio-ffmpeg: no shell, no leftovers, its own words when it fails."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from vqanim.errors import OutputError
from vqanim.ffmpeg import LOCAL, QUIET, executable
from vqanim.files import TEMP_SUFFIX, Picture

BITEXACT_FLAGS = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""No dates, versions or random numbers in the file."""
BITEXACT = ("-map_metadata", "-1", *BITEXACT_FLAGS)
"""Nor anything that an input says of itself."""

_UNKNOWN = re.compile(r"Unknown encoder '([^']*)'")
_TAIL = 400
"""Characters of ffmpeg's last words that go into an error."""
_KEPT = 16_384
"""Bytes of them that are kept."""
_READING = 5.0
"""Seconds for the last of them to arrive, once ffmpeg has ended."""


def raw_input(width: int, height: int, fps: str) -> list[str]:
    """Options of an input of RGB pictures through standard input, `width` x `height` pixels each."""
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    return [*shape, "-framerate", fps, *LOCAL, "-i", "pipe:0"]


class Encoder:
    """A running ffmpeg that takes the pictures of a film one after another."""

    def __init__(self, process: subprocess.Popen[bytes], watchdog: Watchdog) -> None:
        self._process = process
        self._watchdog = watchdog
        self._open = True

    def put(self, picture: Picture) -> None:
        """Hand over the next picture. One that has ended takes no more: its exit code tells why."""
        if not self._open:
            return
        assert self._process.stdin is not None
        try:
            with self._watchdog.watching():
                self._process.stdin.write(np.ascontiguousarray(picture).data)
        except (BrokenPipeError, ConnectionResetError):
            self.end()

    def end(self) -> None:
        """Say that no picture follows; what is still buffered cannot reach one that has ended."""
        self._open = False
        if self._process.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError), self._watchdog.watching():
                self._process.stdin.close()


@contextmanager
def encoding(arguments: Sequence[str], output: Path) -> Iterator[Encoder]:
    """Run ffmpeg with `arguments`; leaving the context waits until it has written `output`.

    Holds one picture in memory. ffmpeg is killed when anything goes wrong here, Ctrl-C included; the caller
    removes what is left of `output` (see files.staged). Raises OutputError with ffmpeg's last words.
    """
    # Absolute, so that no name can be taken for an option or a protocol.
    command, limit = [executable(), *QUIET, *arguments, str(output.absolute())], patience()
    process = start(command, subprocess.DEVNULL)
    with process, Words(process.stderr) as words, Watchdog(process, limit) as watchdog:
        encoder = Encoder(process, watchdog)
        try:
            yield encoder
            encoder.end()
            with watchdog.watching():
                code = process.wait()
        except BaseException:
            kill(process)
            encoder.end()
            raise
    if watchdog.bitten:
        raise OutputError(
            f"{output.parent}: ffmpeg did nothing for {watchdog.patience:g} s and was ended; run again to "
            "make the film of the frames, which are all there (VQANIM_FFMPEG_PATIENCE says how long to wait)"
        )
    if code != 0:
        raise OutputError(_failure(output, words.last, code))


def encode(arguments: Sequence[str], pictures: Iterable[Picture], output: Path) -> None:
    """Run ffmpeg with `arguments`, feed it `pictures` one at a time, and write `output`.

    Raises OutputError, as `encoding` does.
    """
    with encoding(arguments, output) as encoder:
        for picture in pictures:
            encoder.put(picture)


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


def _failure(output: Path, words: str, code: int) -> str:
    if "No space left on device" in words:
        return f"{output.parent}: the disk is full; free some space and run again, it will continue"
    if missing := _UNKNOWN.search(words):
        # Of a file that is being staged: .film.mov.0123abcd.vqanim-tmp
        name = output.name[1:].rsplit(".", 2)[0] if output.suffix == TEMP_SUFFIX else output.name
        return (
            f"{output.parent / name}: this ffmpeg has no encoder {missing[1]!r}; choose another preset, or "
            "put the path of a fuller ffmpeg into IMAGEIO_FFMPEG_EXE"
        )
    return f"{output.parent}: ffmpeg failed (exit status {code}): {words or 'it said nothing'}"
