"""What an icon on its ground looks like, as plain data, and how names and files become that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqanim.errors import InputError
from vqanim.files import NotAFile, no_file, read_bytes
from vqanim.icons.fontawesome import find_icon

Color = tuple[float, float, float]  # sRGB in 0..1

ALIGNS = ("center", "left", "right", "top", "bottom")
NOISE_COLORS = ("gray", "rainbow")

COLOR: Color = (123 / 255, 117 / 255, 104 / 255)
"""About the mean color of photographs, #7b7568: a shape that may become anything."""
BACKGROUND: Color = (1.0, 1.0, 1.0)
OPACITY = 1.0
NOISE = 0.2
SCALE = 5 / 6
STROKE = 0.0
STROKE_UNIT = 512
"""A stroke is counted in parts of the picture's shorter side of which there are so many."""
MAX_STROKE = 64.0
SEED = 42
MAX_TEXT = 200  # characters
MAX_FILE = 64_000_000  # bytes of a font or shape


@dataclass(frozen=True)
class Figure:
    """What is drawn. The functions below make these and fill in the hash."""

    kind: Literal["icon", "text", "shape"]
    name: str = ""  # an icon's full name, such as `fas fa-eye`, or the text; empty for a shape
    file: str | None = None
    """Absolute path of a shape, or of the font of a text; None: the font that comes along."""
    hash: str = ""
    """Hex digest of the content: the outline of the icon, the text and its font, the file of the shape."""


@dataclass(frozen=True)
class IconSpec:
    """A figure in one color on a ground of one color, with noise under it, which separates both for an
    optimizer that starts from the picture."""

    figure: Figure
    color: Color = COLOR
    opacity: float = OPACITY  # 0..1, of the figure
    background: Color = BACKGROUND
    noise: float = NOISE  # 0..1, opacity of the noise on the ground
    noise_colors: Literal["gray", "rainbow"] = "gray"  # whether the three channels of the noise are one
    align: Literal["center", "left", "right", "top", "bottom"] = "center"
    """The border that the figure touches."""
    stroke: float = STROKE
    """How much the outline grows on every side, in STROKE_UNITths of the picture's shorter side."""
    scale: float = SCALE  # the figure fits into this share of width and height, its stroke included
    seed: int | None = None
    """Of the noise; None leaves it to the caller, and is SEED where there is none."""


def form_of(icon: IconSpec) -> IconSpec:
    """The same form in the plainest colors, so that two that differ in these only are equal."""
    return IconSpec(icon.figure, align=icon.align, stroke=icon.stroke, scale=icon.scale)


def icon_figure(text: str) -> Figure:
    """The icon of a name such as `fas fa-eye` or `twitter`. Raises UnknownIcon."""
    icon, style = find_icon(text)
    return Figure("icon", icon.full_name(style), hash=icon.outlines[style])


def text_figure(text: str, font: Path | None = None) -> Figure:
    """A text, on several lines where it has line breaks, in a TTF or OTF font. Raises ValueError for a text
    that is empty or too long, and InputError for a missing font."""
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
        if wrong := no_file(path):
            raise InputError(f"{path}: the {what} {wrong}")
        return _hash(read_bytes(path, MAX_FILE))
    except NotAFile as error:
        raise InputError(f"{path}: the {what} {error.reason}, which is refused") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: the {what} cannot be read ({reason})") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
