"""Words for colors and light in a text, and how much of their meaning these are. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vqanim.models.conse.words import ASIDE, SETTING, find_phrase, tokens

PURE = 0.8
"""Strength from which on a word is about color or light, and not about a thing that has colors."""
EMPTY = frozenset("a an and all at by in light of on or the tones very with color colors colour".split())
"""Words that add nothing to a palette."""
JOINING = frozenset(("and", "or", "of"))
PALE = 0.8
"""How much less a word counts as a thing when it asks for colors with full strength: night is no snake."""


@dataclass(frozen=True)
class ColorReading:
    """What the words of a text say of colors."""

    entries: tuple[str, ...]
    """Of the table, as often and in the order as the text has them."""
    strengths: Mapping[str, float]
    """Strength of every entry found, by the words as they stand in the text (see `tokens`)."""
    nouns: frozenset[str]
    """Those of them that no other word follows: "oranges", but not the "orange" of an orange cat."""
    alone: bool
    """Whether the text is about color or light and nothing else."""

    def faint(self, is_thing: Callable[[str], bool]) -> dict[str, float]:
        """How much its words for colors count as things, 0..1. is_thing: whether a word names something that
        can be shown, as "orange" does and "night" does not."""
        return {
            word: 1.0 if word in self.nouns and is_thing(word) else 1 - PALE * strength
            for word, strength in self.strengths.items()
        }


class ColorWords:
    """Words and phrases that ask for colors, and how much of their meaning these are, 0..1."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Read the strengths of a table; `palettes.PaletteTable` says what it looks like.

        Raises KeyError, TypeError or ValueError for another form.
        """
        self.strengths = {
            " ".join(tokens(text)): float(group["strength"])
            for group in content["groups"].values()
            for text in group["words"]
        }
        self._entries = {entry: entry for entry in self.strengths}

    def read(self, text: str, phrase_length: Callable[[Sequence[str]], int]) -> ColorReading:
        """All entries in a text, longest phrases first.

        `phrase_length` says how many of the first words belong together: in "ice cream" there is no ice.
        """
        entries, strengths, nouns, alone = [], {}, set(), True
        for words in map(tokens, ASIDE.split(text)):
            while words:
                length, entry = find_phrase(words, self._entries)
                together = phrase_length(words)
                if entry is not None and length >= together:
                    found = " ".join(words[:length])
                    entries.append(entry)
                    strengths[found] = self.strengths[entry]
                    if not words[length:] or words[length] in SETTING | JOINING:
                        nouns.add(found)
                else:
                    length = together
                    alone = alone and words[0] in EMPTY
                words = words[length:]
        alone = alone and bool(entries) and min(strengths.values()) >= PURE
        return ColorReading(tuple(entries), strengths, frozenset(nouns), alone)
