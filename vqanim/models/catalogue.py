"""The catalogue of models: what must be known about a model before it is loaded. No torch.

The data stands in `catalogue.yaml` beside this file; a catalogue of the user's (`VQANIM_CATALOGUE`), the
models that a user added and the names of open_clip's models come on top.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from vqanim.errors import InputError
from vqanim.models.cache import extra_catalogue
from vqanim.models.catalogue_file import Catalogue, read_catalogue_file
from vqanim.models.entries import (
    AnyEntry,
    Entry,
    GeneratorEntry,
    ModelEntry,
    ModelFile,
    OwnFile,
    PackageFile,
    PerceptorEntry,
    RemoteFile,
    UnknownModel,
)
from vqanim.models.families import FAMILIES
from vqanim.models.families.open_clip import EXAMPLE, PREFIX, fetched_names, open_clip_entry
from vqanim.models.own import KINDS, own_entry, own_names
from vqanim.models.pins import read_pin
from vqanim.settings import Setting

__all__ = [
    "Catalogue",
    "Entry",
    "GeneratorEntry",
    "ModelEntry",
    "ModelFile",
    "OwnFile",
    "PackageFile",
    "PerceptorEntry",
    "RemoteFile",
    "UnknownModel",
    "features_file",
    "find_entries",
    "generator_settings",
    "get_entry",
    "get_generator_entry",
    "get_perceptor_entry",
    "list_models",
    "package_catalogue",
    "read_catalogue",
]

FOLDER = Path(__file__).parent


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
    if entry := own_entry(kind, name):
        return entry
    entries = read_catalogue().of_kind(kind)
    if name in entries:
        return with_pins(entries[name])
    if kind == "perceptor" and name.startswith(PREFIX):
        return open_clip_entry(name)
    raise _unknown(kind, name)


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
        hint = _hint(name, [*_known("generator"), *_known("perceptor")])
        raise UnknownModel(f"unknown model {name!r}; {hint}`vqanim models list` names all") from last
    return found


def list_models() -> list[tuple[str, str]]:
    """Kind and name of all models: of the catalogue, of the user, and those of open_clip in the cache."""
    found = [(kind, name) for kind in KINDS for name in _known(kind)]
    return found + [("perceptor", name) for name in fetched_names()]


def with_pins(entry: AnyEntry) -> AnyEntry:
    """The entry with the hashes that first downloads gave, where the catalogue has none."""
    return replace(entry, files={role: _pinned(file) for role, file in entry.files.items()})


def _pinned(file: ModelFile) -> ModelFile:
    if not isinstance(file, RemoteFile) or (file.sha256 is not None and not file.pinned):
        return file
    pin = read_pin(file.place)
    return replace(file, sha256=pin.sha256, size=pin.size, pinned=True) if pin else file


def _known(kind: str) -> list[str]:
    names = list(read_catalogue().of_kind(kind))
    return names + [name for name in own_names(kind) if name not in names]


def _unknown(kind: str, name: str) -> UnknownModel:
    known = _known(kind)
    (other,) = (k for k in KINDS if k != kind)
    if name in _known(other):
        return UnknownModel(f"{name!r} is a {other}, not a {kind}; known are {', '.join(known)}")
    more = f", and names like {EXAMPLE}" if kind == "perceptor" else ""
    return UnknownModel(f"unknown {kind} {name!r}; {_hint(name, known)}known are {', '.join(known)}{more}")


def _hint(name: str, known: Iterable[str]) -> str:
    """`did you mean 'imagenet-16384'? `, or nothing."""
    spelling = {official.lower(): official for official in known}
    near = difflib.get_close_matches(name.lower(), spelling, n=1)
    return f"did you mean {spelling[near[0]]!r}? " if near else ""
