"""How a scene's fields and comments are laid out as YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 108  # columns of a comment
MAX_TEXT = 1000  # characters of a prompt


@dataclass(frozen=True)
class Field:
    """A value, as YAML writes it."""

    yaml: str
    origin: str = ""  # where it comes from, for the comment behind it


def lines_of(tree: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of fields, and of lists of them, in mappings in mappings."""
    for name, value in tree.items():
        if isinstance(value, Field):
            yield from _line(name, value, indent)
        elif isinstance(value, list):
            yield f"{name}:"
            for item in value:
                first, *others = lines_of(item, "    ")
                yield from (f"  - {first[4:]}", *others)
        else:
            yield f"{indent}{name}:"
            yield from lines_of(value, f"{indent}  ")


def _line(name: str, value: Field, indent: str) -> Iterator[str]:
    """A line with its comment behind it, or before it where that would be long."""
    text = f"{indent}{name}: {value.yaml}"
    if value.origin in ("", name):
        yield text
    elif "\n" not in text and len(text) + len(value.origin) + 4 <= WIDTH:
        yield f"{text}  # {plain(value.origin)}"
    else:
        yield f"{indent}# {plain(value.origin)}"
        yield text


def comment(what: str, message: str) -> Iterator[str]:
    """The lines of a comment."""
    text = f"{plain(what)}: {plain(message)}" if message else plain(what)
    wrapper = textwrap.TextWrapper(WIDTH, "#   ", "#     ", break_long_words=False, break_on_hyphens=False)
    yield from wrapper.wrap(text)


def plain(text: str) -> str:
    """One line without anything that a file of text should not hold."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def quoted(text: str) -> str:
    """A text as YAML takes it, whatever is in it."""
    return "'" + plain(text).replace("'", "''") + "'"
