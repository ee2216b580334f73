"""From what somebody wrote to a Figure: the icon, text or file is looked up, and its content hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vqanim.errors import InputError
from vqanim.icons.fontawesome import find_icon
from vqanim.icons.spec import Figure

MAX_TEXT = 200
"""Characters."""
MAX_FILE = 64_000_000
"""Bytes of a font or shape."""


def icon_figure(text: str) -> Figure:
    """The icon of a name such as `fas fa-eye` or `twitter`. Raises UnknownIcon."""
    icon, style = find_icon(text)
    return Figure("icon", icon.full_name(style), hash=icon.outlines[style])


def text_figure(text: str, font: Path | None = None) -> Figure:
    """A text, on several lines where it has line breaks, in a TTF or OTF font.

    Raises ValueError for a text that is empty or too long, and InputError for a missing font.
    """
    written = "\n".join(line.strip() for line in text.strip().splitlines())
    if not written or len(written) > MAX_TEXT:
        raise ValueError(f"found {len(written)} characters, allowed 1 to {MAX_TEXT}")
    file = None if font is None else str(font.absolute())
    of_font = "default" if font is None else _file_hash(font, "font")
    return Figure("text", written, file, _hash(f"{of_font} {written}".encode()))


def shape_figure(path: Path) -> Figure:
    """The silhouette in a picture or an SVG file. Raises InputError when it is missing."""
    return Figure("shape", "", str(path.absolute()), _file_hash(path, "shape"))


def _file_hash(path: Path, what: str) -> str:
    try:
        if not path.is_file():
            state = "is no file" if path.exists() else "is missing"
            raise InputError(f"{path}: the {what} {state}")
        if path.stat().st_size > MAX_FILE:
            raise InputError(f"{path}: the {what} has more than {MAX_FILE // 10**6} MB, which is refused")
        return _hash(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: the {what} cannot be read ({reason})") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
