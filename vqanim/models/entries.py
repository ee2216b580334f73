"""What must be known about a model before it is loaded, and where its files are. No torch."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from vqanim.errors import InputError, UsageError
from vqanim.models.cache import models_folder

LEARNING_RATE = 0.1
"""Of generators of the official kinds, where nothing else is said."""
CUTOUTS = 32
CUTOUT_NOISE = 0.1
"""Of CLIPs, where nothing else is said."""


class UnknownModel(UsageError):
    """No model of this name is known."""


class ModelFile(Protocol):
    """A file that a model needs."""

    @property
    def sha256(self) -> str | None:
        """What its SHA-256 must be; None as long as nobody knows."""
        ...

    @property
    def remedy(self) -> str:
        """What to do when the file is missing or damaged."""
        ...

    def locate(self) -> Path:
        """Where the file is, or should be. Raises InputError when that cannot be said."""
        ...


@dataclass(frozen=True)
class PackageFile:
    """A file that an installed Python package carries."""

    package: str
    path: str
    """Relative to the package's folder."""
    sha256: str

    @property
    def remedy(self) -> str:
        """How to get the package again."""
        distribution = self.package.replace("_", "-")
        return f"reinstall it: python -m pip install --force-reinstall --no-deps {distribution}"

    def locate(self) -> Path:
        """Raises InputError when the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise InputError(f"{self.path}: the package {self.package} is not installed; {self.remedy}")
        return Path(spec.submodule_search_locations[0]) / self.path


@dataclass(frozen=True)
class RemoteFile:
    """A file that is fetched into the cache."""

    model: str
    """The model's name."""
    place: str
    """Path in the folder of fetched models, and under the address of a mirror."""
    urls: tuple[str, ...]
    """Where it may be fetched, in the order of trying."""
    sha256: str | None = None
    size: int | None = None
    """Bytes."""
    roughly: int | None = None
    """Bytes, where the size was never measured."""
    pinned: bool = False
    """Whether hash and size are those of the first download, because no others were published."""

    @property
    def remedy(self) -> str:
        """The command that fetches it, or mends it."""
        return f"run: vqanim models fetch {self.model}"

    def locate(self) -> Path:
        """Its place in the cache."""
        return models_folder() / self.place


@dataclass(frozen=True)
class OwnFile:
    """A file that a user added: a copy in the cache, or where another program keeps it."""

    model: str
    path: Path
    sha256: str
    size: int
    """Bytes."""

    @property
    def remedy(self) -> str:
        """How to get it again."""
        return f"add it again: vqanim models add {self.model} --force ..."

    def locate(self) -> Path:
        """Where it lies."""
        return self.path


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """What is known about a model."""

    name: str
    kind: str
    """generator or perceptor."""
    family: str
    """How it is loaded; a key of `models.families.FAMILIES`."""
    files: Mapping[str, ModelFile] = field(default_factory=dict)
    """By role; the roles are the family's."""
    version: str = ""
    """Of a model without weights, what stands for them in `hash`, such as "pixels 1"; else empty."""
    license: str
    commercial: str = "unknown"
    """What the license means for commercial use: a word or two, then after a colon the reason."""
    source: str = ""
    good_at: str
    unchecked: str = ""
    """What could not be checked when the catalogue was written; empty when all could."""
    own: bool = False
    """Whether a user added it."""

    @property
    def hash(self) -> str:
        """16 hex digits for all files of the model, known before they are read; part of frames' digests.

        It says nothing about the weights as long as `is_known` is False.
        """
        if self.version:
            return hashlib.sha256(self.version.encode()).hexdigest()[:16]
        if not self.is_known:
            return hashlib.sha256(f"unknown weights of {self.name}".encode()).hexdigest()[:16]
        digest = hashlib.sha256()
        for role in sorted(self.files):
            digest.update(bytes.fromhex(self.files[role].sha256 or ""))
        return digest.hexdigest()[:16]

    @property
    def is_known(self) -> bool:
        """Whether the hash of every file is known, so that `hash` depends on the weights."""
        return bool(self.version or self.files) and all(file.sha256 for file in self.files.values())

    @property
    def size(self) -> int | None:
        """Bytes of all files, as far as known; None when not, 0 for a model without weights."""
        if self.version:
            return 0
        sizes = [
            getattr(file, "size", None) or getattr(file, "roughly", None) or 0 for file in self.files.values()
        ]
        return sum(sizes) or None


@dataclass(frozen=True, kw_only=True)
class GeneratorEntry(ModelEntry):
    """A generator: turns latents into pictures."""

    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""
    learning_rate: float = LEARNING_RATE
    """Step of the latents where a scene gives none."""
    smoothing: float = 0.0
    """How much neighboring latents move together where a scene says nothing."""


@dataclass(frozen=True, kw_only=True)
class PerceptorEntry(ModelEntry):
    """A perceptor: puts texts and images into one space."""

    cutouts: int = CUTOUTS
    """Views of the picture a step where a scene gives none."""
    cutout_noise: float = 0.0
    """Noise on the views where a scene says nothing."""


Entry: TypeAlias = GeneratorEntry | PerceptorEntry
AnyEntry = TypeVar("AnyEntry", bound=ModelEntry)
