"""The size of the picture, and the models that make and judge it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from vqanim.errors import Place
from vqanim.models.catalogue import generator_settings, list_models
from vqanim.models.families import FAMILIES
from vqanim.models.family import Family
from vqanim.scene import tree
from vqanim.scene.curves import NOWHERE
from vqanim.scene.fields.base import (
    SCALAR,
    Declared,
    FieldType,
    Flow,
    Parts,
    ScalarType,
    Schema,
    Writer,
    declared_in,
    option,
    text_of,
)
from vqanim.scene.fields.context import Reader, read_all
from vqanim.scene.fields.numbers import Whole, ratio, whole
from vqanim.scene.fields.sections import Shorthand, closed_schema, dump_part
from vqanim.scene.fields.settings import dump_settings, read_settings, setting_option, settings_schema
from vqanim.scene.limits import MAX_SIDE
from vqanim.scene.numbers import parse_ratio
from vqanim.scene.tree import Node, Scalar, quoted
from vqanim.settings import Settings

MAX_PERCEPTORS = 8

_MODEL = re.compile(r"[A-Za-z0-9][\w.:@/+-]{0,99}", re.ASCII)
_TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)


_SIDE = Whole(f"sides from 1 to {MAX_SIDE} pixels", 1, MAX_SIDE)


@dataclass(frozen=True)
class Size:
    """Pixels wanted; `aspect` form already worked out. compile_timeline rounds to the model's multiple."""

    width: int
    height: int


@dataclass(frozen=True)
class SizeType(FieldType):
    """[256, 144], "256x144", {width: 256, height: 144} or {aspect: "16:9", width: 256}."""

    allowed: str = '[width, height], "256x144" or {aspect: "16:9", width: 256}, sides from 1 to 4096'

    def parse(self, node: Node, reader: Reader) -> Size:
        if isinstance(node, tree.Sequence) and len(node.items) == 2:
            width, height = node.items
            return Size(_SIDE.parse(width, reader), _SIDE.parse(height, reader))
        if isinstance(node, Scalar) and len(sides := _TIMES.split(node.text.strip())) == 2:
            width, height = (node.part(text) for text in sides)
            return Size(_SIDE.parse(width, reader), _SIDE.parse(height, reader))
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("width", "height", "aspect"))
        known = {key: _SIDE.parse(value, reader) for key in ("width", "height") if (value := found.get(key))}
        aspect = found.get("aspect")
        if aspect is None and len(known) == 2:
            return Size(known["width"], known["height"])
        if aspect is None or len(known) != 1:
            keys = ", ".join(key.text for key, _ in found.entries) or "nothing"
            raise reader.refuse(node, f"found {keys}, allowed two of width, height and aspect")
        return self._with_aspect(aspect, known, reader)

    def _with_aspect(self, node: Node, sides: dict[str, int], reader: Reader) -> Size:
        text = text_of(node, self.allowed, reader)
        try:
            aspect = parse_ratio(text.replace(":", "/"))
        except ValueError:
            aspect = Fraction(0)
        if not Fraction(1, 100) <= aspect <= 100:
            raise reader.refuse(node, f'found {quoted(text)}, allowed a ratio such as "16:9" or 1.5')
        width = sides.get("width") or round(sides["height"] * aspect)
        height = sides.get("height") or round(sides["width"] / aspect)
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            said = f"found {quoted(text)}, which makes {width}x{height}, allowed sides from 1 to {MAX_SIDE}"
            raise reader.refuse(node, said)
        return Size(width, height)

    def dump(self, value: Size, writer: Writer) -> Any:
        return Flow([value.width, value.height])

    def schema(self) -> list[Schema]:
        side: Schema = {"anyOf": _SIDE.schema()}
        sides: dict[str, Schema] = {"width": side, "height": side, "aspect": {"type": ["string", "number"]}}
        return [
            {"type": "array", "items": side, "minItems": 2, "maxItems": 2},
            {"type": "string"},
            closed_schema(sides, minProperties=2),
        ]


@dataclass(frozen=True)
class ModelName(ScalarType):
    """The name of a model; whether there is such a one is the catalogue's business."""

    def value(self, text: str) -> str:
        if not _MODEL.fullmatch(text):
            raise ValueError
        return text


def model_name(what: str) -> ModelName:
    """The name of a generator or perceptor."""
    return ModelName(f"the name of a {what} such as pocket: letters, digits and any of . _ : @ / + -")


GENERATOR, PERCEPTOR = model_name("generator"), model_name("perceptor")


