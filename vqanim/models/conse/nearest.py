"""What the pocket perceptor makes of a text, in words: the classes that the text is drawn to. No torch.

The same arithmetic as in `perceptor`, whose targets are made of it, on numpy's arrays: so `check` can say at
once what a prompt will be painted as. Subject and setting are drawn to classes of their own, each as much as
it weighs, so that "an astronaut on a beach" has a beach: of their sum the nearest class would take all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from vqanim.models.conse.color_words import ColorWords
from vqanim.models.conse.words import ASIDE, Reading, WordTable, find_phrase, tokens
from vqanim.models.entries import PerceptorEntry, file_error, read_verified
from vqanim.models.family import COUNTS, TextReading

SHARPNESS = 0.05
"""Temperature of a text's similarities to the classes."""
NOTHING = 1e-6
"""Length of what a text means below which no word of it is known."""
THING = 0.85
"""Cosine to a class from which on a word names it."""

VAGUE = 0.5
"""Cosine to the nearest class below which what is told around a subject only colors it."""

FAST_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NAMED = 5
"""Classes that are named, those with the largest shares."""
NEAR = 0.7
"""Cosine to the nearest class from which on a text is near to it, whatever its words are.

Below it a text is near only if a word of it names what it is drawn to."""

Floats = NDArray[np.float32]


class ClassReader:
    """The tables of one perceptor, to read texts with."""

    def __init__(self, entry: PerceptorEntry) -> None:
        """Raises InputError when a file is missing or damaged."""
        files = entry.files
        contents = {role: read_verified(files[role]) for role in ("table", "words", "palettes")}
        try:
            table = load(contents["table"])
            self.classes = unit(table["classes"].astype(np.float32))
            self._vectors, self._weights = table["vectors"], table["weights"]
            self._stand_ins = table["stand_ins"]
        except (SafetensorError, KeyError) as error:
            raise file_error(files["table"], "not a table of words and classes") from error
        try:
            self.words = WordTable(contents["words"].decode("utf-8").splitlines())
            self._colors = ColorWords(yaml.load(contents["palettes"], FAST_YAML))
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise file_error(files["palettes"], "not a table of palettes") from error

    def read(self, text: str) -> TextReading:
        """What a text is drawn to, and whether that is near."""
        words = self.words.read(text)
        if not words.rows:
            return TextReading(text, (), True, words.unknown)
        cosines = self.classes @ self.meaning(text)
        shares = self.shares(text)
        order = np.argsort(-shares, kind="stable")[:NAMED].tolist()
        names = class_names()
        counted = [names[number] for number in order if shares[number] >= COUNTS]
        colors = self._colors.read(text, self.words.phrase_length).alone
        subject = [row for row, part in zip(words.rows, words.parts, strict=True) if part == 0]
        near = bool(cosines.max() >= NEAR) or names_one_of(text, counted)
        near = colors or (near and not self._stand_ins[subject].any())
        found = tuple((names[number][0], float(shares[number])) for number in order)
        return TextReading(text, found, not near, words.unknown, colors)

    def meaning(self, text: str) -> Floats:
        """What a text is about, a unit vector [D]; what the classes have in common if no word is known."""
        meaning = self._weighted(self._read(text)).sum(0)
        return unit(meaning if np.linalg.norm(meaning) >= NOTHING else self.classes.mean(0))

    def _read(self, text: str) -> Reading:
        colors = self._colors.read(text, self.words.phrase_length)
        return self.words.read(text, colors.faint(self._is_thing))

    def shares(self, text: str) -> Floats:
        """How much a text is drawn to each class [K], summing to 1."""
        reading = self._read(text)
        parts = part_vectors(self._weighted(reading), reading.parts)
        vague = (self.classes @ unit(parts).T).max(0) < VAGUE  # "at dawn" is no place of its own
        vague[0] = False
        parts[0] += parts[vague].sum(0)
        parts = parts[~vague]
        lengths = np.linalg.norm(parts, axis=1)
        if lengths.sum() < NOTHING:
            return shares_of(self.classes @ self.meaning(text))
        shares = np.stack([shares_of(self.classes @ part) for part in unit(parts)])
        return np.asarray((lengths / lengths.sum()) @ shares)

    def _weighted(self, words: Reading) -> Floats:
        """The words' vectors [N, D], each as long as it weighs."""
        rows = list(words.rows)
        weights = self._weights[rows].astype(np.float32) * np.array(words.factors, np.float32)
        return weights[:, None] * unit(self._vectors[rows].astype(np.float32))

    def _is_thing(self, word: str) -> bool:
        return bool((self.classes @ unit(self._weighted(self.words.read(word)).sum(0))).max() > THING)


def part_vectors(words: Floats, parts: Sequence[int]) -> Floats:
    """Sums [P, D] of the words [N, D] of each part of a text."""
    sums = np.zeros((max(parts, default=0) + 1, words.shape[1]), np.float32)
    np.add.at(sums, list(parts), words)
    return sums


def shares_of(cosines: Floats) -> Floats:
    """How much a text is drawn to each class, summing to 1, from its cosines to them."""
    powers = np.exp((cosines - cosines.max()) / SHARPNESS)
    return powers / powers.sum()


def read_texts(entry: PerceptorEntry, texts: Sequence[str]) -> tuple[TextReading, ...]:
    """What a perceptor makes of each text. Raises InputError when a file is missing or does not fit."""
    reader = ClassReader(entry)
    return tuple(map(reader.read, texts))


@cache
def class_names() -> tuple[tuple[str, ...], ...]:
    """Of each class in the classifier's order: its name for people, then other names and its kinds."""
    file = resources.files("vqanim.models") / "pocket" / "classes.txt"
    return tuple(tuple(line.split("; ")) for line in file.read_text(encoding="utf-8").splitlines())


def names_one_of(text: str, classes: Sequence[Sequence[str]]) -> bool:
    """Whether words of a text are a name of one of some classes, or say what kind of thing it is: "horse" is
    a sorrel's kind, "dragon" is neither a Komodo dragon's name nor its kind."""
    known = {" ".join(tokens(name)): name for names in classes for name in names}
    for words in map(tokens, ASIDE.split(text)):
        while words:
            length, found = find_phrase(words, known)
            if found is not None:
                return True
            words = words[length:]
    return False


def unit(vectors: Floats) -> Floats:
    """Rows, or one vector, scaled to length one; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
