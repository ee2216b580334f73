"""The catalogue of models: what must be known about a model before it is loaded. No torch.

The data stands in `catalogue.yaml` beside this file; a catalogue of the user's (`VQANIM_CATALOGUE`), the
models that a user added and the names of open_clip's models come on top.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import quote, unquote

import yaml

from vqanim.cache import cache_folder, extra_catalogue
from vqanim.errors import InputError
from vqanim.models import entries, own
from vqanim.models.config_file import ConfigError, read_plain
from vqanim.models.entries import KINDS, NAME, Entry, GeneratorEntry, ModelFile, PerceptorEntry, UnknownModel
from vqanim.models.families import FAMILIES
from vqanim.models.families.open_clip import EXAMPLE, PREFIX, fetched_names, open_clip_entry
from vqanim.models.family import Family, halved_stages
from vqanim.own_files import Damaged, read_bytes
from vqanim.settings import Setting, with_defaults
from vqanim.types import Stage

FOLDER = Path(__file__).parent
MAX_BYTES, MAX_VALUES = 2_000_000, 100_000

_NUMBERS = {
    "generator": {"multiple": int, "learning_rate": float, "smoothing": float, "side": int},
    "perceptor": {"cutouts": int, "cutout_noise": float},
}
_TEXTS = ("license", "commercial", "source", "good_at", "unchecked")

_OWN_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""For the catalogue of this package only: ten times as fast, but nested files may exhaust the stack in it."""

CARD = "model.yaml"
"""Of a model that a user added: its catalogue, in its folder."""

Catalogue: TypeAlias = Mapping[str, Mapping[str, Entry]]
"""Models by kind (generator, perceptor) and name."""

NAMED = 12
"""Models that a message names."""


@cache
def _read_own_catalogue() -> Catalogue:
    content = read_bytes(FOLDER / "catalogue.yaml", MAX_BYTES) or b""
    return _catalogue(yaml.load(content, _OWN_LOADER), FOLDER)


def read_catalogue() -> Catalogue:
    """The models of this package, with the user's on top. Raises InputError when that has mistakes."""
    ours, path = package_catalogue(), extra_catalogue()
    theirs = read_catalogue_file(path) if path else {}
    return {kind: {**ours[kind], **theirs.get(kind, {})} for kind in KINDS}


def package_catalogue() -> Catalogue:
    """The models of this package: those of its catalogue and those that are families without weights."""
    listed = _read_own_catalogue()
    weightless = {name: family.entry for name, family in FAMILIES.items() if family.entry}
    return {**listed, "generator": {**listed["generator"], **weightless}}


def get_generator_entry(name: str) -> GeneratorEntry:
    """The generator called `name`. Raises UnknownModel that lists the known ones and the nearest."""
    return cast(GeneratorEntry, get_entry("generator", name))


def generator_settings(name: str) -> tuple[Setting, ...]:
    """What a scene may set for the generator called `name`; nothing where there is no such generator."""
    family = _family_of(name)
    return () if family is None else family.settings


def generator_trouble(name: str, settings: Mapping[str, Any], size: tuple[int, int]) -> str | None:
    """Why frames of a height and width in pixels cannot be made with these settings, or None. settings: those
    that are written."""
    family = _family_of(name)
    if family is None or family.trouble is None:
        return None
    return family.trouble(size, settings)


def generator_remark(name: str, size: tuple[int, int]) -> str | None:
    """What people should know about frames of a height and width in pixels of the generator called `name`."""
    family = _family_of(name)
    return None if family is None or not family.remark else family.remark(get_generator_entry(name), size)


def method_of(name: str) -> str:
    """How the pictures of the generator called `name` are worked on: descent, or denoise."""
    family = _family_of(name)
    return "descent" if family is None else family.method


def is_crisp(name: str) -> bool:
    """Whether the pictures of the generator called `name` are enlarged and shrunk without smoothing."""
    family = _family_of(name)
    return family is not None and family.crisp


def _family_of(name: str) -> Family | None:
    try:
        return FAMILIES[get_generator_entry(name).family]
    except (UnknownModel, InputError):
        return None


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
    return cast(PerceptorEntry, get_entry("perceptor", name))


