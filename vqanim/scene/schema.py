"""The scene language described: as a JSON schema for editors, and field by field; from the declarations.

Editors read YAML as most programs do: `4s` is a text, `4` a number, `yes` a flag. vqanim reads every value as
it was written, so a schema allows a little more than the loader, and never less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from vqanim.scene.fields.base import FieldType, Option, Schema, declared_in
from vqanim.scene.fields.numbers import Pair
from vqanim.scene.fields.sections import Section, mapping_schema
from vqanim.scene.model import Scene, Shot

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that editors' YAML servers know best."""
TITLE = "A scene for vqanim"
PLAYING = ("kind", "pace", "freeze", "repeat", "reverse")
"""Keys of a shot that a scene without shots may say too."""


def scene_schema() -> Schema:
    """A JSON schema of scene files; every field has its description, unit, default and example."""
    shot = declared_in(Shot)
    shared = {key: option for key, option in shot.items() if option.inherited or key in PLAYING}
    top = mapping_schema({**declared_in(Scene), **shared})
    for part in (top, top["properties"]["shots"]["anyOf"][0]["items"]):  # another way to write camera.border
        carry = part["properties"]["carry"]["anyOf"][0]["properties"]
        carry["border"] = {"$ref": "#/properties/camera/anyOf/0/properties/border"}
    return {"$schema": DIALECT, "title": TITLE, **top}


class FieldInfo(NamedTuple):
    """One field, in words."""

    path: str  # as in a scene file; `[]` stands for each entry of a list
    kind: str  # `section` for a mapping whose keys are fields, else `value`
    allowed: str
    description: str
    unit: str
    default: str
    example: str


def describe_fields() -> Iterator[FieldInfo]:
    """All fields. What shots share with the top level is described once, at the top level."""
    shot, seen = declared_in(Shot), set[FieldType]()
    yield from _fields(declared_in(Scene), "", seen)
    for inherited, prefix in ((True, ""), (False, "shots[].")):
        some = {key: option for key, option in shot.items() if option.inherited == inherited}
        yield from _fields(some, prefix, seen)


@lru_cache
def homes() -> dict[str, str]:
    """The path of every key; of keys that occur twice, the one nearest to the top level."""
    found: dict[str, str] = {}
    for path in sorted((field.path for field in describe_fields()), key=lambda path: path.count(".")):
        key = path.rpartition(".")[2]
        if key not in ("x", "y"):
            found.setdefault(key, path)
    return found


def _fields(options: Mapping[str, Option], prefix: str, seen: set[FieldType]) -> Iterator[FieldInfo]:
    """Some fields, then those within their values, but for values of types seen before."""
    within = []
    for key, option in options.items():
        path = prefix + key
        of, axes = (option.type.each, (".x", ".y")) if isinstance(option.type, Pair) else (option.type, ("",))
        texts = (option.description, option.unit, option.default_text, option.example)
        yield from (FieldInfo(path + axis, option.type.name, of.allowed, *texts) for axis in axes)
        if isinstance(option.type, Section):
            yield from _fields(declared_in(option.type.of), f"{path}.", seen)
        if option.type not in seen:
            seen.add(option.type)
            within += [(path + suffix, inside) for suffix, inside in option.type.parts()]
    for path, inside in within:
        yield from _fields(inside, path, seen)
