"""Moves per frame and in pixels as those of our camera: per second and in frame widths.

A frame's step is z -> e^L (z + shift) about the center, with L = ln(scale) - i radians(angle): the shift
first, then scale and turn, which goes counterclockwise. Our picture flows by z' = rate (z - center) - pan;
over a frame of 1 / fps seconds this is the same step where rate = L fps and pan = -shift L / (1 - e^-L) fps.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence

from vqanim.importers.curves import Curve, Untranslatable, constant_of, power, scaled
from vqanim.importers.draft import Draft


def put_flat_move(
    draft: Draft,
    scale: Curve,
    angle: Curve,
    shift: tuple[Curve, Curve],
    width: int,
    fps: float,
    scale_keys: Sequence[str],
    origins: Mapping[str, str],
) -> None:
    """Write zoom, rotate and pan of a move that is done once a frame. scale: factor a frame. angle: degrees a
    frame, counterclockwise. shift: pixels a frame by which the picture moves right and down, before it is
    scaled and turned. scale_keys: those that are left out where the scale is no factor to move by. origins:
    comments by the camera's key, as in `pan.x`."""
    try:
        zoom = power(scale, fps)
    except Untranslatable as error:
        zoom = scale = 1.0
        for key in scale_keys:
            draft.refuse(key, str(error))
    x, y = pan(scale, angle, shift, width, fps)
    for key, curve in {"zoom": zoom, "rotate": scaled(angle, -fps), "pan.x": x, "pan.y": y}.items():
        draft.put_curve(f"camera.{key}", curve, origins[key])


def pan(
    scale: Curve, angle: Curve, shift: tuple[Curve, Curve], width: int, fps: float
) -> tuple[Curve, Curve]:
    """How the camera pans, in frame widths a second; exact where nothing changes over time. The scale is
    above 0; the other arguments are those of put_flat_move."""
    factor, turn, stretch = constant_of(scale), constant_of(angle), complex(1.0)
    if factor is not None and turn is not None:
        log = complex(math.log(factor), -math.radians(turn))
        # L / (1 - e^-L), whose limit for no scale and turn is 1.
        stretch = log / (1 - cmath.exp(-log)) if abs(log) > 1e-9 else stretch
    x, y = constant_of(shift[0]), constant_of(shift[1])
    if x is not None and y is not None:
        moved = -complex(x, y) * stretch * fps / width
        return moved.real + 0.0, moved.imag + 0.0
    factor = -stretch.real * fps / width
    return scaled(shift[0], factor), scaled(shift[1], factor)


def fov_of(focal: float) -> float:
    """The angle in degrees that the frame's width spans at a focal length in frame widths."""
    return round(math.degrees(2 * math.atan(0.5 / focal)), 3)
