"""Whether the frames that are to be painted fit on the disk, looked at before hours are spent on them."""

from __future__ import annotations

import shutil
from pathlib import Path

from vqanim.errors import OutputError
from vqanim.files import writing

PNG_SHARE = 0.6
"""Of raw pixels: what a painted frame takes as a PNG; 0.55 was measured."""
GIGABYTE = 10**9


def check_space(folder: Path, frames: int, width: int, height: int) -> None:
    """Raise OutputError unless so many new frames of `width` x `height` pixels fit beside what is there."""
    needed = frames * width * height * 3 * PNG_SHARE
    with writing(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{folder}: {frames} frames of {width}x{height} pixels need about {needed / GIGABYTE:.2f} GB and "
            f"{free / GIGABYTE:.2f} GB are free; free some space, or choose another folder"
        )
