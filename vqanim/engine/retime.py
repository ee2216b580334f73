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

from vqanim.pictures import Picture

SAMPLES = 2048
"""Pixels of a picture, at most, by which change is measured; they lie on a grid."""
ALL_SAMPLES = 8_000_000
"""Of all pictures together, at most."""
PACES = 5
"""Halvings of the range in which the length of a leg lies, beside those that many frames need."""
PLACES = 4
"""Guesses at where between two pictures a leg ends."""
MANY = 8
"""Pictures that are compared at once, at most."""

Sample = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]
"""Those of all pictures, [n, m]."""


class Pick(NamedTuple):
    """A picture, or a blend of it and the one after it."""

    picture: int
    share: float = 0.0
    """Of the one after it, 0..1."""


def sample(picture: Picture, pictures: int = 1) -> Sample:
    """A grid of pixels of one of so many pictures, [m] in levels: enough to measure how far two differ."""
    height, width, _ = picture.shape
    most = max(64, min(SAMPLES, ALL_SAMPLES // max(1, pictures)))
    stride = math.ceil(math.sqrt(height * width / most))
    return picture[::stride, ::stride].reshape(-1).astype(np.float32)


def mix(before: Picture, after: Picture, share: float) -> Picture:
    """A blend of two pictures, uint8 [H, W, 3].

    Rounded up or down by a pattern that is the same in all blends: else pixels that differ by a level or two
    would all change in the same frame, and none in the frames around it.
    """
    blended = before + np.float32(share) * (after.astype(np.float32) - before)
    rows, columns, channels = np.ogrid[: before.shape[0], : before.shape[1], : before.shape[2]]
    # A low-discrepancy sequence in the plane (Roberts 2018), the same as that of the cutouts.
    pattern = (0.7548776662466927 * columns + 0.5698402909980532 * rows + channels / 3) % 1
    return np.asarray(np.floor(blended + pattern), dtype=np.uint8)


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
    pictures, legs = np.stack(samples), frames - 1
    total = float(np.abs(np.diff(pictures, axis=0)).mean(1).sum())
    if legs < 1 or total == 0:
        return pick_linear(len(samples), frames)
    # A leg is never longer than its share of the total, so that so many of these arrive.
    low, high = 0.0, total / legs * (1 + 1e-6)
    best, unevenness = [0.0] * frames, math.inf
    leg = high
    for _ in range(PACES + legs.bit_length()):
        places = walk(pictures, leg, legs)
        if places[-1] < len(pictures) - 1:
            low = leg
        else:
            high = leg
        # Where a trembling picture lets the walk jump, none may arrive just at the end: what is left over or
        # missing is in the last leg.
        left = distance(pictures[-1], blend(pictures, places[-2]))
        if (uneven := abs(math.log(max(left, 1e-9) / leg))) < unevenness:
            best, unevenness = places, uneven
        leg = (low + high) / 2
    return [*map(to_pick, best[:-1]), Pick(len(pictures) - 1)]


def walk(pictures: Samples, leg: float, legs: int) -> list[float]:
    """Places along the pictures, so many legs of one length from the first; at most to the last picture."""
    places = [0.0]
    for _ in range(legs):
        places.append(next_place(pictures, places[-1], leg))
    return places


def next_place(pictures: Samples, place: float, leg: float) -> float:
    """The first place after one at which the picture differs by a leg from the picture there."""
    here, last = blend(pictures, place), len(pictures) - 1
    near, far, many = (place, 0.0), math.floor(place) + 1, 1
    while far <= last:
        found = np.abs(pictures[far : far + many] - here).mean(1).tolist()
        for at, away in enumerate(found, far):
            if away >= leg:
                return _between(pictures, here, near, (float(at), away), leg)
            near = float(at), away
        far, many = far + len(found), min(2 * many, MANY)
    return float(last)


def _between(
    pictures: Samples, here: Sample, near: tuple[float, float], far: tuple[float, float], leg: float
) -> float:
    """Where a leg from `here` ends between two neighboring places, given with their distances."""
    place = far[0]
    for _ in range(PLACES):
        place = near[0] + (far[0] - near[0]) * (leg - near[1]) / (far[1] - near[1])
        away = distance(blend(pictures, place), here)
        if away < leg:
            near = place, away
        else:
            far = place, away
    return place


def distance(one: Sample, other: Sample) -> float:
    """Mean absolute difference, in levels."""
    return float(np.abs(one - other).mean())


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
