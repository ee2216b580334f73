"""What pictures are like to the eye, in figures: fine detail, colored texture, saturation.

`python benchmarks/texture.py FILE...` prints them of pictures, with the medians.
"""

from __future__ import annotations

import argparse
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.pictures import Picture, read_picture

FINE = 1 / 8
"""Cycles a pixel from which on detail is fine."""
TEXTURE = (1 / 16, 1 / 4)
"""Cycles a pixel between which structure is texture."""
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Texture:
    """Of one picture."""

    fine_detail: float
    """Share of the energy of luminance, its mean left out, above an eighth of a cycle a pixel, 0..1."""
    colored_texture: float
    """Energy of both color differences over that of luminance, from a 16th to a quarter of a cycle."""
    saturation: float
    """Mean of (largest - smallest) / largest of red, green and blue, 0..1."""


def texture(picture: Picture) -> Texture:
    """Of a picture uint8 [H, W, 3]."""
    rgb = picture.astype(np.float64) / 255
    luminance = rgb @ LUMA
    blue, red = (rgb[..., 2] - luminance) / 1.772, (rgb[..., 0] - luminance) / 1.402
    height, width = luminance.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    bright, colored = energy(luminance), energy(blue) + energy(red)
    band = (frequency >= TEXTURE[0]) & (frequency < TEXTURE[1])
    largest = rgb.max(-1)
    return Texture(
        float(bright[frequency >= FINE].sum() / max(bright.sum(), 1e-12)),
        float(colored[band].sum() / max(bright[band].sum(), 1e-12)),
        float(((largest - rgb.min(-1)) / np.maximum(largest, 1e-6)).mean()),
    )


def energy(channel: np.ndarray) -> np.ndarray:
    """Of each frequency [H, W] of a channel, in a Hann window, so that borders are no detail."""
    height, width = channel.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None]
    mean = (channel * window).sum() / window.sum()
    return np.abs(np.fft.fft2((channel - mean) * window)) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--width", type=int, help="shrink wider pictures to this many pixels first")
    options = parser.parse_args()
    rows = []
    for path in options.files:
        picture = read_picture(path)
        if options.width and picture.shape[1] > options.width:
            size = (options.width, round(picture.shape[0] * options.width / picture.shape[1]))
            picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
        rows.append(astuple(texture(picture)))
        print("  ".join(f"{value:.3f}" for value in rows[-1]), path)
    print("  ".join(f"{value:.3f}" for value in np.median(rows, axis=0)), "median")


if __name__ == "__main__":
    main()
