"""What an icon on its ground looks like, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Color = tuple[float, float, float]
"""sRGB in 0..1."""

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


@dataclass(frozen=True)
class Figure:
    """What is drawn. The functions of `figures` make these and fill in the hash."""

    kind: Literal["icon", "text", "shape"]
    name: str = ""
    """An icon's full name, such as `fas fa-eye`, or the text; empty for a shape."""
    file: str | None = None
    """Absolute path of a shape, or of the font of a text; None: the font that comes along."""
    hash: str = ""
    """Hex digest of the content: the outline of the icon, the text and its font, the file of the shape."""


@dataclass(frozen=True)
class IconSpec:
    """A figure in one color on a ground of one color, with noise under it.

    The noise separates figure and ground for an optimiser that starts from the picture.
    """

    figure: Figure
    color: Color = COLOR
    opacity: float = OPACITY
    """0..1, of the figure."""
    background: Color = BACKGROUND
    noise: float = NOISE
    """0..1, opacity of the noise on the ground."""
    noise_colors: Literal["gray", "rainbow"] = "gray"
    """Whether the three channels of the noise are one."""
    align: Literal["center", "left", "right", "top", "bottom"] = "center"
    """The border that the figure touches."""
    stroke: float = STROKE
    """How much the outline grows on every side, in STROKE_UNITths of the picture's shorter side."""
    scale: float = SCALE
    """The figure fits into this share of width and height, its stroke included."""
    seed: int | None = None
    """Of the noise; None leaves it to the caller, and is SEED where there is none."""


def form_of(icon: IconSpec) -> IconSpec:
    """The same form in the plainest colors, so that two that differ in these only are equal."""
    return IconSpec(icon.figure, align=icon.align, stroke=icon.stroke, scale=icon.scale)
