"""Denoising against cases that can be computed by hand, and what guidance does to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tests.plans import frame_plan
from vqanim.engine.frame import Progress
from vqanim.engine.timelapse import from_state, to_state
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.denoise import Denoise, beyond_range, clamped, plan_way, variation
from vqanim.guidance.descent import DescentResult, OptimizerState
from vqanim.guidance.objective import Objective
from vqanim.models.families.diffusion import Described, Sampling, alphabars
from vqanim.models.load import load_perceptor
from vqanim.timeline.plan import FramePlan, WeightedTerm
from vqanim.types import Image, Knob, Params, Stage

SIZE = (32, 32)
PLAN = frame_plan(steps=10, cutouts=(2,), losses=(WeightedTerm("prompt", "a volcano", 1.0),))


FREE = Sampling(clip_guidance_scale=0.0, tv_scale=0.0, range_scale=0.0)


class Gaussian:
    """Knows that all pictures are independent pixels of one mean and spread, and so the exact noise."""

    name, hash, multiple, exact, invertible = "gaussian", "0", 1, False, True
    knobs: Mapping[str, Knob] = {"x": Knob()}

    def __init__(self, mean: float = 0.2, spread: float = 0.3, sampling: Sampling = FREE) -> None:
        self.mean, self.spread, self.sampling = mean, spread, sampling
        self.alphabars = alphabars(Described())

    def find_noise(self, x: Tensor, index: int, recompute: bool = False) -> tuple[Tensor, Tensor | None]:
        kept = self.alphabars[index]
        share = kept * self.spread**2 / (kept * self.spread**2 + 1 - kept)
        picture = self.mean + share / math.sqrt(kept) * (x - math.sqrt(kept) * self.mean)
        return (x - math.sqrt(kept) * picture) / math.sqrt(1 - kept), None

    def guess_picture(self, x: Tensor, alpha: float, sigma: float) -> Tensor | None:
        return None

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        return (Stage(*size, steps),)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        return self.carry(picture)

    def carry(self, picture: Image) -> Params:
        return {"x": picture * 2 - 1}

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        return (params["x"] + 1) / 2

    def project(self, params: Params) -> None:
        pass

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        return {}

    def lower_precision(self, dtype: torch.dtype) -> None:
        pass


@pytest.fixture(scope="module")
def objective() -> Objective:
    return Objective([Viewer(load_perceptor("pocket"))], ["a volcano"])


def sample(
    generator: Gaussian, objective: Objective, plan: FramePlan, picture: Tensor | None = None
) -> tuple[list[OptimizerState], DescentResult]:
    params = {"x": torch.zeros(1, 3, *SIZE) if picture is None else picture}
    rng = torch.Generator().manual_seed(4)
    *states, result = Denoise(generator, objective).steps(params, plan, SIZE, rng)
    assert isinstance(result, DescentResult)
    return [state for state in states if isinstance(state, OptimizerState)], result


def test_ddim_without_noise_follows_the_exact_way_of_gaussian_pictures(objective: Objective) -> None:
    """Along it, the distance to the mean shrinks as the spread of the noisy pictures does."""
    generator = Gaussian(sampling=replace(FREE, eta=0.0))
    states, result = sample(generator, objective, replace(PLAN, steps=400, losses=NOTHING))
    kept = generator.alphabars[-1]
    step = plan_way(generator.alphabars, 400, 1.0)[1]
    assert step.kept > kept
    x = states[0].first["x"]  # after one step
    spread = math.sqrt(step.kept * generator.spread**2 + 1 - step.kept)
    exact = generator.mean + generator.spread * (x - math.sqrt(step.kept) * generator.mean) / spread
    assert (result.params["x"] - exact).abs().max() < 0.02  # a step is not endlessly small
    assert abs(float(exact.std()) - generator.spread) < 0.02


NOTHING = (WeightedTerm("tv", "", 1e-9),)
"""A term, so that there are steps, which asks for next to nothing."""


@pytest.mark.parametrize("sampling", [replace(FREE, eta=1.0), FREE, replace(FREE, sampler="ddpm")])
def test_samplers_with_noise_give_pictures_of_the_right_mean_and_spread(
    sampling: Sampling, objective: Objective
) -> None:
    generator = Gaussian(sampling=sampling)
    _, result = sample(generator, objective, replace(PLAN, steps=250, losses=NOTHING))
    found = result.params["x"]
    assert abs(float(found.mean()) - generator.mean) < 0.02
    assert abs(float(found.std()) - generator.spread) < 0.02


def test_strength_says_how_much_of_a_picture_stays(objective: Objective) -> None:
    picture = 0.2 + 0.3 * torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(9))
    kept = []
    for strength in (0.03, 0.1, 0.3, 1.0):
        plan = replace(PLAN, steps=40, losses=NOTHING, strength=strength)
        found = sample(Gaussian(sampling=replace(FREE, eta=0.0)), objective, plan, picture)[1].params["x"]
        kept.append(float(torch.corrcoef(torch.stack([picture.flatten(), found.flatten()]))[0, 1]))
    assert all(more > less + 0.1 for more, less in pairwise(kept))
    assert kept[0] > 0.85, kept
    assert abs(kept[-1]) < 0.1


def test_guidance_comes_nearer_to_the_prompt_than_chance(objective: Objective) -> None:
    free = sample(Gaussian(), objective, PLAN)[1].similarities[0][1]
    strong = Gaussian(sampling=replace(FREE, clip_guidance_scale=10_000.0, clamp_max=0.5))
    led = sample(strong, objective, PLAN)[1].similarities[0][1]
    away = replace(PLAN, losses=(WeightedTerm("prompt", "a volcano", -1.0, stop=-10.0),))
    driven = sample(strong, objective, away)[1].similarities[0][1]
    assert led > free + 0.05
    assert driven < led - 0.05


def test_steps_go_on_from_a_saved_state_to_the_same_bits(objective: Objective) -> None:
    generator = Gaussian(sampling=replace(FREE, clip_guidance_scale=1000.0))
    states, whole = sample(generator, objective, PLAN)
    saved = to_state(Progress(4, 0, states[3], torch.zeros(1, 3, *SIZE)))
    progress = from_state(saved, torch.device("cpu"))
    assert progress is not None
    rng = torch.Generator().manual_seed(4)
    params = {"x": torch.zeros(1, 3, *SIZE)}
    method = Denoise(generator, objective)
    *_, result = method.steps(params, PLAN, SIZE, rng, since=progress.optimizer)
    assert isinstance(result, DescentResult)
    assert torch.equal(result.params["x"], whole.params["x"])


def test_the_gradients_of_smoothness_and_range_are_those_of_their_losses() -> None:
    x = (2 * torch.randn(1, 3, 6, 7)).requires_grad_(True)
    smooth = (x.diff(dim=2).square().sum() + x.diff(dim=3).square().sum()) / x.numel()
    beyond = (x - x.clamp(-1, 1)).square().mean()
    for loss, gradient in ((smooth, variation), (beyond, beyond_range)):
        assert torch.allclose(torch.autograd.grad(loss, x)[0], gradient(x.detach()), atol=1e-6)


def test_a_pull_is_held_to_its_most() -> None:
    pull = torch.randn(1, 3, 8, 8)
    size = float(pull.square().mean().sqrt())
    assert torch.equal(clamped(pull, 0.0), pull)
    assert torch.allclose(clamped(pull, 2 * size), pull)
    assert abs(float(clamped(pull, 0.05).square().mean().sqrt()) - 0.05) < 1e-6
    assert not clamped(pull * math.inf, 0.05).any()


def test_the_way_is_even_and_ends_at_the_picture() -> None:
    bars = alphabars(Described())
    whole = plan_way(bars, 250, 1.0)
    assert (whole[0].index, whole[-1].index, whole[-1].after) == (999, 0, 1.0)
    assert {a.index - b.index for a, b in pairwise(whole)} == {4, 5}
    assert [place.index for place in plan_way(bars, 3, 0.4)] == [399, 200, 0]
    assert [place.index for place in plan_way(bars, 1, 0.4)] == [399]
    assert plan_way(bars, 0, 0.4) == ()
    assert abs(bars[-1] - 4.036e-5) < 1e-8  # as published
