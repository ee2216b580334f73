"""The scene language as a JSON schema, for editors; made from the declarations of the fields.

Editors read YAML as most programs do: `4s` is a text, `4` a number, `yes` a flag. vqanim reads every value as
it was written, so a schema allows a little more than the loader, and never less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from vqanim.effects import EFFECTS
from vqanim.scene.easings import EASINGS
from vqanim.scene.edit import LEAST_RATE, MAX_EFFECTS, MOST_EVERY, MOST_RATE, amount_kind
from vqanim.scene.figures import FIGURES, FORM, Look
from vqanim.scene.model import FITS, MAX_SIDE, PerceptorUse, Prompt, Scene, Shot, Start, StayNear
from vqanim.scene.options import (
    ChoiceKind,
    CurveKind,
    Kind,
    NumberKind,
    Option,
    PairKind,
    RatioKind,
    SectionKind,
    TextKind,
    TimeKind,
    WholeKind,
    options_of,
)
from vqanim.scene.soundtrack import FASTEST, HIGHEST, LOWEST, MAX_BEATS, SLOWEST, Soundtrack

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that editors' YAML servers know best."""
TITLE = "A scene for vqanim"
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
"""A text, whatever YAML takes it for: a title may be 2001, off or null."""
QUOTED_NUMBER: Schema = {"type": "string", "pattern": r"^\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*$"}
MOMENT: Schema = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "examples": ["2s", "500ms", "36f", "1:02.5", "50%", "8beats", "bar 33"]},
    ]
}
COLOR: Schema = {"type": "string", "examples": ["navy", "#334455"]}
NONE: Schema = {"const": "none"}
_PLAYING = ("kind", "pace", "freeze", "repeat", "reverse")
"""Keys of a shot that a scene without shots may say too."""


def scene_schema() -> Schema:
    """A JSON schema of scene files; every field has its description, unit, default and example."""
    top = {**options_of(Scene), **_shared(), **{key: options_of(Shot)[key] for key in _PLAYING}}
    return {
        "$schema": DIALECT,
        "title": TITLE,
        **mapping_schema(option for option in _named(top)),
    }


def _shared() -> dict[str, tuple[str, Option]]:
    """Keys of shots that the top level may say for all of them."""
    return {key: found for key, found in options_of(Shot).items() if found[1].inherited}


def _named(options: dict[str, tuple[str, Option]]) -> list[tuple[str, Option]]:
    return [(key, declared) for key, (_, declared) in options.items()]


def mapping_schema(options: Iterable[tuple[str, Option]]) -> Schema:
    """A mapping with these keys and no others; `gif.width` is a key of the mapping `gif`."""
    properties: dict[str, Schema] = {}
    inner: dict[str, list[tuple[str, Option]]] = {}
    required = []
    for key, declared in options:
        outer, _, rest = key.partition(".")
        if rest:
            inner.setdefault(outer, []).append((rest, declared))
            continue
        properties[key] = field_schema(declared)
        if declared.required:
            required.append(key)
    for outer, parts in inner.items():
        found = mapping_schema(parts)
        if outer in properties:  # guidance.rate is written beside what shots share
            _mapping_in(properties[outer])["properties"].update(found["properties"])
        else:
            properties[outer] = found
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _mapping_in(schema: Schema) -> Schema:
    """The part of a field's schema that is a mapping."""
    found: Schema = next(each for each in schema["anyOf"] if each.get("type") == "object")
    return found


def field_schema(declared: Option) -> Schema:
    """What a field takes, and what it means."""
    schema: Schema = {"description": describe(declared), "anyOf": [*kind_schemas(declared.kind), NONE]}
    if isinstance(declared.default, bool | int | float):
        schema["default"] = declared.default
    if declared.unit:
        schema["x-unit"] = declared.unit
    if declared.example and not isinstance(declared.kind, SectionKind):
        schema["examples"] = [yaml.safe_load(declared.example)]
    return schema


def describe(declared: Option) -> str:
    """A field in a few lines, as editors show it."""
    lines = [f"{declared.description}." if declared.description else ""]
    if declared.unit:
        lines.append(f"Unit: {declared.unit}.")
    if not isinstance(declared.kind, SectionKind):
        lines.append(f"Allowed: {declared.kind.allowed}.")
        if declared.default_text:
            lines.append(f"Default: {declared.default_text}.")
        if declared.example:
            lines.append(f"Example: {declared.example}")
    return "\n".join(line for line in lines if line)


def kind_schemas(kind: Kind) -> list[Schema]:
    """The forms in which a value may be written; a kind that is not known here may be anything."""
    if isinstance(kind, SectionKind):
        options = _named(options_of(kind.of))
        found = mapping_schema(options)
        if kind.of.__name__ == "Carry":  # another way to write camera.border
            found["properties"]["border"] = {"$ref": "#/properties/camera/anyOf/0/properties/border"}
        return [found]
    make = _BY_CLASS.get(type(kind))
    if make is not None:
        return make(kind)
    special = _BY_NAME.get(kind.name)
    return special() if special is not None else [{}]


