"""What fetching tells its listeners: typed, frozen, picklable. Words for people are not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class FetchStarted:
    """Files of a model are missing and will be fetched."""

    model: str
    kind: str
    """generator or perceptor."""
    license: str
    commercial: str
    files: int
    size: int | None
    """Bytes of these files, as far as known."""


@dataclass(frozen=True)
class FetchWaiting:
    """Another process fetches this model; this one waits for it."""

    model: str


@dataclass(frozen=True)
class FetchProgress:
    """Sent when a transfer begins, and now and then while it goes on."""

    model: str
    role: str
    address: str
    done: int
    """Bytes here, those of an earlier attempt included."""
    size: int | None
    """Bytes in the end; None when nobody said."""


@dataclass(frozen=True)
class FetchTrouble:
    """An address did not give the file."""

    model: str
    role: str
    address: str
    reason: str
    wait: float | None
    """Seconds until the same address is tried again; None when it is given up."""


@dataclass(frozen=True)
class FileFetched:
    """A file is whole, checked and in its place."""

    model: str
    role: str
    path: str
    address: str
    size: int
    sha256: str
    pinned: bool
    """Whether nobody had published its SHA-256, so that this one holds from now on."""


FetchEvent: TypeAlias = FetchStarted | FetchWaiting | FetchProgress | FetchTrouble | FileFetched
