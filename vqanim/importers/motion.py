"""Moves per frame and in pixels as those of our camera: per second and in frame widths.

A frame's step is z -> e^L (z + shift) about the center, with L = ln(scale) - i radians(angle): the shift
first, then scale and turn, which goes counterclockwise. Our picture flows by z' = rate (z - center) - pan;
over a frame of 1 / fps seconds this is the same step where rate = L fps and pan = -shift L / (1 - e^-L) fps.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping

from vqanim.importers.draft import Draft
from vqanim.importers.formulas import Untranslatable
from vqanim.importers.values import Curve, constant_of, line, power, yaml


def put_curve(draft: Draft, path: str, curve: Curve, neutral: float, origin: str = "") -> bool:
    """Write a curve unless it is what a scene has anyway; False then."""
    if constant_of(curve) == neutral:
        return False
    draft.put(path, yaml(curve, "  " * path.count(".")), origin)
    return True


def flat_move(
    draft: Draft,
    scale: Curve,
    angle: Curve,
    shift: tuple[Curve, Curve],
    size: tuple[int, int],
    fps: float,
    origins: Mapping[str, str],
) -> None:
    """Write zoom, rotate and pan of a move that is done once a frame.

    scale: factor a frame. angle: degrees a frame, counterclockwise. shift: pixels a frame by which the
    picture moves right and down, before it is scaled and turned. Raises Untranslatable for a scale that is
    not above 0.
    """
    width = size[0]
    put_curve(draft, "camera.zoom", power(scale, fps), 1.0, origins.get("zoom", ""))
    put_curve(draft, "camera.rotate", line(angle, -fps), 0.0, origins.get("rotate", ""))
    x, y = pan(scale, angle, shift, width, fps)
    put_curve(draft, "camera.pan.x", x, 0.0, origins.get("x", ""))
    put_curve(draft, "camera.pan.y", y, 0.0, origins.get("y", ""))


def pan(
    scale: Curve, angle: Curve, shift: tuple[Curve, Curve], width: int, fps: float
) -> tuple[Curve, Curve]:
    """How the camera pans, in frame widths a second; exact where nothing changes over time."""
    factor, turn = constant_of(scale), constant_of(angle)
    stretch = _stretch(factor or 1.0, turn or 0.0) if None not in (factor, turn) else complex(1.0)
    x, y = constant_of(shift[0]), constant_of(shift[1])
    if x is not None and y is not None:
        moved = -complex(x, y) * stretch * fps / width
        return moved.real + 0.0, moved.imag + 0.0
    return (
        line(shift[0], -stretch.real * fps / width),
        line(shift[1], -stretch.real * fps / width),
    )


def _stretch(scale: float, angle: float) -> complex:
    """L / (1 - e^-L), whose limit for no scale and turn is 1."""
    if scale <= 0:
        raise Untranslatable(f"{scale:g} is no factor to move by, allowed is a number above 0")
    log = complex(math.log(scale), -math.radians(angle))
    return log / (1 - cmath.exp(-log)) if abs(log) > 1e-9 else complex(1.0)