def curve_schemas(kind: CurveKind) -> list[Schema]:
    """A number, keyframes or an expression."""
    number = _bounds(kind.range.minimum, kind.range.maximum, kind.range.exclusive_minimum)
    expression: Schema = {"type": "string"}
    eased: Schema = {
        "type": "array",
        "items": [{"anyOf": [number, expression]}, {"enum": list(EASINGS)}],
        "minItems": 1,
        "maxItems": 2,
    }
    keys: Schema = {
        "type": "object",
        "additionalProperties": {"anyOf": [number, expression, eased]},
        "minProperties": 1,
    }
    return [number, expression, keys]


def _bounds(low: float, high: float, above: bool = False) -> Schema:
    schema: Schema = {"type": "number"}
    if low > -float("inf"):
        schema["exclusiveMinimum" if above else "minimum"] = low
    if high < float("inf"):
        schema["maximum"] = high
    return schema


def _pair(kind: PairKind) -> list[Schema]:
    each: Schema = {"anyOf": [*curve_schemas(kind.each), NONE]}
    return [{"type": "object", "properties": {"x": each, "y": each}, "additionalProperties": False}]


def _ratio(kind: RatioKind) -> list[Schema]:
    return [_bounds(kind.low, kind.high), {"type": "string", "pattern": r"^\s*[\d.]+\s*(/\s*\d+\s*)?$"}]


_BY_CLASS: dict[type[Kind], Callable[[Any], list[Schema]]] = {
    CurveKind: curve_schemas,
    WholeKind: lambda kind: [{"type": "integer", "minimum": kind.low, "maximum": kind.high}, QUOTED_NUMBER],
    NumberKind: lambda kind: [_bounds(kind.low, kind.high), QUOTED_NUMBER],
    RatioKind: _ratio,
    TextKind: lambda kind: [SCALAR | {"maxLength": kind.longest}],
    TimeKind: lambda kind: list(MOMENT["anyOf"]),
    ChoiceKind: lambda kind: [{"enum": list(kind.words)}],
    PairKind: _pair,
}


def _size() -> list[Schema]:
    side: Schema = {"type": ["integer", "string"], "minimum": 1, "maximum": MAX_SIDE}
    sides = {"width": side, "height": side, "aspect": {"type": ["string", "number"]}}
    return [
        {"type": "array", "items": side, "minItems": 2, "maxItems": 2},
        {"type": "string"},
        {"type": "object", "properties": sides, "additionalProperties": False, "minProperties": 2},
    ]


def _models() -> list[Schema]:
    use = mapping_schema(_named(options_of(PerceptorUse)))
    one: Schema = {"anyOf": [SCALAR, use]}
    many: Schema = {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}
    keys = {"generator": SCALAR, "perceptor": many}
    return [SCALAR, {"type": "object", "properties": keys, "additionalProperties": False}]


def _start() -> list[Schema]:
    """Noise, one color or picture, or something that is drawn, with how it looks."""
    drawn = mapping_schema([*_named(options_of(Look))])["properties"]
    keys: dict[str, Schema] = {
        **drawn,
        **mapping_schema(_named(options_of(Start)))["properties"],
        "image": {"type": "string", "description": "A picture in the scene's folder."},
        "fit": {"enum": list(FITS), "description": "How an image becomes a frame."},
        "gradient": {"type": "array", "items": COLOR, "minItems": 2, "description": "From top to bottom."},
        "font": {"type": "string", "description": "Of a text: a font file in the scene's folder."},
        **dict.fromkeys(FIGURES, SCALAR),
    }
    return [{"const": "noise"}, {"type": "object", "properties": keys, "minProperties": 1}]


def _area() -> list[Schema]:
    """The start's own shape, or one that is drawn or read."""
    look = mapping_schema(_named(options_of(Look)))["properties"]
    form = {key: look[key] for key in FORM}
    keys: dict[str, Schema] = {
        **form,
        "image": {"type": "string", "description": "A picture; inside is where it is light."},
        "font": {"type": "string"},
        **dict.fromkeys(FIGURES, SCALAR),
    }
    return [{"const": "start"}, {"type": "object", "properties": keys, "minProperties": 1}]


def _prompts() -> list[Schema]:
    entry: Schema = {"anyOf": [SCALAR, mapping_schema(_named(options_of(Prompt)))]}
    return [SCALAR, {"type": "array", "items": entry}]


def _stay_near() -> list[Schema]:
    weight = options_of(StayNear)["weight"][1].kind
    return [*kind_schemas(weight), mapping_schema(_named(options_of(StayNear)))]


