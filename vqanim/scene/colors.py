"""Colors as they are written: `#rrggbb`, `#rgb` or one of a few names."""

from __future__ import annotations

import re
from collections.abc import Sequence

Color = tuple[float, float, float]  # sRGB in 0..1

NAMES = {
    "black": "#000000",
    "blue": "#0000ff",
    "brown": "#8b4513",
    "cyan": "#00ffff",
    "gray": "#808080",
    "green": "#008000",
    "magenta": "#ff00ff",
    "navy": "#000080",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "red": "#ff0000",
    "teal": "#008080",
    "white": "#ffffff",
    "yellow": "#ffff00",
}

COLOR_FORMS = "a color such as \"#334455\" (in quotes, because YAML takes # for a comment) or 'navy'"

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def parse_color(text: str) -> Color:
    """sRGB in 0..1. Raises ValueError."""
    written = NAMES.get(text.lower(), text)
    if not _HEX.fullmatch(written):
        raise ValueError(COLOR_FORMS)
    digits = written[1:] if len(written) == 7 else "".join(digit * 2 for digit in written[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def color_text(color: Sequence[float]) -> str:
    """`#rrggbb` of sRGB in 0..1."""
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in color)
