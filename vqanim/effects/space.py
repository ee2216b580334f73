"""Effects that move or soften a picture."""

from __future__ import annotations

import numpy as np

from vqanim.camera.resample import blur_picture, from_bytes, move_picture, to_bytes, zoom_matrix
from vqanim.effects.base import EffectNow, Floats, Moment, factor, share

SHAKES_PER_SECOND = 9.0
"""How often a shaking camera changes its mind: hands tremble at about this rate."""


def shake(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Moves the picture about by up to the amount in frame widths, smoothly, the same at any fps."""
    x, y = (_wander(moment, axis) * now.amount * picture.shape[1] for axis in ("x", "y"))
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
    return from_bytes(move_picture(to_bytes(picture), matrix))


SHAKE = share("shake", shake, "how many frame widths the picture moves at most", high=0.5)


def punch(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Zooms about the middle by the amount."""
    height, width, _ = picture.shape
    return from_bytes(move_picture(to_bytes(picture), zoom_matrix(now.amount, width, height)))


PUNCH = factor("punch", punch, "a zoom factor", 0.1)


def blur(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Gaussian blur with a spread of the amount in frame widths."""
    return from_bytes(blur_picture(to_bytes(picture), now.amount * picture.shape[1]))


BLUR = share("blur", blur, "a spread in frame widths", high=0.2)


def _wander(moment: Moment, axis: str) -> float:
    """Smooth noise in -1..1: random values at the ticks of a clock, and a smooth way between them."""
    place = moment.time * SHAKES_PER_SECOND
    tick = int(np.floor(place))
    before, after = (moment.random(f"shake {axis}", tick + i).uniform(-1.0, 1.0) for i in (0, 1))
    way = place - tick
    return float(before + (after - before) * way * way * (3 - 2 * way))
