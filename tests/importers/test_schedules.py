"""Schedules: their value at every frame is Deforum's, whose rule stands here once more as it has it."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vqanim.importers.curves import Curve, Formula, Keys, TooLong, Untranslatable, power, translate, values_at
from vqanim.importers.sampling import frame_values
from vqanim.importers.schedules import Clock, curve_of, read_schedule

FUNCTIONS = {
    "sin": math.sin,
    "cos": math.cos,
    "abs": abs,
    "arctan": math.atan,
    "sqrt": math.sqrt,
    "where": lambda test, yes, no: yes if test else no,
}


def deforum(keys: dict[int, str], frames: int, seed: int = 0) -> NDArray[np.float64]:
    """get_inbetweens: numbers stand at their frame, expressions at all up to the next key; then lines."""
    series = np.full(frames, np.nan)
    is_number, value = True, ""
    for frame in range(frames):
        if frame in keys:
            value = keys[frame]
            is_number = re.fullmatch(r"(?=.)([+-]?([0-9]*)(\.([0-9]+))?)", value) is not None
            if is_number:
                series[frame] = float(value)
        if not is_number:
            names = {"t": frame, "max_f": frames - 1, "s": seed, "__builtins__": {}, **FUNCTIONS}
            series[frame] = eval(value, names)
    known = np.flatnonzero(~np.isnan(series))
    series[0], series[-1] = series[known[0]], series[known[-1]]
    known = np.flatnonzero(~np.isnan(series))
    return np.asarray(np.interp(np.arange(frames), known, series[known]))


def sample(curve: Curve, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values [N] of a curve at moments [N]."""
    if isinstance(curve, Formula):
        return values_at(curve.text, seconds)
    if not isinstance(curve, Keys):
        return np.full(seconds.shape, float(curve))
    assert not any(point.step for point in curve.points)
    times = [float(point.second) for point in curve.points]
    return np.asarray(np.interp(seconds, times, [point.value for point in curve.points]))


def ours(text: str, clock: Clock) -> NDArray[np.float64]:
    return ours_of(text, clock)


def ours_of(value: object, clock: Clock) -> NDArray[np.float64]:
    return sample(curve_of(value, clock), np.arange(clock.frames) / float(clock.fps))


NUMBERS = st.floats(-20, 20).map(lambda value: f"{value:.4f}")
EXPRESSIONS = st.sampled_from(
    (
        "1.0025+0.002*sin(1.25*3.14*t/30)",
        "t%15",
        "where(cos(6.28*t/10)>0, 1.8*cos(6.28*t/10), 0.001)",
        "10*sin(2*3.14*t/10)",
        "(t*0.01)**2",
        "abs(-3)+arctan(t)",
        "where((t>5)&(t<9), 1, -(t/max_f))",
        "s*0.5+2.5",
        "sqrt(max_f-t)",
    )
)


