"""Warping pictures: known pixels, directions, borders, round trips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from vqanim.camera import move_saved, warp_for, warp_for_view
from vqanim.camera.homography import Homography, step_matrix
from vqanim.camera.step import CameraStep, Move

BORDERS = ["reflect", "wrap", "edge", "#804020"]
EXACT = 1e-5
"""Tolerance where a pixel lands on a pixel: what float32 coordinates leave."""


def numbered(height: int, width: int) -> Tensor:
    """A picture [1, 3, H, W] whose pixels all differ, in 0..1."""
    values = torch.arange(3 * height * width, dtype=torch.float32).reshape(1, 3, height, width)
    return values / values.max()


def smooth(height: int, width: int) -> Tensor:
    """A picture [1, 3, H, W] of slow waves, in 0.1..0.9, unlike in x, y and color."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    waves = [torch.sin(5 * x + 3 * y), torch.cos(4 * y - 2 * x), torch.sin(7 * x * y + 1)]
    return 0.5 + 0.4 * torch.stack(waves)[None].float()


def moved(image: Tensor, step: CameraStep, border: str = "reflect") -> Tensor:
    return warped(image, step, border)[0]


def warped(image: Tensor, step: CameraStep, border: str = "reflect") -> tuple[Tensor, Tensor]:
    warp = warp_for(replace(step, border=border), (image.shape[2], image.shape[3]))
    assert warp is not None
    return warp.apply(image)


def field(step: CameraStep, size: tuple[int, int]) -> Tensor:
    return Homography.of(step_matrix(step, size), step.border, size, "cpu").field


def validity(step: CameraStep, size: tuple[int, int]) -> Tensor:
    return warped(torch.rand(1, 3, *size), step)[1]


def test_a_still_step_returns_the_very_same_image() -> None:
    image = torch.rand(1, 3, 7, 13)
    assert warp_for(CameraStep(), (7, 13)) is None
    picture, valid = warp_for_view((), "wrap", (7, 13)).apply(image)
    assert torch.equal(picture, image)
    assert torch.equal(valid, torch.ones(1, 1, 7, 13))


def test_a_field_looks_from_new_pixels_into_the_old_picture_in_x_y_order() -> None:
    grid = field(CameraStep(shift_x=0.2, shift_y=0.1), (5, 10))
    assert grid.dtype == torch.float32
    assert grid.shape == (1, 5, 10, 2)
    # Pixel (row 2, column 7) has its center at (7.5, 2.5); it looks 2 px left and 1 px up: (5.5, 1.5).
    assert grid[0, 2, 7].tolist() == pytest.approx([5.5 / 5 - 1, 1.5 / 2.5 - 1])


@pytest.mark.parametrize("border", BORDERS)
def test_a_shift_of_one_pixel_moves_the_pixels_right(border: str) -> None:
    image = numbered(6, 8)
    assert torch.allclose(
        moved(image, CameraStep(shift_x=1 / 8), border)[..., 1:], image[..., :-1], atol=EXACT
    )


def test_half_a_pixel_is_sampled_by_the_bicubic_kernel() -> None:
    image = torch.full((1, 3, 8, 8), 0.5)
    image[..., 3] = 0.9
    shifted = moved(image, CameraStep(shift_x=0.5 / 8))[0, 0, 4]
    # Cubic convolution with a = -0.75: 19 / 32 half a pixel away, -3 / 32 one and a half.
    kernel = torch.tensor([0, 0, -3 / 32, 19 / 32, 19 / 32, -3 / 32, 0, 0])
    assert torch.allclose(shifted, 0.5 + 0.4 * kernel, atol=EXACT)


@pytest.mark.parametrize("border", BORDERS)
def test_a_shift_in_widths_moves_the_pixels_down(border: str) -> None:
    image = numbered(6, 8)
    shifted = moved(image, CameraStep(shift_y=2 / 8), border)
    assert torch.allclose(shifted[..., 2:, :], image[..., :-2, :], atol=EXACT)


def test_a_quarter_turn_of_a_square_is_clockwise() -> None:
    image = numbered(6, 6)
    assert torch.allclose(moved(image, CameraStep(angle=90)), torch.rot90(image, -1, (2, 3)), atol=EXACT)


