"""How a value travels from one keyframe to the next: functions of the way u in 0..1, from 0 to 1.

The name stands at the key that it leads to. A new easing is one line in `EASINGS`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EASINGS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda u: u,
    "step": lambda u: np.floor(u),  # jumps at the key's own time, not before
    "ease-in": lambda u: u * u,
    "ease-out": lambda u: u * (2 - u),
    "ease-in-out": lambda u: np.where(u < 0.5, 2 * u * u, 1 - 2 * (1 - u) ** 2),
    "smooth": lambda u: u * u * (3 - 2 * u),
}
