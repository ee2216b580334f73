"""Texts, words to choose from, colors and names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vqanim.scene.colors import COLOR_FORMS, color_text, parse_color
from vqanim.scene.fields.base import SCALAR, Quoted, ScalarType, Schema, Writer, text_of
from vqanim.scene.fields.context import Reader
from vqanim.scene.limits import BORDERS, VERSION
from vqanim.scene.numbers import parse_whole
from vqanim.scene.tree import Node

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_WINDOWS = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.ASCII | re.IGNORECASE)
"""Windows keeps these names to itself, so no folder can have them."""
_MEANT = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class Text(ScalarType):
    """A text on one line: white space of any kind becomes one space."""

    longest: int

    def parse(self, node: Node, reader: Reader) -> Any:
        text = " ".join(text_of(node, self.allowed, reader).split())
        if len(text) > self.longest:
            raise reader.wrong(node, self.allowed, f"{len(text)} characters")
        return text

    def value(self, text: str) -> str:
        if len(line := " ".join(text.split())) > self.longest:
            raise ValueError
        return line

    def dump(self, value: str, writer: Writer) -> Any:
        return Quoted(value)

    def schema(self) -> list[Schema]:
        return [SCALAR | {"maxLength": self.longest}]


def line_of_text(longest: int) -> Text:
    """A text of at most so many characters."""
    return Text(f"a text of at most {longest} characters", longest)


@dataclass(frozen=True)
class Choice(ScalarType):
    """One of a few words."""

    words: tuple[str, ...]

    def value(self, text: str) -> str:
        if text not in self.words:
            raise ValueError
        return text

    def hint(self, text: str) -> str:
        return did_you_mean(text, self.words)

    def dump(self, value: str, writer: Writer) -> Any:
        return Quoted(value) if value == "none" else value

    def schema(self) -> list[Schema]:
        return [{"enum": list(self.words)}]


def choice(*words: str) -> Choice:
    """One of these words."""
    return Choice(" or ".join(filter(None, [", ".join(words[:-1]), words[-1]])), words)


def did_you_mean(text: str, words: Sequence[str]) -> str:
    """`, did you mean 'reflect'?`, or nothing where no word is near."""
    near = difflib.get_close_matches(text.lower(), words, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Flag(ScalarType):
    """Yes or no."""

    allowed: str = "true or false"

    def value(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError
        return text == "true"

    def hint(self, text: str) -> str:
        meant = _MEANT.get(text.lower(), text.lower())
        return f", did you mean {meant}?" if meant in ("true", "false") else ""

    def schema(self) -> list[Schema]:
        return [{"type": "boolean"}, {"enum": ["true", "false"]}]


@dataclass(frozen=True)
class ColorType(ScalarType):
    """A color, sRGB in 0..1."""

    allowed: str = COLOR_FORMS

    def value(self, text: str) -> Any:
        return parse_color(text)

    def dump(self, value: Any, writer: Writer) -> Any:
        return Quoted(color_text(value))

    def schema(self) -> list[Schema]:
        return [{"type": "string", "examples": ["navy", "#334455"]}]


FLAG, COLOR = Flag(), ColorType()


@dataclass(frozen=True)
class BorderType(ColorType):
    """A border by name, or a color as `#rrggbb`."""

    allowed: str = 'reflect, wrap, edge or a color in quotes such as "#334455"'

    def value(self, text: str) -> str:
        return text if text in BORDERS else color_text(parse_color(text))

    def hint(self, text: str) -> str:
        return did_you_mean(text, BORDERS)

    def dump(self, value: str, writer: Writer) -> Any:
        return Quoted(value)

    def schema(self) -> list[Schema]:
        return [{"type": "string", "examples": [*BORDERS, "#334455"]}]


@dataclass(frozen=True)
class NameType(Text):
    """The name of a shot, which becomes the name of a folder on any system."""

    allowed: str = "letters, digits, - and _, at most 64 of them"
    longest: int = 64

    def parse(self, node: Node, reader: Reader) -> str:
        text = text_of(node, self.allowed, reader)
        if not _NAME.fullmatch(text):
            raise reader.wrong(node, self.allowed)
        if _WINDOWS.fullmatch(text):
            raise reader.refuse(node, f"found {text!r}, a name that Windows keeps to itself")
        return text


@dataclass(frozen=True)
class VersionType(ScalarType):
    """The version of the language."""

    allowed: str = f"{VERSION}"

    def parse(self, node: Node, reader: Reader) -> Any:
        found = super().parse(node, reader)
        if found != VERSION:
            newer = ", a newer vqanim may know it" if found > VERSION else ""
            raise reader.wrong(node, f"{self.allowed}{newer}", f"version {found} of the scene language")
        return found

    def value(self, text: str) -> int:
        return parse_whole(text)

    def schema(self) -> list[Schema]:
        return [{"type": ["integer", "string"]}]
