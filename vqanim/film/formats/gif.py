"""A looping GIF with one palette made for the whole film."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from fractions import Fraction
from math import floor, prod, sqrt
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from vqanim.errors import OutputError
from vqanim.ffmpeg import BITEXACT, encode, raw_input, scratch_full
from vqanim.files import staged, writing
from vqanim.film.formats.video import upscale_filter
from vqanim.film.probe import check_gif, check_picture
from vqanim.film.reel import Film, Format, Output, Reel, Sink, play_into
from vqanim.leftovers import scratch_folder
from vqanim.pictures import Picture

MAX_FPS = Fraction(50)
"""Delays are hundredths of a second, and browsers show delays below two of them as ten."""

MOST_KEPT = 250_000_000  # bytes of pictures that are kept until the palette is known

SAMPLE = 250_000
"""Pixels that a palette is made from; ffmpeg's time for one grows with the different colors among them."""
SAMPLE_WIDTH = 256
LEAST_SAMPLED = 16  # of the shorter side of every picture at least so many rows or columns count

# Error diffusion hides the 256 colors of painted pictures best; unchanged rectangles keep their dots, so that
# what stands still does not crawl.
_MAKE_PALETTE = ("-vf", "palettegen=stats_mode=full", "-frames:v", "1", "-update", "1")
_CRISP = "paletteuse=dither=none:diff_mode=rectangle"
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
    with open_gif(reel, path, gif_fps, width, upscale) as sink:
        play_into(reel, [(indices, sink)])


@contextmanager
def open_gif(reel: Reel, path: Path, gif_fps: Fraction, width: int, upscale: int = 1) -> Iterator[Sink]:
    """A GIF of at most `width` pixels (before it is enlarged) and `gif_fps`, from the pictures of the film
    frames that `choose_frames` names.

    It loops forever. The file appears at `path` whole or not at all. The palette is made from some pixels of
    every picture, and until it is there the pictures lie in a temporary file; where they are too many for
    that, the film is played again. Raises OutputError.
    """
    indices, rate = choose_frames(reel.count, reel.fps, gif_fps)
    with scratch_folder() as scratch, staged(path) as temporary:
        folder = Path(scratch)
        kept = (folder / "pictures").open("w+b")
        try:
            yield _GifSink(reel, indices, rate, width, upscale, folder / "palette.png", kept, temporary, path)
        finally:
            with suppress(OSError):  # of a full disk, which was told already
                kept.close()


@dataclass
class _GifSink:
    """Keeps the pictures of a GIF until its palette is known."""

    reel: Reel
    indices: Sequence[int]
    rate: Fraction
    width: int
    upscale: int
    palette: Path
    kept: BinaryIO
    path: Path
    film: Path  # what the file at `path` is going to be

    def __post_init__(self) -> None:
        columns = min(self.width, self.reel.width)
        height = max(1, round(self.reel.height * columns / self.reel.width))
        count = len(self.indices)
        self._shape = height, columns, 3
        self._keeps = count * columns * height * 3 <= MOST_KEPT
        # Each how many rows and columns count for the palette, so that some SAMPLE pixels of the film do.
        most = min(columns, height) // LEAST_SAMPLED
        self._stride = max(1, min(round(sqrt(count * columns * height / SAMPLE)), most))
        self._sampled: list[Picture] = []

    def put(self, picture: Picture) -> None:
        small = self._shrunk(picture)
        shift = len(self._sampled) % self._stride  # other pixels of every picture
        self._sampled.append(small[shift :: self._stride, shift :: self._stride].reshape(-1, 3).copy())
        if self._keeps:
            try:
                self.kept.write(np.ascontiguousarray(small).data)
            except OSError as error:
                if error.errno in (ENOSPC, EDQUOT):
                    raise OutputError(f"{tempfile.gettempdir()}: {scratch_full()}") from error
                with writing(self.film):
                    raise

    def end(self) -> None:
        """Encode the GIF, while other encoders finish what they were given."""
        pixels = np.concatenate(self._sampled)
        rows = -(-len(pixels) // SAMPLE_WIDTH)
        # The first pixels again where the last row has room.
        sample = np.resize(pixels, (rows, SAMPLE_WIDTH, 3))
        encode([*raw_input(SAMPLE_WIDTH, rows, 1), *_MAKE_PALETTE], [sample], self.palette, self.film)
        check_picture(self.palette, self.film)
        height, columns, _ = self._shape
        source = raw_input(columns, height, self.rate)
        enlarge = f"{upscale_filter(self.upscale, self.reel.crisp)},null[v];[v]" if self.upscale > 1 else ""
        use = ["-i", str(self.palette), "-lavfi", f"[0:v]{enlarge}[1:v]{_CRISP if self.reel.crisp else _USE}"]
        encode([*source, *use, *BITEXACT, "-loop", "0", "-f", "gif"], self._pictures(), self.path, self.film)
        size = columns * self.upscale, height * self.upscale
        check_gif(self.path, len(self.indices) / self.rate, size, self.film)

    def _shrunk(self, picture: Picture) -> Picture:
        """A picture in the GIF's size, by Lanczos resampling, or of every so many pixels one."""
        if picture.shape == self._shape:
            return picture
        height, width, _ = self._shape
        how = Image.Resampling.NEAREST if self.reel.crisp else Image.Resampling.LANCZOS
        return np.array(Image.fromarray(picture).resize((width, height), how))

    def _pictures(self) -> Iterator[Picture]:
        if not self._keeps:
            yield from map(self._shrunk, self.reel.play(self.indices))
            return
        with writing(self.palette.parent):
            self.kept.seek(0)
        while data := self.kept.read(prod(self._shape)):
            yield np.frombuffer(data, np.uint8).reshape(self._shape)


class GifFormat(Format):
    """The film as a GIF of the scene's width and rate, or in full."""

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


GIF = GifFormat()
