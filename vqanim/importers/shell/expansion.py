"""What the words of a shell command say, once variables and quotes are replaced.

What only running the script would tell is a Gap in a text.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from vqanim.importers.shell.arithmetic import arithmetic
from vqanim.importers.shell.words import Lexer, Piece, ShellError, Word

MAX_DEPTH = 8  # of texts within one another
MAX_PATTERN = 200  # characters of what is cut by a pattern
MAX_EXPANDED = 32_000_000  # characters of all words and variables of a script together
GIVEN = "given when the script is started"


@dataclass(frozen=True)
class Gap:
    """What nobody knows without running the script."""

    name: str  # as it is written
    why: str  # for messages: `the variable of a loop`


Value: TypeAlias = tuple[str | Gap, ...]
"""A text with gaps in it."""


def text_of(value: Value) -> str | None:
    """The text; None where it has a gap."""
    return "".join(part for part in value if isinstance(part, str)) if not gaps_of(value) else None


def gaps_of(value: Value) -> tuple[Gap, ...]:
    """What is not known of a text."""
    return tuple(part for part in value if isinstance(part, Gap))


_PARAMETER = re.compile(r"(\w+|[@*#?$!-])(?:\[([^\]]*)\])?(.*)", re.ASCII | re.DOTALL)
_DEFAULT = re.compile(r":?([-=+?])(.*)", re.DOTALL)
_CUT = re.compile(r"(##?|%%?)(.*)", re.DOTALL)
_REPLACE = re.compile(r"(//?)([^/]+)/?(.*)", re.DOTALL)
_PART = re.compile(r":\s*(\d+)\s*(?::\s*(\d+)\s*)?", re.ASCII)
_CASE: dict[str, Callable[[str], str]] = {"^^": str.upper, ",,": str.lower, "^": str.capitalize}
_PRINTED = "what a command prints, and nothing is run here"


@dataclass
class Variables:
    """What is known of a script's variables and arguments."""

    given: list[Value] | None  # $1 and so on; None where they are not known
    values: dict[str, Value] = field(default_factory=dict)
    arrays: dict[str, list[Value]] = field(default_factory=dict)
    used: dict[str, Value | None] = field(default_factory=dict)
    """Those that were asked for since this was emptied."""
    depth: int = 0
    expanded: int = 0  # characters

    def bounded(self, value: Value) -> Value:
        """A text, or a gap once a script has made more of them than any real one does."""
        length = sum(len(part) + 10 if isinstance(part, str) else 50 for part in value)
        if self.expanded + length > MAX_EXPANDED:
            return (Gap("a variable", "longer than is read here"),)
        self.expanded += length
        return joined(value)

    def expand(self, word: Word) -> Iterator[Value]:
        """The words that a word becomes, none where it is an empty variable without quotes."""
        parts: list[list[str | Gap]] = [[]]
        any_quoted = False
        for piece in word.pieces:
            any_quoted = any_quoted or piece.quoted
            if piece.kind == "name" and (several := self._several(piece.text)) is not None:
                first, *others = map(list, map(self.bounded, several or [()]))
                parts[-1] += first
                parts += others
                any_quoted = any_quoted or not piece.quoted
                continue
            value = self._piece(piece)
            if piece.kind == "name" and not piece.quoted and (text := text_of(value)) is not None:
                begin, *rest = re.split(r"\s+", text)
                parts[-1].append(begin)
                parts += [[other] for other in rest]
            else:
                parts[-1] += value
        for part in parts:
            if (whole := self.bounded(tuple(part))) or any_quoted:
                yield whole

    def _several(self, text: str) -> list[Value] | None:
        """The elements of `$@` and `${X[@]}`; None for what is one text."""
        if text in ("@", "*"):
            return self.given if self.given is not None else [(Gap("$@", GIVEN),)]
        match = _PARAMETER.fullmatch(text)
        if match and match[2] in ("@", "*") and not match[3]:
            return self.arrays.get(match[1], [(Gap(f"${{{text}}}", "not known"),)])
        return None

    def joined(self, pieces: Sequence[Piece]) -> Value:
        """The text that some pieces say together."""
        return self.bounded(tuple(part for piece in pieces for part in self._piece(piece)))

    def _piece(self, piece: Piece) -> Value:
        if piece.kind == "text":
            return (piece.text,)
        if piece.kind == "command":
            return (Gap(f"$({_brief(piece.text)})", _PRINTED),)
        if piece.kind == "arithmetic":
            result = arithmetic(piece.text, self.number)
            gap = Gap(f"$(({_brief(piece.text)}))", "a sum of what is not known here")
            return (gap if result is None else str(result),)
        return self.bounded(self._parameter(piece.text))

    def _value(self, name: str) -> Value | None:
        """None for what was never set."""
        self.used.setdefault(name, self.values.get(name))
        if name.isdecimal():
            if self.given is None or name == "0":
                return (Gap(f"${name}", GIVEN),)
            return self.given[int(name) - 1] if int(name) <= len(self.given) else None
        if name in self.arrays:
            return self.arrays[name][0] if self.arrays[name] else ()
        return self.values.get(name)

    def number(self, name: str) -> str | None:
        value = self._value(name.strip("${}"))
        return None if value is None else text_of(value)

    def _parameter(self, text: str) -> Value:
        """What `$X` or `${X...}` says."""
        shown = f"${text}" if re.fullmatch(r"\w+|\W", text) else f"${{{_brief(text)}}}"
        unknown = (Gap(shown, "not set in the script"),)
        if (match := _PARAMETER.fullmatch(text)) is None:
            return (Gap(shown, "not understood here"),)
        name, index, rest = match[1], match[2], match[3]
        value = self._value(name)
        if index is not None:
            found = self.arrays.get(name, [])
            number = arithmetic(index, self.number)
            in_array = number is not None and -len(found) <= number < len(found)
            value = found[number] if in_array and number is not None else None
            unknown = (Gap(shown, "an element of a list, and which one is not known here"),)
        if default := _DEFAULT.fullmatch(rest):
            return self._default(name, value, default[1], default[2], unknown)
        if value is None or gaps_of(value):
            return unknown if value is None else (Gap(shown, gaps_of(value)[0].why),) if rest else value
        changed = self._changed(text_of(value) or "", rest)
        return (Gap(shown, "not understood here"),) if changed is None else (changed,)

    def _default(self, name: str, value: Value | None, sign: str, word: str, unknown: Value) -> Value:
        """`${X:-5}` and the like. Of what the script may be started with, the default holds."""
        is_known = value is not None and not (name.isdecimal() and gaps_of(value)) and value != ()
        if sign == "+":
            return self._words(word) if is_known else ()
        if is_known and value is not None:
            return value
        if sign == "?":
            return value or unknown
        found = self._words(word)
        if sign == "=":
            self.values[name] = found
        return found

    def _words(self, text: str) -> Value:
        """A text within braces, which may have quotes and variables itself."""
        if self.depth >= MAX_DEPTH:
            return (Gap(_brief(text), "nested too deeply"),)
        self.depth += 1
        quoted = text if text[:1] in "\"'" else '"' + text.replace('"', '\\"') + '"'
        words: list[Word] = []
        with suppress(ShellError):
            words += [token.word for token in Lexer(quoted or '""').tokens() if token.word]
        whole = joined(tuple(part for word in words for part in self.joined(word.pieces)))
        self.depth -= 1
        return whole

    def _changed(self, text: str, rest: str) -> str | None:
        """A text cut or changed as `${X%.*}` says; None for what is not understood."""
        if not rest:
            return text
        if rest in _CASE:
            return _CASE[rest](text)
        if match := _PART.fullmatch(rest):
            begin = int(match[1])
            return text[begin : begin + int(match[2]) if match[2] else None]
        if len(text) > MAX_PATTERN or len(rest) > MAX_PATTERN or "$" in rest:
            return None
        if match := _CUT.fullmatch(rest):
            return _cut(text, match[1], match[2].strip("'\""))
        if (match := _REPLACE.fullmatch(rest)) and not set("*?[") & set(match[2]):
            return text.replace(match[2], match[3], -1 if match[1] == "//" else 1)
        return None


def joined(parts: Value) -> Value:
    """Neighboring texts as one; empty ones are gone."""
    groups = itertools.groupby(parts, lambda part: isinstance(part, Gap))
    joined: list[str | Gap] = []
    for is_gap, group in groups:
        found = list(group)
        joined += found if is_gap else ["".join(part for part in found if isinstance(part, str))]
    return tuple(part for part in joined if part != "")


def _cut(text: str, sign: str, pattern: str) -> str:
    """The text without the shortest (one sign) or longest part that fits a pattern, at its begin or end."""
    fits = re.compile(fnmatch.translate(pattern))
    places = range(len(text) + 1)
    if sign[0] == "#":
        ends = [place for place in places if fits.match(text[:place])]
        return text[(min if sign == "#" else max)(ends) :] if ends else text
    begins = [place for place in places if fits.match(text[place:])]
    return text[: (max if sign == "%" else min)(begins)] if begins else text


def _brief(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= 40 else one[:37] + "..."
