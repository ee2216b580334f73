"""Texts, words to choose from, colors and names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from vqanim.scene.colors import COLOR_FORMS, color_text, parse_color
from vqanim.scene.fields.base import SCALAR, Quoted, Reason, ScalarType
from vqanim.scene.limits import BORDERS, VERSION
from vqanim.scene.numbers import parse_whole
from vqanim.scene.tree import MAX_SCALAR

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_WINDOWS = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.ASCII | re.IGNORECASE)
"""Windows keeps these names to itself, so no folder can have them."""
_FLAGS = ("true", "false")
_MEANT = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def line_of_text(longest: int, allowed: str = "") -> ScalarType:
    """A text of at most so many characters on one line: white space of any kind becomes one space."""
    allowed = allowed or f"a text of at most {longest} characters"

    def read(text: str) -> str:
        if len(line := " ".join(text.split())) > longest:
            raise Reason(f"found {len(line)} characters, allowed {allowed}")
        return line

    return ScalarType(allowed, read, lambda: [SCALAR | {"maxLength": longest}], Quoted, longest=MAX_SCALAR)


def only(fits: Callable[[str], Any], text: str) -> str:
    """The text, if it fits. Raises ValueError."""
    if not fits(text):
        raise ValueError
    return text


def one_of(words: Iterable[str], allowed: str) -> ScalarType:
    """One of these words."""
    known = list(words)

    def dump(word: str) -> str:
        return Quoted(word) if word == "none" else word

    read, hint = partial(only, known.__contains__), partial(did_you_mean, words=known)
    return ScalarType(allowed, read, lambda: [{"enum": known}], dump, hint)


def choice(*words: str) -> ScalarType:
    """One of these words."""
    return one_of(words, " or ".join(filter(None, [", ".join(words[:-1]), words[-1]])))


def did_you_mean(text: str, words: Iterable[str]) -> str:
    """`, did you mean 'reflect'?`, or nothing where no word is near."""
    near = difflib.get_close_matches(text.lower(), list(words), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _flag_hint(text: str) -> str:
    meant = _MEANT.get(text.lower(), text.lower())
    return f", did you mean {meant}?" if meant in _FLAGS else ""


def _read_name(text: str) -> str:
    if _WINDOWS.fullmatch(text):
        raise Reason(f"found {text!r}, a name that Windows keeps to itself")
    return only(_NAME.fullmatch, text)


def _read_version(text: str) -> int:
    found = parse_whole(text)
    if found != VERSION:
        newer = ", a newer vqanim may know it" if found > VERSION else ""
        raise Reason(f"found version {found} of the scene language, allowed {VERSION}{newer}")
    return found


FLAG = ScalarType(
    "true or false",
    lambda text: only(_FLAGS.__contains__, text) == "true",
    lambda: [{"type": "boolean"}, {"enum": ["true", "false"]}],
    hint=_flag_hint,
)
COLOR = ScalarType(
    COLOR_FORMS,
    parse_color,
    lambda: [{"type": "string", "examples": ["navy", "#334455"]}],
    lambda color: Quoted(color_text(color)),
)
"""A color, sRGB in 0..1."""
BORDER = ScalarType(
    'reflect, wrap, edge or a color in quotes such as "#334455"',
    lambda text: text if text in BORDERS else color_text(parse_color(text)),
    lambda: [{"type": "string", "examples": [*BORDERS, "#334455"]}],
    Quoted,
    partial(did_you_mean, words=BORDERS),
)
"""A border by name, or a color as `#rrggbb`."""
NAME = ScalarType(
    "letters, digits, - and _, at most 64 of them", _read_name, lambda: [SCALAR | {"maxLength": 64}], Quoted
)
"""The name of a shot, which becomes the name of a folder on any system."""
LANGUAGE_VERSION = ScalarType(f"{VERSION}", _read_version, lambda: [{"type": ["integer", "string"]}])
