"""Texts to vectors by a table of words: no network runs.

A text's vector is the mean of its words' vectors, each with the weight that the table gives it: rare and
visible things count, "the" hardly does (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline
for Sentence Embeddings", with concreteness as a second factor).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

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
    unknown: tuple[str, ...]
    """Words that the table does not have, as written but for case and accents."""


def tokens(text: str) -> list[str]:
    """Lower-case words without accents; hyphens separate words."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return TOKEN.findall("".join(c for c in decomposed if not unicodedata.combining(c)).casefold())


def stems(word: str) -> Iterator[str]:
    """The word, then the words that it may be a form of: volcanoes -> volcanoe, volcano."""
    yield word
    for ending, replacements in ENDINGS:
        if not word.endswith(ending) or len(word) - len(ending) < 2:
            continue
        root = word[: -len(ending)]
        for replacement in replacements:
            yield root + replacement
        if len(root) > 2 and root[-1] == root[-2]:
            yield root[:-1]  # running -> run


class WordTable:
    """Words and phrases with a vector and a weight each."""

    def __init__(self, words: Sequence[str], vectors: Tensor, weights: Tensor) -> None:
        """`words` [N] as lower-case tokens joined by blanks, unit `vectors` [N, D], `weights` [N]."""
        self.rows: Mapping[str, int] = {word: row for row, word in enumerate(words)}
        self.vectors = vectors
        self.weights = weights

    def read(self, text: str, faint: Mapping[str, float] = MappingProxyType({})) -> Reading:
        """Find the text's words, longest phrases first; those in `faint` count by this factor only."""
        rows: list[int] = []
        factors: list[float] = []
        unknown: list[str] = []
        for number, part in enumerate(part for part in ASIDE.split(text) if tokens(part)):
            aside = 1.0 if number == 0 else ASIDE_WEIGHT
            factor = aside
            words = tokens(part)
            while words:
                if words[0] in SETTING and rows:
                    factor = aside * SETTING_WEIGHT
                length, found = self._longest(words)
                rows += found
                share = faint.get(" ".join(words[:length]), 1.0) * factor / max(1, len(found))
                factors += [share] * len(found)
                if not found:
                    unknown.append(words[0])
                words = words[length:]
        return Reading(tuple(rows), tuple(factors), tuple(dict.fromkeys(unknown)))

    def embed(self, reading: Reading) -> Tensor:
        """Weighted sum [D] of the words' vectors, not normalised; zeros when no word is known."""
        rows = torch.tensor(reading.rows, dtype=torch.long)
        weights = self.weights[rows] * torch.tensor(reading.factors, dtype=self.weights.dtype)
        return weights @ self.vectors[rows]

    def phrase_length(self, words: Sequence[str]) -> int:
        """How many of the first words form one entry; 1 if not even the first is known."""
        return self._longest(words)[0]

    def _longest(self, words: Sequence[str]) -> tuple[int, list[int]]:
        """How many of the first words form one entry, and its row; parts of a compound give two rows."""
        for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
            head = " ".join(words[: length - 1])
            for last in stems(words[length - 1]):
                row = self.rows.get(f"{head} {last}" if head else last)
                if row is not None:
                    return length, [row]
        return 1, self._parts(words[0])

    def _parts(self, word: str) -> list[int]:
        """Rows of two known words that the word consists of; the most even split wins."""
        middle = len(word) / 2
        cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        for cut in sorted(cuts, key=lambda cut: abs(cut - middle)):
            left, right = self.rows.get(word[:cut]), self.rows.get(word[cut:])
            if left is not None and right is not None:
                return [left, right]
        return []
