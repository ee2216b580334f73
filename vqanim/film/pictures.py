"""The pictures of a film as the encoders want them: one at a time, all of one size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from PIL import Image

from vqanim.errors import InputError, OutputError
from vqanim.files import Picture, read_picture


@dataclass(frozen=True)
class Reel:
    """A film that can be played as often as one likes; one picture is in memory at a time."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fps: Fraction
    count: int
    """Film frames; one or more."""
    play: Callable[[Iterable[int]], Iterator[Picture]]
    """The pictures of some film frames, whose numbers ascend, each uint8 [height, width, 3].

    Raises OutputError when a saved frame is missing, broken or of another size.
    """


class Sink(Protocol):
    """Takes the pictures of a film, one after another, and is told when that was the last."""

    def put(self, picture: Picture) -> None: ...
    def end(self) -> None: ...


Opened: TypeAlias = AbstractContextManager[Sink]
"""A sink; leaving it waits until its file is whole."""


def fill(opened: Opened, pictures: Iterable[Picture]) -> None:
    """Give a sink all of its pictures and wait until its file is whole."""
    with opened as sink:
        for picture in pictures:
            sink.put(picture)
        sink.end()


def play_into(reel: Reel, wanted: Sequence[tuple[Sequence[int], Sink]]) -> None:
    """Play a film once for several sinks; each is given the pictures of its own film frames.

    Their numbers ascend. Raises OutputError, as `Reel.play` does.
    """
    takers: dict[int, list[Sink]] = {}
    for indices, sink in wanted:
        for index in indices:
            takers.setdefault(index, []).append(sink)
    order = sorted(takers)
    for index, picture in zip(order, reel.play(order), strict=True):
        for sink in takers[index]:
            sink.put(picture)
    for _, sink in wanted:  # all before one of them is waited for
        sink.end()


def read_frame(path: Path) -> Picture:
    """One saved frame, uint8 [H, W, 3]. Raises OutputError when it is missing or broken."""
    try:
        return read_picture(path)
    except InputError as error:
        raise OutputError(f"{error}; run again, and it will be painted again") from error


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
    shrunk = Image.fromarray(picture).resize(
        (width, fitted_height(picture.shape[1], picture.shape[0], width)), Image.Resampling.LANCZOS
    )
    return np.array(shrunk, dtype=np.uint8)


def fitted_height(width: int, height: int, wanted: int) -> int:
    """Pixels of height when a picture is shrunk to a width; as it is when it is no wider."""
    return height if width <= wanted else max(1, round(height * wanted / width))
