"""Runs the ffmpeg that comes with imageio-ffmpeg: no shell, no leftovers, and nothing that hangs for ever."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from vqanim.errors import OutputError
from vqanim.pictures import Picture

LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before an input: nothing in it may make ffmpeg open anything but files."""
QUIET = ("-hide_banner", "-loglevel", "error", "-y")
BITEXACT_FLAGS = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""No dates, versions or random numbers in the file."""
BITEXACT = ("-map_metadata", "-1", *BITEXACT_FLAGS)  # nor anything that an input says of itself

_TAIL = 400  # characters of ffmpeg's last words that go into an error
_KEPT = 16_384  # bytes of them that are kept
_READING = 5.0  # seconds for the last of them to arrive, once ffmpeg has ended
_ANSWERING = 30.0  # seconds for it to say what it can do
_OTHER = "install another one and put its path into IMAGEIO_FFMPEG_EXE"
_SCRATCH = re.compile(re.escape(tempfile.gettempdir()) + r"[/\\](?:tmp|vqanim-)[\w-]+[/\\]")
"""Before names of files that last only for a moment."""
_UNKNOWN = re.compile(r"Unknown encoder '([^']*)'")


@dataclass
class FfmpegError(Exception):
    """ffmpeg failed, or did nothing for too long."""

    words: str  # the last it said, in one line
    code: int
    hung: float | None = None  # seconds after which it was ended, where it was


def executable() -> str:
    """Path of the ffmpeg binary. Raises OutputError when there is none for this machine."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OutputError(
            "no ffmpeg for this machine: install one and put its path into IMAGEIO_FFMPEG_EXE"
        ) from error


def check_usable(encoders: Sequence[str] = ()) -> None:
    """Raise OutputError unless ffmpeg can be run and has these encoders; for before hours of painting."""
    command = [executable(), "-hide_banner", "-encoders"]
    seconds = min(patience(), _ANSWERING)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, start_new_session=True
        )
    except OSError as error:
        raise _not_started(command[0], error) from error
    except subprocess.TimeoutExpired as error:
        raise OutputError(
            f"{command[0]}: this ffmpeg does not answer within {seconds:g} s; {_OTHER}"
        ) from error
    if done.returncode != 0:
        words = _one_line(done.stderr)
        raise OutputError(
            f"{command[0]}: this ffmpeg cannot be used (exit status {done.returncode}): "
            f"{words or 'it said nothing'}; {_OTHER}"
        )
    has = set(done.stdout.decode("utf-8", "replace").split())
    if lacking := [name for name in encoders if name not in has]:
        raise OutputError(f"{command[0]}: this ffmpeg has no encoder {lacking[0]!r}; {_OTHER}")


def _not_started(program: str, error: OSError) -> OutputError:
    return OutputError(f"ffmpeg cannot be started ({error.strerror}): {program}; {_OTHER}")


def patience() -> float:
    """Seconds that ffmpeg may take for one picture, or to finish: `VQANIM_FFMPEG_PATIENCE`, or 300. Raises
    OutputError for what is no number above 0."""
    written = os.environ.get("VQANIM_FFMPEG_PATIENCE", "300")
    with suppress(ValueError):
        if 0 < (seconds := float(written)) < math.inf:
            return seconds
    raise OutputError(f"VQANIM_FFMPEG_PATIENCE: found {written!r}, allowed are seconds above 0, such as 300")


def raw_input(width: int, height: int, fps: Fraction | int, even: bool = False) -> list[str]:
    """Options of an input of RGB pictures through standard input, `width` x `height` pixels each. even: they
    come with even sides, as `encoding` makes them."""
    sides = (width + width % 2, height + height % 2) if even else (width, height)
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "x".join(map(str, sides))]
    return [*shape, "-framerate", str(fps), *LOCAL, "-i", "pipe:0"]


class Encoder:
    """A running ffmpeg that takes the pictures of a film one after another."""

    def __init__(self, process: subprocess.Popen[bytes], watchdog: _Watchdog, even: bool) -> None:
        self._process, self._watchdog, self._even = process, watchdog, even
        self._open = True

    def put(self, picture: Picture) -> None:
        """Hand over the next picture. One that has ended takes no more: its exit code tells why."""
        if not self._open:
            return
        assert self._process.stdin is not None
        if self._even:
            height, width, _ = picture.shape
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
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
def encoding(
    arguments: Sequence[str], output: Path, even: bool = False, film: Path | None = None
) -> Iterator[Encoder]:
    """Run ffmpeg with `arguments`; leaving the context waits until it has written `output`.

    film: what it is a part of or is going to be, which people are told of; `output` itself when None.

    even: pictures grow to even width and height, as halved chroma needs, by repeating the last column or row.
    Holds one picture in memory. ffmpeg is killed when anything goes wrong here, Ctrl-C included; the caller
    removes what is left of `output` (see files.staged). Raises OutputError with ffmpeg's last words.
    """
    try:
        # Absolute, so that no name can be taken for an option or a protocol.
        command = [*QUIET, *arguments, str(output.absolute())]
        with _running(command, subprocess.DEVNULL) as (process, watchdog):
            encoder = Encoder(process, watchdog, even)
            try:
                yield encoder
                encoder.end()
            except BaseException:
                _kill(process)
                encoder.end()
                raise
    except FfmpegError as error:
        raise OutputError(_failure(output, film or output, error)) from error


def encode(
    arguments: Sequence[str], pictures: Iterable[Picture], output: Path, film: Path | None = None
) -> None:
    """Feed ffmpeg `pictures` one at a time, and write `output`, as `encoding` does. Raises OutputError."""
    with encoding(arguments, output, film=film) as encoder:
        for picture in pictures:
            encoder.put(picture)


