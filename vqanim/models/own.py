"""Models that a user added: copies in the cache with a card that says what they are. No torch.

Each lies in a folder of its own, `own/<kind>/<name>`, with its card in `model.json`; it appears and
disappears as a whole, by renaming.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from vqanim.errors import InputError, UsageError
from vqanim.files import make_folder, write_atomic, writing
from vqanim.models.cache import cache_folder
from vqanim.models.entries import (
    CUTOUT_NOISE,
    CUTOUTS,
    LEARNING_RATE,
    Entry,
    GeneratorEntry,
    OwnFile,
    PerceptorEntry,
)

CARD = "model.json"
KINDS = ("generator", "perceptor")

_NAME = re.compile(r"[A-Za-z0-9][\w.@/+-]{0,63}", re.ASCII)
_DIGEST = re.compile("[0-9a-f]{64}")
_FILE = re.compile(r"[a-z]+\.[a-z]+")


@dataclass(frozen=True)
class Card:
    """What is kept about a model that a user added."""

    name: str
    kind: str
    family: str
    found: str
    """What was found in its files, in words."""
    source: str
    """The files that it was made from."""
    multiple: int
    """Of a generator; 0 for a perceptor."""
    files: Mapping[str, tuple[str, str, int]]
    """By role: name in the model's folder, SHA-256, bytes."""


def check_name(name: str) -> None:
    """Raise UsageError unless a scene could name a model so."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a model's name; allowed are up to 64 letters, digits and . _ - + @ /, "
            "beginning with a letter or a digit"
        )


def own_folder(kind: str, name: str) -> Path:
    """Where a model lies, or would."""
    return cache_folder() / "own" / kind / quote(name, safe="@+")


def own_names(kind: str) -> list[str]:
    """Names of the models of a kind that a user added, sorted."""
    cards = (cache_folder() / "own" / kind).glob(f"[!.]*/{CARD}")
    return sorted(unquote(card.parent.name) for card in cards)


def own_entry(kind: str, name: str) -> Entry | None:
    """A model that a user added, or None. Raises InputError when its card is damaged."""
    if not _NAME.fullmatch(name):
        return None
    folder = own_folder(kind, name)
    try:
        card = _parse(json.loads((folder / CARD).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{folder / CARD}: this card of a model cannot be read ({error}); "
            f"run: vqanim models remove {name}, and add the model again"
        ) from error
    if (card.kind, card.name) != (kind, name):  # a file system that does not tell case apart
        return None
    files = {
        role: OwnFile(name, folder / file, digest, size) for role, (file, digest, size) in card.files.items()
    }
    about: dict[str, Any] = {
        "name": name, "kind": kind, "family": card.family, "files": files, "own": True,
        "license": "unknown", "commercial": "unknown: ask whoever made it",
        "source": card.source, "good_at": card.found,
    }  # fmt: skip
    if kind == "generator":
        return GeneratorEntry(**about, multiple=card.multiple, learning_rate=LEARNING_RATE)
    return PerceptorEntry(**about, cutouts=CUTOUTS, cutout_noise=CUTOUT_NOISE)


@contextmanager
def adding(kind: str, name: str) -> Iterator[Path]:
    """A folder to put a model's files and `write_card` into; it takes its place at the end, whole.

    What was there before under that name is replaced. When the block raises, nothing has happened.
    Raises OutputError.
    """
    target = own_folder(kind, name)
    staging = target.with_name(f".{secrets.token_hex(4)}.new")
    make_folder(staging)
    try:
        yield staging
        remove_own(kind, name)
        with writing(target):
            staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_card(folder: Path, card: Card) -> None:
    """Write the card of a model. Raises OutputError."""
    write_atomic(folder / CARD, json.dumps(vars(card), indent=1) + "\n")


def remove_own(kind: str, name: str) -> bool:
    """Remove a model that a user added; whether there was one. Raises OutputError."""
    folder = own_folder(kind, name)
    if not folder.exists():
        return False
    away = folder.with_name(f".{secrets.token_hex(4)}.old")
    with writing(folder):
        folder.replace(away)
        shutil.rmtree(away)
    return True


def _parse(data: Any) -> Card:
    """A card of what JSON gave. Raises ValueError or what goes with wrong types when it is none."""
    files = {str(role): (str(f[0]), str(f[1]), int(f[2])) for role, f in data["files"].items()}
    card = Card(**{**data, "files": files})
    texts = (card.name, card.kind, card.family, card.found, card.source)
    if not all(isinstance(text, str) for text in texts) or type(card.multiple) is not int:
        raise ValueError("its fields are of another kind")
    if card.kind not in KINDS or not files or (card.kind == "generator" and not 1 <= card.multiple <= 1024):
        raise ValueError("its fields are out of range")
    if not all(_FILE.fullmatch(file) and _DIGEST.fullmatch(digest) for file, digest, _ in files.values()):
        raise ValueError("it names a file outside its folder, or no SHA-256")
    return card
