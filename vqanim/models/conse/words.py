"""Texts to rows of a table of words: what the pocket perceptor reads, before anything is computed. No torch.

A text's vector is the mean of its words' vectors, each with a weight from the table: rare and visible things
count, "the" hardly does (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence
Embeddings", with concreteness as a second factor).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

Value = TypeVar("Value")

TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
ASIDE = re.compile(r"[,;:()|/]|\.\s")
"""Separates the subject of a prompt from what is added to it."""
SETTING = frozenset(
    "above across against along amid among around at before behind below beneath beside between beyond "
    "by down during from in inside into near on onto outside over through toward under with within".split()
)
"""Prepositions after which the place, time or company of the subject is told."""
SETTING_WEIGHT = 0.6
ASIDE_WEIGHT = 0.7
LONGEST_PHRASE = 4
"""In words."""
SHORTEST_PART = 3
"""Letters of a part when an unknown word is taken apart."""
ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("'s", ("",)), ("ies", ("y", "ie")), ("ves", ("f", "fe")), ("s", ("",)), ("es", ("",)),
    ("ing", ("", "e")), ("ied", ("y",)), ("ed", ("", "e")), ("iest", ("y",)), ("est", ("", "e")),
    ("ier", ("y",)), ("er", ("", "e")), ("ily", ("y",)), ("ly", ("",)), ("ish", ("", "e")),
    ("like", ("",)), ("less", ("",)), ("y", ("", "e")),
)  # fmt: skip
"""Endings and what may stand in their place, tried in this order."""


@dataclass(frozen=True)
class Reading:
    """What the table makes of a text."""

    rows: tuple[int, ...]
    """Rows of the table, in the text's order."""
    factors: tuple[float, ...]
    """What each row's own weight is multiplied by."""
    parts: tuple[int, ...]
    """The part of the text that each row is of: 0 is the subject; then what is added and told around it."""
    unknown: tuple[str, ...]
    """Words that the table does not have, as they are written, each once."""


def tokens(text: str) -> list[str]:
    """Lower-case words without accents; hyphens separate words."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return TOKEN.findall("".join(c for c in decomposed if not unicodedata.combining(c)).casefold())


def spellings(text: str) -> list[str]:
    """The same words as they are written, one for each of `tokens`."""
    plain = ""  # the text as `tokens` sees it, but for case
    places: list[int] = []  # where each of its characters stands in the text
    for place, letter in enumerate(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")):
        parts = [part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)]
        plain += "".join(parts)
        places += [place] * len(parts)
    found = []
    for match in TOKEN.finditer(plain):
        end = places[match.end() - 1] + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        found.append(text[places[match.start()] : end])
    return found


def stems(word: str) -> Iterator[str]:
    """The word, then the words that it may be a form of: volcanoes -> volcanoe, volcano."""
    yield word
    for ending, replacements in ENDINGS:
        root = word.removesuffix(ending)
        if root != word and len(root) >= 2:
            yield from (root + replacement for replacement in replacements)
            if len(root) > 2 and root[-1] == root[-2]:
                yield root[:-1]  # running -> run


def find_phrase(words: Sequence[str], table: Mapping[str, Value]) -> tuple[int, Value | None]:
    """How many of the first words form one entry of a table, and what stands there; else 1 and None."""
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        for last in stems(words[length - 1]):
            found = table.get(" ".join((*words[: length - 1], last)))
            if found is not None:
                return length, found
    return 1, None


class WordTable:
    """Words and phrases, each a row of the tables beside it."""

    def __init__(self, words: Sequence[str]) -> None:
        """`words` [N] as lower-case tokens joined by blanks."""
        self.rows: Mapping[str, int] = {word: row for row, word in enumerate(words)}

    def read(self, text: str, faint: Mapping[str, float] = MappingProxyType({})) -> Reading:
        """Find the text's words, longest phrases first; those in `faint` count by this factor only."""
        rows: list[int] = []
        factors: list[float] = []
        parts: list[int] = []
        unknown: dict[str, str] = {}
        current = -1
        for number, part in enumerate(filter(tokens, ASIDE.split(text))):
            words, written = tokens(part), spellings(part)
            factor = aside = 1.0 if number == 0 else ASIDE_WEIGHT
            current += 1
            while words:
                if words[0] in SETTING and rows:
                    factor = aside * SETTING_WEIGHT
                    current += 1
                length, found = self._longest(words)
                rows += found
                share = faint.get(" ".join(words[:length]), 1.0) * factor / max(1, len(found))
                factors += [share] * len(found)
                parts += [current] * len(found)
                if not found:
                    unknown.setdefault(words[0], written[-len(words)])
                words = words[length:]
        return Reading(tuple(rows), tuple(factors), tuple(parts), tuple(unknown.values()))

    def phrase_length(self, words: Sequence[str]) -> int:
        """How many of the first words form one entry; 1 if not even the first is known."""
        return self._longest(words)[0]

    def _longest(self, words: Sequence[str]) -> tuple[int, list[int]]:
        """How many of the first words form one entry, and its row; parts of a compound give two rows."""
        length, row = find_phrase(words, self.rows)
        if row is not None:
            return length, [row]
        word = words[0]
        cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        for cut in sorted(cuts, key=lambda cut: abs(cut - len(word) / 2)):  # the most even split wins
            if word[:cut] in self.rows and word[cut:] in self.rows:
                return 1, [self.rows[word[:cut]], self.rows[word[cut:]]]
        return 1, []
