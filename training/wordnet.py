"""WordNet 3.0's database files, read as they lie in Debian's wordnet-base (/usr/share/wordnet)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VISIBLE = {
    "noun.animal": 1.0, "noun.artifact": 1.0, "noun.food": 1.0, "noun.object": 1.0, "noun.plant": 1.0,
    "noun.phenomenon": 0.7, "noun.body": 0.7, "noun.person": 0.7, "noun.substance": 0.7, "noun.location": 0.7,
    "noun.shape": 0.6, "noun.group": 0.6, "noun.process": 0.5, "noun.Tops": 0.6,
}  # fmt: skip
"""How visible a noun is, by the WordNet file of its commonest sense."""
ABSTRACT = 0.35
"""Nouns that cannot be seen."""
NOT_A_NOUN = 0.3
"""Adjectives, verbs and adverbs: what a picture shows is its nouns."""
UNLISTED = 0.5
"""Words that WordNet lacks."""
LEXICOGRAPHER_FILES = (
    "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body "
    "noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location "
    "noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process "
    "noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change "
    "verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation "
    "verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather adj.ppl"
).split()


@dataclass(frozen=True)
class Synset:
    """One sense of some words."""

    lemmas: tuple[str, ...]
    file: str
    """Which of WordNet's files it stands in: what kind of thing it is."""
    hypernyms: tuple[int, ...]
    """Offsets of what it is a kind of."""
    gloss: str
    """Its definition, without examples."""


class WordNet:
    """Senses of words, the commonest first, and how often a word is a noun."""

    KINDS = ("noun", "verb", "adj", "adv")

    def __init__(self, folder: Path) -> None:
        self.synsets = {kind: self._synsets(folder / f"data.{kind}") for kind in self.KINDS}
        self.senses = {kind: self._senses(folder / f"index.{kind}") for kind in self.KINDS}
        self.uses: dict[tuple[str, str], int] = {}
        for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines():
            key, _, count = line.split()
            lemma, _, sense = key.partition("%")
            kind = ("noun", "verb", "adj", "adv", "adj")[int(sense[0]) - 1]
            use = (lemma.replace("_", " "), kind)
            self.uses[use] = self.uses.get(use, 0) + int(count)

    @staticmethod
    def _synsets(path: Path) -> dict[int, Synset]:
        found = {}
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue
            data, _, gloss = line.partition("|")
            fields = data.split()
            count = int(fields[3], 16)
            lemmas = tuple(f.replace("_", " ") for f in fields[4 : 4 + 2 * count : 2])
            pointers = fields[5 + 2 * count :]
            hypernyms = tuple(
                int(target)
                for symbol, target in zip(pointers[0::4], pointers[1::4], strict=False)
                if symbol in ("@", "@i")
            )
            definition = gloss.partition('; "')[0].strip()
            found[int(fields[0])] = Synset(lemmas, LEXICOGRAPHER_FILES[int(fields[1])], hypernyms, definition)
        return found

    @staticmethod
    def _senses(path: Path) -> dict[str, list[int]]:
        found = {}
        for line in path.read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split()
                found[fields[0].replace("_", " ")] = [int(o) for o in fields[-int(fields[2]) :]]
        return found

    def kinds(self, words: str) -> dict[str, float]:
        """Parts of speech that the words can be, and how much of their use each is."""
        uses = {k: self.uses.get((words, k), 0) + 1.0 for k in self.KINDS if words in self.senses[k]}
        return {kind: use / sum(uses.values()) for kind, use in uses.items()}

    def sense(self, words: str) -> Synset | None:
        """The commonest sense of the commonest part of speech; of nouns, one that can be seen if it is
        among the first three."""
        kinds = self.kinds(words)
        if not kinds:
            return None
        kind = max(kinds, key=lambda k: kinds[k])
        if kinds.get("noun", 0) > 0.2:
            kind = "noun"
        senses = [self.synsets[kind][offset] for offset in self.senses[kind][words]]
        visible = [synset for synset in senses[:3] if VISIBLE.get(synset.file, 0) > 0.6]
        return (visible or senses)[0]

    def above(self, synset: Synset) -> str:
        """What the sense is a kind of, or nothing."""
        return self.synsets["noun"][synset.hypernyms[0]].lemmas[0] if self._has_noun_above(synset) else ""

    def _has_noun_above(self, synset: Synset) -> bool:
        return bool(synset.hypernyms) and synset.file.startswith("noun")

    def visibility(self, words: str) -> float:
        """How much of what a word means can be seen, 0..1."""
        share = self.kinds(words).get("noun", 0.0)
        sense = self.sense(words)
        if sense is None:
            return UNLISTED
        return share * VISIBLE.get(sense.file, ABSTRACT) + (1 - share) * NOT_A_NOUN
