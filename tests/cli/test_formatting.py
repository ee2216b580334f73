from __future__ import annotations

from fractions import Fraction

import pytest

from vqanim.cli import formatting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3899, "1 h 04 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0:00"), (7.2, "0:07"), (200, "3:20"), (3900, "1:05:00")])
def test_clock(seconds: float, text: str) -> None:
    assert formatting.clock(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(512, "512 B"), (34_400, "34 kB"), (1_240_000, "1.2 MB"), (4_263_525_412, "4.26 GB")]
)
def test_file_size(size: int, text: str) -> None:
    assert formatting.file_size(size) == text


@pytest.mark.parametrize(
    ("value", "text"), [(Fraction(12), "12"), (Fraction(24000, 1001), "23.976"), (0.5, "0.5")]
)
def test_number(value: Fraction | float, text: str) -> None:
    assert formatting.number(value) == text
