"""Catalogues as files: read strictly, since they may come from anywhere. No torch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from vqanim.errors import InputError
from vqanim.models.entries import Entry, GeneratorEntry, ModelFile, PackageFile, PerceptorEntry, RemoteFile
from vqanim.models.families import FAMILIES

MAX_BYTES = 2_000_000

_KEYS: Mapping[str, Mapping[str, type]] = {
    "generator": {"multiple": int, "learning_rate": float, "smoothing": float},
    "perceptor": {"cutouts": int, "cutout_noise": float},
}
_TEXTS = ("license", "commercial", "source", "good_at", "unchecked")
_NAME = re.compile(r"[A-Za-z0-9][\w.@/+-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Catalogue:
    """Models by name."""

    generators: Mapping[str, GeneratorEntry]
    perceptors: Mapping[str, PerceptorEntry]

    def of_kind(self, kind: str) -> Mapping[str, Entry]:
        """Those of a kind, generator or perceptor."""
        return self.generators if kind == "generator" else self.perceptors


class _Mistake(ValueError):
    """What is wrong, and where in the file."""


def read_catalogue_file(path: Path) -> Catalogue:
    """A catalogue. Raises InputError that names the file, the field and what is allowed."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise _Mistake(f"it has {len(content):,} bytes, allowed are {MAX_BYTES:,}")
        data = yaml.safe_load(content)
        return _catalogue(data)
    except OSError as error:
        raise InputError(f"{path}: this catalogue cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: this catalogue is no YAML ({reason})") from error
    except _Mistake as error:
        raise InputError(f"{path}: {error}") from error


def _catalogue(data: Any) -> Catalogue:
    if not isinstance(data, dict) or not set(data) <= {"generators", "perceptors"}:
        raise _Mistake("a catalogue has the keys generators and perceptors, and no others")
    generators, perceptors = _mapping(data, "generators"), _mapping(data, "perceptors")
    for rows in (generators, perceptors):
        folders = [str(name).replace("/", "-").lower() for name in rows]
        if clash := [name for name, n in Counter(folders).items() if n > 1]:
            raise _Mistake(f"two models would lie in the same folder, {clash[0]!r}")
    return Catalogue(
        {name: GeneratorEntry(**_row("generator", name, row)) for name, row in generators.items()},
        {name: PerceptorEntry(**_row("perceptor", name, row)) for name, row in perceptors.items()},
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key) or {}
    if not isinstance(found, dict):
        raise _Mistake(f"{key}: found {str(found)[:60]!r}, expected names with what is known about them")
    return found


def _row(kind: str, name: Any, row: Any) -> dict[str, Any]:
    """Arguments of an entry."""
    where = f"{kind}s.{name}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _Mistake(f"{kind}s: {str(name)[:60]!r} cannot be a model's name")
    if not isinstance(row, dict):
        raise _Mistake(f"{where}: found {str(row)[:60]!r}, expected keys and values")
    allowed = ("family", "files", *_TEXTS, *_KEYS[kind])
    if unknown := [key for key in row if key not in allowed]:
        raise _Mistake(f"{where}: unknown key {str(unknown[0])[:60]!r}, allowed are {', '.join(allowed)}")
    families = {name: each.roles for name, each in FAMILIES.items() if each.kind == kind and each.roles}
    family = str(row.get("family"))
    if family not in families:
        raise _Mistake(f"{where}.family: found {family!r}, allowed are {', '.join(families)}")
    if kind == "generator" and "multiple" not in row:
        raise _Mistake(f"{where}.multiple: is missing; it is 16 for an f16, 8 for an f8")
    files = _mapping(row, "files")
    if set(files) != set(families[family]):
        raise _Mistake(
            f"{where}.files: found {', '.join(map(str, files))}, expected {', '.join(families[family])}"
        )
    numbers = {key: kind_ for key, kind_ in _KEYS[kind].items() if key in row}
    return {
        **{key: _text(row.get(key, ""), f"{where}.{key}") for key in _TEXTS},
        **{key: _number(row[key], f"{where}.{key}", kind_) for key, kind_ in numbers.items()},
        "name": name,
        "kind": kind,
        "family": family,
        "files": {
            role: _file(kind, name, role, file, f"{where}.files.{role}") for role, file in files.items()
        },
    }


def _file(kind: str, name: str, role: str, row: Any, where: str) -> ModelFile:
    if not isinstance(row, dict):
        raise _Mistake(f"{where}: found {str(row)[:60]!r}, expected keys and values")
    digest = row.get("sha256")
    if digest is not None and not re.fullmatch("[0-9a-f]{64}", str(digest)):
        raise _Mistake(f"{where}.sha256: found {str(digest)[:80]!r}, expected 64 digits 0-9 a-f in quotes")
    if "package" in row:
        if set(row) != {"package", "path", "sha256"}:
            raise _Mistake(f"{where}: a file of a package has the keys package, path and sha256")
        return PackageFile(_text(row["package"], where), _text(row["path"], where), str(digest))
    if unknown := [key for key in row if key not in ("urls", "sha256", "size", "roughly")]:
        raise _Mistake(
            f"{where}: unknown key {str(unknown[0])[:60]!r}, allowed are urls, sha256, size, roughly"
        )
    sizes = {key: _number(row[key], f"{where}.{key}", int) for key in ("size", "roughly") if key in row}
    return RemoteFile(name, place_of(kind, name, role), _urls(row.get("urls"), where), digest, **sizes)


def place_of(kind: str, name: str, role: str) -> str:
    """Where a file lies in the folder of fetched models, such as `imagenet-16384/weights.ckpt`."""
    ending = {"config": "yaml", "weights": "ckpt" if kind == "generator" else "pt"}[role]
    return f"{name.replace('/', '-')}/{role}.{ending}"


def _urls(found: Any, where: str) -> tuple[str, ...]:
    addresses = found if isinstance(found, list) else []
    if not addresses or not all(isinstance(url, str) and is_address(url) for url in addresses):
        raise _Mistake(f"{where}.urls: found {str(found)[:80]!r}, expected a list of http or https addresses")
    return tuple(addresses)


def is_address(text: str) -> bool:
    """Whether a text is an address that files are fetched from."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


def _text(found: Any, where: str) -> str:
    if not isinstance(found, str) or not found.isprintable():
        raise _Mistake(f"{where}: found {str(found)[:60]!r}, expected a text on one line")
    return found


def _number(found: Any, where: str, kind: type) -> Any:
    fits = type(found) is int or (kind is float and type(found) is float)
    if not fits or not 0 <= found < 10**13 or (kind is int and found < 1):
        raise _Mistake(f"{where}: found {str(found)[:60]!r}, expected a number")
    return kind(found)