def test_a_quarter_turn_of_a_wide_picture_keeps_its_middle() -> None:
    image = numbered(4, 8)
    turned = moved(image, CameraStep(angle=90))
    # The square in the middle turns in place: what was on top of it is now at its right.
    square = torch.rot90(image[..., 2:6], -1, (2, 3))
    assert torch.allclose(turned[..., 2:6], square, atol=EXACT)


def test_a_half_turn_is_a_flip_both_ways() -> None:
    image = numbered(5, 8)
    assert torch.allclose(moved(image, CameraStep(angle=180)), image.flip(2, 3), atol=EXACT)


def test_scale_three_shows_the_middle_third_with_its_pixels_three_apart() -> None:
    image = numbered(9, 15)
    grown = moved(image, CameraStep(scale=3))
    assert torch.allclose(grown[..., 1::3, 1::3], image[..., 3:6, 5:10], atol=EXACT)


def test_scale_one_third_picks_every_third_pixel() -> None:
    image = numbered(9, 15)
    shrunk = moved(image, CameraStep(scale=1 / 3))
    assert torch.allclose(shrunk[..., 3:6, 5:10], image[..., 1::3, 1::3], atol=EXACT)


@pytest.mark.parametrize(("border", "column"), [("reflect", [1, 0]), ("wrap", [6, 7]), ("edge", [0, 0])])
def test_borders_continue_the_picture_by_known_pixels(border: str, column: list[int]) -> None:
    image = numbered(6, 8)
    shifted = moved(image, CameraStep(shift_x=2 / 8), border)
    assert torch.allclose(shifted[..., :2], image[..., column], atol=EXACT)


@pytest.mark.parametrize(("border", "rows"), [("reflect", [0, 1]), ("wrap", [0, 1]), ("edge", [5, 5])])
def test_borders_go_on_for_several_frames(border: str, rows: list[int]) -> None:
    # Two frames of height 6 are 12 rows: the old rows 12 and 13 are seen.
    image = numbered(6, 8)
    shifted = moved(image, CameraStep(shift_y=-12 / 8), border)
    assert torch.allclose(shifted[..., :2, :], image[..., rows, :], atol=EXACT)


def test_a_wrapped_picture_has_no_seam() -> None:
    # A picture with exactly one period in x: half a pixel off, its wrapped copy is still the same wave.
    x = (torch.arange(32) + 0.5) / 32
    image = (0.5 + 0.4 * torch.sin(2 * torch.pi * x)).expand(1, 3, 8, 32).contiguous()
    expected = 0.5 + 0.4 * torch.sin(2 * torch.pi * (x - 0.5 / 32 - 0.25))
    shifted = moved(image, CameraStep(shift_x=0.25 + 0.5 / 32), "wrap")
    assert torch.allclose(shifted[0, 0, 4], expected, atol=2e-3)


def test_a_color_lies_beyond_the_edge_with_a_soft_rim() -> None:
    image = torch.ones(1, 3, 8, 8)
    shifted, valid = warped(image, CameraStep(shift_x=2.5 / 8), "#804020")
    color = torch.tensor([0x80, 0x40, 0x20]) / 255
    assert torch.allclose(shifted[0, :, 3, 0], color)
    assert torch.allclose(shifted[0, :, 3, 2], (color + 1) / 2, atol=EXACT)
    assert torch.allclose(shifted[0, :, 3, 3:], torch.ones(3, 5), atol=EXACT)
    assert valid[0, 0, 3].tolist() == pytest.approx([0, 0, 0.5, 1, 1, 1, 1, 1], abs=EXACT)


def test_validity_is_one_inside_the_old_picture_and_zero_beyond() -> None:
    valid = validity(CameraStep(shift_x=2 / 8, shift_y=-1 / 8), (6, 8))
    expected = torch.zeros(6, 8)
    expected[:5, 2:] = 1
    assert valid.shape == (1, 1, 6, 8)
    assert torch.allclose(valid[0, 0], expected, atol=EXACT)


def test_flying_in_sees_only_the_old_picture() -> None:
    assert validity(CameraStep(scale=1.3, angle=0, shift_x=0.05), (36, 64)).min() == 1


