from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.models.official import nearest_classes
from vqanim.models.conse.palettes import PaletteTable, histogram, palette, shares_of
from vqanim.models.conse.perceptor import ConsePerceptor


@pytest.fixture(scope="module")
def table(perceptor: ConsePerceptor) -> PaletteTable:
    return perceptor.palettes


def flat(color: str) -> Tensor:
    """A picture [1, 3, 128, 128] of one color."""
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return torch.tensor(values).view(1, 3, 1, 1).expand(1, 3, 128, 128).contiguous()


def test_palettes_are_unit_vectors_and_know_their_colors() -> None:
    red, dark_red, blue = (palette(flat(c))[0] for c in ("#d02020", "#a01818", "#2040d0"))
    assert red.norm() == pytest.approx(1, abs=1e-4)
    assert red @ red > 0.999
    assert red @ dark_red > red @ blue + 0.3


def test_specks_of_color_are_no_palette() -> None:
    specks = flat("#808080")
    specks[..., ::8, ::8] = torch.tensor([1.0, 0.0, 1.0]).view(1, 3, 1, 1)
    grey, magenta = palette(flat("#808080"))[0], palette(flat("#ff00ff"))[0]
    found = palette(specks)[0]
    assert found @ grey > 0.9
    assert found @ magenta < 0.4


def test_a_histogram_counts_the_shares_of_a_picture() -> None:
    halves = torch.cat([flat("#000000"), flat("#ffffff")], 3)
    assert torch.allclose(histogram(halves)[0], shares_of(["#000000", "#ffffff"]), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "found", "alone"),
    [
        ("a red car", {"red"}, False),
        ("a castle at night", {"night"}, False),
        ("golden light", {"golden"}, True),
        ("black and white", {"black and white"}, True),
        ("a bowl of ice cream", set(), False),
        ("an American black bear", set(), False),
        ("foggy forests", {"foggy", "forests"}, False),
        ("a tiger", set(), False),
    ],
)
def test_words_for_colors_are_found_but_not_inside_names(
    perceptor: ConsePerceptor, table: PaletteTable, text: str, found: set[str], alone: bool
) -> None:
    reading = table.read(text, perceptor.words.phrase_length)
    assert (set(reading.strengths), reading.alone) == (found, alone)
    assert table.shares(reading).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "nearer", "farther"),
    [
        ("a red car", "#c01818", "#1848d0"),
        ("a blue car", "#1848d0", "#c01818"),
        ("a castle at night", "#060a1a", "#c8e4f8"),
        ("a foggy street", "#c4c8cc", "#c86018"),
        ("golden light", "#e0b030", "#2060e8"),
    ],
)
def test_a_picture_in_the_colors_asked_for_is_nearer(
    perceptor: ConsePerceptor, text: str, nearer: str, farther: str
) -> None:
    target = perceptor.encode_text([text])[0]
    noise = 0.02 * torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    close, far = (perceptor.encode_image((flat(c) + noise).clamp(0, 1))[0] for c in (nearer, farther))
    assert close @ target > far @ target + 0.05


def test_an_orange_is_a_thing_and_an_orange_cat_is_a_cat(perceptor: ConsePerceptor) -> None:
    assert 950 in nearest_classes(perceptor, "a bowl of oranges, oil painting", 2)
    assert nearest_classes(perceptor, "an orange cat", 1)[0] in range(281, 286)
    reading = perceptor.palettes.read("oranges under orange light", perceptor.words.phrase_length)
    assert (set(reading.strengths), reading.nouns) == ({"oranges", "orange"}, {"oranges"})


def test_a_text_without_colors_asks_a_little_for_those_of_photographs(perceptor: ConsePerceptor) -> None:
    usual = perceptor.palettes.usual
    found = perceptor.encode_text(["a tiger"])[0, -len(usual) :].square()
    assert torch.allclose(found / found.sum(), usual, atol=1e-5)
    assert 0.05 < found.sum() < 0.2 < perceptor.encode_text(["a red tiger"])[0, -len(usual) :].square().sum()


def test_the_palette_has_a_gradient(perceptor: ConsePerceptor) -> None:
    picture = flat("#808080").requires_grad_(True)
    (perceptor.encode_image(picture) @ perceptor.encode_text(["red"])[0]).sum().backward()
    assert picture.grad is not None
    by_channel = picture.grad.mean((0, 2, 3))
    assert by_channel[0] > by_channel[1]
    assert by_channel[0] > by_channel[2]