def decode(
    arguments: Sequence[str], size: int, pictures: Iterable[Picture] = (), memory: int | None = None
) -> Generator[bytes, None, None]:
    """What ffmpeg writes to its standard output, `size` bytes at a time (the last ones may be fewer), while
    it is fed some pictures. memory: bytes that it may take, where the system can hold it to that.

    Raises FfmpegError, OutputError, and whatever making the pictures raises."""
    with _running(arguments, subprocess.PIPE) as (process, watchdog), ThreadPoolExecutor(1) as pool:
        assert process.stdin is not None
        assert process.stdout is not None
        _hold(process, memory)
        feeding = pool.submit(_feed, process.stdin, pictures)
        try:
            while True:
                with watchdog.watching():
                    data = process.stdout.read(size)
                if not data:
                    break
                yield data
            with watchdog.watching():
                process.wait()
        finally:
            _kill(process)
            process.stdout.close()
        feeding.result()  # raises what went wrong with the pictures


def _hold(process: subprocess.Popen[bytes], memory: int | None) -> None:
    """Let a process have no more than so many bytes, where the system can do that from outside."""
    if memory is not None and sys.platform == "linux":
        import resource

        with suppress(OSError, ValueError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (memory, memory))


def _feed(pipe: IO[bytes], pictures: Iterable[Picture]) -> None:
    """Write pictures to a pipe beside the one who reads the other end, until nobody does."""
    with suppress(BrokenPipeError, ConnectionResetError):
        try:
            for picture in pictures:
                pipe.write(np.ascontiguousarray(picture).data)
        finally:
            with suppress(BrokenPipeError, ConnectionResetError):
                pipe.close()


@contextmanager
def _running(arguments: Sequence[str], output: int) -> Iterator[tuple[subprocess.Popen[bytes], _Watchdog]]:
    """ffmpeg in a session of its own, with pipes for its input and its messages, and `output`, PIPE or
    DEVNULL, for what it writes; leaving waits for its end. Raises OutputError and FfmpegError."""
    command, limit = [executable(), *arguments], patience()
    pipe = subprocess.PIPE
    try:
        # Ctrl-C is ours to handle, not ffmpeg's.
        process = subprocess.Popen(command, stdin=pipe, stdout=output, stderr=pipe, start_new_session=True)
    except OSError as error:
        raise _not_started(command[0], error) from error
    with process, _Messages(process.stderr) as words, _Watchdog(process, limit) as watchdog:
        try:
            yield process, watchdog
            with watchdog.watching():
                code = process.wait()
        except BaseException:
            _kill(process)
            raise
    if watchdog.expired or code != 0:
        raise FfmpegError(words.last, code, limit if watchdog.expired else None)


def _failure(output: Path, film: Path, error: FfmpegError) -> str:
    if error.hung is not None:
        return (
            f"{film}: ffmpeg did nothing for {error.hung:g} s and was ended; run again to "
            "make the film of the frames, which are all there (VQANIM_FFMPEG_PATIENCE says how long to wait)"
        )
    if "No space left on device" in error.words:
        scratch = Path(tempfile.gettempdir())
        if output.absolute().is_relative_to(scratch) and not film.absolute().is_relative_to(scratch):
            return f"{scratch}: {scratch_full()}"
        return f"{film.parent}: the disk is full; free some space and run again, it will continue"
    if missing := _UNKNOWN.search(error.words):
        return (
            f"{film}: this ffmpeg has no encoder {missing[1]!r}; choose another preset, or "
            "put the path of a fuller ffmpeg into IMAGEIO_FFMPEG_EXE"
        )
    words = error.words.replace(str(output.absolute()), film.name)
    words = _SCRATCH.sub("", words) or "it said nothing"
    return f"{film}: ffmpeg failed (exit status {error.code}): {words}"


def scratch_full() -> str:
    """What to do where the folder for temporary files has no room."""
    return "the disk for temporary files is full; free some space, or set TMPDIR to another folder"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that has a session of its own, and whatever it started."""
    if process.poll() is not None:  # its number may be somebody else's by now
        return
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _one_line(said: bytes) -> str:
    """What ffmpeg said, the last of it, in one line."""
    lines = said.decode("utf-8", "replace").splitlines()
    words = "; ".join(line.strip() for line in lines if line.strip())
    words = "".join(c if c.isprintable() else "?" for c in words)
    return f"... {words[-_TAIL:]}" if len(words) > _TAIL else words


class _Messages:
    """Reads what ffmpeg says as fast as it says it, and keeps the last of it: a full pipe that nobody reads
    would stop it, and a file could fill the disk."""

    def __init__(self, messages: IO[bytes] | None) -> None:
        assert messages is not None
        self._messages = messages
        self._kept = b""
        self._reader = threading.Thread(target=self._read, daemon=True)

    @property
    def last(self) -> str:
        """Its last words in one line, once it has ended."""
        self._reader.join(_READING)
        return _one_line(self._kept)

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # closed under us
            while block := os.read(self._messages.fileno(), 1 << 16):
                self._kept = (self._kept + block)[-_KEPT:]

    def __enter__(self) -> _Messages:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.join(_READING)
        self._messages.close()


class _Watchdog:
    """Ends a process that does not take the next picture, or does not come to its end, in good time."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.patience = seconds
        self.expired = False
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
                self.expired = True
                _kill(self._process)
                return

    def __enter__(self) -> _Watchdog:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
