"""Lines that are sung, with what is common to all formats that write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

LONGEST_SHOWN = 30  # characters of a line in a message

Section: TypeAlias = tuple[float, str]
"""Seconds of the song, and a title such as `Chorus`."""
Chunk: TypeAlias = tuple[float, str]
"""Seconds of the song, and what is sung from then on."""
Read: TypeAlias = "tuple[list[Line], list[Section], list[Damaged]]"
"""What a file says, in the order of the file."""


@dataclass(frozen=True)
class Line:
    """What is sung at a moment."""

    second: float  # of the song
    text: str
    words: tuple[Chunk, ...] = ()  # those that have times of their own


@dataclass(frozen=True)
class Damaged:
    """A line of a file that cannot be read."""

    number: int  # counted from 1
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


def lines_of(text: str) -> list[str]:
    """The lines of a file. Signs that Python takes for ends of lines too, such as U+2028, are within one."""
    return re.split(r"\r\n|\r|\n", text)


def shown(text: str) -> str:
    """A text for messages, in quotes, cut, and without what a terminal obeys."""
    text = " ".join(text.split())
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")


def line_of(second: float, begin: str, chunks: Sequence[Chunk]) -> Line:
    """A line from what stands before the first time within it, and what stands behind each of them."""
    begin, chunks = _plain(begin), [(moment, _plain(chunk)) for moment, chunk in chunks]
    text = " ".join((begin + "".join(chunk for _, chunk in chunks)).split())
    words: list[tuple[float, list[str]]] = []
    before = ""
    for moment, chunk in ([(second, begin)] if begin.strip() and chunks else []) + list(chunks):
        if words and chunk.strip() and _goes_on(before, chunk):
            words[-1][1].append(chunk)  # a syllable
        elif chunk.strip():
            words.append((moment, [chunk]))
        before = chunk or before
    return Line(second, text, tuple((moment, " ".join("".join(word).split())) for moment, word in words))


def _plain(text: str) -> str:
    """Without what a terminal obeys."""
    return "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign) != "Cc")


def _goes_on(before: str, after: str) -> bool:
    """Whether a word goes on, in a script that writes spaces between words."""
    signs = before[-1:] + after[:1]
    return len(signs) == 2 and all(sign.isalpha() and sign < "\u0e00" for sign in signs)
