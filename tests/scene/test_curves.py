"""Curves against their closed forms."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqanim.errors import CurveError
from vqanim.scene.curves import EASINGS, Curve, Formula, Key, Keyframes, Range
from vqanim.scene.times import TimeBase, parse_time

BASE = TimeBase(6.0, Fraction(12))


def keyframes(*keys: tuple[str, float, str]) -> Keyframes:
    """Keyframes from (time, value, easing)."""
    return Keyframes(tuple(Key(parse_time(time), value, easing) for time, value, easing in keys))


def at(curve: Curve, *seconds: float) -> list[float]:
    """Values at moments."""
    return [float(value) for value in curve.sample(np.array(seconds), BASE)]


def test_a_constant_stays() -> None:
    curve = Curve.constant(2)
    assert at(curve, 0, 3, 100) == [2, 2, 2]
    assert curve.constant_value == 2
    assert curve.breakpoints(BASE) == ()


# The way at a quarter and three quarters, from the definition of each easing.
QUARTERS = {
    "linear": (0.25, 0.75),
    "step": (0.0, 0.0),
    "ease-in": (1 / 16, 9 / 16),
    "ease-out": (7 / 16, 15 / 16),
    "ease-in-out": (1 / 8, 7 / 8),
    "smooth": (5 / 32, 27 / 32),
}


@pytest.mark.parametrize("easing", EASINGS)
def test_an_easing_leads_to_its_key(easing: str) -> None:
    curve = keyframes(("1s", 10, "smooth"), ("3s", 30, easing))
    quarter, three = QUARTERS[easing]
    assert at(curve, 0, 1, 1.5, 2.5, 3, 9) == pytest.approx(
        [10, 10, 10 + 20 * quarter, 10 + 20 * three, 30, 30]
    )


@pytest.mark.parametrize("easing", EASINGS)
def test_an_easing_goes_from_0_to_1_and_never_back(easing: str) -> None:
    way = EASINGS[easing](np.linspace(0, 1, 101))
    assert way[0] == 0
    assert way[-1] == 1
    assert np.all(np.diff(way) >= 0)


def test_a_step_jumps_at_the_time_of_its_key_and_not_before() -> None:
    curve = keyframes(("0s", 1, "linear"), ("2s", 5, "step"))
    assert at(curve, 0, 1.999, 2, 3) == [1, 1, 5, 5]


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(7)])
def test_a_step_at_a_frame_is_there_at_that_frame(fps: Fraction) -> None:
    base = TimeBase(100.0, fps)
    for frame in range(1, 500, 13):
        curve = keyframes(("0s", 0, "linear"), (f"{frame}f", 1, "step"))
        # As in a shot that begins at 10 s: the rounding is another than that of the key.
        moments = (np.array([frame - 1, frame]) / float(fps) + 10.0) - 10.0
        assert curve.sample(moments, base).tolist() == [0, 1]


def test_keys_in_any_unit_and_order() -> None:
    curve = keyframes(("50%", 3, "linear"), ("0s", 0, "linear"), ("12f", 1, "linear"))
    assert at(curve, 0, 1, 2, 3) == [0, 1, 2, 3]
    assert curve.breakpoints(BASE) == (0.0, 1.0, 3.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 6000), st.floats(-100, 100)),
        min_size=1,
        max_size=8,
        unique_by=lambda k: k[0],
    ),
    st.lists(st.floats(0, 7), min_size=1, max_size=20),
)
def test_linear_keyframes_are_numpys_interpolation(
    keys: list[tuple[int, float]], seconds: list[float]
) -> None:
    curve = keyframes(*((f"{ms}ms", value, "linear") for ms, value in keys))
    keys.sort()
    expected = np.interp(seconds, [ms / 1000 for ms, _ in keys], [value for _, value in keys])
    assert curve.sample(np.array(seconds), BASE) == pytest.approx(expected, abs=1e-6)


def test_an_expression_knows_seconds_frames_and_progress() -> None:
    assert at(Formula("10 * sin(t)"), 0, 1) == pytest.approx([0, 10 * math.sin(1)])
    assert at(Formula("frame"), 0.5, 2) == [6, 24]
    assert at(Formula("progress"), -1, 3, 6, 9) == [0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("text", "index", "reason"),
    [
        ("1 / (t - 2)", 2, "division by zero"),
        ("t % (t - 1)", 1, "modulo by zero"),
        ("t // (3 - t)", 3, "division by zero"),
        ("sqrt(1 - t)", 2, "square root of a number below 0"),
        ("log(2 - t)", 2, "log of a number that is not above 0"),
        ("exp(400 * t)", 2, "not a finite number"),
        ("(1 - t) ** 0.5", 2, "not a finite number"),
        ("1 / (t - 3) + 1 / (t - 1)", 1, "division by zero"),
        ("0 * log(t)", 0, "log of a number that is not above 0"),
        ("min(1, 1 / t)", 0, "division by zero"),
    ],
)
def test_the_first_moment_without_a_value_is_named(text: str, index: int, reason: str) -> None:
    with pytest.raises(CurveError) as caught:
        Formula(text).sample(np.arange(5.0), BASE)
    assert (caught.value.index, caught.value.reason) == (index, reason)


def test_a_branch_is_computed_only_where_it_is_taken() -> None:
    assert at(Formula("1 / t if t > 0 else 7"), 0, 2, 4) == [7, 0.5, 0.25]
    assert at(Formula("t > 0 and 1 / t > 0.3"), 0, 2, 4) == [0, 1, 0]
    assert at(Formula("t == 0 or 1 / t > 0.3"), 0, 2, 4) == [1, 1, 0]


def test_values_outside_the_range_of_the_field_are_refused() -> None:
    zoom = Range(minimum=0, exclusive_minimum=True, why="zoom is a factor per second")
    with pytest.raises(CurveError, match="found 0, allowed a number above 0: zoom is a factor") as caught:
        Formula("1 - t", range=zoom).sample(np.arange(5.0), BASE)
    assert caught.value.index == 1
    curve = Curve.constant(1, range=Range(0, 1))
    assert curve.range == Range(0, 1)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Range(0, 1), "a number from 0 to 1"),
        (Range(0), "a number from 0 up"),
        (Range(0, exclusive_minimum=True), "a number above 0"),
        (Range(0, 9, exclusive_minimum=True), "a number above 0 and up to 9"),
        (Range(maximum=3), "a number up to 3"),
        (Range(), "a number"),
    ],
)
def test_a_range_in_words(limits: Range, said: str) -> None:
    assert str(limits) == said
    assert 0.5 in limits


def test_curves_can_be_sent_to_other_processes() -> None:
    for curve in (Curve.constant(1), keyframes(("0s", 1, "linear")), Formula("t")):
        assert pickle.loads(pickle.dumps(curve)) == curve
