"""A shell script as commands and blocks, each command as words in which quotes and expansions are marked.

Enough of the language of sh and bash to find a command and what its words are made of; nothing is expanded
here, see shell.py. Time grows with the length of the text, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "name", "command", "arithmetic"]


class ShellError(ValueError):
    """A quote or bracket that is not closed; the message names the line."""


@dataclass(frozen=True)
class Piece:
    """A part of a word: a text, `$X` or `${X...}`, `$(...)`, or `$((...))`; of these what stands inside."""

    kind: Kind
    text: str
    quoted: bool = False  # by single or double quotes


@dataclass(frozen=True)
class Word:
    """A word as it is written."""

    pieces: tuple[Piece, ...]
    items: tuple[Word, ...] | None = None  # of an array, `X=(a b)`

    @property
    def plain(self) -> str:
        """The text of a word without quotes and expansions, else an empty one."""
        is_plain = all(piece.kind == "text" and not piece.quoted for piece in self.pieces)
        return "".join(piece.text for piece in self.pieces) if is_plain else ""


@dataclass(frozen=True)
class Token:
    """An operator such as `;`, or a word."""

    operator: str
    word: Word | None
    line: int  # counted from 1


_BLANK = re.compile(r"(?:[ \t\r\f\v]|\\\r?\n)+")
_PLAIN = re.compile(r"[^ \t\r\f\v\n'\"$`\\;&|()<>#]+|#")
_REDIRECTION = re.compile(r"\d*(?:&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||[<>](?!\())")
_OPERATOR = re.compile(r";;&|;;|;&|&&|\|\||\|&|[;&|()\n]")
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]", re.ASCII)
_QUOTED = re.compile(r"[^\"\\$`]+")
_ARRAY = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "", "b": "", "e": "", "0": ""}
_INSIDE = re.compile(r"[^\\'\"`(){}$]+")
_OPENING = {"(": ")", "{": "}"}
_BRACKETS: tuple[tuple[str, Kind], ...] = (
    ("$((", "arithmetic"), ("$(", "command"), ("${", "name"), ("<(", "command"), (">(", "command"),
)  # fmt: skip


class Lexer:
    """Cuts a text into tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line, self._counted = 1, 0  # the line of a place that was asked for
        self._heredocs: list[tuple[str, bool]] = []
        self._in_array = False

    def tokens(self) -> Iterator[Token]:
        """All of them. Raises ShellError."""
        redirected = ""
        while self._place < len(self._text):
            self._skip_blank()
            line = self._line_here()
            if match := _REDIRECTION.match(self._text, self._place):
                self._place, redirected = match.end(), match[0].lstrip("0123456789")
            elif match := _OPERATOR.match(self._text, self._place):
                if match[0] == "(" and self._text.startswith("((", self._place):
                    end = self._end_of("(", self._place)
                    yield Token(
                        "((", Word((Piece("arithmetic", self._text[self._place + 2 : end - 2]),)), line
                    )
                    self._place = end
                    continue
                self._place, redirected = match.end(), ""
                yield Token(match[0], None, line)
                if match[0] == "\n":
                    self._skip_heredocs()
            elif self._place < len(self._text):
                word = self._word()
                if redirected in ("<<", "<<-"):
                    end_word = "".join(piece.text for piece in word.pieces)
                    self._heredocs.append((end_word, redirected == "<<-"))
                elif not redirected:
                    yield Token("", word, line)
                redirected = ""

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def _skip_blank(self) -> None:
        if match := _BLANK.match(self._text, self._place):
            self._place = match.end()
        if self._text.startswith("#", self._place):
            end = self._text.find("\n", self._place)
            self._place = len(self._text) if end < 0 else end

    def _skip_heredocs(self) -> None:
        for end_word, indented in self._heredocs:
            while self._place < len(self._text):
                end = self._text.find("\n", self._place)
                end = len(self._text) if end < 0 else end
                line = self._text[self._place : end].rstrip("\r")
                self._place = min(end + 1, len(self._text))
                if (line.lstrip("\t") if indented else line) == end_word:
                    break
        self._heredocs.clear()

    def _word(self) -> Word:
        """The word that begins here."""
        pieces: list[Piece] = []
        text, begin = self._text, self._place
        while (place := self._place) < len(text):
            sign = text[place]
            if match := _PLAIN.match(text, place):
                pieces.append(Piece("text", match[0]))
                self._place = match.end()
            elif sign == "\\":
                self._place += 3 if text.startswith("\r\n", place + 1) else 2
                if not text.startswith(("\n", "\r\n"), place + 1):
                    pieces.append(Piece("text", text[place + 1 : place + 2], quoted=True))
            elif sign == "'" or text.startswith("$'", place):
                pieces.append(self._single())
            elif sign == '"' or text.startswith('$"', place):
                pieces += self._double()
            elif sign in "$`" or text.startswith(("<(", ">("), place):
                pieces.append(self._expansion(quoted=False))
            elif sign == "(" and not self._in_array and _ARRAY.fullmatch(text[begin:place][-80:]):
                return Word(tuple(pieces), self._array())
            else:
                break
        return Word(tuple(pieces))

    def _array(self) -> tuple[Word, ...]:
        items: list[Word] = []
        self._place, self._in_array = self._place + 1, True
        while self._place < len(self._text):
            self._skip_blank()
            if self._text.startswith(")", self._place):
                self._place, self._in_array = self._place + 1, False
                return tuple(items)
            before = self._place
            if (word := self._word()).pieces:
                items.append(word)
            self._place += self._place == before  # a sign that means nothing here, as the end of a line
        raise self._open("(")

    def _single(self) -> Piece:
        text, c_style = self._text, self._text[self._place] == "$"
        begin = end = self._place + 1 + c_style
        while True:
            end = text.find("'", end)
            if end < 0:
                raise self._open("'")
            before = re.search(r"\\*$", text[max(begin, end - 50) : end])
            if not c_style or before is None or len(before[0]) % 2 == 0:
                break
            end += 1
        self._place, inside = end + 1, text[begin:end]
        if c_style:
            inside = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inside)
        return Piece("text", inside, quoted=True)

    def _double(self) -> list[Piece]:
        text, opened = self._text, self._place
        self._place += 1 + (text[self._place] == "$")
        pieces = [Piece("text", "", quoted=True)]  # so that "" is a word too
        while self._place < len(text):
            place, sign = self._place, text[self._place]
            if sign == '"':
                self._place += 1
                return pieces
            if match := _QUOTED.match(text, place):
                pieces.append(Piece("text", match[0], quoted=True))
                self._place = match.end()
            elif sign == "\\":
                after = text[place + 1 : place + 2]
                kept = "" if after == "\n" else after if after in '"\\$`' else sign + after
                pieces.append(Piece("text", kept, quoted=True))
                self._place += 2
            else:
                pieces.append(self._expansion(quoted=True))
        self._place = opened
        raise self._open('"')

    def _expansion(self, quoted: bool) -> Piece:
        text, place = self._text, self._place
        if text[place] == "`":
            end = text.find("`", place + 1)
            if end < 0:
                raise self._open("`")
            self._place = end + 1
            return Piece("command", text[place + 1 : end], quoted)
        for sign, kind in _BRACKETS:
            if text.startswith(sign, place):
                self._place = end = self._end_of(sign[1], place + 1)
                if kind == "arithmetic" and text[end - 2 : end] != "))":
                    continue  # a command in brackets
                return Piece(kind, text[place + len(sign) : end - len(sign) + 1], quoted)
        match = _NAME.match(text, place + 1)
        self._place = match.end() if match else place + 1
        return Piece("name", match[0], quoted) if match else Piece("text", "$", quoted)

    def _end_of(self, opening: str, place: int) -> int:
        """Behind the bracket that closes the one at a place; quotes and other brackets may lie between."""
        text, begin = self._text, place
        closing = [_OPENING[opening]]
        place += 1
        while place < len(text):
            sign = text[place]
            if match := _INSIDE.match(text, place):
                place = match.end()
                continue
            if closing[-1] == '"':
                if sign == '"':
                    closing.pop()
                elif sign == "$" and text[place + 1 : place + 2] in ("(", "{"):
                    place += 1
                    closing.append(_OPENING[text[place]])
            elif sign == '"':
                closing.append('"')
            elif sign == "'" and closing[-1] != "}":
                place = text.find("'", place + 1)
                if place < 0:
                    break
            elif sign in _OPENING:
                closing.append(_OPENING[sign])
            elif sign == closing[-1]:
                closing.pop()
                if not closing:
                    return place + 1
            place += 2 if sign == "\\" else 1
        self._place = begin
        raise self._open(opening)

    def _open(self, sign: str) -> ShellError:
        line = self._text.count("\n", 0, self._place) + 1
        what = "a quote" if sign in "'\"`" else f"a {sign}"
        return ShellError(f"line {line}: {what} that is not closed")
