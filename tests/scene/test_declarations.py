"""Every field is declared once: what its type writes, the loader reads and the schema takes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from PIL import Image

from tests.scene.test_schema import Loader, texts_as_keys
from vqanim.effects import EFFECTS
from vqanim.models.families import FAMILIES
from vqanim.scene import dump_scene, load_scene_text
from vqanim.scene.fields.base import FieldType, Option, ScalarType, options_of
from vqanim.scene.fields.effects import EffectsType, HitsType, amount_type
from vqanim.scene.fields.models import GENERATOR, PERCEPTOR, ModelsType, PerceptorUse, SizeType
from vqanim.scene.fields.numbers import CurveType, Number, Pair
from vqanim.scene.fields.palettes import PaletteType
from vqanim.scene.fields.prompts import PromptsType
from vqanim.scene.fields.sections import Section, Shorthand
from vqanim.scene.fields.settings import TERMS, LossesType, setting_option, weight_type
from vqanim.scene.fields.start import FORM, PICTURE, AreaType, FileType, Look, StartType
from vqanim.scene.fields.texts import BORDER, COLOR, FLAG, LANGUAGE_VERSION
from vqanim.scene.fields.times import OrAuto, TimeType, TransitionType
from vqanim.scene.model import Prompt, Scene, Shot, Start
from vqanim.scene.schema import PLAYING, scene_schema
from vqanim.settings import Setting

WORDS = ("a lake", "x: y", "a | b", "NO", "7", "1e3", "'", '"', "#", "\u96ea", "none of it")
COLORS = ("navy", "#334455", "#FFF")
TIMES = ("0.25s", "250ms", "3f", "0:00.5", "1", 1)
"""All shorter than any shot here."""
VALIDATOR = Draft7Validator(scene_schema())


class Writer:
    """Writes, by chance, what a person may write for a declared field."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def value(self, type: FieldType) -> Any:
        one_of = self.chance.choice
        match type:
            case Section(of=of):
                return self.mapping(of)
            case OrAuto(type=inner):
                return one_of(["auto", self.value(inner)])
            case CurveType():
                return self.curve(type)
            case Pair(each=each):
                return {axis: self.curve(each) for axis in "xy" if self.chance.random() < 0.7}
            case Number():
                return self.plain_number(type)
            case ScalarType() if type is FLAG:
                return one_of([True, False, "true"])
            case ScalarType() if type is COLOR:
                return one_of(COLORS)
            case ScalarType() if type is BORDER:
                return one_of([*COLORS, "reflect", "wrap", "edge"])
            case ScalarType() if type is LANGUAGE_VERSION:
                return one_of([1, "1"])
            case ScalarType() if type in (GENERATOR, PERCEPTOR):
                return one_of(["pocket", "ViT-B/32", "1e3", 7, True])
            case ScalarType() if "enum" in type.schema()[0]:
                return one_of(type.schema()[0]["enum"])
            case ScalarType() if "maxLength" in type.schema()[0]:
                return one_of([*WORDS, 7, 0.5, True, None])
            case TimeType():
                return one_of(TIMES)
            case SizeType():
                return one_of(
                    [[64, 48], "64x48", {"aspect": "4:3", "width": 64}, {"width": 9, "height": "9"}]
                )
            case ModelsType():
                return self.models()
            case Shorthand(of=of):
                return one_of([self.value(type.short), {"to": "start"} | self.mapping(of)])
            case LossesType():
                return {name: self.loss(name) for name in TERMS if self.chance.random() < 0.7}
            case FileType() if type is PICTURE:
                return "a.png"
            case PaletteType():
                few = {"colors": [*COLORS, *COLORS]}
                return one_of([8, "8", "free", "pico-8", [*COLORS, *COLORS], few])
            case StartType():
                return self.start()
            case AreaType():
                form = {key: self.value(options_of(Look)[key][1].type) for key in FORM}
                return one_of([{"image": "a.png"}, {"icon": "eye"} | form, {"text": "M"}])
            case PromptsType():
                return one_of(["a:3 | b:-1", [self.prompt() for _ in range(self.chance.randint(1, 3))]])
            case TransitionType():
                return one_of(["carry", "cut", {"dissolve": "200ms"}, {"kind": "carry", "duration": "50%"}])
            case EffectsType():
                return [self.effect(one_of(sorted(EFFECTS))) for _ in range(self.chance.randint(0, 3))]
            case HitsType():
                when = one_of([one_of(TIMES), [one_of(TIMES)]])
                flash = {"amount": 0.5} | self.settings(EFFECTS["flash"].settings)
                return [{"on": when, "punch": 1.1, "fade": one_of(TIMES)}, {"on": when, "flash": flash}]
        raise AssertionError(f"nobody says what may be written for {type}")

    def plain_number(self, type: Number) -> Any:
        low, high = type.low, type.high
        forms = type.schema()
        if forms[0]["type"] == "integer":
            count = self.chance.randint(int(low), min(int(high), int(low) + 50))
            return self.chance.choice([count, str(count)])
        number = self.number(low, high)
        ratio = [int(low) + 1, f"{2 * int(low) + 1}/2", number]
        return self.chance.choice(ratio if "/" in forms[1]["pattern"] else [number, f"{number:.4f}"])

    def number(self, low: float, high: float) -> float:
        low, high = max(low, -1e4), min(high, 1e4)
        return self.chance.choice([high, round(low + (high - low) * self.chance.uniform(0.1, 0.9), 4)])

    def curve(self, type: CurveType) -> Any:
        limits = type.range
        number = self.number(limits.minimum, limits.maximum)
        times = self.chance.sample(["0s", "250ms", "7f", "50%", "0:01.9"], 2)
        easing = self.chance.choice(["linear", "step", "smooth"])
        keys = {times[0]: number, times[1]: [self.number(limits.minimum, limits.maximum), easing]}
        middle = f"{number:.4f} + 0 * sin(t)"
        return self.chance.choice([number, f"{number:.4f}", keys, middle])

    def models(self) -> Any:
        uses = [{"name": "a", **self.mapping(PerceptorUse, without=("name", "weight"))}, "b", 7]
        perceptor = self.chance.choice([*uses, uses, {"name": "c", "weight": "1/3"}])
        family = self.chance.choice([family for family in FAMILIES.values() if family.entry])
        generator = self.chance.choice(["g", {"name": family.name} | self.settings(family.settings)])
        return self.chance.choice(["pocket", {"generator": generator, "perceptor": perceptor}])

    def start(self) -> Any:
        drawn = self.chance.choice([{"icon": "eye"}, {"text": "M"}, {"shape": "a.png"}]) | self.mapping(Look)
        image = {"image": "a.png", "fit": self.chance.choice(["cover", "contain"])}
        plain = ["noise", {"color": "navy"}, {"gradient": [*COLORS]}]
        also = self.mapping(Start)
        return self.chance.choice([*plain, drawn | also, image | also])

    def prompt(self) -> Any:
        rest = self.mapping(Prompt, without=("text", "image", "through", "inside", "outside"))
        area = {} if self.chance.random() < 0.5 else {"inside": self.value(AreaType())}
        image = {"image": "a.png", "through": self.chance.choice(["pixels", "style"])}
        return self.chance.choice([{"text": self.chance.choice(WORDS)}, image]) | rest | area

    def effect(self, name: str) -> Any:
        amount = self.curve(amount_type(name))
        full = {"amount": amount} | self.settings(EFFECTS[name].settings)
        return {name: self.chance.choice([amount, full])}

    def loss(self, name: str) -> Any:
        weight = self.curve(weight_type(name))
        full = {"weight": weight} | self.settings(TERMS[name].settings)
        return self.chance.choice([weight, full, "none"])

    def settings(self, declared: tuple[Setting, ...]) -> dict[str, Any]:
        return {s.name: self.value(setting_option(s).type) for s in declared if self.chance.random() < 0.7}

    def mapping(self, part: type, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """A mapping with some of the keys of a part."""
        return self.keys({key: each for key, (_, each) in options_of(part).items() if key not in without})

    def keys(self, options: dict[str, Option]) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for key, option in options.items():
            if not option.required and self.chance.random() < 0.6:
                continue
            value = "none" if self.chance.random() < 0.1 and not option.required else self.value(option.type)
            outer, _, inner = key.partition(".")
            if not inner:
                written[key] = value
            elif isinstance(group := written.setdefault(outer, {}), dict):
                group[inner] = value
        return written

    def scene(self) -> dict[str, Any]:
        """With or without shots. What a file says in the place of a field has tests of its own."""
        own = {key: each for key, (_, each) in options_of(Shot).items() if key not in ("at", *STORY)}
        shared = {key: own.pop(key) for key in [*own] if own[key].inherited}
        top = {key: each for key, (_, each) in options_of(Scene).items() if key not in (*SONG, "shots")}
        del top["duration"]
        del top["guidance.rate"]
        scene = self.keys(shared | top) | {"fps": self.chance.choice([12, 24, "30000/1001"])}
        if self.chance.random() < 0.5:
            return possible(scene | self.keys({key: own[key] for key in PLAYING}) | {"duration": 4})
        for key in ("name", "duration"):
            del own[key]
        names = self.chance.sample(["a", "B-2", "main"], self.chance.randint(1, 3))
        scene["shots"] = [{"name": name, "duration": "4s"} | self.keys(own | shared) for name in names]
        return possible(scene)


SONG = ("soundtrack", "stems", "markers", "lyrics", "signals")
STORY = ("story", "crossfade")


def possible(scene: dict[str, Any]) -> dict[str, Any]:
    """Without what shots must not say together."""
    for each in (scene, *scene.get("shots", [])):
        each.pop("lead" if each.get("kind") == "timelapse" else "pace", None)
        if each.get("freeze", "none") != "none":
            each.pop("loop", None)
            scene.pop("loop", None)
    return scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    picture = Image.new("L", (8, 8), 200)
    picture.putpixel((3, 3), 0)
    picture.save(folder / "a.png")
    return folder


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(written: dict[str, Any]) -> str:
    return yaml.dump(written, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def refused_by_schema(text: str) -> list[str]:
    document = texts_as_keys(yaml.load(text, Loader))
    return [f"{list(error.path)}: {str(error.instance)[:200]}" for error in VALIDATOR.iter_errors(document)]


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_load_schema_and_dump_agree(folder: Path, chance: random.Random) -> None:
    text = as_yaml(Writer(chance).scene())
    scene = load_scene_text(text, str(folder / "scene.yaml"), folder)
    assert refused_by_schema(text) == []
    again = dump_scene(scene)
    assert load_scene_text(again, str(folder / "scene.yaml"), folder) == scene
    assert refused_by_schema(again) == []
