"""Finds the files that a scene names: inside its folder, and elsewhere only where that is allowed."""

from __future__ import annotations

import re
from pathlib import Path

_REMEDY = "others only with --allow-outside"
_FROM_ROOT = re.compile(r"[/\\~]|[A-Za-z]:")


def find_named(written: str, folder: Path, *, outside: bool = False) -> Path:
    """The absolute path of a file in a folder or below it, links resolved.

    outside: it may also lie elsewhere. Raises ValueError with a reason where it leads out and must not.
    """
    if outside:
        return (folder / written).resolve()
    if _FROM_ROOT.match(written):
        raise ValueError(
            f"allowed is a path that begins in the scene's folder, such as pictures/start.png; {_REMEDY}"
        )
    inside = folder.resolve()
    found = (folder / written.replace("\\", "/")).resolve()
    if not found.is_relative_to(inside):
        raise ValueError(f"it leads out of the scene's folder, allowed are files inside it; {_REMEDY}")
    return found
