"""A GIF of a part of a film with the waveform of its song under it, for pages that play no sound.

vqanim render scenes/music/tide.yaml
python scenes/music/show_waveform.py renders/tide --start 8.9 --seconds 5 --out film.gif
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw

from vqanim import api

STRIP = 28
"""Pixels of height."""
INK, PLAYED, GROUND = (120, 132, 150), (255, 170, 60), (20, 24, 32)


def waveform(song: Path, start: float, seconds: float, width: int) -> list[float]:
    """The loudest sample in each column, 0..1."""
    sound, rate = soundfile.read(song, always_2d=True)
    part = np.abs(sound[round(start * rate) : round((start + seconds) * rate)]).max(axis=1)
    edges = np.linspace(0, len(part), width, endpoint=False).astype(int)
    return list(np.maximum.reduceat(part, edges))


def with_strip(picture: Image.Image, heights: list[float], played: float) -> Image.Image:
    """A picture with the waveform under it, of which a part, 0..1, was played."""
    made = Image.new("RGB", (picture.width, picture.height + STRIP), GROUND)
    made.paste(picture, (0, 0))
    draw, middle = ImageDraw.Draw(made), picture.height + STRIP / 2
    for x, height in enumerate(heights):
        half = max(0.5, height * (STRIP / 2 - 2))
        draw.line([(x, middle - half), (x, middle + half)], PLAYED if x <= played * len(heights) else INK)
    return made


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("render", type=Path, help="The folder of a render.")
    parser.add_argument("--start", type=float, default=0.0, help="Seconds of the film.")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=Path("film.gif"))
    wishes = parser.parse_args()
    prepared, _, _ = api.find_render(wishes.render, ())
    sound, fps = prepared.timeline.sound, float(prepared.timeline.fps)
    if sound is None:
        parser.error("the film has no soundtrack")
    with tempfile.TemporaryDirectory() as scratch:
        for _ in api.encode(wishes.render, ["frames"], out=scratch):
            pass
        (folder,) = Path(scratch).glob("*-frames")
        files = sorted(folder.glob("*.png"))[round(wishes.start * fps) :][: round(wishes.seconds * fps)]
        pictures = [Image.open(file).convert("RGB") for file in files]
    heights = waveform(Path(sound.file), sound.start + wishes.start, wishes.seconds, pictures[0].width)
    shown = [
        with_strip(picture, heights, (index + 0.5) / len(pictures)).quantize(96, dither=Image.Dither.NONE)
        for index, picture in enumerate(pictures)
    ]
    shown[0].save(wishes.out, save_all=True, append_images=shown[1:], duration=round(1000 / fps), loop=0)
    print(wishes.out)


if __name__ == "__main__":
    main()
