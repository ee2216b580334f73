from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vqanim.icons import IconSpec, icon_figure, text_figure
from vqanim.icons.draw import draw_icon, thicken

PLAIN = IconSpec(icon_figure("square-full"), color=(1.0, 0.0, 0.0), noise=0.0)
"""A red square on white."""
SIDE = 60


def box(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is not white, the last ones excluded."""
    seen = picture.min(axis=2) < 250
    rows, columns = np.flatnonzero(seen.max(axis=1)), np.flatnonzero(seen.max(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_the_figure_lies_in_its_color_on_the_ground() -> None:
    picture = draw_icon(replace(PLAIN, background=(0.0, 0.0, 1.0)), SIDE, SIDE)
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.uint8
    assert picture[SIDE // 2, SIDE // 2].tolist() == [255, 0, 0]
    assert picture[0, 0].tolist() == [0, 0, 255]
    assert (picture[..., 0] > 127).mean() == pytest.approx((5 / 6) ** 2, abs=0.02)


def test_half_opacity_mixes_figure_and_ground() -> None:
    picture = draw_icon(replace(PLAIN, opacity=0.5), SIDE, SIDE)
    assert picture[30, 30].tolist() == [255, 128, 128]


def test_noise_lies_on_the_ground_and_under_the_figure() -> None:
    noisy = replace(PLAIN, noise=0.4)
    picture = draw_icon(noisy, SIDE, SIDE)
    assert (picture[8:-8, 8:-8] == [255, 0, 0]).all()
    border = picture[:4]
    assert border.std() > 5
    assert border.min() >= round(255 * 0.6)  # white, and black noise at 0.4
    assert (border[..., 0] == border[..., 2]).all()  # gray
    through = draw_icon(replace(noisy, opacity=0.5), SIDE, SIDE)
    assert through[20:40, 20:40, 1].std() > 2


def test_rainbow_noise_has_three_channels_of_its_own() -> None:
    border = draw_icon(replace(PLAIN, noise=0.4, noise_colors="rainbow"), SIDE, SIDE)[:4]
    assert abs(np.corrcoef(border[..., 0].ravel(), border[..., 2].ravel())[0, 1]) < 0.3


def test_zero_is_a_seed() -> None:
    pictures = [draw_icon(replace(PLAIN, noise=0.4, seed=seed), SIDE, SIDE) for seed in (0, 0, 1, 42, None)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert np.array_equal(pictures[3], pictures[4])  # 42 is what is taken where nobody says


def test_the_noise_of_a_seed_is_the_same_everywhere() -> None:
    """Pixels that other machines and versions of numpy must give too."""
    picture = draw_icon(replace(PLAIN, noise=1.0, seed=42), SIDE, SIDE)
    assert picture[0, :6, 0].tolist() == [136, 38, 217, 22, 205, 251]


@pytest.mark.parametrize(
    ("align", "expected"),
    [
        ("center", (15, 45, 35, 65)),
        ("left", (15, 45, 0, 30)),
        ("right", (15, 45, 70, 100)),
        ("top", (0, 30, 35, 65)),
        ("bottom", (30, 60, 35, 65)),
    ],
)
def test_alignment(align: str, expected: tuple[int, int, int, int]) -> None:
    assert box(draw_icon(replace(PLAIN, scale=0.5, align=align), 60, 100)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(64, 64), (40, 120), (120, 40), (333, 77)])
def test_the_figure_keeps_its_proportions_and_fits_the_share(size: tuple[int, int]) -> None:
    wide = replace(PLAIN, figure=icon_figure("minus"), scale=0.8)
    top, bottom, left, right = box(draw_icon(wide, *size))
    tall = box(draw_icon(replace(wide, scale=0.4), size[0] * 2, size[1] * 2))
    ratio = (right - left) / (bottom - top)
    assert ratio == pytest.approx((tall[3] - tall[2]) / (tall[1] - tall[0]), rel=0.15)
    assert right - left <= round(0.8 * size[1])
    assert bottom - top <= round(0.8 * size[0])
    assert max((right - left) / (0.8 * size[1]), (bottom - top) / (0.8 * size[0])) > 0.95


def test_a_stroke_makes_thin_lines_thick_and_stays_in_the_share() -> None:
    text = replace(PLAIN, figure=text_figure("MORDOR"))
    plain, stroked = draw_icon(text, 128, 256), draw_icon(replace(text, stroke=16.0), 128, 256)
    assert (stroked < 128).mean() > 1.5 * (plain < 128).mean()
    for picture in (plain, stroked):
        _, _, left, right = box(picture)
        assert (left, right) == (pytest.approx(21, abs=2), pytest.approx(235, abs=2))


def test_a_stroke_looks_the_same_at_every_size() -> None:
    spec = replace(PLAIN, figure=icon_figure("plus"), stroke=20.0)
    shares = [(draw_icon(spec, side, side)[..., 1] < 128).mean() for side in (64, 256, 1500)]
    assert shares == pytest.approx([shares[1]] * 3, rel=0.04)


@pytest.mark.parametrize("radius", [0, 1, 2, 7, 10])
def test_thickening_is_a_disk(radius: int) -> None:
    point = np.zeros((1, 1), np.uint8) + 255
    disk = thicken(point, radius) > 0
    middle = disk.shape[0] // 2
    down, right = np.mgrid[: disk.shape[0], : disk.shape[1]] - middle
    assert np.array_equal(disk, down**2 + right**2 <= radius**2)


def test_a_stroke_need_not_be_whole_pixels() -> None:
    square = np.full((20, 20), 255, np.uint8)
    areas = [thicken(square, radius).sum() / 255 for radius in (1, 1.5, 2)]
    assert areas[1] == pytest.approx((areas[0] + areas[2]) / 2, rel=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (16, 16)])
def test_tiny_pictures_can_be_drawn(size: tuple[int, int]) -> None:
    for stroke in (0.0, 64.0):
        for align in ("center", "left", "bottom"):
            spec = IconSpec(icon_figure("robot"), stroke=stroke, align=align)
            assert draw_icon(spec, *size).shape == (*size, 3)
