"""Values at every frame as keyframes: few, near, and of the same way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqanim.importers.clock import Clock, frames_text
from vqanim.importers.curves import Formula, Keys
from vqanim.importers.evaluation import values_of
from vqanim.importers.sampling import frame_values, keyframes, says


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(0.01, 900), min_size=2, max_size=80),
    factors=st.booleans(),
    fps=st.sampled_from(("12", "15", "23.976", "60")),
)
def test_every_frame_is_near_its_value(values: list[float], factors: bool, fps: str) -> None:
    clock = Clock(Fraction(fps), len(values))
    curve, off = keyframes(np.array(values), clock, factors=factors)
    assert frame_values(curve, clock) == pytest.approx(np.array(values), rel=1e-3)
    assert off < 1e-3


def test_a_smooth_curve_takes_few_keys_and_a_coarser_one_fewer() -> None:
    clock = Clock(Fraction(24), 2000)
    values = 1.3 + 0.2 * np.sin(clock.seconds)
    counts = []
    for tolerance in (5e-4, 5e-3, 0.05, 0.5):
        curve, off = keyframes(values, clock, tolerance)
        assert isinstance(curve, Keys)
        assert off <= tolerance * 1.01
        counts.append(len(curve.points))
    assert counts[0] < 1100
    assert counts == sorted(counts, reverse=True)


def test_the_way_of_a_factor_that_jumps_is_that_of_its_frames() -> None:
    clock = Clock(Fraction(15), 31)
    values = np.ones(31)
    values[10] = 51.0
    curve, _ = keyframes(values, clock, factors=True)
    fine = Clock(Fraction(1500), 3001)
    logs = np.log(frame_values(curve, fine))
    assert logs.sum() / 1500 == pytest.approx(np.log(values).sum() / 15, rel=0.02)


def test_an_expression_stands_for_values_only_where_it_has_them_between_the_frames_too() -> None:
    clock = Clock(Fraction(10), 40)
    assert says(Formula("sin(t)"), np.sin(clock.seconds), clock)
    assert not says(Formula("sin(t)"), np.cos(clock.seconds), clock)
    assert not says(Formula("1 / (t - 1.05)"), 1 / (clock.seconds - 1.05), clock)
    pulses = (np.arange(40) % 4 == 0) * 1.0
    assert not says(Formula("1 if t * 10 % 4 < 0.01 else 0"), pulses, clock)


def test_formulas_are_computed_as_numexpr_does() -> None:
    frames = np.arange(6)
    for text, expected in {
        "2**-t": [1, 0, 0, 0, 0, 0],
        "t^3": [3, 2, 1, 0, 7, 6],
        "t/4": [0, 0.25, 0.5, 0.75, 1, 1.25],
        "(t>1)&(t<4)": [0, 0, 1, 1, 0, 0],
        "~(t>1)": [1, 1, 0, 0, 0, 0],
        "where(t%2==0, arctan2(0, 1), -1)": [0, -1, 0, -1, 0, -1],
    }.items():
        assert values_of(text, {"t": frames}, numexpr=True) == pytest.approx(np.array(expected, float))
    assert np.isnan(values_of("log(t-2)", {"t": frames})[:3]).all()


def test_frames_in_words() -> None:
    assert frames_text([30]) == "frame 30"
    assert frames_text([3, 4, 5, 9]) == "frames 3 to 5 and 9"
    assert frames_text([1, 3, 5, 7, 8, 9]) == "frames 1, 3, 5 and 3 more"