@example(keys={1: "sqrt(max_f-t)"}, first="0.0000", fps="15", frames=63)
@settings(max_examples=100, deadline=None)
@given(
    keys=st.dictionaries(st.integers(0, 90), st.one_of(NUMBERS, EXPRESSIONS), max_size=6),
    first=st.one_of(NUMBERS, EXPRESSIONS),
    fps=st.sampled_from(("12", "15", "24", "10", "23.976", "30")),
    frames=st.integers(2, 80),
)
def test_every_frame_has_the_value_that_deforum_gives_it(
    keys: dict[int, str], first: str, fps: str, frames: int
) -> None:
    keys = {**keys, 0: first}
    text = ", ".join(f"{frame}:({value})" for frame, value in keys.items())
    expected = deforum(keys, frames, seed=3)
    assert ours(text, Clock(Fraction(fps), frames, 3)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_keys_may_be_written_in_all_the_ways_people_do() -> None:
    clock = Clock(Fraction(10), 41)
    expected = deforum({0: "1", 20: "3", 40: "2"}, 41)
    for text in (
        "0:(1), 20:(3), 40:(2)",
        "0: (1),20: (3),40:(2)",
        '0: 1, "max_f/2": 3, "max_f": (2)',
        "40:(2), 0:(1), 20:(3),",
        "  0 : (1) , 20 : (3.0) , 40 : (2) ",
    ):
        assert ours(text, clock) == pytest.approx(expected)
    assert curve_of({"0": "1", "20": "3", "40": 2}, clock) == curve_of("0:(1), 20:(3), 40:(2)", clock)
    assert curve_of(1.5, clock) == 1.5
    assert curve_of("0:(2*3)", clock) == 6


def test_numbers_become_keyframes_in_seconds_and_expressions_expressions() -> None:
    clock = Clock(Fraction(10), 100)
    keys = curve_of("0:(1), 20:(3)", clock)
    assert isinstance(keys, Keys)
    assert [(float(point.second), point.value) for point in keys.points] == [(0, 1), (2, 3)]
    assert curve_of("0:(sin(t/5))", clock) == Formula("sin(t * 10 / 5)")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0:(import os)", "cannot be read"),
        ("0:(__import__('os'))", "no function __import__"),
        ("0:(frobnicate(t, 2))", "no function frobnicate"),
        ("0:(t.real)", "nothing like attribute"),
        ("0:(q + 1)", "'q' is not known"),
        ("x:(1)", "'x' is not known"),
        ("", "empty"),
        ("0:(1/0)", "no value at any frame"),
        ("0:(" + "(" * 100 + "t" + ")" * 100 + ")", "too deeply nested"),
        ("0:('text')", "'text' is not known"),
    ],
)
def test_what_cannot_be_done_is_said(text: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=re.escape(reason)):
        curve_of(text, Clock(Fraction(15), 30))


WAYS = {
    "0:(1), 20: (0).5, 40: 0: (3)": {0: "1", 20: "0.5", 40: "0"},
    "0: 0: (2), 30: (4)": {0: "0", 30: "4"},
    "0:(1); 30:(4)": {0: "1", 30: "4"},
    "0:(1) 30:(4)": {0: "1", 30: "4"},
    "0:(1)\n30:(4),": {0: "1", 30: "4"},
    "0:(1),, 30:(4), 200:(9)": {0: "1", 30: "4"},
    "30:(4), 0:(1), 30:(2)": {0: "1", 30: "2"},
    "10:(1), 30:(4)": {0: "1", 10: "1", 30: "4"},
    "-5:(7), 0:(1), 30:(4)": {0: "1", 30: "4"},
    "0:((1)), 30:((4)": {0: "1", 30: "4"},
    "0:(1, 30:(4": {0: "1", 30: "4"},
    "{0:(1), 30:(4)}": {0: "1", 30: "4"},
    '{"0": 1, "30": 4}': {0: "1", 30: "4"},
    "0:[1], 30:[4]": {0: "1", 30: "4"},
    "0:(1,5), 30:(\N{MINUS SIGN}2)": {0: "1.5", 30: "-2"},
    "0:(1), 1.5s:(4), 50%:(2)": {0: "1", 15: "4", 20: "2"},
    "0:(1), max_f/2:(3), 'max_f':(2)": {0: "1", 20: "3", 40: "2"},
    '0:("sin(t/9)"), "max_f-10":(2)': {0: "sin(t/9)", 30: "2"},
    "0:( 1 ), 30:(4)": {0: " 1", 30: "4"},
    "0:(1), 20:(2 +), 30:(4)": {0: "1", 30: "4"},
    "0:(1), 20:(where(t>25, 3, 2))": {0: "1", 20: "where(t>25, 3, 2)"},
    "0:(t^3)": {0: "t - t%4 + 3 - t%4"},
    "1.25": {0: "1.25"},
    "1+0.1*t": {0: "1+0.1*t"},
}
"""How people write schedules, and which keys are meant; in a film of 41 frames at 10 a second."""


@pytest.mark.parametrize("text", WAYS)
def test_a_schedule_is_read_in_whatever_way_it_is_written(text: str) -> None:
    clock = Clock(Fraction(10), 41)
    assert ours(text, clock) == pytest.approx(deforum(WAYS[text], 41), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ({"0": 1, 30: "4"}, {0: "1", 30: "4"}),
        ([[0, 1], [30, 4]], {0: "1", 30: "4"}),
        ([0.5 * frame for frame in range(41)], {0: "0", 40: "20"}),
        (2, {0: "2"}),
    ],
)
def test_a_schedule_may_be_data(value: object, keys: dict[int, str]) -> None:
    assert ours_of(value, Clock(Fraction(10), 41)) == pytest.approx(deforum(keys, 41))


