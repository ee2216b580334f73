"""Channels of a song into one, also where they cancel each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CANCELLED = 0.04
"""Of the energy that the mean of channels has which know nothing of each other: below it they cancel."""


def energies(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of a block [n, channels] the energy of the mean of its channels, and that of each, [1 + channels]."""
    mean = block.mean(axis=1, dtype=np.float32)
    squares = [np.square(mean).sum(dtype=np.float64), *np.square(block).sum(axis=0, dtype=np.float64)]
    return np.array(squares, np.float64)


def find_shares(blocks: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """How much of each channel is heard in each block, [blocks, channels], from their `energies`; None where
    the mean can be heard everywhere. Where channels cancel each other the loudest is heard alone."""
    count = blocks.shape[1] - 1
    mean, each = blocks[:, 0], blocks[:, 1:]
    cancelled = mean * count**2 < _CANCELLED * each.sum(axis=1)
    if not cancelled.any():
        return None
    shares = np.full_like(each, 1 / count)
    usual = int(each[cancelled].sum(axis=0).argmax())
    for row in np.flatnonzero(cancelled):
        loudest = each[row].argmax()
        shares[row] = 0
        shares[row, usual if each[row, usual] > each[row, loudest] / 2 else loudest] = 1
    return shares


def mix(block: NDArray[np.float32], shares: NDArray[np.float64], number: int) -> NDArray[np.float32]:
    """One channel from a block [n, channels], by the shares of all blocks; they fade into each other."""
    before, here, after = (shares[min(max(number + step, 0), len(shares) - 1)] for step in (-1, 0, 1))
    if (before == here).all() and (here == after).all():
        return np.asarray(block @ here.astype(np.float32), np.float32)
    places = np.linspace(0, 2, len(block))
    bends = np.stack([(before + here) / 2, here, (here + after) / 2])
    fading = np.stack([np.interp(places, (0, 1, 2), bend) for bend in bends.T], axis=1)
    return np.asarray((block * fading.astype(np.float32)).sum(axis=1), np.float32)
