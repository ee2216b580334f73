"""Finds the files that a scene names: inside its folder, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

_FROM_ROOT = re.compile(r"[/\\~]|[A-Za-z]:")


def find_inside(written: str, folder: Path) -> Path:
    """The absolute path of a file in a folder or below it, links resolved.

    Raises ValueError with a reason where the path leads out of the folder.
    """
    if _FROM_ROOT.match(written):
        raise ValueError("allowed is a path that begins in the scene's folder, such as pictures/start.png")
    inside = folder.resolve()
    found = (folder / written.replace("\\", "/")).resolve()
    if not found.is_relative_to(inside):
        raise ValueError("it leads out of the scene's folder, allowed are files inside it")
    return found
