"""What style and content are: the one does not ask where things are, the other does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.plans import frame_plan, make_descent, optimize
from vqanim.guidance.objective import prepare_terms, sum_losses
from vqanim.losses import LOSSES, Context, Known, LooksAt
from vqanim.losses.edges import edges, unit
from vqanim.losses.features import Style, style_distance, style_of
from vqanim.models.conse.perceptor import Features, load_features
from vqanim.models.load import load_generator
from vqanim.timeline.plan import StartPlan, WeightedTerm
from vqanim.types import Image

CPU = torch.device("cpu")
PAINTING = StartPlan("image", "painting.png")
HOLDS = ("stay_near_features", "stay_near_edges")


@pytest.fixture(scope="module")
def features() -> Features:
    return load_features()


def stripes(size: int = 64, period: int = 4, upright: bool = True) -> Image:
    """Orange and blue stripes, [1, 3, size, size]."""
    on = (torch.arange(size) // period % 2).float().expand(size, size)
    on = on if upright else on.T
    colors = torch.tensor([[0.9, 0.5, 0.1], [0.1, 0.2, 0.6]])
    return (colors[0, :, None, None] * on + colors[1, :, None, None] * (1 - on))[None]


def disc(size: int = 64, left: int = 32) -> Image:
    """A bright disc on a dark ground, [1, 3, size, size]."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    inside = ((rows - size / 2) ** 2 + (columns - left) ** 2 < (size / 4) ** 2).float()
    return (0.2 + 0.5 * inside).expand(1, 3, size, size).contiguous()


def test_layers_go_from_fine_to_coarse(features: Features) -> None:
    layers = features(stripes())
    assert [layer.shape[2:] for layer in layers] == [(32, 32), (16, 16), (8, 8), (4, 4), (4, 4)]


def distance(features: Features, a: Image, b: Image) -> float:
    pairs = zip(features(a), features(b), strict=True)
    return float(torch.stack([style_distance(style_of(x), style_of(y)) for x, y in pairs]).mean())


def test_style_is_what_there_is_and_not_where(features: Features) -> None:
    here, moved = disc(), disc(left=24)
    assert distance(features, here, here) == 0
    assert distance(features, moved, here) < 0.1 * distance(features, stripes(), here)
    assert distance(features, stripes(upright=False), stripes()) > distance(features, moved, here)


def test_several_styles_are_compared_at_once() -> None:
    layers = [torch.randn(1, 5, 6, 7, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    found, *expected = map(style_of, layers)
    both = Style(*(torch.stack(parts) for parts in zip(*expected, strict=True)))
    alone = torch.stack([style_distance(found, one) for one in expected])
    assert torch.allclose(style_distance(found, both), alone)
    values = layers[0][0].flatten(1)
    assert torch.allclose(found.covariance, torch.cov(values, correction=0), atol=1e-5)


def test_edges_do_not_ask_how_strong_the_contrast_is() -> None:
    def cosine(a: Image, b: Image) -> float:
        return float((unit(edges(a)) * unit(edges(b))).sum())

    picture = disc()
    assert cosine(0.3 * picture + 0.4, picture) == pytest.approx(1, abs=1e-3)
    assert cosine(1 - picture, picture) == pytest.approx(-1, abs=1e-3)
    assert abs(cosine(disc(left=10), picture)) < 0.6
    assert cosine(torch.ones_like(picture), picture) == 0  # flat, and no division by zero


def pull(kind: str, weight: float, features: Features, context: Context, **known: Any) -> Tensor:
    """Where the loss of one term pushes the picture of a disc, [1, 3, H, W]."""
    x = disc().requires_grad_(True)
    target = PAINTING if kind == "style" else None
    term = WeightedTerm(kind, "", weight, -10.0, target=target)
    looks_at: LooksAt = LOSSES[kind].looks_at
    prepared = prepare_terms([term], looks_at, Known({}, context, CPU, features=features, **known))
    loss = sum_losses(features(x) if looks_at == "features" else x, prepared)
    assert loss.shape == ()
    return -torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("kind", HOLDS)
def test_content_that_has_just_come_into_view_is_free(features: Features, kind: str) -> None:
    valid = torch.ones(1, 1, 64, 64)
    valid[..., :32] = 0
    whole = pull(kind, 1.0, features, Context(stripes())).abs()
    partly = pull(kind, 1.0, features, Context(stripes(), valid=valid)).abs()
    beyond = 0.6 if kind == "stay_near_features" else 0  # features look beyond their place
    assert whole[..., :24].mean() > 0
    assert partly[..., :24].mean() <= beyond * whole[..., :24].mean()
    assert partly[..., 40:].mean() > 0.6 * whole[..., 40:].mean()


@pytest.mark.parametrize("kind", ["style", *HOLDS])
def test_a_step_along_the_pull_lowers_the_distance_and_weights_count(features: Features, kind: str) -> None:
    known = {"styles": {PAINTING: tuple(style_of(layer) for layer in features(stripes()))}}
    context = Context(stripes(upright=False))
    once = pull(kind, 1.0, features, context, **known)
    assert once.abs().sum() > 0
    assert torch.allclose(pull(kind, 2.0, features, context, **known), 2 * once, rtol=1e-3, atol=1e-9)
    if kind == "style":
        assert torch.allclose(pull(kind, -1.0, features, context, **known), -once, rtol=1e-3, atol=1e-9)


def losses() -> tuple[WeightedTerm, ...]:
    style = WeightedTerm("style", "painting.png", 1.0, target=PAINTING)
    return (style, *(WeightedTerm(kind, "previous", 0.2) for kind in HOLDS))


class Operations(TorchDispatchMode):
    """Counts values that are read back, and names all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(func))
        self.reads += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_steps_read_nothing_back_and_use_only_deterministic_operations(features: Features) -> None:
    generator = load_generator("pocket")
    guide = make_descent(generator, [], [], features=features, styles={PAINTING: stripes()})
    latents = generator.carry(disc())
    seen = []
    for steps in (1, 3):
        plan = frame_plan(steps=steps, losses=losses(), cutouts=(), cutout_noise=())
        with Operations() as operations:
            result = optimize(guide, latents, plan, torch.Generator(), Context(disc(), latents))
        assert result.finite
        seen.append(operations)
    assert seen[0].reads == seen[1].reads
    back = {name for name in seen[1].names if "backward" in name}
    assert any("convolution_backward" in name for name in back)
    assert not [name for name in back if "adaptive" in name or "upsample" in name or "pad" in name]


def test_a_picture_of_a_style_is_looked_at_once_a_run(features: Features) -> None:
    looks = []

    def counting(images: Image) -> tuple[Tensor, ...]:
        looks.append(images.shape)
        return features(images)

    guide = make_descent(load_generator("pocket"), [], [], features=counting, styles={PAINTING: stripes(48)})
    assert looks == [(1, 3, 48, 48)]
    latents = guide.generator.carry(disc())
    plan = frame_plan(steps=3, losses=losses(), cutouts=(), cutout_noise=())
    optimize(guide, latents, plan, torch.Generator(), Context(disc(), latents))
    assert looks[1:] == [(1, 3, 64, 64)] * (1 + 3)  # the content once a frame, the picture once a step
