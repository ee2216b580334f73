"""Checks a picture that a scene names, before anything is rendered."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Only these decoders are given the file: some others of Pillow's run programs."""

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
        raise ValueError("it leads out of the scene's folder, allowed are pictures inside it")
    return found


def check_picture(path: Path) -> str | None:
    """What is wrong with a picture, or None when it can be read."""
    from PIL import Image  # only scenes with a picture wait for this import

    try:
        if not path.is_file():
            return "is no file" if path.exists() else "is missing"
    except OSError:  # a name that no file system takes
        return "is missing"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    return f"has {width}x{height} pixels, allowed are {MAX_PIXELS // 10**6} megapixels"
                picture.load()
    except PermissionError:
        return "cannot be read: permission denied"
    except Exception:  # Pillow raises nearly anything on broken files, each kind of file its own
        return f"is no readable picture, allowed are {', '.join(FORMATS)}"
    return None
