"""Every field of the scene language, from the one place where each is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vqanim.scene.figures import Look
from vqanim.scene.model import PerceptorUse, Prompt, Scene, Shot, Start, StayNear
from vqanim.scene.options import Declared, Option, PairKind, SectionKind, options_of
from vqanim.scene.soundtrack import Soundtrack


class FieldInfo(NamedTuple):
    """One field, in words."""

    path: str
    """As in a scene file; `[]` stands for each entry of a list."""
    kind: str
    allowed: str
    description: str
    unit: str
    default: str
    example: str


def describe_fields() -> Iterator[FieldInfo]:
    """All fields. What shots share with the top level is described once, at the top level."""
    yield from _fields(Scene, "", inherited=True)
    yield from _fields(Soundtrack, "soundtrack.", inherited=True)
    yield from _fields(PerceptorUse, "models.perceptor[].", inherited=True)
    yield from _fields(Shot, "", inherited=True)
    yield from _fields(Prompt, "prompts[].", inherited=True)
    yield from _fields(StayNear, "guidance.stay_near.", inherited=True)
    yield from _fields(Shot, "shots[].", inherited=False)
    yield from _fields(Look, "start.", inherited=True)
    yield from _fields(Start, "start.", inherited=True)


def homes() -> dict[str, str]:
    """The path of every key; of keys that occur twice, the one nearest to the top level."""
    found: dict[str, str] = {}
    for path in sorted((field.path for field in describe_fields()), key=lambda path: path.count(".")):
        key = path.rpartition(".")[2]
        if key not in ("x", "y"):
            found.setdefault(key, path)
    return found


def _fields(part: type[Declared], prefix: str, *, inherited: bool) -> Iterator[FieldInfo]:
    for key, (_, option) in options_of(part).items():
        if option.inherited != inherited:
            continue
        if isinstance(option.kind, PairKind):
            yield from (_info(f"{prefix}{key}.{axis}", option, option.kind.each) for axis in ("x", "y"))
        else:
            yield _info(prefix + key, option, option.kind)
        if isinstance(option.kind, SectionKind):
            yield from _fields(option.kind.of, f"{prefix}{key}.", inherited=True)


def _info(path: str, option: Option, kind: object) -> FieldInfo:
    name, allowed = getattr(kind, "name", ""), getattr(kind, "allowed", "")
    return FieldInfo(
        path, name, allowed, option.description, option.unit, option.default_text, option.example
    )
