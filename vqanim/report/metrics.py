"""Metrics of pictures: how sharp they are, their color, how far two of them differ."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vqanim.files import Picture

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


def sample_frames(frames: int, width: int, height: int) -> list[int]:
    """Which frames of a film to measure: all, or as many as are measured in seconds.

    They stand in the middle of equal parts of the film.
    """
    count = min(frames, MOST_FRAMES, max(LEAST_FRAMES, PIXELS // (width * height)))
    return [int((part + 0.5) * frames / count) for part in range(count)]


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
    resized to the first."""
    width = min(one.shape[1], COMPARED_WIDTH)
    size = (width, max(1, round(one.shape[0] * width / one.shape[1])))
    resized = [Image.fromarray(picture).resize(size, Image.Resampling.BOX) for picture in (one, other)]
    small = [np.array(image).astype(np.int16) for image in resized]
    return float(np.abs(small[0] - small[1]).mean())
