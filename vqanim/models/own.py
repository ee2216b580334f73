"""Models that a user added: copies in the cache, each with a catalogue of its own. No torch.

Each lies in a folder, `own/<kind>/<name>`, with its catalogue in `model.yaml`; it appears and disappears as a
whole, by renaming.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml

from vqanim.cache import cache_folder
from vqanim.files import make_folder, sha256_of, write_atomic, writing

CARD = "model.yaml"


def own_folder(kind: str, name: str) -> Path:
    """Where a model lies, or would."""
    return cache_folder() / "own" / kind / quote(name, safe="@+")


def own_names(kind: str) -> list[str]:
    """Names of the models of a kind that a user added, sorted."""
    cards = (cache_folder() / "own" / kind).glob(f"[!.]*/{CARD}")
    return sorted(unquote(card.parent.name) for card in cards)


@contextmanager
def adding(kind: str, name: str, about: dict[str, Any]) -> Iterator[Path]:
    """A folder to put a model's files into, each named by its role; it takes its place at the end, whole.

    about: what its catalogue shall say besides the files.
    What was there before under that name is replaced. When the block raises, nothing has happened.
    Raises OutputError.
    """
    target = own_folder(kind, name)
    staging = target.with_name(f".{secrets.token_hex(4)}.new")
    make_folder(staging)
    try:
        yield staging
        files = {
            path.stem: {"path": path.name, "sha256": sha256_of(path), "size": path.stat().st_size}
            for path in sorted(staging.iterdir())
        }
        card = {f"{kind}s": {name: {**about, "files": files}}}
        write_atomic(staging / CARD, yaml.safe_dump(card, allow_unicode=True, width=1000))
        remove_own(kind, name)
        with writing(target):
            staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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
