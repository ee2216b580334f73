"""A figure on its ground as a picture."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from vqanim.files import Picture
from vqanim.icons.silhouette import Mask, silhouette
from vqanim.icons.spec import SEED, STROKE_UNIT, IconSpec

Floats: TypeAlias = npt.NDArray[np.float32]

STROKED_SIDE = 1024
"""Pixels: larger masks get their stroke at this size, for its cost grows with the third power."""


def draw_icon(spec: IconSpec, height: int, width: int) -> Picture:
    """Draw an icon, text or shape: uint8 [height, width, 3].

    The ground is a color with noise over it; the figure in its color lies on both. Equal arguments give
    equal pixels. Raises InputError when a file is missing or broken, or when nothing is drawn.
    """
    ground = np.broadcast_to(np.asarray(spec.background, np.float32), (height, width, 3))
    if spec.noise > 0:
        ground = ground + np.float32(spec.noise) * (_noise(spec, height, width) - ground)
    opacity = np.float32(spec.opacity / 255) * draw_mask(spec, height, width)[..., None]
    picture = ground + opacity * (np.asarray(spec.color, np.float32) - ground)
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def _noise(spec: IconSpec, height: int, width: int) -> Floats:
    """Uniform noise in 0..1, [H, W, 3], or [H, W, 1] where it is gray."""
    channels = 1 if spec.noise_colors == "gray" else 3
    amount = height * width * channels
    # The raw bits of a generator stay the same from one numpy to the next; what is made of them may not.
    raw = np.random.PCG64(SEED if spec.seed is None else spec.seed).random_raw(-(-amount // 8))
    levels = raw.astype("<u8").view(np.uint8)[:amount]
    return levels.reshape(height, width, channels).astype(np.float32) / np.float32(255)


def draw_mask(spec: IconSpec, height: int, width: int) -> Mask:
    """The figure's mask on an empty picture, [H, W]."""
    stroke = spec.stroke * min(height, width) / STROKE_UNIT
    room = 2 * math.ceil(stroke)
    box_width, box_height = (max(1, round(side * spec.scale) - room) for side in (width, height))
    mask = silhouette(spec.figure, box_width, box_height)
    if stroke > 0:
        mask = thicken(mask, stroke)
    top, left = _corner(spec.align, height - mask.shape[0], width - mask.shape[1])
    placed = np.zeros((height, width), np.uint8)
    # In a tiny picture a stroke may be wider than all of it.
    cut = mask[max(0, -top) :, max(0, -left) :][:height, :width]
    top, left = max(0, top), max(0, left)
    placed[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return placed


def _corner(align: str, free_height: int, free_width: int) -> tuple[int, int]:
    """Top and left of the figure, of the pixels that are free."""
    shares = {"left": (0.5, 0.0), "right": (0.5, 1.0), "top": (0.0, 0.5), "bottom": (1.0, 0.5)}
    down, right = shares.get(align, (0.5, 0.5))
    return math.floor(free_height * down), math.floor(free_width * right)


def thicken(mask: Mask, radius: float) -> Mask:
    """A mask [H, W] whose outline has grown by `radius` pixels: [H + 2R, W + 2R], R rounded up."""
    margin = math.ceil(radius)
    padded = np.pad(mask, margin)
    shrink = STROKED_SIDE / max(padded.shape)
    if shrink >= 1:
        return _grown(padded, radius)
    small = _resized(padded, round(padded.shape[0] * shrink), round(padded.shape[1] * shrink))
    return np.maximum(padded, _resized(_grown(small, radius * shrink), *padded.shape))


def _grown(mask: Mask, radius: float) -> Mask:
    """A dilation with a disk; one between two whole radii is mixed from both."""
    inner = math.floor(radius)
    share = radius - inner
    if not share:
        return _dilated(mask, inner)
    mixed = (1 - share) * _dilated(mask, inner) + share * _dilated(mask, inner + 1)
    return mixed.round().astype(np.uint8)


def _dilated(mask: Mask, radius: int) -> Mask:
    """The largest value within `radius` pixels of each, row by row of the disk."""
    grown = mask.copy()
    for down in range(radius + 1):
        wide = _widened(mask, math.floor(math.sqrt(radius**2 - down**2)))
        rows = mask.shape[0] - down
        np.maximum(grown[down:], wide[:rows], out=grown[down:])
        np.maximum(grown[:rows], wide[down:], out=grown[:rows])
    return grown


def _widened(mask: Mask, reach: int) -> Mask:
    """The largest value within `reach` pixels to the left and right, in steps that double."""
    wide, done = mask, 0
    while done < reach:
        step = min(max(1, done), reach - done)
        out = wide.copy()
        np.maximum(out[:, step:], wide[:, :-step], out=out[:, step:])
        np.maximum(out[:, :-step], wide[:, step:], out=out[:, :-step])
        wide, done = out, done + step
    return wide


def _resized(mask: Mask, height: int, width: int) -> Mask:
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BICUBIC))
