"""The frames of a film of another tool, and how they are told to people."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.curves import number

MAX_FRAMES = 99_999
"""One less than a scene may have, whose length in seconds may be a little more when rounded."""
_MOST_TOLD = 3  # stretches of frames that are told


class Clock:
    """What a schedule is measured by."""

    def __init__(self, fps: Fraction, frames: int, seed: int = 0) -> None:
        self.fps, self.frames = fps, frames
        self.fps_text = number(float(fps))
        self.names = {"t": f"(t * {self.fps_text})", "max_f": str(frames - 1), "s": str(seed)}
        """Deforum's variables here."""
        self.constants = {"max_f": float(frames - 1), "s": float(seed)}
        """Those of them that do not change."""

    def second(self, frame: int | Fraction) -> Fraction:
        """When a frame is shown."""
        return Fraction(frame) / self.fps

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """When every frame is shown, [frames]."""
        return np.arange(self.frames) / float(self.fps)


def frames_text(frames: Sequence[int]) -> str:
    """Frames in words: `frame 30`, `frames 3 to 5 and 9`, `frames 3, 7, 11 and 40 more`. At least one,
    ascending."""
    stretches: list[list[int]] = []
    for frame in frames:
        if stretches and stretches[-1][-1] == frame - 1:
            stretches[-1] = [stretches[-1][0], frame]
        else:
            stretches.append([frame])
    told = [" to ".join(map(str, stretch)) for stretch in stretches[:_MOST_TOLD]]
    rest = sum(stretch[-1] - stretch[0] + 1 for stretch in stretches[_MOST_TOLD:])
    word = "frame" if len(frames) == 1 else "frames"
    if rest:
        return f"{word} {', '.join(told)} and {rest} more"
    return f"{word} {' and '.join(filter(None, (', '.join(told[:-1]), told[-1])))}"
