import math
from dataclasses import replace

import pytest
import torch

from tests.plans import decode, frame_plan, make_descent, optimize
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent, strength
from vqanim.losses import Context
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline.plan import FramePlan, WeightedTerm
from vqanim.types import Params

PLAN = frame_plan(steps=12, cutouts=(4,))
STRAWBERRY = 949
"""Number of the class in ImageNet."""


@pytest.fixture(scope="module")
def guide() -> Descent:
    texts = ("a volcano", "a tiger", "a strawberry")
    return make_descent(load_generator("pocket"), [Viewer(load_perceptor("pocket"))], texts)


@pytest.fixture(scope="module")
def latents(guide: Descent) -> Params:
    rng = torch.Generator().manual_seed(3)
    blocks = torch.rand(1, 3, 8, 8, generator=rng)
    return guide.generator.carry(blocks.repeat_interleave(6, 2).repeat_interleave(6, 3))


def run(guide: Descent, latents: Params, plan: FramePlan, seed: int = 0) -> torch.Tensor:
    return optimize(guide, latents, plan, torch.Generator().manual_seed(seed)).params["z"]


def similarity(guide: Descent, z: torch.Tensor, text: str) -> float:
    """Cosine of the decoded picture to a text, measured apart from the guide."""
    with torch.no_grad():
        picture = decode(guide.generator, {"z": z})
        perceptor = guide.objective.viewers[0].perceptor
        size = perceptor.input_size
        whole = torch.nn.functional.interpolate(picture, (size, size), mode="bilinear", antialias=True)
        return float(perceptor.encode_image(whole)[0] @ guide.objective.targets[0][text])


def test_the_picture_comes_nearer_to_the_prompt(guide: Descent, latents: Params) -> None:
    before = similarity(guide, latents["z"], "a volcano")
    after = similarity(guide, run(guide, latents, replace(PLAN, steps=24)), "a volcano")
    assert after > before + 0.1


def test_a_negative_weight_drives_the_picture_away(guide: Descent, latents: Params) -> None:
    away = replace(PLAN, losses=(WeightedTerm("prompt", "a volcano", -1.0, stop=-10.0),))
    before = similarity(guide, latents["z"], "a volcano")
    assert similarity(guide, run(guide, latents, away), "a volcano") < before


def probability(guide: Descent, z: torch.Tensor, number: int) -> float:
    """Of an ImageNet class, as the judge's classifier gives it for the whole picture."""
    perceptor = guide.objective.viewers[0].perceptor
    assert isinstance(perceptor, ConsePerceptor)
    with torch.no_grad():
        picture = decode(guide.generator, {"z": z})
        whole = torch.nn.functional.interpolate(picture, (96, 96), mode="bilinear", antialias=True)
        return float(perceptor.classifier((whole * 255 - 127) / 128).softmax(1)[0, number])


def test_a_negative_prompt_lowers_the_judges_probability_of_what_it_names(
    guide: Descent, latents: Params
) -> None:
    towards, away = (
        WeightedTerm("prompt", "a strawberry", weight, stop=stop)
        for weight, stop in ((1.0, 0.0), (-1.0, -10.0))
    )
    shown = run(guide, latents, replace(PLAN, steps=48, losses=(towards,)))
    gone = run(guide, {"z": shown}, replace(PLAN, steps=8, losses=(away,)))
    before, after = (probability(guide, z, STRAWBERRY) for z in (shown, gone))
    assert before > 0.5
    assert after < 0.3 * before


def test_the_heavier_of_two_prompts_wins(guide: Descent, latents: Params) -> None:
    def both(volcano: float, tiger: float) -> float:
        losses = (WeightedTerm("prompt", "a volcano", volcano), WeightedTerm("prompt", "a tiger", tiger))
        z = run(guide, latents, replace(PLAN, losses=losses))
        return similarity(guide, z, "a volcano") - similarity(guide, z, "a tiger")

    assert both(1.0, 0.2) > both(0.2, 1.0) + 0.1


def test_the_same_generator_gives_the_same_bits_and_another_does_not(guide: Descent, latents: Params) -> None:
    short = replace(PLAN, steps=2)
    assert torch.equal(run(guide, latents, short, seed=1), run(guide, latents, short, seed=1))
    assert not torch.equal(run(guide, latents, short, seed=1), run(guide, latents, short, seed=2))


def test_the_latents_that_were_handed_over_stay_as_they_are(guide: Descent, latents: Params) -> None:
    before = latents["z"].clone()
    run(guide, latents, replace(PLAN, steps=1))
    assert torch.equal(latents["z"], before)


def test_without_steps_or_prompts_nothing_happens(guide: Descent, latents: Params) -> None:
    assert torch.equal(run(guide, latents, replace(PLAN, steps=0)), latents["z"])
    assert torch.equal(run(guide, latents, replace(PLAN, losses=())), latents["z"])


def test_small_weights_move_the_picture_less(guide: Descent, latents: Params) -> None:
    """Adam alone would take the same step for any weight."""

    def moved(weight: float) -> float:
        plan = replace(PLAN, steps=1, losses=(WeightedTerm("prompt", "a volcano", weight),))
        return float((run(guide, latents, plan) - latents["z"]).square().mean().sqrt())

    assert moved(0.25) == pytest.approx(moved(1.0) / 4, rel=0.05)
    assert moved(3.0) == pytest.approx(moved(1.0), rel=0.05)


def test_strength_sums_weights_of_either_sign() -> None:
    losses = (WeightedTerm("prompt", "a", 0.5), WeightedTerm("prompt", "b", -0.25))
    assert strength(losses) == 0.75


def test_a_learning_rate_beyond_reason_stays_in_the_codebook(guide: Descent, latents: Params) -> None:
    result = optimize(guide, latents, replace(PLAN, steps=2, learning_rate=90.0), torch.Generator())
    z = result.params["z"]
    assert result.finite
    assert z.abs().max() < 1000


def test_similarities_name_each_prompt(guide: Descent, latents: Params) -> None:
    result = optimize(guide, latents, replace(PLAN, steps=1), torch.Generator())
    assert [text for text, _ in result.similarities] == ["a volcano"]
    assert -1 <= result.similarities[0][1] <= 1


def test_losses_tell_what_the_terms_of_each_kind_still_lose(guide: Descent, latents: Params) -> None:
    """One cutout of one prompt: its cosine says how far it is."""
    plan = replace(PLAN, steps=1, cutouts=(1,))
    result = optimize(guide, latents, plan, torch.Generator().manual_seed(0))
    ((kind, loss),) = result.losses
    distance = 2 * math.asin(math.sqrt((1 - result.similarities[0][1]) / 2)) ** 2
    assert (kind, loss) == ("prompt", pytest.approx(distance, rel=1e-4))
    held = replace(plan, losses=(*plan.losses, WeightedTerm("stay_near_pixels", "", 0.5)))
    picture = torch.zeros(1, 3, 48, 48)
    context = Context(picture, latents, torch.ones_like(picture[:, :1]))
    kinds = [kind for kind, _ in optimize(guide, latents, held, torch.Generator(), context).losses]
    assert kinds == ["prompt", "stay_near_pixels"]
