import math
from collections.abc import Mapping
from typing import TypeAlias

import pytest
import torch

from vqanim.guidance.objective import prepare_terms, sum_losses
from vqanim.losses import (
    Context,
    Known,
    LooksAt,
)
from vqanim.losses.prompt import spherical_distance
from vqanim.timeline.plan import StartPlan, WeightedTerm

CPU = torch.device("cpu")
Targets: TypeAlias = Mapping[str | StartPlan, torch.Tensor]


def at(degrees: float) -> torch.Tensor:
    angle = math.radians(degrees)
    return torch.tensor([math.cos(angle), math.sin(angle)])


@pytest.mark.parametrize("degrees", [1.0, 30.0, 90.0, 150.0])
def test_the_distance_is_half_the_squared_angle(degrees: float) -> None:
    found = spherical_distance(at(0)[None], at(degrees)[None])
    assert found.item() == pytest.approx(math.radians(degrees) ** 2 / 2, rel=1e-4)


@pytest.mark.parametrize("degrees", [0.0, 180.0])
def test_the_slope_is_finite_where_vectors_meet_and_where_they_oppose(degrees: float) -> None:
    x = at(degrees)[None].clone().requires_grad_(True)
    spherical_distance(x, at(0)[None]).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def loss_of(embeddings: torch.Tensor, terms: list[WeightedTerm], targets: Targets) -> torch.Tensor:
    """Mean loss of cutouts with these embeddings."""
    prepared = prepare_terms(terms, "cutouts", Known(targets, Context(), CPU))
    return sum_losses(embeddings, prepared).mean()


def loss_and_gradient(weight: float, stop: float = 0.0, degrees: float = 60.0) -> tuple[float, torch.Tensor]:
    x = at(degrees)[None].clone().requires_grad_(True)
    loss = loss_of(x, [WeightedTerm("prompt", "a", weight, stop)], {"a": at(0)})
    loss.backward()
    assert x.grad is not None
    return loss.item(), x.grad


def test_a_positive_weight_pulls_and_a_negative_one_pushes() -> None:
    pull, push = loss_and_gradient(2.0)[1], loss_and_gradient(-2.0, stop=-10.0)[1]
    assert (at(0) @ -pull[0]) > 0
    assert torch.allclose(pull, -push)


def test_twice_the_weight_is_twice_the_loss() -> None:
    assert loss_and_gradient(2.0)[0] == pytest.approx(2 * loss_and_gradient(1.0)[0])


def test_a_prompt_that_reached_its_stop_pulls_no_more() -> None:
    distance = math.radians(60) ** 2 / 2
    assert loss_and_gradient(1.0, stop=distance - 0.1)[1].abs().sum() > 0
    loss, gradient = loss_and_gradient(1.0, stop=distance + 0.1)
    assert loss == pytest.approx(distance + 0.1)
    assert gradient.abs().sum() == 0


def test_prompts_add_up_and_cutouts_are_averaged() -> None:
    targets: Targets = {"a": at(0), "b": at(90)}
    terms = [WeightedTerm("prompt", "a", 1.0), WeightedTerm("prompt", "b", 0.5)]
    views = torch.stack([at(30), at(60)])
    squares = [math.radians(d) ** 2 / 2 for d in (30, 60)]
    expected = sum(squares) / 2 + 0.5 * sum(squares) / 2
    assert loss_of(views, terms, targets).item() == pytest.approx(expected, rel=1e-4)


def test_an_unknown_kind_of_term_is_refused() -> None:
    with pytest.raises(KeyError, match="smell"):
        loss_of(at(0)[None], [WeightedTerm("smell", "a", 1.0)], {})


HERE = torch.zeros(1, 3, 16, 16)
START = StartPlan("color", colors=((1.0, 1.0, 1.0),))


