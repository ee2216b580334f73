"""Types of options: what is written on the command line, read as strictly as in a scene."""

from __future__ import annotations

import re
from typing import Any

import click

from vqanim.scene.colors import NAMES, Color, parse_color
from vqanim.scene.model import MAX_SIDE
from vqanim.scene.numbers import number_hint, parse_number, parse_whole

_TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)


class ColorType(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """A color to sRGB in 0..1."""

    name = "COLOR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Color:
        if not isinstance(value, str):
            return value  # a default
        try:
            return parse_color(value.strip())
        except ValueError:
            names = ", ".join(NAMES)
            self.fail(
                f"{value!r} is no color; allowed are '#rrggbb' or '#rgb' in quotes, {names}", param, ctx
            )


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """`512` or `512x384` to (width, height) in pixels."""

    name = "SIZE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if not isinstance(value, str):
            return value  # a default
        parts = _TIMES.split(value.strip())
        try:
            width, height = (parse_whole(part) for part in (parts if len(parts) > 1 else parts * 2))
        except ValueError:
            width = height = 0
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            allowed = f"allowed are 512 or 512x384, sides from 1 to {MAX_SIDE} pixels"
            self.fail(f"{value!r} is no size; {allowed}", param, ctx)
        return width, height


class NumberType(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """A finite number in limits."""

    name = "NUMBER"

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = parse_number(str(value).strip())
        except ValueError:
            number = float("nan")
        if not self.low <= number <= self.high:
            hint = number_hint(str(value))
            said = f"{value!r} is no number from {self.low:g} to {self.high:g}"
            self.fail(said + (f"; {hint}" if hint else ""), param, ctx)
        return number
