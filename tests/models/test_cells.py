"""Cells of every shape tile the picture evenly, keep what they were given, and stay in their palette."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.models.load import load_generator
from vqanim.models.weightless.cells import SHAPES, fitted
from vqanim.models.weightless.palettes import PALETTES
from vqanim.types import Generator, Stage

SHAPED = pytest.mark.parametrize("shape", SHAPES)
AREA = {"square": 1.0, "hex": 3**0.5 / 2, "triangle": 3**0.5 / 4, "diamond": 0.5}
"""Of a cell, in squares of its side."""


def pixels(**settings: Any) -> Generator:
    return load_generator("pixels", "cpu", settings)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    coarse = torch.rand(1, 3, 3, 4, generator=torch.Generator().manual_seed(seed))
    return 0.1 + 0.8 * F.interpolate(coarse, (height, width), mode="bilinear")


def colors_in(image: Tensor) -> Tensor:
    return torch.unique((image[0] * 255).round().flatten(1).T, dim=0)


@SHAPED
def test_cells_inside_a_picture_are_equally_large(shape: str) -> None:
    cells = fitted(shape, 10, 240, 320)
    rows, columns = cells.grid
    numbers = torch.arange(rows * columns, dtype=torch.float32).view(1, 1, rows, columns)
    found, counts = cells.fill(numbers).unique(return_counts=True)
    assert len(found) > 50
    usual = counts.float().median()
    assert usual == pytest.approx(32**2 * AREA[shape], rel=0.03)
    assert counts.max() <= usual * 1.06
    border = torch.cat(
        [cells.fill(numbers)[0, 0, [0, -1]].flatten(), cells.fill(numbers)[0, 0, :, [0, -1]].flatten()]
    )
    inside = [count for number, count in zip(found, counts, strict=True) if number not in border]
    assert min(inside) >= usual * 0.94


@SHAPED
@pytest.mark.parametrize("size", [(35, 51), (48, 64), (17, 64)])
def test_what_cells_show_is_kept(shape: str, size: tuple[int, int]) -> None:
    cells = fitted(shape, 12, *size)
    colors = torch.rand(1, 3, *cells.grid, generator=torch.Generator().manual_seed(1))
    shown = cells.fill(colors)
    assert shown.shape == (1, 3, *size)
    torch.testing.assert_close(cells.fill(cells.mean(shown)), shown)


@SHAPED
def test_the_gradient_of_a_cell_is_that_of_its_pixels(shape: str) -> None:
    cells = fitted(shape, 6, 24, 32)
    colors = torch.rand(1, 3, *cells.grid, requires_grad=True)
    cells.fill(colors).sum().backward()
    assert colors.grad is not None
    assert float(colors.grad.sum()) == pytest.approx(3 * 24 * 32)


@SHAPED
def test_every_shape_is_painted_coarse_to_fine(shape: str) -> None:
    generator, image = pixels(shape=shape, cells=64), picture(72, 128)
    stages = generator.stages(30, (72, 128))
    counts = []
    for stage in stages:
        params = generator.start(image, torch.Generator(), stage)
        found = generator.decode(params, (72, 128))
        assert (found - image).abs().mean() < 0.05
        counts.append(params["colors"].numel())
    assert counts == sorted(counts)
    assert counts[-1] > 8 * counts[0]


@pytest.mark.parametrize("dither", [False, True])
@pytest.mark.parametrize("name", ["pico-8", "game-boy", "1-bit"])
def test_a_picture_stays_in_its_palette(name: str, dither: bool) -> None:
    generator = pixels(palette=name, dither=dither, cells=32)
    found = generator.decode(generator.carry(picture(36, 64)), (36, 64))
    allowed = {tuple(round(255 * channel) for channel in color) for color in PALETTES[name]}
    assert {tuple(map(int, color)) for color in colors_in(found)} <= allowed
    again = generator.decode(generator.carry(found), (36, 64))
    if not dither:
        torch.testing.assert_close(again, found)


def test_dither_mixes_what_the_palette_lacks() -> None:
    gray = torch.full((1, 3, 32, 64), 0.6)
    plain, dithered = (
        pixels(palette="1-bit", dither=dither, cells=32).decode(
            pixels(palette="1-bit", cells=32).carry(gray), (32, 64)
        )
        for dither in (False, True)
    )
    assert len(colors_in(plain)) == 1
    assert len(colors_in(dithered)) == 2
    assert 0.3 < float(dithered.mean()) < 0.9


def test_colors_that_are_found_are_those_of_the_picture() -> None:
    corners = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.1, 0.2, 0.9], [0.9, 0.9, 0.8]])
    image = corners.T.view(1, 3, 2, 2).repeat_interleave(16, 2).repeat_interleave(16, 3)
    generator = pixels(palette=4, cells=16)
    params = generator.carry(image)
    found = generator.decode(params, (32, 32))
    torch.testing.assert_close(found, image, rtol=0, atol=0.01)
    assert (
        len(colors_in(pixels(palette=3, cells=16).decode(pixels(palette=3, cells=16).carry(image), (32, 32))))
        == 3
    )


def test_cells_and_found_colors_both_learn() -> None:
    generator = pixels(palette=4, cells=8)
    params = {
        name: value.clone().requires_grad_() for name, value in generator.carry(picture(32, 32)).items()
    }
    (generator.decode(params, (32, 32)) - picture(32, 32, 5)).square().mean().backward()
    for name, value in params.items():
        assert value.grad is not None, name
        assert float(value.grad.abs().max()) > 0, name


def test_start_from_any_stage_of_a_palette() -> None:
    generator = pixels(palette=6, cells=32, shape="hex")
    for stage in (Stage(36, 64, 4, 0.5, fresh=True), Stage(36, 64, 4)):
        params = generator.start(picture(36, 64), torch.Generator(), stage)
        assert len(colors_in(generator.decode(params, (36, 64)))) <= 6
