"""How the view moves, and what is done to the picture on its way to the next frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vqanim.scene.curves import Curve
from vqanim.scene.fields.base import Declared, option
from vqanim.scene.fields.numbers import XY, curve, pair
from vqanim.scene.fields.texts import BORDER
from vqanim.scene.limits import LARGEST_FACTOR

_TURN = curve(-1e6, 1e6)
_ZOOM = curve(above=0, high=LARGEST_FACTOR, why="zoom is a factor per second, 1 stands still")
_SCALE = curve(above=0, high=LARGEST_FACTOR, why="scale is a factor, 1 is the whole picture")
_FOV = curve(5, 150, why="fov is the angle that the frame's width spans")
_AMOUNT = curve(0, 1)


@dataclass(frozen=True)
class Camera(Declared):
    """How the view moves. Speeds add up over time; poses say where the camera is."""

    later: ClassVar[tuple[str, ...]] = ("depth",)

    zoom: Curve = option(
        "Speed of flying in; below 1 flies out",
        _ZOOM.declare(1.0, "factor per second", example="{0s: 1.0, 2s: 1.3}"),
    )
    rotate: Curve = option(
        "Speed of turning the picture clockwise",
        _TURN.declare(0.0, "degrees per second", example="10 * sin(t)"),
    )
    pan: XY = option(
        "Speed of the camera to the right (x) and down (y); the picture moves the other way",
        pair(1000, 0.0).declare(0.0, "frame widths per second", example="{x: 0.05}"),
    )
    yaw: Curve = option(
        "Speed of turning the camera to the right, on the spot; the picture moves left, in perspective",
        _TURN.declare(0.0, "degrees per second", example="3 * sin(t)"),
    )
    tilt: Curve = option(
        "Speed of turning the camera down; the picture moves up",
        _TURN.declare(0.0, "degrees per second", example="-2"),
    )
    scale: Curve = option(
        "Pose: how much larger things are than at the beginning",
        _SCALE.declare(1.0, "factor", example="{0s: 1, 3s: 2, 6s: 1}"),
    )
    angle: Curve = option(
        "Pose: how far the picture is turned clockwise",
        _TURN.declare(0.0, "degrees", example="{2s: 0, 3s: 45}"),
    )
    offset: XY = option(
        "Pose: how far the camera stands to the right (x) and down (y)",
        pair(1000, 0.0).declare(0.0, "frame widths", example="{x: {0s: 0, 3s: 0.2}}"),
    )
    look: XY = option(
        "Pose: how far the camera is turned to the right (x) and then down (y)",
        pair(1e6, 0.0).declare(0.0, "degrees", example="{x: {0s: -10, 3s: 10}}"),
    )
    fov: Curve = option(
        "How wide the camera sees: with more, turning it distorts more",
        _FOV.declare(60.0, "degrees", example="90"),
    )
    center: XY = option(
        "The point about which the picture scales and turns",
        pair(1000, 0.5).declare(
            0.5, "fractions of width and height from the top left", example="{x: 0.5, y: 0.3}"
        ),
    )
    border: str = option(
        "What is seen beyond the edge of the old picture", BORDER.declare("reflect", example="wrap")
    )


def _amount(description: str, value: float) -> Curve:
    made: Curve = option(description, _AMOUNT.declare(value, "0..1", none=0.0))
    return made


def _own_amount(description: str, default: str) -> Curve | None:
    """One that each generator has a value of its own for."""
    made: Curve | None = option(
        description, _AMOUNT.declare(None, "0..1", default_text=default, none=0.0, brief=True, example="0.02")
    )
    return made


@dataclass(frozen=True)
class Carry(Declared):
    """What is done to the picture on its way to the next frame. `none` is nothing at all."""

    match_colors: Curve = _amount(
        "How much the colors are held to those of an earlier frame with the same prompts", 0.7
    )
    match_detail: Curve | None = _own_amount(
        "How much the sharpness is held to that of the same frame", "0.3; fft and rgb: 0"
    )
    sharpen: Curve = _amount("Strength of an unsharp mask of 1 px, beyond match_detail", 0.0)
    noise: Curve | None = _own_amount(
        "Spread of fresh noise, which gives the prompts something to work on", "0.02; fft and rgb: 0"
    )


NOT_CARRIED = Carry(*[Curve.constant(0.0, range=_AMOUNT.range)] * 4)
