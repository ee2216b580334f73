"""The catalogue of models: what must be known about a model before it is loaded. No torch.

The data stands in `catalogue.yaml` beside this file; a catalogue of the user's (`VQANIM_CATALOGUE`), the
models that a user added and the names of open_clip's models come on top.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vqanim.cache import extra_catalogue
from vqanim.errors import InputError
from vqanim.models.entries import (
    KINDS,
    NAME,
    Entry,
    GeneratorEntry,
    ModelFile,
    OwnFile,
    PackageFile,
    PerceptorEntry,
    RemoteFile,
    UnknownModel,
    did_you_mean,
    is_address,
    with_pins,
)
from vqanim.models.families import FAMILIES
from vqanim.models.families.open_clip import EXAMPLE, PREFIX, fetched_names, open_clip_entry
from vqanim.models.own import CARD, own_folder, own_names
from vqanim.models.resolutions import halved_stages
from vqanim.settings import Setting, with_defaults
from vqanim.types import Stage

FOLDER = Path(__file__).parent
MAX_BYTES = 2_000_000

_KEYS: Mapping[str, Mapping[str, type]] = {
    "generator": {"multiple": int, "learning_rate": float, "smoothing": float},
    "perceptor": {"cutouts": int, "cutout_noise": float},
}
_BESIDE = re.compile(r"[a-z]+\.[a-z]+")
_TEXTS = ("license", "commercial", "source", "good_at", "unchecked")


@dataclass(frozen=True)
class Catalogue:
    """Models by name."""

    generators: Mapping[str, GeneratorEntry]
    perceptors: Mapping[str, PerceptorEntry]

    def of_kind(self, kind: str) -> Mapping[str, Entry]:
        """Those of a kind, generator or perceptor."""
        return self.generators if kind == "generator" else self.perceptors


@cache
def _read_own_catalogue() -> Catalogue:
    return read_catalogue_file(FOLDER / "catalogue.yaml")


def read_catalogue() -> Catalogue:
    """The models of this package, with the user's on top. Raises InputError when that has mistakes."""
    ours, path = package_catalogue(), extra_catalogue()
    if path is None:
        return ours
    theirs = read_catalogue_file(path)
    return Catalogue({**ours.generators, **theirs.generators}, {**ours.perceptors, **theirs.perceptors})


def package_catalogue() -> Catalogue:
    """The models of this package: those of its catalogue and those that are families without weights."""
    listed = _read_own_catalogue()
    weightless = {name: family.entry for name, family in FAMILIES.items() if family.entry}
    return Catalogue({**listed.generators, **weightless}, listed.perceptors)


def features_file() -> ModelFile:
    """The weights of the classifier whose features tell style and content, whatever perceptor is chosen."""
    return _read_own_catalogue().perceptors["pocket"].files["classifier"]


def get_generator_entry(name: str) -> GeneratorEntry:
    """The generator called `name`. Raises UnknownModel that lists the known ones and the nearest."""
    entry = get_entry("generator", name)
    assert isinstance(entry, GeneratorEntry)
    return entry


def generator_settings(name: str) -> tuple[Setting, ...]:
    """What a scene may set for the generator called `name`; nothing where there is no such generator."""
    try:
        return FAMILIES[get_generator_entry(name).family].settings
    except (UnknownModel, InputError):
        return ()


def first_stages(
    name: str, settings: Mapping[str, Any], steps: int, size: tuple[int, int]
) -> tuple[Stage, ...]:
    """How the generator called `name` splits the steps of a picture that starts from nothing, coarse to fine.

    settings: those that differ from the defaults. size: height and width in pixels. Raises UnknownModel.
    """
    entry = get_generator_entry(name)
    family = FAMILIES[entry.family]
    if family.stages is None:
        return halved_stages(steps, *size, entry.multiple)
    return family.stages(steps, size, with_defaults(family.settings, settings))


def get_perceptor_entry(name: str) -> PerceptorEntry:
    """The perceptor called `name`. Raises UnknownModel that lists the known ones and the nearest.

    Raises InputError for a model of open_clip when that package is not installed.
    """
    entry = get_entry("perceptor", name)
    assert isinstance(entry, PerceptorEntry)
    return entry


def get_entry(kind: str, name: str) -> Entry:
    """The model of a kind called `name`: one that the user added, else of the catalogue, else open_clip's.

    Raises UnknownModel and InputError.
    """
    if entry := _own_entry(kind, name):
        return entry
    entries = read_catalogue().of_kind(kind)
    if name in entries:
        return with_pins(entries[name])
    if kind == "perceptor" and name.startswith(PREFIX):
        return open_clip_entry(name)
    raise _unknown(kind, name)


def _own_entry(kind: str, name: str) -> Entry | None:
    """A model that the user added, or None. Raises InputError when its card is damaged."""
    card = own_folder(kind, name) / CARD
    if not NAME.fullmatch(name) or not card.exists():
        return None
    try:
        entry = read_catalogue_file(card).of_kind(kind).get(name)
    except InputError as error:
        raise InputError(f"{error}; run: vqanim models remove {name}, and add the model again") from error
    return replace(entry, own=True) if entry else None  # some file systems do not tell case apart


