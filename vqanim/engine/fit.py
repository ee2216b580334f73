"""How a picture of any shape becomes a frame. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps


def cover(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """Width and height filled, the overhang cut off evenly."""
    return ImageOps.fit(picture, size, Pillow.Resampling.LANCZOS)


def contain(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """All of the picture, with margins in its mean color."""
    mean = np.asarray(picture).mean((0, 1)).round().astype(int).tolist()
    return ImageOps.pad(picture, size, Pillow.Resampling.LANCZOS, color=tuple(mean))


def stretch(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """All of the picture, in another shape."""
    return picture.resize(size, Pillow.Resampling.LANCZOS)


FITS: Mapping[str, Callable[[Pillow.Image, tuple[int, int]], Pillow.Image]] = {
    "cover": cover,
    "contain": contain,
    "stretch": stretch,
}