def pull(kind: str, looks_at: LooksAt, term: WeightedTerm, context: Context) -> torch.Tensor:
    """Where the loss of one term pushes a picture (or latents) that is 0.5 everywhere, [1, 3, 16, 16]."""
    x = torch.full_like(HERE, 0.5).requires_grad_(True)
    prepared = prepare_terms([term], looks_at, Known({}, context, CPU))
    assert list(prepared) == [kind]
    sum_losses({"z": x} if looks_at == "params" else x, prepared).backward()
    assert x.grad is not None
    return -x.grad


@pytest.mark.parametrize(("space", "looks_at"), [("pixels", "picture"), ("latents", "params")])
def test_what_has_just_come_into_view_is_free(space: str, looks_at: LooksAt) -> None:
    valid = torch.ones(1, 1, 16, 16)
    valid[..., :8] = 0
    context = Context(
        HERE, {"z": HERE + 0.1}, valid, images={START: HERE + 1}, params_of={START: {"z": HERE + 1}}
    )
    kind = f"stay_near_{space}"
    back = pull(kind, looks_at, WeightedTerm(kind, "previous", 1.0), context)
    assert (back[..., :8] == 0).all()
    assert (back[..., 8:] < 0).all()
    to_start = pull(kind, looks_at, WeightedTerm(kind, "start", 1.0, target=START), context)
    assert (to_start > 0).all()


@pytest.mark.parametrize(("weight", "stop"), [(1.0, 0.0), (-1.0, -10.0)])
def test_a_picture_by_pixels_pulls_or_pushes(weight: float, stop: float) -> None:
    context = Context(images={START: HERE + 1})
    term = WeightedTerm("pixels", "white.png", weight, stop, target=START)
    assert (pull("pixels", "picture", term, context) * weight > 0).all()


def test_staying_near_needs_something_before() -> None:
    with pytest.raises(ValueError, match="a frame before"):
        pull("stay_near_pixels", "picture", WeightedTerm("stay_near_pixels", "previous", 1.0), Context())


def descended(loss: str, settings: tuple[tuple[str, str], ...] = (), steps: int = 40) -> torch.Tensor:
    """A noisy picture [1, 3, 16, 16], after steps down the gradient of one loss."""
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    prepared = prepare_terms(
        [WeightedTerm(loss, loss, 1.0, settings=settings)], "picture", Known({}, Context(), CPU)
    )
    for _ in range(steps):
        image.requires_grad_(True)
        (gradient,) = torch.autograd.grad(sum_losses(image, prepared), image)
        image = (image - 0.1 * gradient / gradient.abs().max().clamp(min=1e-9)).detach().clamp(0, 1)
    return image


def roughness(image: torch.Tensor) -> float:
    return float(image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean())


def test_total_variation_smooths_a_noisy_picture_and_keeps_its_brightness() -> None:
    noisy, smooth = descended("tv", steps=0), descended("tv")
    assert roughness(smooth) < 0.5 * roughness(noisy)
    assert smooth.mean() == pytest.approx(float(noisy.mean()), abs=0.05)


@pytest.mark.parametrize(("axis", "dims"), [("vertical", (3,)), ("horizontal", (2,)), ("point", (2, 3))])
def test_symmetry_draws_a_picture_to_its_mirror_image_along_its_axis(
    axis: str, dims: tuple[int, ...]
) -> None:
    def unlike(image: torch.Tensor, mirror: tuple[int, ...]) -> float:
        return float((image - image.flip(mirror)).abs().mean())

    before, after = descended("symmetry", steps=0), descended("symmetry", (("axis", axis),))
    assert unlike(after, dims) < 0.25 * unlike(before, dims)
    others = [other for other in ((2,), (3,), (2, 3)) if other != dims]
    assert all(unlike(after, other) > 0.5 * unlike(before, other) for other in others)


def test_symmetry_has_its_mirror_upright_unless_a_scene_says_otherwise() -> None:
    torch.testing.assert_close(descended("symmetry"), descended("symmetry", (("axis", "vertical"),)))
