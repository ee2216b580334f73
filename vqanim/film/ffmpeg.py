"""Runs the ffmpeg that comes with imageio-ffmpeg: no shell, no leftovers, its own words when it fails."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from vqanim.errors import OutputError
from vqanim.ffmpeg import QUIET, executable
from vqanim.files import TEMP_SUFFIX, Picture

__all__ = ["BITEXACT", "BITEXACT_FLAGS", "QUIET", "encode", "executable", "raw_input", "words_of"]

BITEXACT_FLAGS = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""No dates, versions or random numbers in the file."""
BITEXACT = ("-map_metadata", "-1", *BITEXACT_FLAGS)
"""Nor anything that an input says of itself."""

_UNKNOWN = re.compile(r"Unknown encoder '([^']*)'")
_TAIL = 400
"""Characters of ffmpeg's last words that go into an error."""


def raw_input(width: int, height: int, fps: str) -> list[str]:
    """Options of an input of RGB pictures through standard input, `width` x `height` pixels each."""
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    return [*shape, "-framerate", fps, "-i", "pipe:0"]


def encode(arguments: Sequence[str], pictures: Iterable[Picture], output: Path) -> None:
    """Run ffmpeg with `arguments`, feed it `pictures` one at a time, and write `output`.

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
        with process:
            try:
                _feed(process, pictures)
                code = process.wait()
            except BaseException:
                process.kill()
                _close(process)
                raise
        if code != 0:
            raise OutputError(_failure(output, messages, code))


def _feed(process: subprocess.Popen[bytes], pictures: Iterable[Picture]) -> None:
    """Write all pictures; stop quietly when ffmpeg has ended, for its exit code tells why."""
    stdin = process.stdin
    assert stdin is not None
    for picture in pictures:
        try:
            stdin.write(picture.data)
        except (BrokenPipeError, ConnectionResetError):
            break
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    """End ffmpeg's input; what is still buffered cannot reach one that has ended."""
    if process.stdin is not None:
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.close()


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
