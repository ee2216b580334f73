"""The scene language described: as a JSON schema for editors, and field by field; from the declarations.

Editors read YAML as most programs do: `4s` is a text, `4` a number, `yes` a flag. vqanim reads every value as
it was written, so a schema allows a little more than the loader, and never less.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from vqanim.scene.fields.base import Declared, Option, Schema, options_of
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
    shot = options_of(Shot)
    shared = {key: found for key, found in shot.items() if found[1].inherited or key in PLAYING}
    top = mapping_schema((key, found) for key, (_, found) in {**options_of(Scene), **shared}.items())
    for part in (top, top["properties"]["shots"]["anyOf"][0]["items"]):  # another way to write camera.border
        carry = part["properties"]["carry"]["anyOf"][0]["properties"]
        carry["border"] = {"$ref": "#/properties/camera/anyOf/0/properties/border"}
    return {"$schema": DIALECT, "title": TITLE, **top}


class FieldInfo(NamedTuple):
    """One field, in words."""

    path: str
    """As in a scene file; `[]` stands for each entry of a list."""
    kind: str
    """`section` for a mapping whose keys are fields, else `value`."""
    allowed: str
    description: str
    unit: str
    default: str
    example: str


def describe_fields() -> Iterator[FieldInfo]:
    """All fields. What shots share with the top level is described once, at the top level."""
    yield from _fields(Scene, "")
    yield from _fields(Shot, "", inherited=True)
    yield from _fields(Shot, "shots[].", inherited=False)


@lru_cache
def homes() -> dict[str, str]:
    """The path of every key; of keys that occur twice, the one nearest to the top level."""
    found: dict[str, str] = {}
    for path in sorted((field.path for field in describe_fields()), key=lambda path: path.count(".")):
        key = path.rpartition(".")[2]
        if key not in ("x", "y"):
            found.setdefault(key, path)
    return found


def _fields(part: type[Declared], prefix: str, *, inherited: bool | None = None) -> Iterator[FieldInfo]:
    """The fields of a part, then those within their values; inherited: only what is, or is not."""
    within = []
    for key, (_, option) in options_of(part).items():
        if inherited is not None and option.inherited != inherited:
            continue
        path = prefix + key
        if isinstance(option.type, Pair):
            yield from (_info(f"{path}.{axis}", option, option.type.each.allowed) for axis in "xy")
        else:
            yield _info(path, option, option.type.allowed)
        if isinstance(option.type, Section):
            yield from _fields(option.type.of, f"{path}.")
        within += [(path + suffix, inner) for suffix, inner in option.type.parts()]
    for path, inner in within:
        yield from _fields(inner, path)


def _info(path: str, option: Option, allowed: str) -> FieldInfo:
    name = option.type.name
    return FieldInfo(
        path, name, allowed, option.description, option.unit, option.default_text, option.example
    )
