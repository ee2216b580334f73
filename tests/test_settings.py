"""Settings are declared once, as plain data, and check plain values."""

from __future__ import annotations

from typing import Any

import pytest

from vqanim import settings
from vqanim.settings import Setting, with_defaults

CELLS = settings.whole("cells", 8, 256, 64, "Pixels on the longer side")
RATE = settings.number("rate", 0.01, 120, 4.0, "How often it blinks", unit="per second")
SHAPE = settings.choice("shape", ("square", "hex"), "square", "Shape of a pixel")
ROUND = settings.flag("round", False, "Rounded corners")
COLOR = settings.color("color", (1.0, 1.0, 1.0), "What is mixed in")
FONT = settings.text("font", None, "Name of a font", longest=5)


@pytest.mark.parametrize(
    ("setting", "good", "bad"),
    [
        (CELLS, [8, 256], [7, 257, 8.5, True, "8", None]),
        (RATE, [0.01, 4, 120.0], [0, 121, True, "4", None]),
        (SHAPE, ["square", "hex"], ["", "round", 1]),
        (ROUND, [True, False], [0, 1, "true"]),
        (COLOR, [(0, 0.5, 1.0)], [(0, 0.5), (0, 0, 2), "navy", [0, 0, 0]]),
        (FONT, ["Arial", None], ["Helvetica", 1]),
    ],
)
def test_a_setting_accepts_what_it_allows(setting: Setting, good: list[Any], bad: list[Any]) -> None:
    assert all(setting.accepts(value) for value in good)
    assert not any(setting.accepts(value) for value in bad)
    assert setting.accepts(setting.default)


def test_what_is_allowed_can_be_read() -> None:
    assert CELLS.allowed == "a whole number from 8 to 256"
    assert RATE.allowed == "a number from 0.01 to 120"


def test_written_values_stand_in_the_place_of_defaults() -> None:
    assert with_defaults((CELLS, SHAPE), (("shape", "hex"),)) == {"cells": 64, "shape": "hex"}
    with pytest.raises(ValueError, match=r"^cells: 7 is not allowed\. Use a whole number from 8 to 256\.$"):
        with_defaults((CELLS,), {"cells": 7})
    with pytest.raises(ValueError, match=r"^unknown setting 'cell'\. Use one of: cells\.$"):
        with_defaults((CELLS,), {"cell": 7})
