from __future__ import annotations

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from tests.models.official import nearest_classes
from vqanim.errors import InputError
from vqanim.models.catalogue import get_perceptor_entry
from vqanim.models.conse.perceptor import ConsePerceptor, load_classifier, scaled
from vqanim.models.entries import read_verified
from vqanim.models.load import load_generator, load_perceptor
from vqanim.types import Generator, Perceptor


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Four smooth pictures [4, 3, 128, 128]."""
    coarse = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(5))
    return torch.nn.functional.interpolate(coarse, (128, 128), mode="bicubic").clamp(0, 1)


def test_text_embeddings_are_unit_vectors(perceptor: ConsePerceptor) -> None:
    vectors = perceptor.encode_text(["a volcano erupting at night", "green meadow", "The old, OLD sea!"])
    assert vectors.shape == (3, 413)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_image_embeddings_are_unit_vectors(perceptor: ConsePerceptor, images: torch.Tensor) -> None:
    vectors = perceptor.encode_image(images)
    assert vectors.shape == (4, 413)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a volcano erupting at night", 980),
        ("a lighthouse in a storm", 437),
        ("a golden retriever", 207),
        ("a bowl of strawberries", 949),
        ("a red sports car", 817),
        ("an old steam train", 820),
        ("JELLYFISH", 107),
        ("fire engines", 555),
        ("a colourful coral reef, oil painting", 973),
        ("snowy mountains", 970),
        ("a suspension-bridge over the river", 839),
    ],
)
def test_a_text_is_nearest_to_the_class_it_names(perceptor: ConsePerceptor, text: str, number: int) -> None:
    assert nearest_classes(perceptor, text, 1) == [number]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a puppy", set(range(151, 269))),
        ("a kitten", {281, 282, 283, 284, 285}),
        ("a cathedral", {497}),
        ("a moonlit lake", {975}),
        ("a spaceship", {812}),
        ("green meadow", {958, 425, 730}),
        ("a desert", {354, 979, 61, 38, 40}),
        ("a medieval village", {483, 663, 425}),
    ],
)
def test_a_thing_that_is_no_class_is_near_to_a_fair_one(
    perceptor: ConsePerceptor, text: str, numbers: set[int]
) -> None:
    assert set(nearest_classes(perceptor, text, 3)) & numbers


def test_plurals_mean_the_same(perceptor: ConsePerceptor) -> None:
    one, many = perceptor.encode_text(["volcano", "volcanoes"])
    torch.testing.assert_close(one, many)


def test_different_things_are_far_apart(perceptor: ConsePerceptor) -> None:
    volcano, castle, mountain = perceptor.encode_text(["a volcano", "a castle", "a mountain"])
    assert volcano @ castle < 0.5
    assert volcano @ castle < volcano @ mountain


def test_a_style_leaves_the_subject(perceptor: ConsePerceptor) -> None:
    plain, styled = perceptor.encode_text(["a castle", "a castle, matte painting, trending on artstation"])
    assert plain @ styled > 0.85


@pytest.mark.parametrize("text", ["", "qwrtzp", "火山", "!!!"])
def test_a_text_without_known_words_is_refused(perceptor: ConsePerceptor, text: str) -> None:
    with pytest.raises(InputError, match="knows none of its words"):
        perceptor.encode_text([text])


def test_beside_others_a_text_without_known_words_means_nothing_in_particular(
    perceptor: ConsePerceptor,
) -> None:
    castle, unknown, other = perceptor.encode_text(["a castle", "qwrtzp", "!!!"])
    assert torch.equal(unknown, other)
    assert unknown.norm().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(castle, perceptor.encode_text(["a castle"])[0])
    seen = unknown[: perceptor.seen.shape[1]]
    assert float((perceptor.seen @ seen).max()) < 0.6


def test_texts_do_not_depend_on_their_neighbours(perceptor: ConsePerceptor) -> None:
    alone = perceptor.encode_text(["a tiger"])[0]
    assert torch.equal(alone, perceptor.encode_text(["a castle", "a tiger"])[1])


def test_images_do_not_depend_on_their_neighbours(perceptor: ConsePerceptor, images: torch.Tensor) -> None:
    together = perceptor.encode_image(images)
    alone = torch.cat([perceptor.encode_image(image[None]) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_every_image_gets_a_gradient_towards_every_text(
    perceptor: ConsePerceptor, images: torch.Tensor
) -> None:
    for target in perceptor.encode_text(["a volcano", "a golden retriever"]):
        pixels = images.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad((perceptor.encode_image(pixels) @ target).sum(), pixels)
        assert torch.isfinite(gradient).all()
        assert (gradient.flatten(1).norm(dim=1) > 1e-3).all()


def test_following_the_gradient_makes_an_image_look_like_the_text(
    perceptor: ConsePerceptor, images: torch.Tensor
) -> None:
    volcano, lighthouse = perceptor.encode_text(["a volcano", "a lighthouse"])
    pixels = images[:1].clone()
    before = perceptor.encode_image(pixels) @ volcano
    for _ in range(8):
        pixels.requires_grad_(True)
        (gradient,) = torch.autograd.grad((perceptor.encode_image(pixels) @ volcano).sum(), pixels)
        pixels = (pixels.detach() + 0.02 * gradient / gradient.abs().mean()).clamp(0, 1)
    after = perceptor.encode_image(pixels)
    assert after @ volcano > before + 0.1
    assert after @ volcano > after @ lighthouse


def test_folding_batch_norms_changes_nothing(images: torch.Tensor) -> None:
    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    file = get_perceptor_entry("pocket").files["features"]
    plain.load_state_dict(torch.load(file.locate(), weights_only=True))
    folded = load_classifier(read_verified(file), file)
    with torch.no_grad():
        torch.testing.assert_close(folded(images * 2 - 1), plain(images * 2 - 1), atol=2e-3, rtol=1e-3)


def test_small_perturbations_change_little(perceptor: ConsePerceptor, images: torch.Tensor) -> None:
    """An ordinary classifier sees something else after a few steps of its own gradient."""
    file = get_perceptor_entry("pocket").files["features"]
    ordinary = load_classifier(read_verified(file), file).requires_grad_(False)

    def moved(classifier: EfficientNet) -> float:
        with torch.no_grad():
            before = classifier(scaled(images))
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
        pixels = images + 0.001 * noise
        for _ in range(6):
            pixels = pixels.requires_grad_(True)
            (slope,) = torch.autograd.grad((classifier(scaled(pixels)) - before).square().sum(), pixels)
            step = torch.nn.functional.normalize(slope.flatten(1), dim=1).view_as(images)
            pixels = pixels.detach() + 0.2 * step
        with torch.no_grad():
            after = classifier(scaled(pixels))
        return float((after - before).norm() / (before - before.mean(1, keepdim=True)).norm())

    assert moved(perceptor.classifier) < 0.6 * moved(ordinary)


def test_loading_again_gives_the_same(perceptor: ConsePerceptor, images: torch.Tensor) -> None:
    again = ConsePerceptor(get_perceptor_entry("pocket"), torch.device("cpu"))
    assert again.hash == perceptor.hash == get_perceptor_entry("pocket").hash
    assert torch.equal(again.encode_text(["a tiger"]), perceptor.encode_text(["a tiger"]))
    assert torch.equal(again.encode_image(images), perceptor.encode_image(images))


def test_the_door_loads_by_name() -> None:
    generator: Generator = load_generator("pocket")
    perceptor: Perceptor = load_perceptor("pocket")
    assert (generator.name, perceptor.name) == ("pocket", "pocket")
    assert perceptor.input_size == 128


def test_things_of_one_kind_are_told_apart() -> None:
    """A pirate ship shares the sea with a lighthouse, and is none."""
    perceptor = load_perceptor("pocket")
    ship, lighthouse = perceptor.encode_text(["a pirate ship", "a lighthouse"])
    assert ship @ lighthouse < 0.3
