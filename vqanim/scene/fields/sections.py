"""Mappings whose keys are declared fields, and lists of them: how they are read, written and described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import yaml

from vqanim.errors import Place
from vqanim.scene import tree
from vqanim.scene.fields import base
from vqanim.scene.fields.base import Declared, FieldType, Option, Parts, Schema, Writer
from vqanim.scene.fields.context import Reader, placed

Entries: TypeAlias = list[tuple[tree.Scalar, tree.Node]]


@dataclass(frozen=True)
class Section(FieldType):
    """A mapping with declared fields; a shot's is merged into the scene's."""

    of: type[Declared]
    name: ClassVar[str] = "section"

    def parse(self, node: tree.Node, reader: Reader) -> Any:
        return reader.section(self.of, node, self.allowed)

    def absent(self, value: Any, place: Place, reader: Reader) -> Any:
        nothing = tree.Mapping(place.file, place.line, [])
        nothing.path = place.path
        return reader.read(self, nothing)

    def write(self, value: Any, writer: Writer) -> Any:
        return dump_part(value, writer)

    def schema(self) -> list[Schema]:
        return [part_schema(self.of)]

    def merge(self, outer: tree.Mapping, inner: tree.Mapping) -> Entries:
        """The entries of both; those of the inner one count."""
        return merge_entries(outer, inner, base.options_of(self.of))


def section(of: type[Declared]) -> Section:
    """A mapping with the fields of a class."""
    return Section(f"a mapping of {', '.join(base.keys_of(of))}", of)


@dataclass(frozen=True)
class Shorthand(FieldType):
    """A mapping with declared fields, or the value of the most important one alone."""

    of: type[Declared]
    main: str  # its key
    is_curve: bool = False
    """True where that is a curve: a mapping whose keys are all times is its keyframes."""

    @property
    def short(self) -> FieldType:
        """The type of the value that may stand alone."""
        return base.options_of(self.of)[self.main][1].type

    def parse(self, node: tree.Node, reader: Reader) -> Any:
        keys = [key.text for key, _ in node.entries] if isinstance(node, tree.Mapping) else []
        alone = all(map(reader.is_time, keys)) if self.is_curve else isinstance(node, tree.Scalar)
        if not alone:
            return reader.section(self.of, node, self.allowed)
        return placed(self.of(**{self.main: reader.read(self.short, node)}), node)

    def dump(self, value: Any, writer: Writer) -> Any:
        return dump_part(value, writer)

    def parts(self) -> Parts:
        yield ".", base.declared_in(self.of)

    def schema(self) -> list[Schema]:
        return [*self.short.schema(), part_schema(self.of)]


def merge_entries(
    outer: tree.Mapping, inner: tree.Mapping, options: Mapping[str, tuple[str, Option]]
) -> Entries:
    """The entries that a shot says and inherits: sections merge, of all others the inner one counts."""
    merged = [(key, value) for key, value in inner.entries if key.text in options]
    for key, value in outer.entries:
        if key.text not in options or not options[key.text][1].inherited:
            continue
        own, merge = inner.get(key.text), getattr(options[key.text][1].type, "merge", None)
        if own is None:
            merged.append((key, value))
        elif merge and isinstance(own, tree.Mapping) and isinstance(value, tree.Mapping):
            both = tree.Mapping(own.file, own.line, merge(value, own))
            both.path, both.base = own.path, own.base
            merged = [(name, both if name.text == key.text else each) for name, each in merged]
    return merged


def merge_by_key(outer: tree.Mapping, inner: tree.Mapping) -> Entries:
    """The entries of the inner mapping, and those of the outer one whose keys it does not have."""
    return inner.entries + [(key, value) for key, value in outer.entries if inner.get(key.text) is None]


def dump_part(part: Any, writer: Writer) -> dict[str, Any]:
    """Plain data of the declared fields of a part, without those that are not written."""
    of: type = type(part)
    written: dict[str, Any] = {}
    for key, (name, declared) in base.fields_of(of).items():
        found = declared.write(getattr(part, name), writer)
        if found is not None and found != {}:
            outer, _, inner = key.rpartition(".")
            (written.setdefault(outer, {}) if outer else written)[inner] = found
    return written


def part_schema(of: type) -> Schema:
    """A mapping with the keys of a class and no others."""
    return mapping_schema(base.declared_in(of))


def mapping_schema(options: Mapping[str, Option]) -> Schema:
    """A mapping with these keys and no others; `gif.width` is a key of the mapping `gif`."""
    inner: dict[str, dict[str, Option]] = {}
    for outer, dot, rest in (key.partition(".") for key in options):
        if dot:
            inner.setdefault(outer, {})[rest] = options[f"{outer}.{rest}"]
    properties = {key: field_schema(declared) for key, declared in options.items() if "." not in key}
    required = [key for key in properties if options[key].required]
    for outer, parts in inner.items():
        found = mapping_schema(parts)
        if outer in properties:  # guidance.rate is written beside what shots share
            mapping: Schema = next(each for each in properties[outer]["anyOf"] if "properties" in each)
            mapping["properties"].update(found["properties"])
        else:
            properties[outer] = found
    return closed_schema(properties, required)


def closed_schema(properties: Mapping[str, Schema], required: Iterable[str] = (), **more: Any) -> Schema:
    """A mapping with these properties and no others."""
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
    return schema | ({"required": list(required)} if required else {})


def field_schema(declared: Option) -> Schema:
    """What a field takes, and what it means."""
    forms = [*declared.type.schema(), {"const": "none"}]
    schema: Schema = {"description": describe(declared), "anyOf": forms}
    if isinstance(declared.default, bool | int | float):
        schema["default"] = declared.default
    if declared.unit:
        schema["x-unit"] = declared.unit
    if declared.example and declared.type.name != "section":
        schema["examples"] = [yaml.safe_load(declared.example)]
    return schema


def describe(declared: Option) -> str:
    """A field in a few lines, as editors show it."""
    lines = {"{}.": declared.description, "Unit: {}.": declared.unit}
    if declared.type.name != "section":
        lines |= {"Allowed: {}.": declared.type.allowed, "Default: {}.": declared.default_text}
        lines |= {"Example: {}": declared.example}
    return "\n".join(line.format(text) for line, text in lines.items() if text)
