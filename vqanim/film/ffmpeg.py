"""Runs the ffmpeg that comes with imageio-ffmpeg: no shell, no leftovers, its own words when it fails."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from vqanim.errors import OutputError
from vqanim.files import TEMP_SUFFIX, Picture

QUIET = ("-hide_banner", "-loglevel", "error", "-y")
BITEXACT_FLAGS = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""No dates, versions or random numbers in the file."""
BITEXACT = ("-map_metadata", "-1", *BITEXACT_FLAGS)
"""Nor anything that an input says of itself."""

_UNKNOWN = re.compile(r"Unknown encoder '([^']*)'")
_TAIL = 400
"""Characters of ffmpeg's last words that go into an error."""


def executable() -> str:
    """Path of the ffmpeg binary. Raises OutputError when there is none for this machine."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OutputError(
            "no ffmpeg for this machine: install one and put its path into IMAGEIO_FFMPEG_EXE"
        ) from error


def raw_input(width: int, height: int, fps: str) -> list[str]:
    """Options of an input of RGB pictures through standard input, `width` x `height` pixels each."""
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    return [*shape, "-framerate", fps, "-i", "pipe:0"]


class Encoder:
    """A running ffmpeg that takes the pictures of a film one after another."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._open = True

    def put(self, picture: Picture) -> None:
        """Hand over the next picture. One that has ended takes no more: its exit code tells why."""
        if not self._open:
            return
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(picture).data)
        except (BrokenPipeError, ConnectionResetError):
            self.end()

    def end(self) -> None:
        """Say that no picture follows; what is still buffered cannot reach one that has ended."""
        self._open = False
        if self._process.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._process.stdin.close()


@contextmanager
def encoding(arguments: Sequence[str], output: Path) -> Iterator[Encoder]:
    """Run ffmpeg with `arguments`; leaving the context waits until it has written `output`.

    Holds one picture in memory. ffmpeg is killed when anything goes wrong here, Ctrl-C included; the caller
    removes what is left of `output` (see files.staged). Raises OutputError with ffmpeg's last words.
    """
    command = [executable(), *QUIET, *arguments, str(output)]
    # Its messages go to a file, because a full pipe that nobody reads would stop it.
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                start_new_session=True,  # Ctrl-C is ours to handle, not ffmpeg's
            )
        except OSError as error:
            raise OutputError(f"ffmpeg cannot be started ({error.strerror}): {command[0]}") from error
        encoder = Encoder(process)
        with process:
            try:
                yield encoder
                encoder.end()
                code = process.wait()
            except BaseException:
                process.kill()
                encoder.end()
                raise
        if code != 0:
            raise OutputError(_failure(output, messages, code))


def encode(arguments: Sequence[str], pictures: Iterable[Picture], output: Path) -> None:
    """Run ffmpeg with `arguments`, feed it `pictures` one at a time, and write `output`.

    Raises OutputError, as `encoding` does.
    """
    with encoding(arguments, output) as encoder:
        for picture in pictures:
            encoder.put(picture)


def words_of(messages: IO[bytes]) -> str:
    """ffmpeg's messages in one line, the last ones where they are many."""
    messages.seek(0)
    lines = messages.read().decode("utf-8", "replace").split("\n")
    words = "; ".join(line.strip() for line in lines if line.strip())
    return f"... {words[-_TAIL:]}" if len(words) > _TAIL else words


def _failure(output: Path, messages: IO[bytes], code: int) -> str:
    words = words_of(messages)
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
