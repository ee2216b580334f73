"""A looping GIF with one palette made for the whole film."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import floor, sqrt
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vqanim.ffmpeg import BITEXACT, encode, raw_input
from vqanim.files import Picture, staged, writing
from vqanim.film.formats.video import upscale_filter
from vqanim.film.reel import Film, Format, Output, Reel, Sink, fill, fit_width, fitted_height

MAX_FPS = Fraction(50)
"""Delays are hundredths of a second, and browsers show delays below two of them as ten."""

MOST_KEPT = 250_000_000
"""Bytes of pictures that are kept until the palette is known."""

SAMPLE = 250_000
"""Pixels that a palette is made from; ffmpeg's time for one grows with the different colors among them."""
SAMPLE_WIDTH = 256
LEAST_SAMPLED = 16
"""Of the shorter side of every picture at least so many rows or columns count."""

# Error diffusion hides the 256 colors of painted pictures best; unchanged rectangles keep their dots, so that
# what stands still does not crawl.
_MAKE_PALETTE = ("-vf", "palettegen=stats_mode=full", "-frames:v", "1", "-update", "1")
_USE = "paletteuse=dither=sierra2_4a:diff_mode=rectangle"


def choose_frames(count: int, fps: Fraction, gif_fps: Fraction) -> tuple[tuple[int, ...], Fraction]:
    """Which of `count` film frames a GIF shows, evenly spaced, and at how many frames a second.

    That rate is the one nearest below `gif_fps`, the film's own and MAX_FPS at which the GIF lasts exactly
    as long as the film. At least one frame is shown.
    """
    shown = max(1, floor(count * min(gif_fps, fps, MAX_FPS) / fps))
    return tuple(k * count // shown for k in range(shown)), shown * fps / count


def write_gif(reel: Reel, path: Path, gif_fps: Fraction, width: int, upscale: int = 1) -> None:
    """Encode a film to a GIF, as `open_gif` does. Raises OutputError."""
    indices, _ = choose_frames(reel.count, reel.fps, gif_fps)
    fill(open_gif(reel, path, gif_fps, width, upscale), reel.play(indices))


@contextmanager
def open_gif(reel: Reel, path: Path, gif_fps: Fraction, width: int, upscale: int = 1) -> Iterator[Sink]:
    """A GIF of at most `width` pixels (before it is enlarged) and `gif_fps`, from the pictures of the film
    frames that `choose_frames` names.

    It loops forever. The file appears at `path` whole or not at all. The palette is made from some pixels of
    every picture, and until it is there the pictures lie in a temporary file; where they are too many for
    that, the film is played again. Raises OutputError.
    """
    indices, rate = choose_frames(reel.count, reel.fps, gif_fps)
    columns, height = min(width, reel.width), fitted_height(reel.width, reel.height, width)
    enlarge = f"{upscale_filter(upscale)},null[v];[v]" if upscale > 1 else ""
    with tempfile.TemporaryDirectory() as scratch, staged(path) as temporary:
        palette, kept = Path(scratch) / "palette.png", Path(scratch) / "pictures"
        keeps = len(indices) * columns * height * 3 <= MOST_KEPT

        def write(sample: Picture) -> None:
            encode([*raw_input(sample.shape[1], sample.shape[0], "1"), *_MAKE_PALETTE], [sample], palette)
            source = raw_input(columns, height, f"{rate.numerator}/{rate.denominator}")
            use = ["-i", str(palette), "-lavfi", f"[0:v]{enlarge}[1:v]{_USE}"]
            shape = (height, columns, 3)
            again = read_kept(kept, shape) if keeps else map(seen.shrink, reel.play(indices))
            encode([*source, *use, *BITEXACT, "-loop", "0", "-f", "gif"], again, temporary)

        stride = pixel_stride(len(indices), columns, height)
        with Kept(kept if keeps else None, width, stride, write) as seen:
            yield seen


def pixel_stride(count: int, width: int, height: int) -> int:
    """Each how many rows and columns a palette is made from, so that some SAMPLE pixels of a film count."""
    return max(1, min(round(sqrt(count * width * height / SAMPLE)), min(width, height) // LEAST_SAMPLED))


class Kept:
    """The pictures of a GIF until its palette is known, and the pixels that this is made from."""

    def __init__(self, path: Path | None, width: int, stride: int, write: Callable[[Picture], None]) -> None:
        """path: where they are kept; None to keep only the pixels for the palette, which is what `write` is
        given when the last picture is there."""
        self._path, self._width, self._stride, self._write = path, width, stride, write
        self._sampled: list[Picture] = []
        self._file: BinaryIO | None = None

    def put(self, picture: Picture) -> None:
        small = self.shrink(picture)
        shift = len(self._sampled) % self._stride  # other pixels of every picture
        self._sampled.append(small[shift :: self._stride, shift :: self._stride].reshape(-1, 3).copy())
        if self._file is not None and self._path is not None:
            with writing(self._path):
                self._file.write(np.ascontiguousarray(small).data)

    def end(self) -> None:
        """Encode the GIF, while other encoders finish what they were given."""
        self._close()
        self._write(self.sample())

    def sample(self) -> Picture:
        """The pixels for the palette as a picture; the first ones again where its last row has room."""
        pixels = np.concatenate(self._sampled)
        rows = -(-len(pixels) // SAMPLE_WIDTH)
        return np.resize(pixels, (rows, SAMPLE_WIDTH, 3))

    def shrink(self, picture: Picture) -> Picture:
        """A picture as large as those of the GIF."""
        return fit_width(picture, self._width)

    def __enter__(self) -> Kept:
        if self._path is not None:
            with writing(self._path):
                self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None and self._path is not None:
            with writing(self._path):
                self._file.close()


def read_kept(path: Path, shape: tuple[int, int, int]) -> Iterator[Picture]:
    """The pictures that were written to a file."""
    size = shape[0] * shape[1] * shape[2]
    with path.open("rb") as file:
        while len(data := file.read(size)) == size:
            yield np.frombuffer(data, np.uint8).reshape(shape)


class GifFormat(Format):
    """The film as a GIF of the scene's width and rate, or in full."""

    about = "a looping GIF, bounded in size unless --gif-full"

    def output(self, name: str, film: Film) -> Output:
        """Those frames of the film that the GIF shows."""
        timeline, reel, path = film.timeline, film.reel, film.path(".gif")
        fps, width = timeline.gif_fps, timeline.gif_width
        if film.options.gif_full:
            fps, width, path = min(timeline.fps, MAX_FPS), timeline.width, film.path("-full.gif")
        return Output(
            name,
            path,
            film.shown | {"gif_fps": str(fps), "width": width},
            choose_frames(reel.count, reel.fps, fps)[0],
            lambda: open_gif(reel, path, fps, width, film.options.upscale),
        )
