"""What the picture shall show, where, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vqanim.errors import Place
from vqanim.icons import IconSpec
from vqanim.scene.colors import Color
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.model.limits import AREA, THROUGH
from vqanim.scene.options import Declared, Kind, choice, curve, line_of_text, option


@dataclass(frozen=True)
class Prompt(Declared):
    """A text or a picture that the picture shall show (or, with a negative weight, avoid)."""

    later: ClassVar[tuple[str, ...]] = ("stay_near",)

    text: str = option(
        line_of_text(1000),
        "What to show, taken literally; the style is appended later",
        default="",
        default_text="none",
        example="a dark castle",
    )
    weight: Curve = option(
        curve(-1000, 1000),
        "How strongly the text counts; below 0 the picture moves away from it, 0 is off",
        default=1.0,
        example="{0s: 0.3, 3s: 1.5}",
    )
    stop: Curve = option(
        curve(0, 10),
        "The loss of this text is not pushed below this",
        unit="spherical distance",
        default=0.0,
        example="0.4",
    )
    image: str | None = option(
        Kind("picture", "the path of a picture in the scene's folder"),
        "A picture to come near to, instead of a text",
        default=None,
        default_text="none",
        example="photo.jpg",
    )
    through: str = option(
        choice(*THROUGH),
        "How a picture is compared: by what the perceptor sees in it, pixel by pixel, or by its style alone",
        default="perceptor",
        example="pixels",
    )
    inside: Area | None = option(
        AREA,
        "The part of the frame in which it pulls: where a figure is drawn, or where a picture is light",
        default=None,
        default_text="everywhere",
        example="{icon: twitter}",
    )
    outside: Area | None = option(
        AREA,
        "The part of the frame in which it does not pull",
        default=None,
        default_text="nothing",
        example="start",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def area(self) -> Area | None:
        """What it is inside or outside of."""
        return self.inside or self.outside


@dataclass(frozen=True)
class Area:
    """A part of the frame."""

    shape: Start | None = None
    """An icon or image, of which only the form counts; None: the start of the shot."""


@dataclass(frozen=True)
class Start(Declared):
    """Where the first frame comes from."""

    kind: Literal["noise", "image", "color", "gradient", "icon"] = "noise"
    image: str | None = None
    """Absolute path of an existing picture inside the scene's folder."""
    colors: tuple[Color, ...] = ()
    """sRGB 0..1; one for color, two or more from top to bottom for gradient."""
    icon: IconSpec | None = None
    """For icon: the icon, text or shape that is drawn."""
    fit: str = "cover"
    """How an image becomes a frame: one of FITS."""
    also_target: Curve | None = option(
        curve(0, 1000),
        "How strongly the whole shot is pulled to the icon, text, shape or image that it starts from",
        default=None,
        default_text="none",
        example="{0s: 1.5, 4s: 0}",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)
