"""The JSON schema takes what the loader takes, and refuses what a person would want to be told of."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from vqanim.api import reference
from vqanim.scene import describe_fields
from vqanim.scene.loader import load_scene_text
from vqanim.scene.schema import scene_schema


class Loader(yaml.SafeLoader):
    """YAML as editors read it, by its version 1.2, in which `on` is a text."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


def texts_as_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): texts_as_keys(each) for key, each in value.items()}
    return [texts_as_keys(each) for each in value] if isinstance(value, list) else value


def mistakes(text: str) -> list[str]:
    document = texts_as_keys(yaml.load(text, Loader))
    return [error.message for error in Draft7Validator(scene_schema()).iter_errors(document)]


EXAMPLES = [field for field in describe_fields() if field.example and field.kind != "section"]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(scene_schema())


def test_it_takes_every_shipped_scene(root: Path) -> None:
    for path in (*(root / "scenes").rglob("*.yaml"), root / "vqanim/api/starter.yaml"):
        assert mistakes(path.read_text("utf-8")) == [], path.name


@pytest.mark.parametrize("field", EXAMPLES, ids=lambda field: field.path)
def test_it_takes_every_example(field: Any) -> None:
    value, path = field.example, field.path.replace("models.perceptor[]", "models.perceptor")
    if path.endswith((".x", ".y")):
        path = path.rpartition(".")[0]
    if path.startswith("effects[]."):
        value = f"{{amount: 1, {path.rpartition('.')[2]}: {value}}}"
        path = path.rpartition(".")[0]
    if path.startswith("models.generator."):
        value = f"{{name: any, {path.rpartition('.')[2]}: {value}}}"
        path = path.rpartition(".")[0]
    for part in reversed(path.split(".")):
        listed = part.endswith("[]")
        value = f"{{{part.removesuffix('[]')}: {f'[{value}]' if listed else value}}}"
    document = value.replace("shots: [{", "shots: [{name: a, ").replace("{name: a, name:", "{name:")
    document = document.replace("perceptor: {weight", "perceptor: {name: a, weight").replace(
        "perceptor: {cutout", "perceptor: {name: a, cutout"
    )
    document = document.replace("soundtrack: {", "soundtrack: {file: a.mp3, ").replace(
        "{file: a.mp3, file:", "{file:"
    )
    assert mistakes(document) == []


@pytest.mark.parametrize(
    "text",
    [
        "duration: 2s\nprompts: a:3 | b:-1\ncarry: {border: wrap, noise: none}",
        "title: 2001\nfps: 30000/1001\nduration: 36f\nprompts: [{text: 7, weight: {0: 1, 50%: [2, smooth]}}]",
        "size: 64x48\nduration: 2\nstory: {0s: a, 1s: b}\ncrossfade: 500ms\nguidance: {rate: 6, steps: 1}",
        "duration: 2s\nprompts: a\nkind: timelapse\npace: linear",
        "duration: '2'\nseed: '7'\ntitle: null\nprompts: [null, ~]\nloop: 'false'\nchange: '.3'",
        "duration: 2s\nprompts: a\nsize: ['64', '48']",
        "duration: 2s\nprompts: a\nmodels: {generator: true, perceptor: [1, {name: off}]}",
        "prompts: a\nshots: [{name: a}, {name: b, at: 1s, duration: 1s, transition: {dissolve: 1s}}]",
    ],
)
def test_it_takes_what_the_loader_takes(text: str) -> None:
    load_scene_text(text)
    assert mistakes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "durration: 2s",
        "camera: {zom: 1}",
        "camera: {zoom: 0}",
        "camera: {zoom: {0s: 1, 1s: [2, eas-in]}}",
        "guidance: {cutouts: 1000}",
        "output: {gif: {wide: 3}}",
        "prompts: [{tex: a}]",
        "shots: [{duration: 1s}]",
        "effects: [{flsh: 1}]",
        "loop: 3",
    ],
)
def test_it_refuses_mistakes(text: str) -> None:
    assert mistakes(text)


def test_every_field_is_described_in_it() -> None:
    text = json.dumps(scene_schema())
    for field in describe_fields():
        assert json.dumps(field.description)[1:-1] in text, field.path
        assert f'"{field.path.rpartition(".")[2]}":' in text, field.path


def test_the_page_is_fresh(root: Path) -> None:
    made = reference().rstrip() + "\n"
    assert (root / "docs" / "scene.md").read_text("utf-8") == made, (
        "run: vqanim schema --docs > docs/scene.md"
    )
    for field in describe_fields():
        assert field.path.rpartition(".")[2] in made
