"""Generators without weights: pictures go in and out, steps follow a prompt, a camera carries frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.plans import frame_plan, make_descent, optimize, paint_from
from vqanim.camera.step import CameraStep
from vqanim.engine.frame import Painter
from vqanim.guidance.cutouts import Viewer
from vqanim.models.catalogue import get_generator_entry
from vqanim.models.families.fft import of_bands
from vqanim.models.load import load_generator
from vqanim.timeline.plan import FrameRef
from vqanim.types import Generator, Perceptor, Stage

PROMPT = "a red flower"
EVERY = pytest.mark.parametrize("name", ["pixels", "fft", "rgb"])


def load(name: str, cells: int = 16) -> Generator:
    settings: dict[str, Any] = {"cells": cells} if name == "pixels" else {}
    return load_generator(name, "cpu", settings)


def blobs(height: int, width: int, seed: int = 0) -> Tensor:
    """A smooth picture [1, 3, H, W] of a few colors."""
    coarse = torch.rand(1, 3, 3, 4, generator=torch.Generator().manual_seed(seed))
    return 0.1 + 0.8 * F.interpolate(coarse, (height, width), mode="bilinear")


@EVERY
@pytest.mark.parametrize("size", [(35, 51), (48, 33), (17, 64)])
def test_a_picture_of_an_odd_size_comes_out_as_it_went_in(name: str, size: tuple[int, int]) -> None:
    generator, picture = load(name, cells=64), blobs(*size)
    found = generator.decode(generator.carry(picture), size)
    assert found.shape == picture.shape
    assert (found - picture).abs().max() < 0.02


def test_coarse_pixels_are_the_mean_colors_of_their_squares() -> None:
    generator, picture = load("pixels", cells=4), blobs(32, 32)
    found = generator.decode(generator.carry(picture), (32, 32))
    means = F.avg_pool2d(picture, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    torch.testing.assert_close(found, means, rtol=0, atol=1e-4)
    again = generator.decode(generator.carry(found), (32, 32))
    torch.testing.assert_close(again, found, rtol=0, atol=1e-4)


@EVERY
@pytest.mark.parametrize("steps", [1, 2, 7, 60])
def test_no_step_is_lost_between_stages(name: str, steps: int) -> None:
    stages = load(name, cells=64).stages(steps, (48, 64))
    assert sum(stage.steps for stage in stages) == steps
    assert all(stage.steps > 0 for stage in stages)
    assert {(stage.height, stage.width) for stage in stages} == {(48, 64)}
    assert stages[-1].detail == 1.0 or steps == 1


@EVERY
def test_a_shot_starts_near_its_picture_and_fresh_noise_may_be_fainter(name: str) -> None:
    generator, picture = load(name, cells=48), blobs(32, 48)

    def start(fresh: bool) -> Tensor:
        stage = Stage(32, 48, 4, fresh=fresh)
        return generator.decode(generator.start(picture, torch.Generator(), stage), (32, 48))

    assert (start(fresh=False) - picture).abs().mean() < 0.01
    fresh = start(fresh=True)
    assert fresh.std() <= 1.01 * picture.std()
    assert abs(float(fresh.mean() - picture.mean())) < 0.03


@EVERY
def test_steps_bring_the_picture_nearer_to_its_prompt(name: str, perceptor: Perceptor) -> None:
    generator, size = load(name), (32, 32)
    descent = make_descent(generator, [Viewer(perceptor)], [PROMPT])
    rate = get_generator_entry(name).learning_rate
    plan = frame_plan(steps=12, cutouts=(4,), learning_rate=rate)
    plan = replace(plan, losses=(replace(plan.losses[0], text=PROMPT),))
    params = generator.start(blobs(*size), torch.Generator(), Stage(*size, 12))
    after = optimize(descent, params, plan, torch.Generator().manual_seed(0), size=size)
    assert after.finite

    def similarity(picture: Tensor) -> float:
        seen = perceptor.encode_image(F.interpolate(picture, (perceptor.input_size,) * 2, mode="bilinear"))
        return float(seen[0] @ descent.objective.targets[0][PROMPT])

    with torch.no_grad():
        before, found = (similarity(generator.decode(each, size)) for each in (params, after.params))
    assert found > before + 0.02


@EVERY
def test_a_camera_that_moves_by_whole_cells_moves_the_picture(name: str, perceptor: Perceptor) -> None:
    """Cells are four pixels wide, and the one step of the frame hardly changes anything."""
    generator = load(name, cells=8)
    painter = Painter(
        generator, make_descent(generator, [Viewer(perceptor)], ["a volcano"]), torch.device("cpu"), 24, 32
    )
    cells = np.random.default_rng(0).integers(90, 166, (6, 8, 3), dtype=np.uint8)
    before = cells.repeat(4, 0).repeat(4, 1)
    plan = frame_plan(index=1, previous=FrameRef("main", 0), start=None, learning_rate=1e-6)
    moved = paint_from(painter, replace(plan, camera=CameraStep(shift_x=4 / 32)), before).picture
    assert np.abs(moved[:, 4:].astype(int) - before[:, :-4]).max() <= 1
    assert (moved != before).mean() > 0.5
    still = paint_from(painter, plan, before).picture
    assert np.abs(still.astype(int) - before).max() <= 1


def test_a_spectrum_of_too_much_contrast_is_led_back_and_one_of_a_photograph_is_left() -> None:
    generator = load("fft")
    rng = torch.Generator().manual_seed(0)
    harsh = (torch.rand(1, 3, 32, 48, generator=rng) > 0.5).float()
    mild = 0.5 + 0.1 * torch.randn(1, 3, 32, 48, generator=rng)
    for picture, kept in ((harsh, False), (mild.clamp(0, 1), True)):
        params = dict(generator.carry(picture))
        before = generator.decode(params, (32, 48))
        for _ in range(12):
            generator.project(params)
        after = generator.decode(params, (32, 48))
        assert after.mean() == pytest.approx(float(before.mean()), abs=0.02)
        if kept:
            assert torch.allclose(after, before, atol=1e-4)
        else:
            assert after.std() < 0.7 * before.std()


def test_frequencies_of_a_band_share_a_moment() -> None:
    squares = torch.rand(1, 3, 32, 25, 2, generator=torch.Generator().manual_seed(0))
    shared = of_bands(squares)
    assert shared.shape == squares.shape
    assert shared.mean() == pytest.approx(float(squares.mean()), rel=1e-4)
    assert torch.equal(shared[..., 0], shared[..., 1])
    assert len(shared[0, 0].unique()) < 60
    assert not torch.allclose(shared[0, 0], shared[0, 1])
