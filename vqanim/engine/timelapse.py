"""The film of one generation: which of the pictures on the way are shown when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_SHARE = 0.05
"""Of the mean change: what a picture counts at least, so that a standstill still takes a little time."""


def change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference of two pictures, uint8 [H, W, 3], in levels."""
    return float(np.abs(after.astype(np.int16) - before).mean())


def pick(changes: Sequence[float], frames: int, even: bool) -> list[int]:
    """Which of len(changes) + 1 pictures each of `frames` frames shows, from the first to the last.

    changes: from each picture to the next. even: frames are spread evenly over the sum of changes, so that
    the film changes at a steady pace; else evenly over the pictures.
    """
    steps = np.asarray(changes, dtype=np.float64)
    if not even or steps.sum() == 0:
        steps = np.ones(len(changes))
    steps = np.maximum(steps, LEAST_SHARE * steps.mean()) if len(steps) else steps
    reached = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, reached[-1], frames) if frames > 1 else reached[-1:]
    right = np.searchsorted(reached, wanted).clip(0, len(changes))
    left = (right - 1).clip(0)
    nearer = np.where(wanted - reached[left] < reached[right] - wanted, left, right)
    return [int(index) for index in nearer]
