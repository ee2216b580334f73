"""What pictures say about themselves: how sharp they are, their color, how far two of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqanim.files import Picture

Floats = NDArray[np.float64]

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_RAMP = np.arange(256) / 255
_LINEAR = np.where(_RAMP <= 0.04045, _RAMP / 12.92, ((_RAMP + 0.055) / 1.055) ** 2.4)
"""Light of an sRGB value."""

MOST_FRAMES, LEAST_FRAMES = 600, 24
"""Frames that are measured."""
PIXELS = 24_000_000
"""Pixels that are measured in all; a second or two of a common machine."""
COMPARED_WIDTH = 256
"""Pixels to which larger pictures are shrunk before they are compared."""


def moments(frames: int, width: int, height: int, most: int = MOST_FRAMES) -> list[int]:
    """Which of the frames of a film to look at: all, or as many as are looked at in seconds.

    They stand in the middle of equal parts of the film.
    """
    count = min(frames, most, max(LEAST_FRAMES, PIXELS // (width * height)))
    return [int((place + 0.5) * frames / count) for place in range(count)]


def sharpness(picture: Picture) -> float:
    """Variance of the Laplacian (the four neighbors less four times the pixel) of Rec. 709 luma, 0..255, at
    full size: 0 for a plain area, a few hundred for a crisp photograph (Pech-Pacheco et al. 2000)."""
    luma = picture @ _LUMA
    if min(luma.shape) < 3:
        return 0.0
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.var(around - 4 * inner))


def mean_color(picture: Picture) -> str:
    """The color of all light of a picture together, `#rrggbb`."""
    means = [float(_LINEAR @ np.bincount(picture[..., c].ravel(), minlength=256)) for c in range(3)]
    light = np.array(means) / (picture.shape[0] * picture.shape[1])
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in np.clip(srgb, 0, 1).tolist())


def difference(one: Picture, other: Picture) -> float:
    """Mean absolute difference of all values, 0..255, at 256 pixels of width or less; the other picture is
    brought to the size of the first."""
    width = min(one.shape[1], COMPARED_WIDTH)
    size = (width, max(1, round(one.shape[0] * width / one.shape[1])))
    small = [_resized(picture, size).astype(np.int16) for picture in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BOX), dtype=np.uint8)


def mean(values: Iterable[float]) -> float | None:
    """The mean of those that are numbers; None when there are none."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else None


def spread(values: Sequence[float | None]) -> Floats:
    """Values as an array, nan for None."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
