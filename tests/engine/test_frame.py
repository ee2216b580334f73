import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.plans import frame_plan, make_descent, paint_from
from vqanim.camera.step import CameraStep
from vqanim.engine.frame import Painter, resize
from vqanim.errors import InputError
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent, DescentResult
from vqanim.icons import IconSpec, icon_figure
from vqanim.icons.draw import draw_icon
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline.plan import FramePlan, FrameRef, StartPlan

FIRST = frame_plan(start=StartPlan("gradient", colors=((0.9, 0.2, 0.1), (0.1, 0.2, 0.9))), steps=0)
NEXT = replace(FIRST, index=1, previous=FrameRef("main", 0), start=None)


@pytest.fixture(scope="module")
def painter() -> Painter:
    generator, perceptor = load_generator("pocket"), load_perceptor("pocket")
    return Painter(
        generator, make_descent(generator, [Viewer(perceptor)], ["a volcano"]), torch.device("cpu"), 32, 48
    )


def colorfulness(picture: np.ndarray) -> float:
    """Mean difference of the largest and smallest channel of uint8 [H, W, 3]."""
    return float((picture.max(2).astype(int) - picture.min(2)).mean())


def test_without_steps_the_start_is_the_frame(painter: Painter) -> None:
    picture = painter.finish(FIRST).picture
    assert picture.shape == (32, 48, 3)
    assert picture[0, 0].tolist() == [230, 51, 26]
    assert picture[-1, -1].tolist() == [26, 51, 230]


def test_an_icon_is_the_frame_and_with_steps_it_is_not_sketched_small_first(painter: Painter) -> None:
    icon = IconSpec(icon_figure("robot"), seed=1)
    plan = replace(FIRST, start=StartPlan("icon", icon=icon), learning_rate=1e-12)
    large = replace(painter, height=128, width=128)
    assert np.array_equal(large.finish(plan).picture, draw_icon(icon, 128, 128))
    once, often = (large.finish(replace(plan, steps=steps)).picture for steps in (1, 4))
    assert np.array_equal(once, often)


def test_a_carried_frame_without_steps_is_the_warped_one(painter: Painter) -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    assert np.array_equal(paint_from(painter, NEXT, before).picture, before)
    right = replace(NEXT, camera=CameraStep(shift_x=2 / 48))
    assert np.array_equal(paint_from(painter, right, before).picture[:, 2:], before[:, :-2])


def test_steps_are_painted_after_the_last_of_them(painter: Painter) -> None:
    """A single step changes the picture by more than coding it and back does."""
    before = painter.finish(FIRST).picture
    tiny = replace(NEXT, steps=1, learning_rate=1e-9)
    coded, stepped = (
        paint_from(painter, tiny, before).picture,
        paint_from(painter, replace(tiny, learning_rate=0.5), before).picture,
    )
    assert np.abs(stepped.astype(int) - coded).mean() > 1


class Steep(Descent):
    """A loss so steep that latents run away at learning rates of 0.1 and more."""

    def steps(self, params: Any, plan: FramePlan, *others: Any, **named: Any) -> Iterator[Any]:
        for event in super().steps(params, plan, *others, **named):
            if isinstance(event, DescentResult) and plan.learning_rate >= 0.1:
                ran_away = {name: torch.full_like(z, math.nan) for name, z in event.params.items()}
                yield replace(event, params=ran_away, finite=False)
            else:
                yield event


def test_latents_that_ran_away_are_tried_again_with_half_the_learning_rate(painter: Painter) -> None:
    steep = replace(painter, method=Steep(painter.generator, painter.method.objective))
    half = painter.finish(replace(FIRST, steps=2, learning_rate=0.08)).picture
    assert np.array_equal(steep.finish(replace(FIRST, steps=2, learning_rate=0.16)).picture, half)
    wild = replace(FIRST, steps=2, learning_rate=0.4, index=7)
    with pytest.raises(InputError, match="shot main, frame 7: .*lower guidance.learning_rate .here 0.4."):
        steep.finish(wild)


def test_a_painted_frame_keeps_the_colors_of_its_anchor(painter: Painter) -> None:
    """Guidance makes pictures more colorful; what is saved is as colorful as the anchor."""
    gray = replace(FIRST, start=StartPlan("gradient", colors=((0.3, 0.3, 0.35), (0.6, 0.55, 0.5))))
    before = painter.finish(gray).picture
    wild = replace(NEXT, steps=3, learning_rate=0.5, cutouts=(2,))
    held = replace(wild, anchor=FrameRef("main", 0), match_colors=1.0)
    drifted, kept = (
        paint_from(painter, wild, before).picture,
        paint_from(painter, held, before, before).picture,
    )
    assert colorfulness(drifted) > 1.3 * colorfulness(before)
    assert colorfulness(kept) < 1.15 * colorfulness(before)
    assert abs(kept.mean() - before.mean()) < 3


def test_the_saved_frames_that_a_plan_names_must_be_given(painter: Painter) -> None:
    before = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="frame 1 of main"):
        paint_from(painter, replace(NEXT, anchor=FrameRef("main", 0)), before)
    with pytest.raises(ValueError, match="frame 1 of main"):
        painter.finish(NEXT)


def test_a_frame_of_another_size_is_refused_by_name(painter: Painter) -> None:
    with pytest.raises(InputError, match=r"shot main, frame 1: .* 48x16 pixels, expected 48x32"):
        paint_from(painter, NEXT, np.zeros((16, 48, 3), np.uint8))


def test_a_large_first_frame_is_sketched_and_ends_at_full_size(painter: Painter) -> None:
    large = Painter(painter.generator, painter.method, painter.device, 128, 128)
    result = large.finish(replace(FIRST, start=StartPlan("noise"), steps=4))
    assert result.picture.shape == (128, 128, 3)
    assert result.similarities[0][0] == "a volcano"


def test_resizing_to_the_same_size_changes_nothing() -> None:
    picture = torch.rand(1, 3, 8, 12)
    assert resize(picture, 8, 12) is picture
    assert resize(picture, 16, 24).shape == (1, 3, 16, 24)
