"""The size of the picture, and the models that make and judge it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from vqanim.errors import Place, UsageError
from vqanim.models.catalogue import generator_settings, list_models
from vqanim.models.families import FAMILIES
from vqanim.models.family import Family
from vqanim.scene import tree
from vqanim.scene.curves import NOWHERE
from vqanim.scene.fields import base
from vqanim.scene.fields.base import SCALAR, Declared, FieldType, ScalarType, Schema, Writer, option, own
from vqanim.scene.fields.context import Reader, Refused, read_all
from vqanim.scene.fields.numbers import ratio, whole
from vqanim.scene.fields.sections import Shorthand, closed_schema, dump_part
from vqanim.scene.fields.settings import dump_settings, read_settings, setting_options, settings_schema
from vqanim.scene.fields.texts import only
from vqanim.scene.limits import MAX_SIDE
from vqanim.scene.numbers import parse_ratio
from vqanim.scene.tree import Node, Scalar, quoted
from vqanim.settings import Settings

MAX_PERCEPTORS = 8

_MODEL = re.compile(r"[A-Za-z0-9][\w.:@/+-]{0,99}", re.ASCII)
_TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)

_SIDE = whole(1, MAX_SIDE, f"sides from 1 to {MAX_SIDE} pixels")


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
        both: Sequence[Node] = node.items if isinstance(node, tree.Sequence) else ()
        if isinstance(node, Scalar) and len(node.text) <= base.MAX_VALUE:
            both = [node.part(text) for text in _TIMES.split(node.text.strip())]
        if len(both) == 2:
            return Size(*(_SIDE.parse(side, reader) for side in both))
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("width", "height", "aspect"))
        known = {key: _SIDE.parse(value, reader) for key in ("width", "height") if (value := found.get(key))}
        aspect = found.get("aspect")
        if aspect is None and len(known) == 2:
            return Size(**known)
        if aspect is None or len(known) != 1:
            raise reader.wrong(node, "two of width, height and aspect", found.keys_text)
        return self._with_aspect(aspect, known, reader)

    def _with_aspect(self, node: Node, sides: dict[str, int], reader: Reader) -> Size:
        text, aspect = base.text_of(node, self.allowed, reader), Fraction(0)
        with suppress(ValueError):
            aspect = parse_ratio(text.replace(":", "/"))
        if not Fraction(1, 100) <= aspect <= 100:
            raise reader.wrong(node, 'a ratio such as "16:9" or 1.5', quoted(text))
        width = sides.get("width") or round(sides["height"] * aspect)
        height = sides.get("height") or round(sides["width"] / aspect)
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            found = f"{quoted(text)}, which makes {width}x{height}"
            raise reader.wrong(node, f"sides from 1 to {MAX_SIDE}", found)
        return Size(width, height)

    def dump(self, value: Size, writer: Writer) -> Any:
        return base.Flow([value.width, value.height])

    def schema(self) -> list[Schema]:
        side: Schema = {"anyOf": _SIDE.schema()}
        sides: dict[str, Schema] = {"width": side, "height": side, "aspect": {"type": ["string", "number"]}}
        both = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
        return [both, {"type": "string"}, closed_schema(sides, minProperties=2)]


_read_model = partial(only, _MODEL.fullmatch)


def model_name(what: str) -> ScalarType:
    """The name of a generator or perceptor; whether there is such a one is the catalogue's business."""
    allowed = f"the name of a {what} such as pocket: letters, digits and any of . _ : @ / + -"
    return ScalarType(allowed, _read_model)


GENERATOR, PERCEPTOR = model_name("generator"), model_name("perceptor")


@dataclass(frozen=True)
class PerceptorUse(Declared):
    """A perceptor that looks at the picture, and how much its word counts."""

    name: str = option("Of the perceptor", PERCEPTOR.declare(example="ViT-B/16", inherited=False))
    weight: Fraction = option(
        "How much it counts beside the others; only ratios matter, and with 0 it is not even loaded",
        ratio(0, 1000, "1/2").declare(Fraction(1), example="0.5"),
    )
    cutouts: int | None = own(
        "Pieces of the picture that it looks at in one step",
        whole(1, 256).declare(None, default_text="those of guidance, else its own", example="16"),
    )
    cutout_noise: Fraction | None = own(
        "Noise on what it looks at, up to this spread",
        ratio(0, 1, "1/10").declare(
            None, "0..1", default_text="that of guidance, else its own", example="0.1"
        ),
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)