def get_entry(kind: str, name: str) -> Entry:
    """The model of a kind called `name`: one that the user added, else of the catalogue, else open_clip's.

    Raises UnknownModel and InputError.
    """
    if entry := _own_entry(kind, name):
        return entry
    if entry := read_catalogue()[kind].get(name):
        return entries.with_pins(entry)
    if kind == "perceptor" and name.startswith(PREFIX):
        return open_clip_entry(name)
    known = _known(kind)
    (other,) = {*KINDS} - {kind}
    if name in _known(other):
        raise UnknownModel(f"{name!r} is a {other}, not a {kind}; known are {_some(known)}")
    more = f", and names like {EXAMPLE}" if kind == "perceptor" else ""
    hint = entries.did_you_mean(name, known)
    raise UnknownModel(f"unknown {kind} {name!r}; {hint}known are {_some(known)}{more}")


def _some(names: Sequence[str]) -> str:
    """The first names of a list, and where all are."""
    left = len(names) - NAMED
    more = f" and {left} more, which `vqanim models list` names" if left > 0 else ""
    return ", ".join(names[:NAMED]) + more


def own_folder(kind: str, name: str) -> Path:
    """Where a model that a user added lies, or would; it appears and disappears as a whole, by renaming."""
    return cache_folder() / "own" / kind / quote(name, safe="@+")


def _own_entry(kind: str, name: str) -> Entry | None:
    """A model that the user added, or None. Raises InputError when its card is damaged."""
    own.restore(own_folder(kind, name))
    card = own_folder(kind, name) / CARD
    if not NAME.fullmatch(name) or not card.exists():
        return None
    try:
        entry = read_catalogue_file(card)[kind].get(name)
    except InputError as error:
        raise InputError(f"{error}; run: vqanim models remove {name}, and add the model again") from error
    return replace(entry, own=True) if entry else None  # some file systems do not tell case apart


def find_entries(name: str) -> list[Entry]:
    """All models called `name`: a generator, a perceptor, or both. Raises UnknownModel and InputError."""
    if name.startswith(PREFIX):
        return [get_perceptor_entry(name)]
    found = []
    for kind in KINDS:
        with suppress(UnknownModel):
            found.append(get_entry(kind, name))
    if not found:
        hint = entries.did_you_mean(name, (known for kind in KINDS for known in _known(kind)))
        raise UnknownModel(f"unknown model {name!r}; {hint}`vqanim models list` names all")
    return found


def list_models() -> list[tuple[str, str]]:
    """Kind and name of all models: of the catalogue, of the user, and those of open_clip in the cache."""
    found = [(kind, name) for kind in KINDS for name in _known(kind)]
    return found + [("perceptor", name) for name in fetched_names()]


def _known(kind: str) -> list[str]:
    cards = (cache_folder() / "own" / kind).glob(f"[!.]*/{CARD}")
    return list(
        dict.fromkeys((*read_catalogue()[kind], *sorted(unquote(card.parent.name) for card in cards)))
    )


class _Mistake(ValueError):
    """What is wrong, and where in the file."""


def _expect(fits: object, where: str, found: Any, expected: str) -> None:
    if not fits:
        raise _Mistake(f"{where}: found {str(found)[:80]!r}, expected {expected}")


def _check_keys(row: Any, allowed: Sequence[str], where: str) -> None:
    """Raise _Mistake unless a row is a mapping with these keys at most."""
    _expect(isinstance(row, dict), where, row, "keys and values")
    if unknown := [key for key in row if key not in allowed]:
        raise _Mistake(f"{where}: unknown key {str(unknown[0])[:60]!r}, allowed are {', '.join(allowed)}")


def read_catalogue_file(path: Path) -> Catalogue:
    """A catalogue. Raises InputError that names the file, the field and what is allowed."""
    try:
        content = read_bytes(path, MAX_BYTES)
        if content is None:
            raise InputError(f"{path}: this catalogue is missing")
        return _catalogue(read_plain(content, MAX_BYTES, MAX_VALUES), path.parent)
    except Damaged as error:
        raise InputError(f"{path}: this catalogue {error}") from error
    except ConfigError as error:
        raise InputError(f"{path}: this catalogue {str(error).removeprefix('it ')}") from error
    except _Mistake as error:
        raise InputError(f"{path}: {error}") from error


