"""Saved frames in which every frame, row and column differs, and a timeline that shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqanim.film.compose import make_reel
from vqanim.film.reel import Find, Reel
from vqanim.pictures import Picture
from vqanim.timeline.plan import FilmFrame, FrameRef, Layer, Look, PerceptorPlan, Timeline

MakeFrames = Callable[..., list[Path]]

EMPTY = Timeline(
    title="Über = den; Fluß",
    width=64,
    height=48,
    fps=Fraction(12),
    seed=7,
    generator="pocket",
    perceptors=(PerceptorPlan("pocket"),),
    shots=(),
    edit=(),
    crf=17,
    gif_width=32,
    gif_fps=Fraction(12),
)


def showing(timeline: Timeline, frames: list[Path]) -> tuple[Timeline, Find]:
    """The timeline of a film that shows these files, one after another, and where they are."""
    edit = tuple(
        FilmFrame(float(index / timeline.fps), (Layer((Look(FrameRef(path.stem, 0)),)),))
        for index, path in enumerate(frames)
    )
    files = {FrameRef(path.stem, 0): path for path in frames}
    return replace(timeline, edit=edit), files.__getitem__


def reel(frames: list[Path], fps: Fraction = Fraction(12), size: tuple[int, int] = (64, 48)) -> Reel:
    """A film that shows these files, one after another."""
    return make_reel(*showing(replace(EMPTY, fps=fps, width=size[0], height=size[1]), frames))


def frame_picture(index: int, width: int = 64, height: int = 48) -> Picture:
    """Smooth colors that move to the right."""
    y, x = np.mgrid[:height, :width]
    red = 128 + 100 * np.sin((x - 3 * index) / 12)
    green = 40 + 160 * y / height
    blue = np.full_like(red, 20 + (7 * index) % 200)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


@pytest.fixture
def make_frames(tmp_path: Path) -> MakeFrames:
    def make(count: int, width: int = 64, height: int = 48) -> list[Path]:
        folder = tmp_path / "takes"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{index:06d}.png" for index in range(count)]
        for index, path in enumerate(paths):
            Image.fromarray(frame_picture(index, width, height)).save(path)
        return paths

    return make


@pytest.fixture
def timeline() -> Timeline:
    return EMPTY
