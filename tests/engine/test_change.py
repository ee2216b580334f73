"""A film changes more from frame to frame, and follows its prompts sooner, the farther `change` is turned."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.plans import make_descent, paint_from
from vqanim.engine.frame import Painter
from vqanim.guidance.cutouts import Viewer
from vqanim.models.load import load_generator, load_perceptor
from vqanim.pictures import Picture
from vqanim.scene import load_scene_text
from vqanim.timeline import Limits, compile_timeline

WIDTH, HEIGHT = 48, 32
SCENE = """\
vqanim: 1
size: [48, 32]
duration: 3f
prompts: [{text: a forest, weight: {0f: 1, 1f: [0, step]}}, {text: a volcano, weight: {0f: 0, 1f: [1, step]}}]
guidance: {first_steps: 4, cutouts: 2}
change: %g
"""


@pytest.fixture(scope="module")
def painter() -> Painter:
    viewers = [Viewer(load_perceptor("pocket"))]
    guide = make_descent(load_generator("pocket"), viewers, ["a forest", "a volcano"])
    return Painter(guide.generator, guide, torch.device("cpu"), HEIGHT, WIDTH)


def test_more_change_is_more_difference_and_the_first_frame_is_the_same(painter: Painter) -> None:
    films: list[list[Picture]] = []
    for change in (0.0, 0.5, 1.0):
        (shot,) = compile_timeline(load_scene_text(SCENE % change), limits=Limits()).shots
        pictures: list[Picture] = []
        for plan in shot.frames:
            before = pictures[plan.previous.index] if plan.previous else None
            anchor = pictures[plan.anchor.index] if plan.anchor else None
            painted = painter.finish(plan) if before is None else paint_from(painter, plan, before, anchor)
            pictures.append(painted.picture)
        films.append(pictures)
    assert np.array_equal(films[0][0], films[1][0])
    assert np.array_equal(films[1][0], films[2][0])
    moved = [np.mean([np.abs(b.astype(float) - a).mean() for a, b in pairwise(film)]) for film in films]
    assert moved[0] * 1.2 < moved[1]
    assert moved[1] * 1.2 < moved[2]
    gone = [np.abs(film[-1].astype(float) - film[0]).mean() for film in films]
    assert gone == sorted(gone)
