"""What words for things shall mean: mixes of classes, by `things.yaml`.

`python training/things.py` puts them into the tables of the package as they are, without building these anew.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import catalogue

from vqanim.models.conse.nearest import SHARPNESS, class_names
from vqanim.models.conse.words import tokens

FILE = Path(__file__).with_suffix(".yaml")
OUTPUT = FILE.parents[1] / "vqanim/models/pocket"
WEIGHT = 0.9
"""Of a word that stands here beside the others of its text."""


@dataclass(frozen=True)
class Tables:
    """What the perceptor reads texts with; a row a word."""

    words: Sequence[str]
    vectors: np.ndarray
    """[N, D], rows of length one."""
    weights: np.ndarray
    """[N]."""
    stand_ins: np.ndarray
    """[N], 1 of words that the classifier knows nothing of."""


def with_things(tables: Tables, classes: np.ndarray) -> Tables:
    """The tables with the meanings of `things.yaml`; phrases that they lack are added. classes: unit vectors
    [K, D]. Raises KeyError for a class that is not there."""
    numbers: dict[str, int] = {}
    for number, names in enumerate(class_names()):
        numbers.setdefault(names[0], number)  # of two of one name, the first
    wanted = {
        " ".join(tokens(text)): (group == "stand-ins", {numbers[name]: share for name, share in mix.items()})
        for group, entries in yaml.safe_load(FILE.read_text(encoding="utf-8")).items()
        for text, mix in entries.items()
    }
    known = dict(zip(tables.words, range(len(tables.words)), strict=True))
    words = sorted({*tables.words, *wanted})
    width = classes.shape[1]
    vectors = np.zeros((len(words), width), np.float32)
    weights, stand_ins = np.zeros(len(words), np.float32), np.zeros(len(words), np.uint8)
    for row, word in enumerate(words):
        if word in known:
            vectors[row], weights[row] = tables.vectors[known[word]], tables.weights[known[word]]
        if word in wanted:
            stand_ins[row], mix = wanted[word]
            vectors[row], weights[row] = mixed(mix, classes), max(weights[row], WEIGHT)
    return Tables(words, vectors, weights, stand_ins)


def mixed(shares: Mapping[int, float], classes: np.ndarray) -> np.ndarray:
    """The unit vector [D] in the span of some classes that is drawn to them with these shares.

    A class's share is the softmax of its cosine by the temperature `SHARPNESS`, so the cosines are those
    shares' logarithms and a common height, which is what makes the vector's length one.
    """
    chosen = classes[list(shares)]
    inverse = np.linalg.inv(chosen @ chosen.T)
    relative = SHARPNESS * np.log(list(shares.values()))
    ones = np.ones(len(shares))
    # (height + relative)^T inverse (height + relative) = 1
    a, b, c = ones @ inverse @ ones, ones @ inverse @ relative, relative @ inverse @ relative - 1
    height = (-b + np.sqrt(b * b - a * c)) / a
    return np.asarray((inverse @ (height + relative)) @ chosen, np.float32)


def read(folder: Path = OUTPUT) -> tuple[Tables, np.ndarray]:
    """Tables and class vectors of the package."""
    found = load_file(folder / "perceptor.safetensors")
    words = (folder / "words.txt").read_text(encoding="utf-8").splitlines()
    vectors, classes = (unit(found[name].float().numpy()) for name in ("vectors", "classes"))
    marked = found.get("stand_ins", torch.zeros(len(words), dtype=torch.uint8)).numpy()
    return Tables(words, vectors, found["weights"].float().numpy(), marked), classes


def write(tables: Tables, classes: torch.Tensor, folder: Path = OUTPUT) -> None:
    """`perceptor.safetensors` and `words.txt`."""
    tensors = {
        "classes": classes.half(),
        "vectors": to_int8(tables.vectors),
        "weights": torch.from_numpy(tables.weights).half(),
        "stand_ins": torch.from_numpy(tables.stand_ins),
    }
    save_file(tensors, folder / "perceptor.safetensors", metadata={"format": "pt"})
    (folder / "perceptor.safetensors").chmod(0o644)
    (folder / "words.txt").write_text("\n".join(tables.words) + "\n", encoding="utf-8")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length one."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def to_int8(vectors: np.ndarray) -> torch.Tensor:
    """Rows scaled so that the largest number is 127; the scale is no loss, for rows are unit vectors."""
    scaled = vectors * (127 / np.abs(vectors).max(1, keepdims=True))
    return torch.from_numpy(np.rint(scaled).astype(np.int8))


def main() -> None:
    tables, classes = read()
    kept = load_file(OUTPUT / "perceptor.safetensors")["classes"]
    write(with_things(tables, classes), kept)
    catalogue.refresh()


if __name__ == "__main__":
    main()
