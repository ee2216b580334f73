"""Times mean what a person meant by them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqanim.scene.times import Time, TimeBase, is_plain_number, parse_time

BASE = TimeBase(6.0, Fraction(12))

SECONDS = {
    "2s": 2,
    "2 s": 2,
    "0s": 0,
    "500ms": 0.5,
    "36f": 3,
    "1f": 1 / 12,
    "1:02.5": 62.5,
    "0:07": 7,
    "1:00:01": 3601,
    "50%": 3,
    "12.5%": 0.75,
    "1.25": 1.25,
    ".5s": 0.5,
    "010": 10,
    "1e1s": 10,
    "-2s": -2,
    "+2s": 2,
}


@pytest.mark.parametrize("text", SECONDS)
def test_time_in_seconds(text: str) -> None:
    assert parse_time(text).seconds(BASE) == pytest.approx(SECONDS[text], abs=1e-12)


WRONG = (
    "",
    "s",
    "2 sec",
    "2h",
    "1:60",
    "1:75:00",
    "1_000",
    "0x10",
    "--2s",
    "inf",
    "nan",
    "1e99s",
    "2s3",
    "٣s",
)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="allowed a time such as 2s|below 60"):
        parse_time(text)


@pytest.mark.parametrize(
    "text", ["8beats", "1 beat", "2bars", "bar 33", "bar 33 beat 2", "drop", "drop+2beats", "drop - 1s"]
)
def test_musical_times_need_a_soundtrack(text: str) -> None:
    with pytest.raises(ValueError, match="need a soundtrack: add"):
        parse_time(text)


def test_frames_follow_the_frame_rate_and_per_cent_the_duration() -> None:
    other = TimeBase(10.0, Fraction(30000, 1001))
    assert parse_time("30f").seconds(other) == pytest.approx(1.001)
    assert parse_time("50%").seconds(other) == 5.0
    assert parse_time("2s").seconds(other) == 2.0


def test_times_are_equal_whatever_their_spelling() -> None:
    assert parse_time("500ms") == parse_time("0.5s") == parse_time(".5")
    assert parse_time("6f") != parse_time("0.5s")


def test_only_a_bare_number_is_plain() -> None:
    assert is_plain_number("30")
    assert not is_plain_number("30f")
    assert not is_plain_number("30s")
    assert not is_plain_number("0:30")


@given(st.decimals(0, 10**6, places=9))
def test_seconds_are_exact(value: Decimal) -> None:
    assert parse_time(f"{value:f}s").value == Fraction(str(value))
    assert parse_time(Time.of_seconds(Fraction(str(value))).text).value == Fraction(str(value))
