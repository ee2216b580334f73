"""Draws portrait.png, the photo that three of the recipes begin from: nobody's face, free for every use.

Run it with:  python scenes/article/portrait.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 400, 480
"""Pixels."""
FINER = 2
"""It is drawn so many times larger, for smooth edges."""

Box = tuple[float, float, float, float]
Color = tuple[int, int, int]


def ellipse(canvas: Image.Image, box: Box, color: Color, blur: float = 1.0, opacity: float = 1.0) -> None:
    """Lay a soft ellipse over the picture; box and blur are in pixels of the finished picture."""
    mask = Image.new("L", canvas.size)
    left, top, right, bottom = (side * FINER for side in box)
    ImageDraw.Draw(mask).ellipse((left, top, right, bottom), fill=round(255 * opacity))
    canvas.paste(color, (0, 0), mask.filter(ImageFilter.GaussianBlur(blur * FINER)))


def polygon(canvas: Image.Image, points: list[tuple[float, float]], color: Color, blur: float = 1.0) -> None:
    """Lay a soft polygon over the picture."""
    mask = Image.new("L", canvas.size)
    ImageDraw.Draw(mask).polygon([(x * FINER, y * FINER) for x, y in points], fill=255)
    canvas.paste(color, (0, 0), mask.filter(ImageFilter.GaussianBlur(blur * FINER)))


def ground() -> Image.Image:
    """A wall, lighter where the lamp shines on it."""
    rows, columns = np.mgrid[0 : HEIGHT * FINER, 0 : WIDTH * FINER] / FINER
    light = np.exp(-(((columns - 290) / 260) ** 2 + ((rows - 150) / 300) ** 2))[..., None]
    wall = np.array([58, 74, 82]) + light * np.array([92, 84, 66])
    return Image.fromarray(wall.astype(np.uint8))


def body(canvas: Image.Image) -> None:
    """Shoulders in a coat, and the neck."""
    ellipse(canvas, (40, 345, 360, 620), (36, 44, 66), 3)
    ellipse(canvas, (70, 365, 200, 560), (54, 64, 92), 22, 0.7)
    polygon(canvas, [(158, 330), (242, 330), (256, 392), (200, 424), (144, 392)], (196, 146, 116), 3)
    ellipse(canvas, (150, 318, 250, 378), (140, 92, 70), 10, 0.75)
    polygon(canvas, [(138, 380), (200, 426), (166, 452), (112, 400)], (224, 220, 208), 1)
    polygon(canvas, [(262, 380), (200, 426), (234, 452), (288, 400)], (206, 202, 192), 1)


def head(canvas: Image.Image) -> None:
    """Hair behind, face, light from the right, and hair in front."""
    ellipse(canvas, (98, 62, 302, 330), (42, 28, 22), 4)
    ellipse(canvas, (96, 200, 126, 262), (188, 134, 104), 2)
    ellipse(canvas, (274, 200, 304, 262), (204, 152, 122), 2)
    ellipse(canvas, (112, 96, 288, 366), (214, 164, 132), 2)
    ellipse(canvas, (100, 150, 178, 350), (160, 108, 82), 24, 0.55)
    ellipse(canvas, (206, 130, 282, 250), (240, 200, 170), 26, 0.6)
    ellipse(canvas, (130, 246, 176, 292), (206, 126, 108), 14, 0.5)
    ellipse(canvas, (226, 246, 272, 292), (224, 140, 118), 14, 0.5)
    polygon(
        canvas,
        [
            (112, 196),
            (118, 120),
            (180, 74),
            (262, 92),
            (290, 150),
            (288, 196),
            (262, 136),
            (186, 128),
            (134, 156),
        ],
        (48, 32, 24),
        3,
    )
    polygon(canvas, [(190, 84), (262, 102), (280, 146), (236, 112)], (92, 64, 46), 8)


def features(canvas: Image.Image) -> None:
    """Eyes with brows, nose and mouth."""
    for center, turned in ((160, -1), (240, 1)):
        ellipse(canvas, (center - 30, 188, center + 30, 236), (150, 100, 78), 9, 0.6)
        ellipse(canvas, (center - 21, 203, center + 21, 227), (236, 232, 224), 1.2)
        ellipse(canvas, (center - 10, 203, center + 12, 226), (70, 92, 84), 1)
        ellipse(canvas, (center - 4, 209, center + 6, 220), (14, 14, 16), 0.8)
        ellipse(canvas, (center + 2, 207, center + 6, 211), (250, 250, 248), 0.6)
        polygon(
            canvas, [(center - 24, 210), (center, 198), (center + 24, 210), (center, 204)], (52, 34, 26), 1
        )
        brow = [(center - 28, 190 - 4 * turned), (center + 28, 190 + 4 * turned), (center, 176)]
        polygon(canvas, brow, (46, 30, 22), 2)
    ellipse(canvas, (192, 200, 206, 270), (170, 118, 92), 7, 0.5)
    ellipse(canvas, (204, 210, 214, 270), (248, 212, 184), 5, 0.7)
    ellipse(canvas, (178, 258, 222, 284), (196, 140, 112), 5, 0.8)
    ellipse(canvas, (180, 270, 194, 280), (104, 60, 46), 3, 0.9)
    ellipse(canvas, (206, 270, 220, 280), (104, 60, 46), 3, 0.9)
    polygon(
        canvas, [(164, 310), (190, 301), (200, 305), (210, 301), (236, 310), (200, 315)], (158, 74, 68), 1.5
    )
    polygon(canvas, [(166, 311), (200, 314), (234, 311), (216, 328), (184, 328)], (188, 96, 86), 2)
    ellipse(canvas, (184, 315, 222, 323), (224, 146, 132), 4, 0.6)
    ellipse(canvas, (176, 328, 224, 342), (156, 104, 80), 6, 0.5)


def portrait() -> Image.Image:
    """The whole picture."""
    canvas = ground()
    for draw in (body, head, features):
        draw(canvas)
    return canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    portrait().quantize(96, dither=Image.Dither.NONE).save(
        Path(__file__).with_name("portrait.png"), optimize=True
    )
