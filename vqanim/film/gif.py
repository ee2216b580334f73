"""A looping GIF with one palette made for the whole film."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np

from vqanim.files import Picture, staged, writing
from vqanim.film.ffmpeg import BITEXACT, encode, raw_input
from vqanim.film.pictures import Reel, fit_width, fitted_height
from vqanim.film.video import upscale_filter

MAX_FPS = Fraction(50)
"""Delays are hundredths of a second, and browsers show delays below two of them as ten."""

MOST_KEPT = 250_000_000
"""Bytes of pictures that are kept from the palette to the film."""

# Error diffusion hides the 256 colors of painted pictures best; unchanged rectangles keep their dots, so that
# what stands still does not crawl.
_PALETTE = "palettegen=stats_mode=full"
_USE = "paletteuse=dither=sierra2_4a:diff_mode=rectangle"


def choose_frames(count: int, fps: Fraction, gif_fps: Fraction) -> tuple[tuple[int, ...], Fraction]:
    """Which of `count` film frames a GIF shows, evenly spaced, and at how many frames a second.

    That rate is the one nearest below `gif_fps`, the film's own and MAX_FPS at which the GIF lasts exactly
    as long as the film. At least one frame is shown.
    """
    shown = max(1, floor(count * min(gif_fps, fps, MAX_FPS) / fps))
    return tuple(k * count // shown for k in range(shown)), shown * fps / count


def write_gif(reel: Reel, path: Path, gif_fps: Fraction, width: int, upscale: int = 1) -> None:
    """Encode a film to a GIF of at most `width` pixels (before it is enlarged) and `gif_fps`.

    It loops forever. The file appears at `path` whole or not at all. The pictures are seen twice, for the
    palette and for the film: in between they lie in a temporary file, or, where they are too many for that,
    the film is played again. Raises OutputError.
    """
    indices, rate = choose_frames(reel.count, reel.fps, gif_fps)
    columns, height = min(width, reel.width), fitted_height(reel.width, reel.height, width)
    source = raw_input(columns, height, f"{rate.numerator}/{rate.denominator}")
    enlarge = f"{upscale_filter(upscale)}," if upscale > 1 else ""
    palette_filter = ["-vf", enlarge + _PALETTE, "-frames:v", "1", "-update", "1"]
    big = f"[0:v]{enlarge}null[v];[v]" if enlarge else "[0:v]"

    def play() -> Iterator[Picture]:
        return (fit_width(picture, width) for picture in reel.play(indices))

    with tempfile.TemporaryDirectory() as scratch, staged(path) as temporary:
        palette, kept = Path(scratch) / "palette.png", Path(scratch) / "pictures"
        keep = len(indices) * columns * height * 3 <= MOST_KEPT
        encode([*source, *palette_filter], _keeping(play(), kept) if keep else play(), palette)
        use = ["-i", str(palette), "-lavfi", f"{big}[1:v]{_USE}"]
        again = _kept(kept, (height, columns, 3)) if keep else play()
        encode([*source, *use, *BITEXACT, "-loop", "0", "-f", "gif"], again, temporary)


def _keeping(pictures: Iterable[Picture], path: Path) -> Iterator[Picture]:
    """The pictures, each written to a file on its way."""
    with writing(path), path.open("wb") as file:
        for picture in pictures:
            file.write(np.ascontiguousarray(picture).data)
            yield picture


def _kept(path: Path, shape: tuple[int, int, int]) -> Iterator[Picture]:
    """The pictures that were written to a file."""
    size = shape[0] * shape[1] * shape[2]
    with path.open("rb") as file:
        while len(data := file.read(size)) == size:
            yield np.frombuffer(data, np.uint8).reshape(shape)
