"""Encodes with the ffmpeg that comes with imageio-ffmpeg: no leftovers, its own words when it fails."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from vqanim.errors import OutputError
from vqanim.ffmpeg import LOCAL, QUIET, Watchdog, Words, executable, kill, patience, start
from vqanim.files import TEMP_SUFFIX, Picture

BITEXACT_FLAGS = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""No dates, versions or random numbers in the file."""
BITEXACT = ("-map_metadata", "-1", *BITEXACT_FLAGS)
"""Nor anything that an input says of itself."""

_UNKNOWN = re.compile(r"Unknown encoder '([^']*)'")


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
