"""When steps are recorded as CUDA graphs. Recording needs a GPU; where it fails it must do no harm."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils import _pytree as pytree

from tests.plans import frame_plan, make_descent, optimize
from tests.timeline.films import compiled
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent, Step, StepInputs
from vqanim.guidance.graphs import MAX_GRAPHS, WARM_UP, GraphedStep, choose
from vqanim.losses import Context
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline import Timeline
from vqanim.timeline.plan import AreaPlan, StartPlan

CUDA = torch.device("cuda")
LONG = "duration: 3s\nprompts: [a, b]\nguidance: {steps: 2}\n"


def test_a_long_film_of_equal_steps_is_worth_a_graph_on_cuda_alone() -> None:
    film = compiled(LONG)
    assert choose(film, CUDA).mode == "graph"
    assert choose(film, torch.device("cpu")) == choose(film, torch.device("cpu"))
    assert choose(film, torch.device("cpu")).mode == "eager"
    assert "cpu" in choose(film, torch.device("cpu")).reason


def test_the_steps_of_a_timelapse_count_once() -> None:
    timelapse = "duration: 2s\nkind: timelapse\nprompts: [a]\nguidance: {steps: 0, first_steps: %d}\n"
    assert choose(compiled(timelapse % 300), CUDA).mode == "graph"
    found = choose(compiled(timelapse % 20), CUDA)
    assert (found.mode, found.reason.split(",")[0]) == ("eager", "there are 20 steps of a kind")


def film_of(count: int) -> Timeline:
    """A film in which one prompt after the other joins the first one."""
    later = (f"{{text: p{i}, weight: {{0s: 0, {0.2 * (i + 1):g}s: [1, step]}}}}" for i in range(count - 1))
    return compiled(LONG.replace("[a, b]", f"[a, {', '.join(later)}]"))


def test_prompts_that_come_and_go_are_counted_over_the_whole_film() -> None:
    assert choose(film_of(MAX_GRAPHS), CUDA).mode == "graph"
    found = choose(film_of(MAX_GRAPHS + 1), CUDA)
    assert found.mode == "eager"
    assert f"{MAX_GRAPHS + 1} combinations, allowed {MAX_GRAPHS}" in found.reason


@pytest.mark.parametrize(
    "text", [LONG.replace("3s", "0.5s"), LONG.replace("steps: 2", "steps: 0, first_steps: 9")]
)
def test_few_steps_are_not_worth_it(text: str) -> None:
    assert choose(compiled(text), CUDA).mode == "eager"


def test_all_that_a_step_takes_and_gives_can_be_copied_as_tensors() -> None:
    """A graph reads and writes tensors; what else there is would stay as it was when it was recorded."""
    generator, size = load_generator("pocket"), (32, 32)
    guide = make_descent(generator, [Viewer(load_perceptor("pocket"))], ["a volcano"])
    params = {"z": generator.carry(torch.full((1, 3, *size), 0.4))["z"].requires_grad_(True)}
    plan = frame_plan(cutout_noise=(0.1,))
    cpu, rng = torch.device("cpu"), torch.Generator().manual_seed(0)
    left = torch.zeros(1, 1, *size)
    left[..., :16] = 1
    area = AreaPlan(StartPlan("image", "left.png"))
    losses = (*plan.losses, replace(plan.losses[0], area=area))
    terms = guide.objective.prepare(losses, Context(areas={area: left}), cpu)
    drawn = guide.objective.draw(plan, size, rng, cpu)
    inputs = StepInputs(params, tuple(one.step(0) for one in drawn), terms)
    gradient = Step(generator, guide.objective)(inputs, size)
    for whole in (inputs, gradient):
        leaves, layout = pytree.tree_flatten(whole)
        assert all(leaf is None or isinstance(leaf, torch.Tensor) for leaf in leaves)
        assert type(pytree.tree_unflatten(leaves, layout)) is type(whole)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here a graph can be recorded")
def test_a_recording_that_fails_leads_back_to_plain_steps() -> None:
    generator, viewers = load_generator("pocket"), [Viewer(load_perceptor("pocket"))]
    start = generator.carry(torch.full((1, 3, 32, 32), 0.4))
    plan = replace(frame_plan(), steps=WARM_UP + 2)

    def run(guide: Descent) -> torch.Tensor:
        return optimize(guide, start, plan, torch.Generator().manual_seed(0)).params["z"]

    guide = make_descent(generator, viewers, ["a volcano"], graphs=True)
    assert guide.mode == ("graph", "")
    assert torch.equal(run(guide), run(make_descent(generator, viewers, ["a volcano"])))
    mode, reason = guide.mode
    assert mode == "eager"
    assert reason
    assert isinstance(guide.step, GraphedStep)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_replayed_step_gives_what_the_step_gives() -> None:
    generator, viewers = load_generator("pocket", "cuda"), [Viewer(load_perceptor("pocket", "cuda"))]
    start = generator.carry(torch.full((1, 3, 32, 32), 0.4))
    plan = replace(frame_plan(), steps=3 * WARM_UP)

    def run(guide: Descent) -> torch.Tensor:
        return optimize(guide, start, plan, torch.Generator().manual_seed(0)).params["z"]

    guide = make_descent(generator, viewers, ["a volcano"], graphs=True)
    expected = run(make_descent(generator, viewers, ["a volcano"]))
    torch.testing.assert_close(run(guide), expected, atol=1e-3, rtol=1e-3)
    assert guide.mode == ("graph", "")