def _transition() -> list[Schema]:
    kinds: Schema = {"enum": ["carry", "cut", "dissolve"]}
    keys = {"kind": kinds, "duration": MOMENT, "carry": MOMENT, "dissolve": MOMENT}
    return [kinds, {"type": "object", "properties": keys, "additionalProperties": False}]


def _effect(name: str) -> Schema:
    kind = EFFECTS[name]
    amount: Schema = {"anyOf": curve_schemas(amount_kind(name))}
    parts: dict[str, Schema] = {"amount": amount}
    if kind.color:
        parts["color"] = COLOR
    if kind.rate:
        parts["rate"] = {"type": "number", "minimum": float(LEAST_RATE), "maximum": MOST_RATE}
    full = {"type": "object", "properties": parts, "required": ["amount"], "additionalProperties": False}
    return {"description": f"{kind.meaning}.", "anyOf": [*amount["anyOf"], full]}


def _effects() -> list[Schema]:
    entry: Schema = {
        "type": "object",
        "properties": {name: _effect(name) for name in EFFECTS},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return [{"type": "array", "items": entry, "maxItems": MAX_EFFECTS}]


def _hits() -> list[Schema]:
    moments: Schema = {"anyOf": [*MOMENT["anyOf"], {"type": "array", "items": MOMENT, "minItems": 1}]}
    song: dict[str, Schema] = {
        "every": {
            "description": "With `on: beat`: beats from one hit to the next, or bars such as 2bars.",
            "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": MOST_EVERY}, {"type": "string"}],
        },
        "above": {
            "description": "With a signal: how high it must rise.",
            "type": "number",
            "minimum": 0.01,
            "maximum": 1,
        },
        "from": MOMENT,
        "to": MOMENT,
    }
    peaks = {name: _effect(name) for name in EFFECTS if name != "fade"}
    entry: Schema = {
        "type": "object",
        "properties": {"on": moments, "fade": MOMENT, **song, **peaks},
        "required": ["on"],
        "additionalProperties": False,
    }
    return [{"type": "array", "items": entry, "maxItems": MAX_EFFECTS}]


def _bpm() -> list[Schema]:
    ratio: Schema = {"type": "string", "pattern": r"^\s*(auto|[\d.]+\s*(/\s*\d+\s*)?)$"}
    return [_bounds(SLOWEST, FASTEST), ratio]


def _beats() -> list[Schema]:
    return [{"type": "string"}, {"type": "array", "items": MOMENT, "minItems": 2, "maxItems": MAX_BEATS}]


def _soundtrack() -> list[Schema]:
    return [{"type": "string"}, mapping_schema(_named(options_of(Soundtrack)))]


def _bands() -> list[Schema]:
    edge = _bounds(LOWEST, HIGHEST)
    keys: dict[str, Schema] = {
        "band": {"type": "array", "items": edge, "minItems": 2, "maxItems": 2, "description": "Hz."},
        "attack": MOMENT,
        "release": MOMENT,
    }
    band = {"type": "object", "properties": keys, "required": ["band"], "additionalProperties": False}
    return [{"type": "object", "additionalProperties": band}]


def _by_name(each: Schema) -> list[Schema]:
    """Names that the scene chooses."""
    return [{"type": "object", "additionalProperties": each}]


def _shots() -> list[Schema]:
    shot = mapping_schema(_named(options_of(Shot)))
    return [{"type": "array", "items": shot, "minItems": 1}]


_BY_NAME: dict[str, Callable[[], list[Schema]]] = {
    "area": _area,
    "bands": _bands,
    "beats": _beats,
    "border": lambda: [{"type": "string", "examples": ["reflect", "wrap", "edge", "#334455"]}],
    "bpm": _bpm,
    "color": lambda: [COLOR],
    "effects": _effects,
    "first_beat": lambda: list(MOMENT["anyOf"]),
    "flag": lambda: [{"type": "boolean"}, {"enum": ["true", "false"]}],
    "hits": _hits,
    "lead": lambda: list(MOMENT["anyOf"]),
    "lyrics": lambda: [{"type": "string"}],
    "markers": lambda: _by_name(MOMENT),
    "model": lambda: [SCALAR],
    "models": _models,
    "name": lambda: [SCALAR | {"maxLength": 64}],
    "picture": lambda: [{"type": "string"}],
    "prompts": _prompts,
    "shots": _shots,
    "size": _size,
    "smooth": lambda: [{"enum": ["minterpolate"]}],
    "song": lambda: [{"type": "string"}],
    "song_time": lambda: list(MOMENT["anyOf"]),
    "soundtrack": _soundtrack,
    "start": _start,
    "stay_near": _stay_near,
    "stems": lambda: _by_name({"type": "string"}),
    "story": lambda: [{"type": "object", "additionalProperties": SCALAR, "minProperties": 1}],
    "tempo": lambda: _by_name({"anyOf": _bpm()}),
    "transition": _transition,
    "version": lambda: [{"type": ["integer", "string"]}],
}
