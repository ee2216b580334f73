"""Frames between others by ffmpeg's minterpolate, which finds the movement in the pictures themselves."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import IO

import numpy as np

from vqanim.errors import OutputError
from vqanim.ffmpeg import QUIET, Watchdog, Words, executable, kill, patience, start
from vqanim.files import Picture
from vqanim.film.ffmpeg import raw_input

# Where one picture has nothing to do with the next (scene change detection), frames are doubled, not mixed.
_FILTER = "minterpolate=fps={fps}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"


def interpolate(
    pictures: Iterable[Picture], size: tuple[int, int], rate: Fraction, fps: Fraction
) -> Generator[Picture, None, None]:
    """Pictures at `fps` from some at `rate`, each uint8 [H, W, 3] of `size` (W, H).

    One picture and what ffmpeg holds are in memory. The last ones may be missing (see `held`).
    Raises OutputError, and whatever making the pictures raises.
    """
    width, height = size
    command = [
        *(executable(), *QUIET, *raw_input(width, height, f"{rate.numerator}/{rate.denominator}")),
        *("-vf", _FILTER.format(fps=f"{fps.numerator}/{fps.denominator}")),
        *("-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"),
    ]
    limit = patience()
    process = start(command, subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = _Feeder(process.stdin, pictures)
    with Words(process.stderr) as words, Watchdog(process, limit) as watchdog:
        try:
            feeder.start()
            while True:
                with watchdog.watching():
                    data = process.stdout.read(width * height * 3)
                if len(data) < width * height * 3:
                    break
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
            code = process.wait()
        finally:
            kill(process)
            process.stdout.close()
            feeder.join()
            process.wait()
    if feeder.error is not None:
        raise feeder.error
    if watchdog.bitten or code != 0:
        raise OutputError(f"ffmpeg cannot find the frames between ({words.last or 'it took too long'})")


def held(pictures: Iterator[Picture], count: int) -> Iterator[Picture]:
    """The first `count` of some pictures; where there are fewer, the last one stays."""
    last: Picture | None = None
    for _ in range(count):
        last = next(pictures, last)
        if last is None:
            raise OutputError("ffmpeg made no picture of these frames")
        yield last


class _Feeder(threading.Thread):
    """Writes pictures to a pipe beside the one who reads the other end; keeps what went wrong."""

    def __init__(self, pipe: IO[bytes], pictures: Iterable[Picture]) -> None:
        super().__init__(daemon=True, name="feed ffmpeg")
        self.error: BaseException | None = None
        self._pipe = pipe
        self._pictures = pictures

    def run(self) -> None:
        """Ends when all is written, or when nobody reads any more."""
        try:
            for picture in self._pictures:
                self._pipe.write(np.ascontiguousarray(picture).data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except BaseException as error:  # raised again where the pictures are read
            self.error = error
        with suppress(BrokenPipeError, ConnectionResetError):
            self._pipe.close()
