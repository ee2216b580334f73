"""Which of the pictures of a timelapse each frame shows, so that its change looks even.

The change from one picture to the next cannot simply be added up: late pictures tremble around what they
will become, and the sum grows while nothing happens. So a film at an even pace is a walk along the pictures
on which every leg, from a frame to the one after it, is as long as the others as the crow flies. Where
pictures lie farther apart than a leg, frames between them are blends of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vqanim.files import Picture

SAMPLES = 4096
"""Pixels of a picture, at most, by which change is measured; they lie on a grid."""
ALL_SAMPLES = 8_000_000
"""Of all pictures together, at most."""
PACES = 30
"""Halvings of the range in which the length of a leg lies."""
PLACES = 12
"""Halvings of the way between two pictures."""
AHEAD = 8
"""Pictures that are compared at once."""

Sample = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]
"""Those of all pictures, [n, m]."""


class Pick(NamedTuple):
    """A picture, or a blend of it and the one after it."""

    index: int
    share: float = 0.0
    """Of the one after it, 0..1."""


def sample(picture: Picture, pictures: int = 1) -> Sample:
    """A grid of pixels of one of so many pictures, [m] in levels: enough to tell how far two differ."""
    height, width, _ = picture.shape
    most = max(64, min(SAMPLES, ALL_SAMPLES // max(1, pictures)))
    stride = math.ceil(math.sqrt(height * width / most))
    return picture[::stride, ::stride].reshape(-1).astype(np.float32)


def mix(before: Picture, after: Picture, share: float) -> Picture:
    """A blend of two pictures, uint8 [H, W, 3], rounded to the nearest level."""
    blended = before + np.float32(share) * (after.astype(np.float32) - before)
    return np.asarray(np.floor(blended + np.float32(0.5)), dtype=np.uint8)


def pick_linear(pictures: int, frames: int) -> list[Pick]:
    """Every picture is shown as long; from the first to the last, and one frame alone shows the last."""
    if frames == 1:
        return [Pick(pictures - 1)]
    places = np.linspace(0.0, pictures - 1, frames)
    if pictures >= frames:
        places = np.floor(places + 0.5)
    return [to_pick(place) for place in places.tolist()]


def pick_even(samples: Sequence[Sample], frames: int) -> list[Pick]:
    """All frames differ by as much from the one before; from the first to the last, as above."""
    pictures = np.stack(samples)
    most = float(np.abs(np.diff(pictures, axis=0)).mean(1).sum())
    if frames == 1 or most == 0:
        return pick_linear(len(samples), frames)
    low, high, best = 0.0, most, walk(pictures, most, frames - 1)
    for _ in range(PACES):
        leg = (low + high) / 2
        places = walk(pictures, leg, frames - 1)
        if places[-1] < len(pictures) - 1:
            low = leg
        else:
            high, best = leg, places
    return [to_pick(place) for place in best]


def walk(pictures: Samples, leg: float, legs: int) -> list[float]:
    """Places along the pictures, so many legs of one length from the first; at most to the last picture."""
    places = [0.0]
    for _ in range(legs):
        places.append(next_place(pictures, places[-1], leg))
    return places


def next_place(pictures: Samples, place: float, leg: float) -> float:
    """The first place after one at which the picture differs by a leg from the picture there."""
    here, last = blend(pictures, place), len(pictures) - 1
    ahead = math.floor(place) + 1
    while ahead <= last:
        far = np.abs(pictures[ahead : ahead + AHEAD] - here).mean(1) >= leg
        if far.any():
            after = ahead + int(far.argmax())
            return _between(pictures, here, max(place, after - 1.0), float(after), leg)
        ahead += AHEAD
    return float(last)


def _between(pictures: Samples, here: Sample, near: float, far: float, leg: float) -> float:
    """Where a leg ends between two places, at the far one of which it is over."""
    for _ in range(PLACES):
        middle = (near + far) / 2
        if float(np.abs(blend(pictures, middle) - here).mean()) < leg:
            near = middle
        else:
            far = middle
    return far


def blend(pictures: Samples, place: float) -> Sample:
    """The picture at a place, [m]."""
    index, share = to_pick(place)
    if share == 0:
        return np.asarray(pictures[index])
    return np.asarray(pictures[index] + np.float32(share) * (pictures[index + 1] - pictures[index]))


def to_pick(place: float) -> Pick:
    """A place along the pictures as one of them, or a blend of two."""
    index = math.floor(place)
    return Pick(index, place - index)
