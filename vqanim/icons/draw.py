"""A figure as a mask that just fits a box, and on its ground as a picture."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vqanim.errors import InputError
from vqanim.files import no_file, read_bytes
from vqanim.icons.fontawesome import find_icon, font_path
from vqanim.icons.spec import MAX_FILE, SEED, STROKE_UNIT, Figure, IconSpec
from vqanim.icons.svg import is_svg, rasterize
from vqanim.pictures import Picture, read_layer

Floats: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.uint8]  # uint8 [H, W]; 255 where the figure is
Layer: TypeAlias = npt.NDArray[np.uint8]  # uint8 [H, W, 4], sRGB and alpha

PROBE = 256.0  # pixels: size of the font at which a text is measured
SMALLEST_FONT, LARGEST_FONT = 12.0, 8192.0  # pixels; beyond them a text is scaled
SURE, FAINT = 72, 24
"""In an opaque picture, what differs from its border by SURE levels is the figure, by FAINT not yet: the
clouds of JPEG around an edge."""
NOTHING = "\U0010ffff"  # no font has this character: it shows what a font draws for one that it lacks
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
    # Top and left of the figure, as shares of the pixels that are free.
    shares = {"left": (0.5, 0.0), "right": (0.5, 1.0), "top": (0.0, 0.5), "bottom": (1.0, 0.5)}
    down, right = shares.get(spec.align, (0.5, 0.5))
    top, left = math.floor((height - mask.shape[0]) * down), math.floor((width - mask.shape[1]) * right)
    placed = np.zeros((height, width), np.uint8)
    # In a tiny picture a stroke may be wider than all of it.
    cut = mask[max(0, -top) :, max(0, -left) :][:height, :width]
    top, left = max(0, top), max(0, left)
    placed[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return placed


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


def silhouette(figure: Figure, width: int, height: int) -> Mask:
    """The mask of a figure [H, W] without empty margins: H = height or W = width, in its own proportions.
    Raises InputError when a file is missing or broken, a font lacks a character, or nothing is drawn."""
    if figure.kind == "shape":
        return _of_file(Path(figure.file or ""), width, height)
    if figure.kind == "icon":
        icon, style = find_icon(figure.name)
        return _of_text(chr(icon.code), font_path(style), width, height, check=False)  # some are a plain box
    if figure.file is None:
        return _of_text(figure.name, None, width, height)
    path = Path(figure.file)
    try:
        return _of_text(figure.name, path, width, height)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError, TypeError) as error:  # FreeType's words are of no help
        state = no_file(path) or "is no font that can be drawn, allowed are TTF and OTF"
        raise InputError(f"{path}: the font {state}") from error


def _of_text(text: str, file: Path | None, width: int, height: int, check: bool = True) -> Mask:
    """A text in the font of a file, or in the one that comes along. check: whether it has the characters."""

    content = b"" if file is None else read_bytes(file, MAX_FILE)

    def font(size: float) -> ImageFont.FreeTypeFont:
        made = ImageFont.load_default(size) if file is None else ImageFont.truetype(io.BytesIO(content), size)
        assert isinstance(made, ImageFont.FreeTypeFont), "Pillow is built with FreeType in all its wheels"
        return made

    if check:
        _check_characters(text, font(PROBE))
    size, mask = PROBE, _drawn(text, font(PROBE))
    for _ in range(4):
        factor = min(width / mask.shape[1], height / mask.shape[0])
        if factor == 1:
            break
        # Rounding to whole pixels may leave a text one too large, so it is approached from below.
        size = min(max(size * factor * (1 if factor > 1 else 0.999), SMALLEST_FONT), LARGEST_FONT)
        mask = _drawn(text, font(size))
        if min(width - mask.shape[1], height - mask.shape[0]) in (0, 1):
            break
    return _fitted(mask, width, height)


def _check_characters(text: str, font: ImageFont.FreeTypeFont) -> None:
    """Raise InputError for characters that a font draws as it draws one that nobody has."""
    lacking = bytes(font.getmask(NOTHING))
    missing = [c for c in dict.fromkeys(text) if not c.isspace() and bytes(font.getmask(c)) == lacking]
    if missing:
        named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in missing[:5])
        raise InputError(f"the font {' '.join(filter(None, font.getname()))} lacks {named}")


def _drawn(text: str, font: ImageFont.FreeTypeFont) -> Mask:
    """A text in a font, without margins. Raises InputError when nothing can be seen of it."""
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = measure.multiline_textbbox((0, 0), text, font, align="center")
    size = max(1, round(right - left) + 4), max(1, round(bottom - top) + 4)
    canvas = Image.new("L", size)
    ImageDraw.Draw(canvas).multiline_text((2 - left, 2 - top), text, 255, font, align="center")
    return _cropped(np.asarray(canvas), "the text")


def _of_file(path: Path, width: int, height: int) -> Mask:
    side, drawn = max(width, height), is_svg(path)
    mask = _cropped(_outline(rasterize(path, side) if drawn else read_layer(path)), str(path))
    enlarged = round(side * min(width / mask.shape[1], height / mask.shape[0]))
    if drawn and enlarged > side:  # the drawing fills a part of its page only
        mask = _cropped(_outline(rasterize(path, enlarged)), str(path))
    return _fitted(mask, width, height)


def lightness(path: Path) -> Mask:
    """How light a picture is, 0..255 of [H, W]; what is transparent is dark. Raises InputError."""
    layer = read_layer(path)
    gray = np.asarray(Image.fromarray(np.ascontiguousarray(layer[..., :3])).convert("L"), np.uint16)
    return ((gray * layer[..., 3] + 127) // 255).astype(np.uint8)


def _outline(layer: Layer) -> Mask:
    """What is opaque; where everything is, what differs from the color of the border."""
    alpha = layer[..., 3]
    if alpha.min() < 255:
        return alpha
    colors = layer[..., :3].astype(np.int16)
    border = np.concatenate([colors[0], colors[-1], colors[:, 0], colors[:, -1]])
    distance = np.abs(colors - np.median(border, axis=0)).max(axis=2)
    return (np.clip((distance - FAINT) / (SURE - FAINT), 0, 1) * 255).round().astype(np.uint8)


def _cropped(mask: Mask, what: str) -> Mask:
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    if not len(rows):
        raise InputError(f"{what}: nothing can be seen of it, allowed is something with an outline")
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(mask: Mask, width: int, height: int) -> Mask:
    factor = min(width / mask.shape[1], height / mask.shape[0])
    new_height, new_width = (max(1, round(side * factor)) for side in mask.shape)
    if (new_height, new_width) == mask.shape:
        return mask
    size = min(width, new_width), min(height, new_height)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.LANCZOS))
