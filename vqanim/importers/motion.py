"""Moves per frame and in pixels as those of our camera: per second and in frame widths.

A frame's step is z -> e^L (z + shift) about the center, with L = ln(scale) - i radians(angle): the shift
first, then scale and turn, which goes counterclockwise. Our picture flows by z' = rate (z - center) - pan;
over a frame of 1 / fps seconds this is the same step where rate = L fps and pan = -shift L / (1 - e^-L) fps.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.clock import Clock
from vqanim.importers.curves import Curve, Formula, Untranslatable, constant_of, number, power, scaled
from vqanim.importers.draft import Draft
from vqanim.importers.sampling import frame_values
from vqanim.scene.limits import LARGEST_FACTOR

MOST_LOG = math.log(LARGEST_FACTOR)  # of the zoom a second that a scene may have, in and out
SMALLEST = 1e-9
_TURN_ROOM = 85.0  # degrees from the middle of a picture within which its corners have to be seen


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
    if draft.clock is not None:
        with suppress(Untranslatable):  # of signals, whose values are heard later
            _put_sampled(draft, draft.clock, scale, angle, shift, width, scale_keys, origins)
            return
    try:
        zoom = power(scale, fps)
    except Untranslatable as error:
        zoom = scale = 1.0
        for key in scale_keys:
            draft.refuse(key, str(error))
    x, y = pan(scale, angle, shift, width, fps)
    for key, curve in {"zoom": zoom, "rotate": scaled(angle, -fps), "pan.x": x, "pan.y": y}.items():
        draft.put_curve(f"camera.{key}", curve, origins[key])


def _put_sampled(
    draft: Draft,
    clock: Clock,
    scale: Curve,
    angle: Curve,
    shift: tuple[Curve, Curve],
    width: int,
    scale_keys: Sequence[str],
    origins: Mapping[str, str],
) -> None:
    """The same where every frame is known: exact at each of them, whatever changes over time."""
    fps = float(clock.fps)
    factor, turn, *pixels = (frame_values(curve, clock) for curve in (scale, angle, *shift))
    logs = np.log(np.clip(factor, SMALLEST, None)) * fps
    zoom, most = np.exp(np.clip(logs, -MOST_LOG, MOST_LOG)), f"{LARGEST_FACTOR:g} a second"
    draft.tell(scale_keys, factor <= 0, f"not above 0, taken as the way out by a factor of {most}")
    draft.tell(scale_keys, (factor > 0) & (np.abs(logs) > MOST_LOG), f"kept at a factor of {most}")
    power_of = f"({scale.text}) ** {number(fps)}" if isinstance(scale, Formula) else ""
    draft.put_values("camera.zoom", zoom, origins["zoom"], Formula(power_of) if power_of else None)
    draft.put_values("camera.rotate", turn * -fps, origins["rotate"], scaled(angle, -fps))
    log = np.log(zoom) / fps - 1j * np.radians(turn)
    small = np.abs(log) < 1e-9
    # L / (1 - e^-L), whose limit for no scale and turn is 1.
    stretch = np.where(small, 1.0, log / np.where(small, 1.0, 1 - np.exp(-log)))
    moved = -(pixels[0] + 1j * pixels[1]) * stretch * fps / width
    plain = np.ptp(stretch.real) == np.ptp(stretch.imag) == 0 and abs(stretch[0].imag) < 1e-9
    for key, curve, values in zip(("pan.x", "pan.y"), shift, (moved.real, moved.imag), strict=True):
        readable = scaled(curve, -float(stretch[0].real) * fps / width) if plain else None
        draft.put_values(f"camera.{key}", values, origins[key], readable)


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


def most_turn(fov: NDArray[np.float64], aspect: float, fps: float) -> NDArray[np.float64]:
    """Degrees a second [frames] by which a camera may turn in space, so that in no frame a corner looks
    behind the picture. fov: in degrees, at every frame. aspect: height / width."""
    half = np.tan(np.radians(np.clip(fov, 5, 150)) / 2)
    room = np.maximum(_TURN_ROOM - np.degrees(np.arctan(half * math.hypot(1, aspect))), 0.0) * 0.95
    # A turn on the way between two frames has to fit into both.
    around = np.pad(room, 1, mode="edge")
    return np.asarray(np.minimum(np.minimum(around[:-2], around[2:]), room) * fps)


def put_turns(
    draft: Draft,
    turns: Mapping[str, NDArray[np.float64]],
    most: NDArray[np.float64],
    origins: Mapping[str, str],
    readable: Mapping[str, Curve],
) -> None:
    """Write yaw and tilt by their values at every frame, kept within what a camera may turn, which is told.
    most: see most_turn. origins, readable: by the camera's key."""
    if all(values.any() for values in turns.values()):
        most = most / math.sqrt(2)
    for path, values in turns.items():
        message = "a corner would look behind the picture: kept at the farthest turn"
        draft.tell(origins[path].partition(":")[0], np.abs(values) > most, message)
        kept = np.clip(values, -most, most)
        draft.put_values(f"camera.{path}", kept, origins[path], readable.get(path))


def fov_of(focal: float) -> float:
    """The angle in degrees that the frame's width spans at a focal length in frame widths."""
    return round(math.degrees(2 * math.atan(0.5 / focal)), 3)
