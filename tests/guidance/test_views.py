"""Several perceptors look at one picture, each with its own cutouts and its own say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.official import FORMS, perceptor_entry, tiny_clip
from tests.plans import frame_plan, make_descent, optimize
from vqanim.guidance.cutouts import Viewer
from vqanim.models.clip import load_clip
from vqanim.models.load import load_perceptor
from vqanim.timeline.plan import FramePlan
from vqanim.types import Generator, Params, Perceptor

PLAN = frame_plan(steps=2, cutouts=(4, 3), cutout_noise=(0.1, 0.0))


@pytest.fixture(scope="module")
def pocket() -> Perceptor:
    return load_perceptor("pocket")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Perceptor:
    folder = tmp_path_factory.mktemp("clip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQANIM_CACHE", str(folder / "cache"))
        FORMS["plain.pth"](tiny_clip("ViT").float().state_dict(), folder / "clip.pt")
        return load_clip(perceptor_entry(folder / "clip.pt"), torch.device("cpu"))


@pytest.fixture(scope="module")
def latents(generator: Generator) -> Params:
    rng = torch.Generator().manual_seed(3)
    return generator.carry(torch.rand(1, 3, 48, 48, generator=rng))


def run(generator: Generator, viewers: list[Viewer], latents: Params, plan: FramePlan = PLAN) -> torch.Tensor:
    guide = make_descent(generator, viewers, ["a volcano"])
    return optimize(guide, latents, plan, torch.Generator().manual_seed(0)).params["z"]


def test_both_perceptors_pull_and_the_share_says_how_much(
    generator: Generator, pocket: Perceptor, clip: Perceptor, latents: Params
) -> None:
    def moved(first: float, second: float) -> torch.Tensor:
        viewers = [Viewer(pocket, first), Viewer(clip, second)]
        return run(generator, viewers, latents, replace(PLAN, steps=1)) - latents["z"]

    def likeness(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0))

    one, other, both, mostly = moved(1, 0), moved(0, 1), moved(0.5, 0.5), moved(0.9, 0.1)
    assert likeness(one, other) < 0.9
    assert likeness(both, one) < 0.999
    assert likeness(both, other) < 0.999
    assert likeness(mostly, one) > likeness(both, one)


def test_twice_the_same_with_the_same_cutouts_is_as_good_as_once(
    generator: Generator, pocket: Perceptor, latents: Params
) -> None:
    """Shares add up to 1, so one more perceptor does not make a prompt stronger."""
    once = run(generator, [Viewer(pocket)], latents, replace(PLAN, cutouts=(4,), cutout_noise=(0.0,)))
    twice = run(
        generator, [Viewer(pocket, 0.5)] * 2, latents, replace(PLAN, cutouts=(4, 4), cutout_noise=(0.0, 0.0))
    )
    assert (twice - latents["z"]).square().mean().sqrt() == pytest.approx(
        float((once - latents["z"]).square().mean().sqrt()), rel=0.1
    )


def test_each_has_its_own_number_of_cutouts(
    generator: Generator, pocket: Perceptor, clip: Perceptor, latents: Params
) -> None:
    counts: list[tuple[str, int]] = []

    class Counting:
        def __init__(self, perceptor: Perceptor, name: str) -> None:
            self._perceptor, self._name = perceptor, name

        def __getattr__(self, name: str) -> object:
            return getattr(self._perceptor, name)

        def encode_image(self, images: torch.Tensor) -> torch.Tensor:
            counts.append((self._name, len(images)))
            return self._perceptor.encode_image(images)

    viewers = [Viewer(Counting(pocket, "pocket"), 0.5), Viewer(Counting(clip, "clip"), 0.5)]  # type: ignore[arg-type]
    run(generator, viewers, latents, replace(PLAN, steps=1))
    assert counts == [("pocket", 4), ("clip", 3)]


def test_similarities_are_the_mean_by_share(
    generator: Generator, pocket: Perceptor, clip: Perceptor, latents: Params
) -> None:
    def seen(first: float, second: float) -> float:
        guide = make_descent(generator, [Viewer(pocket, first), Viewer(clip, second)], ["a volcano"])
        plan = replace(PLAN, steps=1)
        return optimize(guide, latents, plan, torch.Generator().manual_seed(0)).similarities[0][1]

    assert seen(0.25, 0.75) == pytest.approx(0.25 * seen(1, 0) + 0.75 * seen(0, 1), abs=1e-5)