@dataclass(frozen=True)
class PerceptorUse(Declared):
    """A perceptor that looks at the picture, and how much its word counts."""

    name: str = option(PERCEPTOR, "Of the perceptor", example="ViT-B/16", inherited=False)
    weight: Fraction = option(
        ratio(0, 1000, "1/2"),
        "How much it counts beside the others; only ratios matter, and with 0 it is not even loaded",
        default=Fraction(1),
        example="0.5",
    )
    cutouts: int | None = option(
        whole(1, 256),
        "Pieces of the picture that it looks at in one step",
        default=None,
        default_text="those of guidance, else its own",
        example="16",
        brief=True,
    )
    cutout_noise: Fraction | None = option(
        ratio(0, 1, "1/10"),
        "Noise on what it looks at, up to this spread",
        unit="0..1",
        default=None,
        default_text="that of guidance, else its own",
        example="0.1",
        brief=True,
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)


_USE = Shorthand("a name, {name: ..., weight: ...} or a list of these", PerceptorUse, "name")


@dataclass(frozen=True)
class Models:
    """What paints: one makes pictures, one or more others compare them with texts."""

    generator: str = "pocket"
    perceptors: tuple[PerceptorUse, ...] = (PerceptorUse("pocket"),)
    settings: Settings = ()
    """Of the generator: those that are written, sorted by name."""
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def used(self) -> tuple[PerceptorUse, ...]:
        """The perceptors that count, in the order in which they were written."""
        return tuple(use for use in self.perceptors if use.weight > 0)


def models_called(text: str, place: Place = NOWHERE) -> Models:
    """The models of a name for both, or of `generator+perceptor`; a generator without weights that is alone
    has the pocket perceptor."""
    generator = perceptor = text
    if "+" in text and ("generator", text) not in list_models():
        generator, _, perceptor = text.partition("+")
    elif (family := FAMILIES.get(text)) and family.entry:
        perceptor = "pocket"
    return Models(generator, (PerceptorUse(perceptor, place=place),), place=place)


@dataclass(frozen=True)
class ModelsType(FieldType):
    """A name for both, or one each."""

    allowed: str = "a name, or {generator: ..., perceptor: ...}; perceptor may be a list"

    def parse(self, node: Node, reader: Reader) -> Models:
        if isinstance(node, Scalar):
            return models_called(ModelName(self.allowed).parse(node, reader), node.place)
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("generator", "perceptor"))
        models = Models(place=node.place)
        if value := found.get("generator"):
            models = self._generator(value, models, reader)
        if value := found.get("perceptor"):
            models = replace(models, perceptors=self._perceptors(value, reader))
        return models

    def _generator(self, node: Node, models: Models, reader: Reader) -> Models:
        """A name, or {name: ...} with the settings that this generator has."""
        if not isinstance(node, tree.Mapping):
            return replace(models, generator=GENERATOR.parse(node, reader))
        if (written := node.get("name")) is None:
            place = replace(node.place, path=f"{node.path}.name")
            raise reader.refuse(place, f"is missing, allowed {GENERATOR.allowed}")
        name = GENERATOR.parse(written, reader)
        declared = generator_settings(name)
        if not declared and len(node.entries) > 1:
            said = f"the generator {quoted(name)} has no settings. Write only its name."
            raise reader.refuse(node, said)
        reader.check_keys(node, ("name", *(setting.name for setting in declared)))
        values = read_settings(declared, node, reader)
        return replace(models, generator=name, settings=tuple(sorted(values.items())))

    def _perceptors(self, node: Node, reader: Reader) -> tuple[PerceptorUse, ...]:
        """A name, a mapping, or a list of these; one of them at least counts."""
        items = node.items if isinstance(node, tree.Sequence) else [node]
        if not 1 <= len(items) <= MAX_PERCEPTORS:
            raise reader.wrong(node, f"1 to {MAX_PERCEPTORS}", f"{len(items)} perceptors")
        uses = read_all(items, lambda item: _USE.parse(item, reader))
        if not any(use.weight for use in uses):
            raise reader.wrong(node, "is at least one", "no perceptor with a weight above 0")
        return tuple(uses)

    def dump(self, models: Models, writer: Writer) -> Any:
        uses = models.perceptors
        alone = len(uses) == 1 and uses[0] == PerceptorUse(uses[0].name)
        perceptor = uses[0].name if alone else [dump_part(use, writer) for use in uses]
        generator: Any = models.generator
        if models.settings:
            settings = dump_settings(generator_settings(generator), models.settings, writer)
            generator = {"name": generator, **settings}
        return {"generator": generator, "perceptor": perceptor}

    def parts(self) -> Parts:
        yield ".perceptor[].", declared_in(PerceptorUse)
        for family in _families():
            yield ".generator.", {setting.name: setting_option(setting) for setting in family.settings}

    def schema(self) -> list[Schema]:
        one: Schema = {"anyOf": _USE.schema()}
        many: Schema = {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}
        settings = [{}, *(settings_schema(family.settings) for family in _families())]
        mappings = [closed_schema({"name": SCALAR, **each}, ["name"]) for each in settings]
        return [SCALAR, closed_schema({"generator": {"anyOf": [SCALAR, *mappings]}, "perceptor": many})]


def _families() -> list[Family]:
    """The families of generators with settings."""
    return [family for family in FAMILIES.values() if family.kind == "generator" and family.settings]
