"""What each effect does to a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vqanim.effects import EFFECTS, EffectNow, Moment, apply_effects
from vqanim.pictures import Picture

AT = Moment(seed=3, time=1.0)


def picture(width: int = 64, height: int = 48) -> Picture:
    """Smooth colors, every pixel different from its neighbors."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 3 * x, 30 + 4 * y, 200 - 2 * x], axis=-1).astype(np.uint8)


def done(name: str, amount: float, of: Picture | None = None, at: Moment = AT) -> Picture:
    """A picture with one effect, in its own color and rate."""
    kind = EFFECTS[name]
    now = EffectNow(name, amount, tuple((setting.name, setting.default) for setting in kind.settings))
    return apply_effects(picture() if of is None else of, [now], at)


@pytest.mark.parametrize("name", EFFECTS)
def test_the_neutral_amount_leaves_every_bit(name: str) -> None:
    before = picture()
    assert np.array_equal(done(name, EFFECTS[name].neutral, before), before)


@pytest.mark.parametrize("name", EFFECTS)
def test_any_other_amount_changes_the_picture_and_keeps_its_form(name: str) -> None:
    amount = 0.2 if EFFECTS[name].neutral == 0 else 1.3
    at = Moment(3, 1.125 + 1e-3)  # in the dark half of the strobe
    after = done(name, 40.0 if name == "hue" else amount, at=at)
    assert (after.shape, after.dtype) == (picture().shape, np.uint8)
    assert np.abs(after.astype(int) - picture()).mean() > 0.3


@pytest.mark.parametrize(("name", "color"), [("flash", (255, 255, 255)), ("fade", (0, 0, 0))])
def test_one_is_the_full_color(name: str, color: tuple[int, int, int]) -> None:
    assert (done(name, 1.0) == np.array(color)).all()


def test_a_flash_may_have_a_color_and_half_of_it_is_the_mean() -> None:
    red = apply_effects(picture(), [EffectNow("flash", 1.0, (("color", (1.0, 0.0, 0.0)),))], AT)
    assert (red == np.array([255, 0, 0])).all()
    half = done("flash", 0.5).astype(float)
    assert np.abs(half - (picture().astype(float) + 255) / 2).max() <= 0.51


def test_brightness_and_contrast_are_factors() -> None:
    assert np.abs(done("brightness", 0.5) - picture() / 2).max() <= 0.51
    gray = np.full((4, 4, 3), 100, np.uint8)
    assert done("contrast", 1.8, gray)[0, 0, 0] == round(127.5 + (100 - 127.5) * 1.8)


def test_without_saturation_the_channels_are_one_of_the_same_brightness() -> None:
    gray = done("saturation", 0.0)
    assert (gray[..., 0] == gray[..., 1]).all()
    assert np.abs(gray[..., 0] - picture() @ np.array([0.2126, 0.7152, 0.0722])).max() <= 0.6


def test_hue_turns_colors_and_leaves_gray() -> None:
    gray = np.full((4, 4, 3), 120, np.uint8)
    assert np.abs(done("hue", 77.0, gray).astype(int) - 120).max() <= 1
    red = np.full((4, 4, 3), (200, 60, 60), np.uint8)
    turned = done("hue", 120.0, red)[0, 0]
    assert turned.argmax() == 1, "red becomes green"
    assert np.abs(done("hue", 360.0).astype(int) - picture()).max() <= 1


def test_punch_zooms_about_the_middle() -> None:
    spot = np.zeros((48, 64, 3), np.uint8)
    spot[12:16, 16:20] = 255  # its middle is 14 pixels left of and 10 above that of the picture
    y, x = np.argwhere(done("punch", 1.5, spot)[..., 0] > 127).mean(0) + 0.5
    assert (x - 32, y - 24) == pytest.approx((-14 * 1.5, -10 * 1.5), abs=0.6)


def test_shaking_is_smooth_bounded_and_starts_anew_with_another_seed() -> None:
    spot = np.zeros((48, 64, 3), np.uint8)
    spot[22:26, 30:34] = 255

    def place(time: float, seed: int = 3) -> Any:
        weight = done("shake", 0.1, spot, Moment(seed, time))[..., 0].astype(float)
        return np.array([(weight * axis).sum() / weight.sum() for axis in np.mgrid[:48, :64]])

    way = np.array([place(index / 100) for index in range(60)]) - place(0.0) * 0
    offsets = way - np.array([23.5, 31.5])
    assert np.abs(offsets).max() <= 6.4 + 0.2
    assert np.abs(offsets).max() > 1.5
    assert np.abs(np.diff(way, axis=0)).max() < 2.0
    assert np.abs(place(0.3) - place(0.3, seed=4)).max() > 0.1


def test_random_effects_repeat_and_differ_from_frame_to_frame() -> None:
    assert np.array_equal(done("grain", 0.1), done("grain", 0.1))
    assert not np.array_equal(done("grain", 0.1), done("grain", 0.1, at=Moment(3, 1.5)))
    assert not np.array_equal(done("grain", 0.1), done("grain", 0.1, at=Moment(4, 1.0)))
    flat = np.full((96, 96, 3), 128, np.uint8)
    assert done("grain", 0.1, flat).astype(float).std() == pytest.approx(25.5, rel=0.05)


def test_a_strobe_is_dark_half_of_the_time() -> None:
    dark = [bool((done("strobe", 1.0, at=Moment(0, k / 24)) == 0).all()) for k in range(24)]
    assert dark == ([False] * 3 + [True] * 3) * 4


def test_a_vignette_darkens_the_corners_and_not_the_middle() -> None:
    light = np.full((48, 64, 3), 200, np.uint8)
    dark = done("vignette", 1.0, light)
    assert dark[0, 0, 0] < 15
    assert dark[23:25, 31:33].min() >= 199


def test_blur_keeps_the_mean_and_softens() -> None:
    edge = np.zeros((48, 64, 3), np.uint8)
    edge[:, 32:] = 200
    soft = done("blur", 0.05, edge).astype(int)
    assert np.abs(np.diff(soft[24, :, 0])).max() < 40
    assert soft.mean() == pytest.approx(100, abs=2)


def test_effects_are_applied_in_their_order() -> None:
    one = [EffectNow("flash", 0.5, (("color", (1.0, 0.0, 0.0)),)), EffectNow("saturation", 0.0)]
    gray = apply_effects(picture(), one, AT)
    red = apply_effects(picture(), one[::-1], AT)
    assert (gray[..., 0] == gray[..., 1]).all()
    assert (red[..., 0] > red[..., 1]).all()
