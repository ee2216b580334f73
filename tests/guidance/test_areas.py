"""Prompts in a part of the frame: they pull only there, and cutouts count by what they show of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.plans import decode, frame_plan, make_descent, optimize
from vqanim.guidance.cutouts import Boxes, Viewer, draw_boxes
from vqanim.guidance.memory import Memory
from vqanim.guidance.objective import cutout_weights
from vqanim.losses import Context
from vqanim.timeline.plan import AreaPlan, StartPlan, WeightedTerm
from vqanim.types import Generator, Params, Perceptor

LEFT, RIGHT = (AreaPlan(StartPlan("image", "left.png"), outside) for outside in (False, True))
HEIGHT, WIDTH = 32, 64
PLAN = frame_plan(steps=10, cutouts=(8,), learning_rate=0.3)


@pytest.fixture(scope="module")
def latents(generator: Generator) -> Params:
    return generator.carry(torch.full((1, 3, HEIGHT, WIDTH), 0.5))


def halves() -> Context:
    left = torch.zeros(1, 1, HEIGHT, WIDTH)
    left[..., : WIDTH // 2] = 1
    return Context(areas={LEFT: left, RIGHT: 1 - left})


def moved(
    models: tuple[Generator, Perceptor],
    latents: Params,
    losses: tuple[WeightedTerm, ...],
    memory: Memory = "full",
    steps: int = 12,
) -> Tensor:
    """The picture after some steps."""
    generator, perceptor = models
    guide = make_descent(generator, [Viewer(perceptor)], ["red", "blue"], memory=memory)
    plan = replace(PLAN, losses=losses, steps=steps)
    found = optimize(guide, latents, plan, torch.Generator().manual_seed(0), halves())
    assert [text for text, _ in found.similarities] == [term.text for term in losses if term.kind == "prompt"]
    with torch.no_grad():
        return decode(generator, found.params)


def redness(picture: Tensor) -> tuple[float, float]:
    """How much more red than blue there is, left and right."""
    excess = picture[0, 0] - picture[0, 2]
    return float(excess[:, : WIDTH // 2].mean()), float(excess[:, WIDTH // 2 :].mean())


@pytest.mark.slow
def test_two_prompts_on_two_halves_are_seen_each_in_its_own(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    for red, blue, sign in ((LEFT, RIGHT, 1), (RIGHT, LEFT, -1)):
        losses = (
            WeightedTerm("prompt", "red", 1.0, area=red),
            WeightedTerm("prompt", "blue", 1.0, area=blue),
        )
        left, right = redness(moved((generator, perceptor), latents, losses))
        assert sign * (left - right) > 0.1


def test_outside_its_area_a_prompt_changes_next_to_nothing(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    with torch.no_grad():
        before = decode(generator, latents)
    after = moved((generator, perceptor), latents, (WeightedTerm("prompt", "red", 1.0, area=LEFT),), steps=3)
    change = (after - before).abs().mean((0, 1, 2))
    # A few pixels beyond the border are decoded from latents on either side of it.
    assert change[WIDTH * 3 // 4 :].mean() < 0.4 * change[: WIDTH // 4].mean()


def test_with_cutouts_in_parts_areas_are_the_same(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    losses = (WeightedTerm("prompt", "red", 1.0, area=LEFT), WeightedTerm("prompt", "blue", -0.5))
    plan = replace(PLAN, cutouts=(12,), steps=1, losses=losses)
    found = [
        optimize(
            make_descent(generator, [Viewer(perceptor)], ["red", "blue"], memory=memory),
            latents,
            plan,
            torch.Generator().manual_seed(0),
            halves(),
        ).params["z"]
        for memory in ("full", "chunks")
    ]
    change = (found[0] - latents["z"]).abs().mean()
    assert (found[0] - found[1]).abs().mean() < 1e-3 * change


def test_a_picture_by_pixels_stays_in_its_area(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    red = StartPlan("color", colors=((0.9, 0.1, 0.1),))
    expected = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1).expand(1, 3, HEIGHT, WIDTH)
    context = replace(halves(), images={red: expected})
    guide = make_descent(generator, [Viewer(perceptor)], [])
    losses = (WeightedTerm("pixels", "red.png", 1.0, target=red, area=LEFT),)
    found = optimize(guide, latents, replace(PLAN, losses=losses, steps=5), torch.Generator(), context)
    with torch.no_grad():
        left, right = redness(decode(generator, found.params))
    assert left > right + 0.15


def test_cutouts_count_by_what_they_show_of_an_area() -> None:
    mask = halves().areas[LEFT]
    zeros = torch.zeros(3)
    boxes = Boxes(torch.tensor([0.0, 32.0, 16.0]), zeros, zeros + 32, zeros + 32, zeros)
    torch.testing.assert_close(cutout_weights(mask, boxes), torch.tensor([2.0, 0.0, 1.0]), atol=0.05, rtol=0)
    drawn = draw_boxes(1, 16, HEIGHT, WIDTH, torch.Generator().manual_seed(0)).part(0)
    assert float(cutout_weights(mask, drawn).mean()) == pytest.approx(1)
    assert float(cutout_weights(torch.zeros_like(mask), drawn).abs().max()) == 0
