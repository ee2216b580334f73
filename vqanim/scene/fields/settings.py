"""What effects, loss terms and generators let people set, as fields of the language; and the loss terms.

They declare it with `vqanim.settings`; here each of those declarations becomes a type of field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vqanim.losses import LOSSES, Loss
from vqanim.scene import tree
from vqanim.scene.colors import color_text
from vqanim.scene.curves import Curve
from vqanim.scene.fields.base import FieldType, Option, Parts, Schema, Writer
from vqanim.scene.fields.context import Reader, read_all
from vqanim.scene.fields.names import NamesType
from vqanim.scene.fields.numbers import CurveType, curve, ratio, whole
from vqanim.scene.fields.palettes import FREE, PaletteType
from vqanim.scene.fields.sections import closed_schema, field_schema, merge_by_key
from vqanim.scene.fields.texts import COLOR, FLAG, line_of_text, one_of
from vqanim.scene.tree import Node, is_given
from vqanim.settings import Setting, Settings


@lru_cache
def setting_type(setting: Setting) -> FieldType:
    """The type of a setting."""
    allowed = setting.allowed + (f" ({setting.unit})" if setting.unit else "")
    low = -math.inf if setting.low is None else setting.low
    high = math.inf if setting.high is None else setting.high
    match setting.type:
        case "number":
            return ratio(low, high, allowed=allowed, exact=False)
        case "whole":
            return whole(low, high, allowed)
        case "choice":
            return one_of(setting.words, allowed)
        case "text":
            return line_of_text(int(setting.high or 1000), allowed)
        case "names":
            return NamesType(allowed, int(high))
        case "palette":
            return PaletteType(allowed, setting.words, int(high))
    return FLAG if setting.type == "flag" else COLOR


@lru_cache
def setting_option(setting: Setting) -> Option:
    """The declaration of a setting as a field."""
    colored = setting.type == "color" and setting.default is not None
    text = f'"{color_text(setting.default)}"' if colored else FREE if setting.type == "palette" else ""
    type, description = setting_type(setting), setting.description
    return Option(type, description, setting.default, unit=setting.unit, default_text=text)


def setting_options(declared: Iterable[Setting]) -> dict[str, Option]:
    """The declarations of settings by name."""
    return {setting.name: setting_option(setting) for setting in declared}


def read_settings(declared: Iterable[Setting], node: tree.Mapping, reader: Reader) -> dict[str, Any]:
    """The settings that a mapping says, by name."""
    options = setting_options(declared)
    return {name: reader.field(name, options[name], node) for name in options if is_given(name, node)}


def dump_settings(declared: Iterable[Setting], values: Settings, writer: Writer) -> dict[str, Any]:
    """Plain data for values by name."""
    options = setting_options(declared)
    return {name: options[name].type.dump(value, writer) for name, value in values}


def settings_schema(declared: Iterable[Setting]) -> dict[str, Schema]:
    """A JSON schema for each setting, by name."""
    return {name: field_schema(option) for name, option in setting_options(declared).items()}


TERMS: Mapping[str, Loss] = {name: term for name, term in LOSSES.items() if term.in_scene}
"""Those that a scene may name."""


@dataclass(frozen=True)
class LossUse:
    """A term, how much it counts, and its settings."""

    name: str  # one of TERMS
    weight: Curve
    settings: Settings = ()  # those that are written, sorted by name


def weight_type(name: str) -> CurveType:
    """What may be written for the weight of a term."""
    low, high = TERMS[name].weight
    return curve(low, high)


def _weight_option(name: str) -> Option:
    default = "0, without the term; 1, where only its settings are written"
    return Option(weight_type(name), TERMS[name].description, 1.0, default_text=default, example="0.5")


@dataclass(frozen=True)
class LossesType(FieldType):
    """Terms by name, each a weight or {weight: ..., its settings}; a shot's are merged into the scene's."""

    allowed: str = f"terms by name ({', '.join(TERMS)}), each a weight or {{weight: a curve, settings ...}}"

    def parse(self, node: Node, reader: Reader) -> tuple[LossUse, ...]:
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, TERMS)
        return tuple(read_all(filter(lambda n: is_given(n, found), TERMS), lambda n: _use(n, found, reader)))

    def write(self, value: tuple[LossUse, ...], writer: Writer) -> Any:
        return {use.name: _dump_use(use, writer) for use in value if writer.wants([use.weight])}

    def curves(self, value: tuple[LossUse, ...]) -> Iterator[Curve]:
        return (use.weight for use in value)

    merge = staticmethod(merge_by_key)

    def parts(self) -> Parts:
        yield ".", {name: _weight_option(name) for name in TERMS}
        for name, term in TERMS.items():
            yield f".{name}.", setting_options(term.settings)

    def schema(self) -> list[Schema]:
        return [closed_schema({name: _use_schema(name, term) for name, term in TERMS.items()})]


def _use(name: str, terms: tree.Mapping, reader: Reader) -> LossUse:
    node, settings = terms[name], TERMS[name].settings
    if isinstance(node, tree.Mapping) and any(not reader.is_time(key.text) for key, _ in node.entries):
        reader.check_keys(node, ("weight", *setting_options(settings)))
        written = tuple(sorted(read_settings(settings, node, reader).items()))
        return LossUse(name, reader.field("weight", _weight_option(name), node), written)
    return LossUse(name, reader.read(weight_type(name), node))


def _use_schema(name: str, term: Loss) -> Schema:
    weight = field_schema(_weight_option(name))
    parts = {"weight": {"anyOf": weight["anyOf"]}, **settings_schema(term.settings)}
    return weight | {"anyOf": [*weight["anyOf"], closed_schema(parts)]}


def _dump_use(use: LossUse, writer: Writer) -> Any:
    weight = weight_type(use.name).dump(use.weight, writer)
    settings = dump_settings(TERMS[use.name].settings, use.settings, writer)
    return {"weight": weight, **settings} if settings else weight
