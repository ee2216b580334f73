"""One dial from dreamy to restless: what `change` sets, from a table that was measured.

`benchmarks/change.py` measures it: how much a frame differs from the one before, and how soon a new prompt
shows, both of which rise from row to row.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import pairwise

DIGITS = 9


@dataclass(frozen=True)
class Dial:
    """What a value of `change` stands for."""

    change: float  # 0..1
    steps: float
    learning_rate: float  # factor of what the models have themselves
    noise: float  # likewise
    stay_near: float
    """Weight of the nearness to the frame before, in latents; 0 is none."""


TABLE = (
    Dial(0.0, 3, 0.35, 0.5, 0.8),
    Dial(0.25, 4, 0.6, 0.75, 0.3),
    # What a scene does that says nothing.
    Dial(0.5, 6, 1.0, 1.0, 0.0),
    Dial(0.75, 8, 1.4, 1.5, 0.0),
    Dial(1.0, 10, 2.0, 2.0, 0.0),
)


def dial_at(change: float) -> Dial:
    """The settings at a value 0..1, straight between those of the table."""
    for low, high in pairwise(TABLE):
        if change <= high.change:
            way = (change - low.change) / (high.change - low.change)
            mixed = (a + (b - a) * way for a, b in zip(astuple(low), astuple(high), strict=True))
            return Dial(*(round(value, DIGITS) for value in mixed))
    return TABLE[-1]