_USE = Shorthand("a name, {name: ..., weight: ...} or a list of these", PerceptorUse, "name")


@dataclass(frozen=True)
class Models:
    """What paints: one makes pictures, one or more others compare them with texts."""

    generator: str = "pocket"
    perceptors: tuple[PerceptorUse, ...] = (PerceptorUse("pocket"),)
    settings: Settings = ()  # of the generator: those that are written, sorted by name
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def used(self) -> tuple[PerceptorUse, ...]:
        """The perceptors that count, in the order in which they were written."""
        return tuple(use for use in self.perceptors if use.weight > 0)


def models_called(text: str, place: Place = NOWHERE) -> Models:
    """The models of a name for both, or of `generator+perceptor`; a generator without weights that is alone
    has the pocket perceptor. Its settings may follow its name: `pixels,cells=40,shape=hex+pocket`.

    Raises UsageError for settings that it does not have.
    """
    generator = perceptor = text
    if "+" in text and ("generator", text) not in list_models():
        generator, _, perceptor = text.partition("+")
    generator, *written = generator.split(",")
    if (family := FAMILIES.get(generator)) and family.entry and perceptor == text:
        perceptor = "pocket"
    uses = (PerceptorUse(perceptor, place=place),)
    return Models(generator, uses, _settings_called(generator, written) if written else (), place)


def _settings_called(generator: str, written: Sequence[str]) -> Settings:
    """The settings of a generator from texts such as `cells=40`. Raises UsageError."""
    reader = Reader("--models", Path(), {})
    pairs = [(Scalar("--models", 0, "name"), Scalar("--models", 0, generator))]
    for part in written:
        name, _, value = part.partition("=")
        pairs.append((Scalar("--models", 0, name.strip()), Scalar("--models", 0, value.strip())))
    models = Models()
    with suppress(Refused):
        models = ModelsType().with_generator(tree.Mapping("--models", 0, list(pairs)), models, reader)
    if reader.problems:
        raise UsageError("; ".join(f"--models: {problem.message}" for problem in reader.problems))
    return models.settings


@dataclass(frozen=True)
class ModelsType(FieldType):
    """A name for both, or one each."""

    allowed: str = "a name, or {generator: ..., perceptor: ...}; perceptor may be a list"

    def parse(self, node: Node, reader: Reader) -> Models:
        if isinstance(node, Scalar):
            return models_called(ScalarType(self.allowed, _read_model).parse(node, reader), node.place)
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("generator", "perceptor"))
        models = Models(place=node.place)
        if value := found.get("generator"):
            models = self.with_generator(value, models, reader)
        if value := found.get("perceptor"):
            models = replace(models, perceptors=self._perceptors(value, reader))
        return models

    def with_generator(self, node: Node, models: Models, reader: Reader) -> Models:
        """A name, or {name: ...} with the settings that this generator has."""
        if not isinstance(node, tree.Mapping):
            return replace(models, generator=GENERATOR.parse(node, reader))
        if (written := node.get("name")) is None:
            place = replace(node.place, path=f"{node.path}.name")
            raise reader.refuse(place, f"is missing, allowed {GENERATOR.allowed}")
        name = GENERATOR.parse(written, reader)
        if ("generator", name) not in list_models():  # told, with the nearest name, when it is looked up
            return replace(models, generator=name)
        declared = generator_settings(name)
        if not declared and len(node.entries) > 1:
            raise reader.refuse(node, f"the generator {quoted(name)} has no settings. Write only its name.")
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
            declared = generator_settings(generator)
            generator = {"name": generator, **dump_settings(declared, models.settings, writer)}
        return {"generator": generator, "perceptor": perceptor}

    def parts(self) -> base.Parts:
        yield ".perceptor[].", base.declared_in(PerceptorUse)
        # What several generators call alike means the same.
        settings = {
            name: each for family in _families() for name, each in setting_options(family.settings).items()
        }
        yield ".generator.", settings

    def schema(self) -> list[Schema]:
        one: Schema = {"anyOf": _USE.schema()}
        many: Schema = {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}
        settings = [{}, *(settings_schema(family.settings) for family in _families())]
        mappings = [closed_schema({"name": SCALAR, **each}, ["name"]) for each in settings]
        return [SCALAR, closed_schema({"generator": {"anyOf": [SCALAR, *mappings]}, "perceptor": many})]


def _families() -> list[Family]:
    return [family for family in FAMILIES.values() if family.kind == "generator" and family.settings]
