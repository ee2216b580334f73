"""Texts to vectors and palettes by tables of words: no network runs.

A palette says which colors a picture has, or words such as "golden", "night" or "foggy" ask for: a soft
histogram over a fixed set of anchor colors in Oklab (Ottosson 2020). Its square root is a unit vector, and
the product of two of them, Bhattacharyya's coefficient, is 1 for equal palettes and 0 for those that share no
color. So a palette can stand beside any other unit vector in an embedding.

A text's vector is the mean of its words' vectors, each with a weight from the table: rare and visible things
count, "the" hardly does (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence
Embeddings", with concreteness as a second factor).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.oklab import to_oklab

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
    """Words and phrases with a vector and a weight each."""

    def __init__(self, words: Sequence[str], vectors: Tensor, weights: Tensor) -> None:
        """`words` [N] as lower-case tokens joined by blanks, unit `vectors` [N, D], `weights` [N]."""
        self.rows: Mapping[str, int] = {word: row for row, word in enumerate(words)}
        self.vectors, self.weights = vectors, weights

    def read(self, text: str, faint: Mapping[str, float] = MappingProxyType({})) -> Reading:
        """Find the text's words, longest phrases first; those in `faint` count by this factor only."""
        rows: list[int] = []
        factors: list[float] = []
        unknown: dict[str, str] = {}
        for number, part in enumerate(filter(tokens, ASIDE.split(text))):
            words, written = tokens(part), spellings(part)
            factor = aside = 1.0 if number == 0 else ASIDE_WEIGHT
            while words:
                if words[0] in SETTING and rows:
                    factor = aside * SETTING_WEIGHT
                length, found = self._longest(words)
                rows += found
                share = faint.get(" ".join(words[:length]), 1.0) * factor / max(1, len(found))
                factors += [share] * len(found)
                if not found:
                    unknown.setdefault(words[0], written[-len(words)])
                words = words[length:]
        return Reading(tuple(rows), tuple(factors), tuple(unknown.values()))

    def embed(self, reading: Reading) -> Tensor:
        """Weighted sum [D] of the words' vectors, not normalized; zeros when no word is known."""
        rows = torch.tensor(reading.rows, dtype=torch.long)
        weights = self.weights[rows] * torch.tensor(reading.factors, dtype=self.weights.dtype)
        return weights @ self.vectors[rows]

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


GRAYS = (0.08, 0.3, 0.5, 0.7, 0.95)
"""Lightness of the anchors without a hue."""
HUES = 8
RINGS = ((0.35, 0.11), (0.58, 0.15), (0.8, 0.11))
"""(lightness, chroma) of the anchors with a hue; there are HUES of each."""
WIDTH = 0.06
"""Distance in Oklab over which a color belongs to an anchor less and less."""
CELLS = 16
"""Cells along a side of the picture whose mean colors are counted: specks of color make no palette."""

PURE = 0.8
"""Strength from which on a word is about color or light, and not about a thing that has colors."""
EMPTY = frozenset("a an and all at by in light of on or the tones very with color colors colour".split())
"""Words that add nothing to a palette."""
JOINING = frozenset(("and", "or", "of"))


@cache
def anchors(device: torch.device) -> Tensor:
    """Anchor colors in Oklab, [K, 3], brought to the device once: a step must not wait for a copy."""
    grays = [(lightness, 0.0, 0.0) for lightness in GRAYS]
    turns = [2 * math.pi * (hue + 0.5) / HUES for hue in range(HUES)]
    rings = [(light, c * math.cos(a), c * math.sin(a)) for light, c in RINGS for a in turns]
    return torch.tensor(grays + rings).to(device)


def histogram(colors: Tensor) -> Tensor:
    """Share of each anchor among sRGB colors [B, 3, H, W] in 0..1 -> [B, K], rows summing to 1."""
    points = anchors(colors.device)
    lab = to_oklab(colors).flatten(2).transpose(1, 2)
    squares = lab.square().sum(-1, keepdim=True) - 2 * lab @ points.T + points.square().sum(1)
    return F.softmax(-squares / (2 * WIDTH**2), dim=-1).mean(1)


def palette(pictures: Tensor) -> Tensor:
    """Palettes of pictures [B, 3, S, S] in 0..1 as unit vectors [B, K], differentiable."""
    cells = F.avg_pool2d(pictures, max(1, pictures.shape[-1] // CELLS))
    return (histogram(cells) + 1e-6).sqrt()


@dataclass(frozen=True)
class PaletteReading:
    """What the words of a text ask for."""

    shares: Tensor
    """Of the anchors, [K], summing to 1."""
    strengths: Mapping[str, float]
    """Strength of every entry found, by the words as they stand in the text (see `tokens`)."""
    nouns: frozenset[str]
    """Those of them that no other word follows: "oranges", but not the "orange" of an orange cat."""
    alone: bool
    """Whether the text is about color or light and nothing else."""


class PaletteTable:
    """Words and phrases with the colors that they ask for, and how much of their meaning these are, 0..1.

    A text asks for its colors on a part `cover` (0..1) of the picture; the rest has the usual ones.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Read `{cover: 0..1, usual: COLORS, groups: {group: {strength: 0..1, words: {word: COLORS}}}}`,
        where COLORS is a list of "#rrggbb" and one that comes twice counts twice.

        Raises KeyError, TypeError or ValueError for another form.
        """
        self.usual, self.cover = shares_of(content["usual"]), float(content["cover"])
        self.swatches = {
            " ".join(tokens(text)): (shares_of(colors), float(group["strength"]))
            for group in content["groups"].values()
            for text, colors in group["words"].items()
        }

    def read(self, text: str, phrase_length: Callable[[Sequence[str]], int]) -> PaletteReading:
        """The colors of all entries in a text, longest phrases first, each by its strength.

        `phrase_length` says how many of the first words belong together: in "ice cream" there is no ice.
        """
        strengths: dict[str, float] = {}
        shares, nouns, alone = [], set(), True
        for words in map(tokens, ASIDE.split(text)):
            while words:
                length, swatch = find_phrase(words, self.swatches)
                together = phrase_length(words)
                if swatch is not None and length >= together:
                    found = " ".join(words[:length])
                    colors, strengths[found] = swatch
                    shares.append(strengths[found] * colors)
                    if not words[length:] or words[length] in SETTING | JOINING:
                        nouns.add(found)
                else:
                    length = together
                    alone = alone and words[0] in EMPTY
                words = words[length:]
        if not shares:
            return PaletteReading(self.usual, {}, frozenset(), False)
        total = torch.stack(shares).sum(0)
        wanted = self.cover * total / total.sum() + (1 - self.cover) * self.usual
        return PaletteReading(wanted, strengths, frozenset(nouns), alone and min(strengths.values()) >= PURE)


def shares_of(colors: Sequence[str]) -> Tensor:
    """Shares of the anchors [K] of colors written `#rrggbb`, each counting the same. Raises ValueError."""
    values = [[int(color.removeprefix("#")[i : i + 2], 16) / 255 for i in (0, 2, 4)] for color in colors]
    return histogram(torch.tensor(values).T[None, :, :, None])[0]