def test_a_line_leads_across_frames_without_a_value_and_that_is_told() -> None:
    clock = Clock(Fraction(15), 60)
    text = "0:(0.42 - 0.17*cos(3.141*(t+8)/15)**0.9), 50:(1/(t-52))"
    schedule = read_schedule(text, clock)
    frames = np.arange(60.0)
    with np.errstate(all="ignore"):
        expected = 0.42 - 0.17 * np.cos(3.141 * (frames + 8) / 15) ** 0.9
        expected[50:] = 1 / (frames[50:] - 52)
    known = np.flatnonzero(np.isfinite(expected))
    assert len(known) < 60
    assert schedule.values == pytest.approx(np.interp(frames, known, expected[known]))
    assert frame_values(schedule.curve, clock) == pytest.approx(schedule.values, rel=1e-5, abs=1e-5)
    assert "frames 0 to 14 and 30 to 44 and 52" in schedule.remarks[0].replace(",", " and")


def test_an_expression_that_is_high_at_some_frames_only_is_not_left_to_what_lies_between() -> None:
    """Every fifth frame the tool zooms by 1.3; an expression would be 1.3 for no time at all."""
    clock = Clock(Fraction(10), 51)
    curve = curve_of("0:(where(t%5<0.5, 1.3, 1))", clock)
    assert isinstance(curve, Keys)
    fine = sample(curve, np.linspace(0, 5, 5001))
    assert fine.mean() == pytest.approx(1.06, abs=0.002)


def test_keys_that_are_never_reached_cost_nothing() -> None:
    text = ", ".join(f"{frame}:({frame})" for frame in range(6000))
    assert ours(text, Clock(Fraction(15), 10)) == pytest.approx(np.arange(10))
    assert ours(text, Clock(Fraction(15), 6000)) == pytest.approx(np.arange(6000))


def test_a_long_mixture_becomes_keyframes_with_the_same_values() -> None:
    keys = {frame: f"1 + 0.1 * sin(t / {frame + 3}) * cos(t / {frame + 5})" for frame in range(0, 100, 5)}
    keys[50] = "4"
    text = ", ".join(f"{frame}:({value})" for frame, value in keys.items())
    clock = Clock(Fraction(12), 110)
    assert isinstance(curve_of(text, clock), Keys)
    assert ours(text, clock) == pytest.approx(deforum(keys, 110), abs=1e-6)


def test_a_power_of_keyframes_stays_near_the_power_of_the_line_between_them() -> None:
    clock = Clock(Fraction(24), 200)
    zoom = curve_of("0:(1.0), 100:(1.05), 150:(0.97)", clock)
    seconds = np.arange(200) / 24
    assert sample(power(zoom, 24), seconds) == pytest.approx(sample(zoom, seconds) ** 24, rel=2e-3)


def test_python_of_pytti_is_translated_too() -> None:
    text = translate("(50+10*t)*sin(t/10*pi)**2 + radians(90) + math.hypot(3, 4) + np.log2(8)", {"t": "t"})
    value = values_at(text, np.array([2.0]))[0]
    assert value == pytest.approx(70 * math.sin(0.2 * math.pi) ** 2 + math.pi / 2 + 5 + 3)


@pytest.mark.parametrize("name", ["sinh", "cosh"])
def test_functions_in_functions_get_too_long_before_they_take_long(name: str) -> None:
    with pytest.raises(TooLong, match="it is too long"):
        translate(f"{name}(" * 29 + "t" + ")" * 29, {"t": "t"})


def test_an_escaped_end_of_line_parts_keys_only() -> None:
    clock = Clock(Fraction(15), 31)
    there = read_schedule("0:(1.02),\\n30:(1.05)", clock)
    assert not there.remarks
    assert there.values[-1] == 1.05