@pytest.mark.parametrize("border", ["reflect", "wrap", "edge"])
@pytest.mark.parametrize(
    "step",
    [
        CameraStep(scale=0.05),
        CameraStep(angle=45),
        CameraStep(scale=0.02, angle=133, shift_x=7.3, shift_y=-4.1),
        CameraStep(shift_x=-25.03),
    ],
)
def test_no_move_shows_a_black_border(border: str, step: CameraStep) -> None:
    flat = torch.full((1, 3, 18, 32), 0.6)
    assert torch.allclose(moved(flat, step, border), flat, atol=1e-4)
    bright = 0.5 + 0.5 * torch.rand(1, 3, 18, 32, generator=torch.Generator().manual_seed(3))
    assert moved(bright, step, border).min() > 0.3


@pytest.mark.parametrize(
    "step",
    [
        CameraStep(scale=1.1, angle=7),
        CameraStep(angle=-20, shift_x=0.03),
        CameraStep(scale=0.9, shift_x=-0.04, shift_y=0.06),
    ],
)
def test_a_step_and_its_inverse_give_the_picture_back(step: CameraStep) -> None:
    size = (48, 80)
    image = smooth(*size)
    undo = np.linalg.inv(step_matrix(step, size))
    angle = np.degrees(np.arctan2(undo[1, 0], undo[0, 0]))
    middle = undo @ np.array([size[1] / 2, size[0] / 2, 1.0])
    shift = (middle[:2] - np.array([size[1], size[0]]) / 2) / size[1]
    back = moved(
        moved(image, step), CameraStep(1 / step.scale, float(angle), float(shift[0]), float(shift[1]))
    )
    # What left the frame does not come back, so only the middle is compared.
    inner = (..., slice(16, 32), slice(28, 52))
    assert (back - image)[inner].abs().max() < 2e-3


def test_the_same_step_looks_at_the_same_places_at_two_sizes() -> None:
    step = CameraStep(scale=1.2, angle=15, shift_x=0.1, shift_y=-0.05)
    small, large = field(step, (36, 64)), field(step, (144, 256))
    # The middle of four by four pixels of the large frame is the center of one pixel of the small one.
    middles = large.reshape(1, 36, 4, 64, 4, 2).mean(dim=(2, 4))
    assert torch.allclose(middles, small, atol=1e-5)


def test_the_result_stays_in_range() -> None:
    # Bicubic sampling overshoots at hard edges.
    checks = (
        (torch.arange(16)[:, None] // 4 + torch.arange(16) // 4).remainder(2).float().expand(1, 3, 16, 16)
    )
    picture = moved(checks, CameraStep(scale=1.37, angle=11))
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_an_unknown_border_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="border 'mirror': allowed reflect, wrap, edge or a color"):
        warp_for(CameraStep(scale=2, border="mirror"), (8, 8))


def test_warping_is_one_resampling_of_batches_too() -> None:
    images = torch.rand(2, 3, 8, 12)
    step = CameraStep(scale=1.1, angle=3)
    both, valid = warped(images, step)
    assert valid.shape == (1, 1, 8, 12)
    assert torch.equal(both[1:], moved(images[1:], step))


def test_a_turn_and_its_return_bring_the_picture_back() -> None:
    image = smooth(64, 96)
    there = moved(image, CameraStep(yaw=6, tilt=-4))
    assert (there - image).abs().mean() > 0.02
    back = moved(there, CameraStep(yaw=-6, tilt=4))[..., 12:-12, 12:-12]
    assert (back - image[..., 12:-12, 12:-12]).abs().max() < 0.01


@pytest.mark.parametrize("border", BORDERS)
def test_beyond_the_edge_of_a_turned_picture_lies_the_border(border: str) -> None:
    step = CameraStep(yaw=25, tilt=10)
    picture, valid = warped(smooth(48, 64), step, border)
    assert torch.isfinite(picture).all()
    assert 0.2 < valid.mean() < 0.8
    assert valid[0, 0, 24, 0] == 1
    assert valid[0, 0, 24, -1] == 0, "what comes in on the right is new"
    if border.startswith("#"):
        assert picture[0, :, 24, -1].tolist() == pytest.approx([0x80 / 255, 0x40 / 255, 0x20 / 255], abs=1e-3)


def test_the_film_moves_a_picture_as_the_take_does() -> None:
    step = CameraStep(scale=1.1, angle=5, shift_x=0.03, yaw=5, tilt=3)
    image = smooth(48, 64)
    painted = (moved(image, step)[0].permute(1, 2, 0).numpy() * 255).round()
    picture = (image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    shown = move_saved(picture, [Move(step)])
    assert np.abs(shown - painted)[3:-3, 3:-3].max() <= 3
