"""Effects on the colors of a picture."""

from __future__ import annotations

import math

import numpy as np

from vqanim.effects.base import EffectKind, EffectNow, Floats, Moment, factor, share
from vqanim.settings import color, number

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Shares of red, green and blue in the brightness that the eye sees (BT.709)."""


def brightness(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Every channel times the amount."""
    return picture * np.float32(now.amount)


BRIGHTNESS = factor("brightness", brightness, "a factor")


def contrast(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Distances to middle gray times the amount."""
    return (picture - np.float32(0.5)) * np.float32(now.amount) + np.float32(0.5)


CONTRAST = factor("contrast", contrast, "a factor")


def saturation(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Distances to the gray of the same brightness times the amount; 0 is black and white."""
    gray = (picture @ LUMA)[..., None]
    return gray + (picture - gray) * np.float32(now.amount)


SATURATION = factor("saturation", saturation, "a factor")


def hue(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Turns the colors about the gray axis by the amount in degrees.

    The matrix is that of `hueRotate` in the W3C's Filter Effects, which keeps the brightness.
    """
    cosine, sine = math.cos(math.radians(now.amount)), math.sin(math.radians(now.amount))
    red, green, blue = LUMA.tolist()
    gray = np.tile(LUMA, (3, 1))
    # Rows are the new channels: what is gray stays, the rest turns.
    turned = np.array([[-red, -green, 1 - blue], [0.143, 0.140, -0.283], [red - 1, green, blue]])
    matrix = gray + cosine * (np.eye(3) - gray) + sine * turned
    return picture @ matrix.T.astype(np.float32)


HUE = EffectKind("hue", hue, -1e6, 1e6, 0.0, "hue is degrees about the color wheel (0: as it is)")


def flash(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Mixes the color in; 1 is the full color."""
    mixed = np.asarray(now["color"], dtype=np.float32)
    return picture + (mixed - picture) * np.float32(now.amount)


FLASH = share(
    "flash", flash, "how much of the color is mixed in", color("color", (1.0, 1.0, 1.0), "What is mixed in")
)
FADE = share(
    "fade", flash, "how much of the color is mixed in", color("color", (0.0, 0.0, 0.0), "What is mixed in")
)


def strobe(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Mixes the color in during the second half of every period."""
    # A moment that falls on a border has reached it, whatever the last bit of a float says.
    dark = (moment.time * now["rate"] + 1e-6) % 1.0 >= 0.5
    return flash(picture, now, moment) if dark else picture


STROBE = share(
    "strobe",
    strobe,
    "how much of the color blinks",
    color("color", (0.0, 0.0, 0.0), "What blinks"),
    number("rate", 0.01, 120, 4.0, "How often it blinks", "times per second"),
)


def vignette(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Darkens towards the corners, which are black at 1."""
    height, width, _ = picture.shape
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1) ** 2
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1) ** 2
    distance = (x[None, :] + y[:, None]) / 2
    return picture * (1 - np.float32(now.amount) * distance)[..., None]


VIGNETTE = share("vignette", vignette, "how dark the corners are")


def grain(picture: Floats, now: EffectNow, moment: Moment) -> Floats:
    """Adds gray noise, new at every frame, with a spread of the amount."""
    noise = moment.random("grain").standard_normal(picture.shape[:2], dtype=np.float32)
    return picture + noise[..., None] * np.float32(now.amount)


GRAIN = share("grain", grain, "the spread of noise")
