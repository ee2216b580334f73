"""Which of the pictures of a timelapse each frame shows, so that the change looks even."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vqanim.files import Picture

SAMPLES = 4096
"""Pixels of a picture, at most, on which change is measured; they lie on a grid."""
REFINEMENTS = 24
"""Halvings of the range in which the pace lies: far below one level of one pixel."""

Sample = npt.NDArray[np.float32]


class Pick(NamedTuple):
    """A picture, or a blend of it and the one after it."""

    index: int
    share: float = 0.0
    """Of the one after it, 0..1."""


def sample(picture: Picture) -> Sample:
    """A grid of a picture's pixels, [n, 3] in levels, enough to tell by how much two pictures differ."""
    height, width, _ = picture.shape
    stride = max(1, int(np.ceil(np.sqrt(height * width / SAMPLES))))
    return picture[::stride, ::stride].reshape(-1, 3).astype(np.float32)


def change(before: Sample, after: Sample) -> float:
    """Mean absolute difference, in levels."""
    return float(np.abs(after - before).mean())


def mix(before: Picture, after: Picture, share: float) -> Picture:
    """A blend of two pictures, uint8 [H, W, 3], rounded to the nearest level."""
    blended = before + np.float32(share) * (after.astype(np.float32) - before)
    return np.asarray(np.floor(blended + 0.5), dtype=np.uint8)
