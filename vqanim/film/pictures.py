"""Saved frames as the encoders want them: one at a time, all of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.errors import InputError, OutputError
from vqanim.files import Picture, read_picture


def read_frame(path: Path) -> Picture:
    """One saved frame, uint8 [H, W, 3]. Raises OutputError when it is missing or broken."""
    try:
        return read_picture(path)
    except InputError as error:
        raise OutputError(f"{error}; run again, and it will be painted again") from error


def read_frames(paths: Iterable[Path], width: int, height: int) -> Iterator[Picture]:
    """Saved frames in order, each uint8 [height, width, 3]; one is in memory at a time.

    Raises OutputError when one is missing, broken or of another size.
    """
    for path in paths:
        picture = read_frame(path)
        if picture.shape != (height, width, 3):
            found = f"{picture.shape[1]}x{picture.shape[0]}"
            raise OutputError(f"{path}: the frame is {found}, but the film is {width}x{height} pixels")
        yield picture


def even(picture: Picture) -> Picture:
    """A picture of even width and height, as halved chroma needs; the last column or row is repeated."""
    height, width, _ = picture.shape
    if height % 2 == 0 and width % 2 == 0:
        return picture
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def fit_width(picture: Picture, width: int) -> Picture:
    """A picture shrunk to `width` pixels by Lanczos resampling; one that is no wider stays as it is."""
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    shrunk = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(shrunk, dtype=np.uint8)
