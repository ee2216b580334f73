"""Expressions: what they can do, and what nobody can make them do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqanim.scene.expressions import EvaluationError, ExpressionError, evaluate, names_used, parse_expression
from vqanim.scene.functions import FUNCTIONS, noise, random

VALUES = {
    "1 + 2 * 3": 7,
    "2 ** 3 ** 2": 512,
    "-2 ** 2": -4,
    "7 // 2": 3,
    "-7 % 3": 2,
    "1e-3": 0.001,
    ".5": 0.5,
    "pi": math.pi,
    "tau / e": math.tau / math.e,
    "abs(-2)": 2,
    "acos(0)": math.pi / 2,
    "asin(1)": math.pi / 2,
    "atan(1)": math.pi / 4,
    "ceil(1.2)": 2,
    "clamp(1.5)": 1,
    "clamp(5, 2, 3)": 3,
    "clamp(1, 2, 3)": 2,
    "cos(0)": 1,
    "exp(1)": math.e,
    "floor(-1.2)": -2,
    "fract(-0.25)": 0.75,
    "log(e)": 1,
    "max(1, 3, 2)": 3,
    "min(1, 3, 2)": 1,
    "mix(10, 20, 0.25)": 12.5,
    "pow(2, 10)": 1024,
    "pulse(3.2)": 1,
    "pulse(3.7)": 0,
    "pulse(3.2, 0.1)": 0,
    "round(1.6)": 2,
    "saw(0.25)": -0.5,
    "sign(-3)": -1,
    "sin(pi / 2)": 1,
    "smoothstep(0, 10, 5)": 0.5,
    "smoothstep(0, 10, 2.5)": 5 / 32,
    "smoothstep(0, 10, 99)": 1,
    "smoothstep(1, 1, 1)": 1,
    "sqrt(16)": 4,
    "square(0.2)": 1,
    "square(0.7)": -1,
    "step(1, 1)": 1,
    "step(1, 0.9)": 0,
    "tan(0)": 0,
    "triangle(0.25)": 1,
    "triangle(0.5)": 0,
    "triangle(-0.25)": -1,
    "1 if 2 > 1 else 0": 1,
    "0 < 1 <= 1 < 2": 1,
    "0 < 1 > 2": 0,
    "not 3": 0,
    "1 == 1 and 2 != 2": 0,
    "0 or 5": 1,
    "  1\n + 1 ": 2,
}


def value(text: str) -> float:
    """An expression at t = 0."""
    return float(evaluate(text, {name: np.zeros(1) for name in ("t", "frame", "progress")})[0])


@pytest.mark.parametrize("text", VALUES)
def test_value(text: str) -> None:
    assert value(text) == pytest.approx(VALUES[text], abs=1e-12)


def test_every_function_has_an_example_above() -> None:
    shown = {name for name in FUNCTIONS if any(f"{name}(" in text for text in VALUES)}
    assert set(FUNCTIONS) - shown == {"noise", "random"}


REFUSED = {
    "__import__('os')": 'the character "\'" means nothing',
    "().__class__": "a dot after a name",
    "t.real": "a dot after a name",
    "(1).__class__.__bases__": "a dot after a name",
    "lambda: 1": "the character ':'",
    "x := 3": "the character ':'",
    "[t]": "the character '['",
    "f'{t}'": 'the character "\'"',
    "open(1)": "unknown function 'open'",
    "eval(1)": "unknown function 'eval'",
    "sine(t)": "unknown function 'sine', did you mean 'sin'?",
    "SIN(t)": "unknown function 'SIN', did you mean 'sin'?",
    "frames * 2": "unknown name 'frames', did you mean 'frame'?",
    "zzz": "unknown name 'zzz', allowed t, frame, progress, pi, tau, e",
    "sin": "'sin' is a function",
    "t(3)": "unknown function 't'",
    "sin()": "sin() takes 1 value, not 0",
    "clamp(1, 2, 3, 4)": "clamp() takes 1 to 3 values, not 4",
    "max(*t)": "plain values only",
    "sin(x=1)": "sin() takes plain values only",
    "1, 2": "a comma outside a function",
    "(yield)": "",
    "t = 3": "equality is written ==",
    "2 ^ t": "the power is written **",
    "t @ t": "the character '@'",
    "t & 1": "the character '&'",
    "t << 2": "the operator 'lshift'",
    "t is t": "the operator 'is'",
    "t in t": "the operator 'in'",
    "1_000": "'1_000' is no number",
    "0x10": "'0x10' is no number",
    "1j": "'1j' is no number",
    "1e400": "'1e400' is too large",
    "True": "'True' is no number",
    "": "empty",
    "t +": "it ends too early",
    "sin(t": "1 opening and 0 closing brackets",
    "t t": "it cannot be read",
    "beat % 1": "'beat' is heard in a soundtrack, and there is none: add `soundtrack: {file: song.mp3}`",
    "2 * bass": "'bass' is heard in a soundtrack",
    "(" * 10_000 + ")" * 10_000: "20000 characters, at most 500",
    "(" * 200 + "t" + ")" * 200: "nested more than 32 deep",
    "-" * 400 + "t": "nested more than 32 deep",
    "- " * 200 + "t": "nested more than 32 deep",
    "not " * 100 + "t": "nested more than 32 deep",
    "2" + "**2" * 100: "nested more than 32 deep",
    "+".join("t" * 150): "at most 200",
    "9" * 501: "at most 500",
    "ｓｉｎ(t)": "the character",
    "t\0": "the character",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:24].encode("ascii", "replace").decode())
def test_what_is_refused_and_why(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert REFUSED[text] in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["9**9**9**9", "exp(exp(exp(9)))", "1e308 * 10", "noise(1e300 * 1e300)"])
def test_numbers_that_grow_without_end_are_stopped(text: str) -> None:
    with pytest.raises(EvaluationError, match="not finite|not a finite number"):
        value(text)


@given(st.text(alphabet="t019.+-*/%()<>=! ,sinmaxfloorifelse", max_size=60))
def test_any_text_is_either_refused_or_has_finite_values(text: str) -> None:
    variables = {name: np.linspace(0, 3, 4) for name in ("t", "frame", "progress")}
    try:
        values = evaluate(text, variables)
    except (ExpressionError, EvaluationError):
        return
    assert values.shape == (4,)
    assert np.isfinite(values).all()


def test_noise_is_smooth_bounded_and_always_the_same() -> None:
    x = np.linspace(0, 200, 200_001)
    values = noise(x, 0.0)
    assert np.abs(values).max() <= 1
    assert values.std() > 0.3
    assert np.abs(values.mean()) < 0.15
    # A straight line between neighbors would be at most 2 high a unit; smoothstep is 1.5 times as steep.
    assert np.abs(np.diff(values)).max() <= 0.003 + 1e-9
    assert noise(np.array([0.5]), 1.0)[0] == pytest.approx(splitmix(0, 1) + splitmix(1, 1) - 1)


def splitmix(index: int, lane: int) -> float:
    """The random number of a whole index and channel, with Python's unbounded integers."""
    bits = 2**64
    z = (index + lane * 2**32 + 1) * 0x9E3779B97F4A7C15 % bits
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % bits
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % bits
    return ((z ^ (z >> 31)) >> 11) / 2**53


@given(st.integers(-(2**20), 2**20), st.integers(0, 2**20))
def test_random_is_splitmix64(index: int, lane: int) -> None:
    assert random(np.array([float(index)]), float(lane))[0] == splitmix(index % 2**32, lane)


def test_channels_of_noise_are_independent() -> None:
    x = np.linspace(0, 1000, 4001)
    assert abs(np.corrcoef(noise(x, 0.0), noise(x, 1.0))[0, 1]) < 0.1


def test_random_stays_for_one_whole_number_and_is_even() -> None:
    n = np.arange(10_000.0)
    values = random(n)
    assert values.min() >= 0
    assert values.max() < 1
    assert np.histogram(values, bins=4, range=(0, 1))[0] == pytest.approx([2500] * 4, rel=0.1)
    assert (random(n + 0.7) == values).all()
    assert len(np.unique(values)) == n.size


def test_names_used() -> None:
    assert names_used("sin(t) + progress * pi") == {"t", "progress"}
    assert names_used("2 * pi") == set()