def find_entries(name: str) -> list[Entry]:
    """All models called `name`: a generator, a perceptor, or both. Raises UnknownModel and InputError."""
    found = []
    for kind in KINDS:
        try:
            found.append(get_entry(kind, name))
        except UnknownModel as error:
            if name.startswith(PREFIX) and kind == "perceptor":
                raise
            last = error
    if not found:
        hint = did_you_mean(name, [*_known("generator"), *_known("perceptor")])
        raise UnknownModel(f"unknown model {name!r}; {hint}`vqanim models list` names all") from last
    return found


def list_models() -> list[tuple[str, str]]:
    """Kind and name of all models: of the catalogue, of the user, and those of open_clip in the cache."""
    found = [(kind, name) for kind in KINDS for name in _known(kind)]
    return found + [("perceptor", name) for name in fetched_names()]


def _known(kind: str) -> list[str]:
    names = list(read_catalogue().of_kind(kind))
    return names + [name for name in own_names(kind) if name not in names]


def _unknown(kind: str, name: str) -> UnknownModel:
    known = _known(kind)
    (other,) = (k for k in KINDS if k != kind)
    if name in _known(other):
        return UnknownModel(f"{name!r} is a {other}, not a {kind}; known are {', '.join(known)}")
    more = f", and names like {EXAMPLE}" if kind == "perceptor" else ""
    return UnknownModel(
        f"unknown {kind} {name!r}; {did_you_mean(name, known)}known are {', '.join(known)}{more}"
    )


class _Mistake(ValueError):
    """What is wrong, and where in the file."""


def read_catalogue_file(path: Path) -> Catalogue:
    """A catalogue. Raises InputError that names the file, the field and what is allowed."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise _Mistake(f"it has {len(content):,} bytes, allowed are {MAX_BYTES:,}")
        data = yaml.safe_load(content)
        return _catalogue(data, path.parent)
    except OSError as error:
        raise InputError(f"{path}: this catalogue cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: this catalogue is no YAML ({reason})") from error
    except _Mistake as error:
        raise InputError(f"{path}: {error}") from error


def _catalogue(data: Any, folder: Path) -> Catalogue:
    if not isinstance(data, dict) or not set(data) <= {"generators", "perceptors"}:
        raise _Mistake("a catalogue has the keys generators and perceptors, and no others")
    generators, perceptors = _mapping(data, "generators"), _mapping(data, "perceptors")
    for rows in (generators, perceptors):
        folders = [str(name).replace("/", "-").lower() for name in rows]
        if clash := [name for name, n in Counter(folders).items() if n > 1]:
            raise _Mistake(f"two models would lie in the same folder, {clash[0]!r}")
    return Catalogue(
        {name: GeneratorEntry(**_row("generator", name, row, folder)) for name, row in generators.items()},
        {name: PerceptorEntry(**_row("perceptor", name, row, folder)) for name, row in perceptors.items()},
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key) or {}
    if not isinstance(found, dict):
        raise _Mistake(f"{key}: found {str(found)[:60]!r}, expected names with what is known about them")
    return found


def _row(kind: str, name: Any, row: Any, folder: Path) -> dict[str, Any]:
    """Arguments of an entry."""
    where = f"{kind}s.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
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
            role: _file(kind, name, role, file, f"{where}.files.{role}", folder)
            for role, file in files.items()
        },
    }


def _file(kind: str, name: str, role: str, row: Any, where: str, folder: Path) -> ModelFile:
    if not isinstance(row, dict):
        raise _Mistake(f"{where}: found {str(row)[:60]!r}, expected keys and values")
    digest = row.get("sha256")
    if digest is not None and not re.fullmatch("[0-9a-f]{64}", str(digest)):
        raise _Mistake(f"{where}.sha256: found {str(digest)[:80]!r}, expected 64 digits 0-9 a-f in quotes")
    if "package" in row:
        if set(row) != {"package", "path", "sha256"}:
            raise _Mistake(f"{where}: a file of a package has the keys package, path and sha256")
        return PackageFile(_text(row["package"], where), _text(row["path"], where), str(digest))
    if "path" in row:
        if set(row) != {"path", "sha256", "size"} or not _BESIDE.fullmatch(str(row["path"])) or not digest:
            raise _Mistake(f"{where}: a file beside it has the keys path, a plain name, sha256 and size")
        return OwnFile(name, folder / row["path"], digest, _number(row["size"], f"{where}.size", int))
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


def _text(found: Any, where: str) -> str:
    if not isinstance(found, str) or not found.isprintable():
        raise _Mistake(f"{where}: found {str(found)[:60]!r}, expected a text on one line")
    return found


def _number(found: Any, where: str, kind: type) -> Any:
    fits = type(found) is int or (kind is float and type(found) is float)
    if not fits or not 0 <= found < 10**13 or (kind is int and found < 1):
        raise _Mistake(f"{where}: found {str(found)[:60]!r}, expected a number")
    return kind(found)