def _catalogue(data: Any, folder: Path) -> Catalogue:
    if not isinstance(data, dict) or not set(data) <= {"generators", "perceptors"}:
        raise _Mistake("a catalogue has the keys generators and perceptors, and no others")
    catalogue: dict[str, dict[str, Entry]] = {}
    for kind in KINDS:
        rows = data.get(f"{kind}s") or {}
        _expect(isinstance(rows, dict), f"{kind}s", rows, "names with what is known about them")
        folders = Counter(str(name).replace("/", "-").lower() for name in rows)
        if clash := [name for name, count in folders.items() if count > 1]:
            raise _Mistake(f"two models would lie in the same folder, {clash[0]!r}")
        catalogue[kind] = {name: _entry(kind, name, row, folder) for name, row in rows.items()}
    return catalogue


def _entry(kind: str, name: Any, row: Any, folder: Path) -> Entry:
    where = f"{kind}s.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _Mistake(f"{kind}s: {str(name)[:60]!r} cannot be a model's name")
    numbers: Mapping[str, type] = _NUMBERS[kind]
    _check_keys(row, ("family", "files", *_TEXTS, *numbers), where)
    families = {name: each for name, each in FAMILIES.items() if each.kind == kind and each.roles}
    family = str(row.get("family"))
    if family not in families:
        raise _Mistake(f"{where}.family: found {family!r}, allowed are {', '.join(families)}")
    if kind == "generator" and "multiple" not in row:
        raise _Mistake(f"{where}.multiple: is missing; it is 16 for an f16, 8 for an f8")
    files = row.get("files") or {}
    roles, optional = families[family].roles, families[family].optional
    fits = isinstance(files, dict) and set(roles) <= set(files) <= {*roles, *optional}
    expected = ", ".join((*roles, *(f"{role} (where the model has one)" for role in optional)))
    _expect(fits, f"{where}.files", files, expected)
    make: Any = GeneratorEntry if kind == "generator" else PerceptorEntry
    return make(
        **{key: _text(row.get(key, ""), f"{where}.{key}") for key in _TEXTS},
        **{key: _number(row[key], f"{where}.{key}", numbers[key]) for key in numbers if key in row},
        name=name,
        kind=kind,
        family=family,
        files={role: _file(kind, name, role, files[role], folder) for role in files},
    )


def _file(kind: str, name: str, role: str, row: Any, folder: Path) -> ModelFile:
    where = f"{kind}s.{name}.files.{role}"
    _check_keys(row, ("urls", "package", "path", "sha256", "size", "roughly"), where)
    digest = row.get("sha256")
    if digest is not None:
        fits = re.fullmatch("[0-9a-f]{64}", str(digest))
        _expect(fits, f"{where}.sha256", digest, "64 digits 0-9 a-f in quotes")
    if "package" in row:
        if set(row) != {"package", "path", "sha256"}:
            raise _Mistake(f"{where}: a file of a package has the keys package, path and sha256")
        return entries.PackageFile(_text(row["package"], where), _text(row["path"], where), str(digest))
    sizes = {key: _number(row[key], f"{where}.{key}", int) for key in ("size", "roughly") if key in row}
    if "path" in row:
        plain = re.fullmatch(r"[a-z]+\.[a-z]+", str(row["path"]))
        if set(row) != {"path", "sha256", "size"} or not plain or not digest:
            raise _Mistake(f"{where}: a file beside it has the keys path, a plain name, sha256 and size")
        remedy = f"add it again: vqanim models add {name} --force ..."
        return entries.LocalFile(folder / row["path"], remedy, digest, **sizes)
    urls = row.get("urls")
    usable = isinstance(urls, list) and all(isinstance(url, str) and entries.is_address(url) for url in urls)
    _expect(usable and urls, f"{where}.urls", urls, "a list of http or https addresses")
    endings = {"generator": ("yaml", "ckpt"), "perceptor": ("json", "pt")}[kind]
    ending = endings[role != "config"]
    place = f"{name.replace('/', '-')}/{role}.{ending}"
    return entries.RemoteFile(name, place, tuple(urls), digest, **sizes)


def _text(found: Any, where: str) -> str:
    _expect(isinstance(found, str) and found.isprintable(), where, found, "a text on one line")
    return str(found)


def _number(found: Any, where: str, kind: type) -> Any:
    fits = type(found) is int or (kind is float and type(found) is float)
    _expect(fits and (1 if kind is int else 0) <= found < 10**13, where, found, "a number")
    return kind(found)
