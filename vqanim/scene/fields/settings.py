"""What effects, loss terms and generators let people set, as fields of the language.

They declare it with `vqanim.settings`; here each of those declarations becomes a type of field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vqanim.scene.colors import color_text
from vqanim.scene.fields.base import Option, ScalarType, Schema, Writer
from vqanim.scene.fields.context import Reader
from vqanim.scene.fields.numbers import Ratio, Whole
from vqanim.scene.fields.sections import field_schema
from vqanim.scene.fields.texts import COLOR, FLAG, Choice, Text
from vqanim.scene.tree import Mapping, is_given
from vqanim.settings import Setting, Settings


@dataclass(frozen=True)
class AnyNumber(Ratio):
    """A number, which may be written as a ratio."""

    def value(self, text: str) -> float:
        return float(super().value(text))

    def dump(self, value: Any, writer: Writer) -> Any:
        return value


@dataclass(frozen=True)
class AnyOf(ScalarType):
    """A value in the first of several forms that fits."""

    forms: tuple[ScalarType, ...]

    def value(self, text: str) -> Any:
        for form in self.forms:
            try:
                return form.value(text)
            except ValueError:
                continue
        raise ValueError

    def schema(self) -> list[Schema]:
        return [schema for form in self.forms for schema in form.schema()]


@lru_cache
def setting_type(setting: Setting) -> ScalarType:
    """The type of a setting."""
    allowed = setting.allowed + (f" ({setting.unit})" if setting.unit else "")
    low = -float("inf") if setting.low is None else setting.low
    high = float("inf") if setting.high is None else setting.high
    if setting.type == "number":
        return AnyNumber(allowed, low, high)
    if setting.type == "whole":
        return Whole(allowed, low, high)
    if setting.type == "choice":
        return Choice(allowed, setting.words)
    if setting.type == "text":
        return Text(allowed, int(setting.high or 1000))
    if setting.type == "any":
        return AnyOf(allowed, tuple(map(setting_type, setting.options)))
    return FLAG if setting.type == "flag" else COLOR


@lru_cache
def setting_option(setting: Setting) -> Option:
    """The declaration of a setting as a field."""
    said = None
    if setting.type == "color" and setting.default is not None:
        said = f'"{color_text(setting.default)}"'
    return Option(
        setting_type(setting),
        setting.description,
        unit=setting.unit,
        default=setting.default,
        default_text=said,
    )


def read_settings(declared: Iterable[Setting], node: Mapping, reader: Reader) -> dict[str, Any]:
    """The settings that a mapping says, by name."""
    return {
        setting.name: reader.field(setting.name, setting_option(setting), node)
        for setting in declared
        if is_given(setting.name, node)
    }


def dump_settings(declared: Iterable[Setting], values: Settings, writer: Writer) -> dict[str, Any]:
    """Plain data for values by name."""
    types = {setting.name: setting_type(setting) for setting in declared}
    return {name: types[name].dump(value, writer) for name, value in values}


def settings_schema(declared: Iterable[Setting]) -> dict[str, Schema]:
    """A JSON schema for each setting, by name."""
    return {setting.name: field_schema(setting_option(setting)) for setting in declared}
