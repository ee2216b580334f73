"""A model's files in the cache: fetched where they are missing, looked at, and deleted.

What nobody published a hash of is pinned. One process fetches a model at a time; others wait for it and find
the files there. No torch, but for models of open_clip, whose package says where their weights are.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from filelock import FileLock, Timeout

from vqanim.cache import cache_folder, converted_path, is_offline, mirrors, models_folder
from vqanim.errors import InputError, OutputError, UsageError
from vqanim.files import make_folder, passes_locks, sha256_of, writing
from vqanim.models import entries, own
from vqanim.models.catalogue import find_entries, get_entry, list_models, own_folder
from vqanim.models.contents import find_fault
from vqanim.models.download import FetchProgress, FetchTrouble, Partial, Patience, download
from vqanim.models.entries import KINDS, AnyEntry, Entry, LocalFile, ModelEntry, PackageFile, RemoteFile
from vqanim.models.families.open_clip import find_sources, weights_place


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
"""What fetching reports: frozen and picklable."""


def fetch_model(
    entry: AnyEntry, *, verify: bool = False, sources: tuple[str, ...] = (), patience: Patience = Patience()
) -> Generator[FetchEvent, None, AnyEntry]:
    """Bring all files of a model here; gives the entry with every hash known.

    verify: also read files that are here, and fetch damaged ones anew.
    sources: addresses of mirrors that are tried before those of `VQANIM_MIRROR`.
    Says nothing when there is nothing to fetch. Raises InputError when a file cannot be had, or may not be
    because `VQANIM_OFFLINE` is set; OutputError when the disk refuses.
    """
    entry = _with_addresses(entry)
    if not (missing := _missing(entry, verify)):
        return _pin_what_is_here(entry)
    if is_offline():
        hub = "its page at the model hub"
        places = [f"\n  {file.locate()}  from  {(*file.urls, hub)[0]}" for file in missing]
        reason = f"{entry.name} is not on this machine, and VQANIM_OFFLINE forbids the network"
        raise InputError(f"{reason}; unset it, or put these files there:{''.join(places)}")
    lock = yield from _lock(entry.name)
    try:
        entry = entries.with_pins(entry)
        if missing := _missing(entry, verify):
            size = sum(file.size or file.roughly or 0 for file in missing) or None
            yield FetchStarted(entry.name, entry.kind, entry.license, entry.commercial, len(missing), size)
        for file in missing:
            near = [f"{base.rstrip('/')}/{quote(file.place, safe='/@+')}" for base in (*sources, *mirrors())]
            pin = yield from download(replace(file, urls=tuple(dict.fromkeys((*near, *file.urls)))), patience)
            if fresh := file.sha256 is None:
                entries.write_pin(file.place, pin)
            path = str(file.locate())
            yield FileFetched(entry.name, file.role, path, pin.address, pin.size, pin.sha256, fresh)
        return _pin_what_is_here(entry)
    finally:
        lock.release()


def is_installed(entry: ModelEntry) -> bool:
    """Whether all files of a model are here, by their sizes; one without weights is always.

    One of open_clip must have been fetched once.
    """
    if not entry.files:
        return entry.is_known
    files = entry.files.values()
    try:
        return all(getattr(file, "size", None) in (None, file.locate().stat().st_size) for file in files)
    except (InputError, OSError):
        return False


def find_damage(entry: Entry) -> list[str]:
    """What is wrong with the files of a model, by their SHA-256; empty when all are whole."""
    if not (entry.files or entry.version):
        return [missing_message(entry)]
    found = []
    for file in entry.files.values():
        try:
            entries.verify(file)
        except InputError as error:
            found.append(str(error))
    return found


def missing_message(entry: Entry) -> str:
    """That a model is not here, and how to get it."""
    return f"{entry.name} is not on this machine; run: vqanim models fetch {entry.name}"


def installed_models() -> list[Entry]:
    """All models that are here. Raises InputError for a damaged card or catalogue."""
    return [entry for kind, name in list_models() if is_installed(entry := get_entry(kind, name))]


def remove_models(name: str, *, forget: bool = False) -> dict[str, int]:
    """Delete all models of a name, as `remove_model` does; by kind the bytes that became free.

    One that a user added may be damaged. Raises UnknownModel, too.
    """
    try:
        return {entry.kind: remove_model(entry, forget=forget) for entry in find_entries(name)}
    except InputError:  # its card cannot be read
        removed = {kind: 0 for kind in KINDS if remove_own(kind, name)}
        if not removed:
            raise
        return removed


def remove_model(entry: Entry, *, forget: bool = False) -> int:
    """Delete what the cache holds of a model, its converted weights included; bytes that became free.

    forget: also the hashes that its first download gave, so that another file may come next time.
    Files that packages or other programs keep are left alone. Raises UsageError for a model that comes with
    a package, OutputError when the disk refuses.
    """
    if entry.version or any(isinstance(file, PackageFile) for file in entry.files.values()):
        raise UsageError(f"{entry.name!r} comes with an installed package and is not in the cache")
    freed = 0
    for file in entry.files.values():
        if file.sha256:
            freed += _delete_file(converted_path(file.sha256))
        if isinstance(file, RemoteFile):
            freed += _delete_file(file.locate())
            Partial(file.locate()).discard()
            if forget:
                entries.forget_pin(file.place)
            with suppress(OSError):  # other files lie there
                for folder in file.locate().relative_to(models_folder()).parents[:-1]:
                    (models_folder() / folder).rmdir()
        elif isinstance(file, LocalFile) and entry.own:
            freed += file.size or 0
    if entry.own:
        remove_own(entry.kind, entry.name)
    elif entry.family == "open_clip" and forget:
        entries.forget_pin(weights_place(entry.name))
    return freed


def remove_own(kind: str, name: str) -> bool:
    """Remove a model that a user added; whether there was one. Raises OutputError."""
    folder = own_folder(kind, name)
    if not folder.exists():
        return False
    own.remove(folder)
    return True


def _remote(entry: ModelEntry) -> list[RemoteFile]:
    return [file for file in entry.files.values() if isinstance(file, RemoteFile)]


def _missing(entry: ModelEntry, verify: bool) -> list[RemoteFile]:
    """Files that are not here, or are not what they must be."""

    def is_missing(file: RemoteFile) -> bool:
        path = file.locate()
        try:
            if not path.is_file() or file.size not in (None, path.stat().st_size):
                return True
            return verify and file.sha256 not in (None, sha256_of(path))
        except OSError:
            return True

    return [file for file in _remote(entry) if is_missing(file)]


def _pin_what_is_here(entry: AnyEntry) -> AnyEntry:
    """Pin files that somebody put into the cache by hand. Raises InputError for what cannot be the file."""
    for file in _remote(entries.with_pins(entry)):
        path = file.locate()
        if file.sha256 is None:
            with writing(path):
                fault = find_fault(path, file.role)
            if fault:
                raise entries.file_error(file, f"this is not the {file.role} of {entry.name}: {fault}")
            _pin(file.place, path)
    return entries.with_pins(entry)


def _lock(model: str) -> Generator[FetchEvent, None, FileLock]:
    """Hold a model, once nobody else does. Raises OutputError."""
    folder = cache_folder() / "locks"
    make_folder(folder)
    # Not bound to a thread, because a generator that holds it may be closed by another one.
    lock = FileLock(folder / f"{quote(model, safe='@+')}.lock", thread_local=False)
    waiting = False
    while True:
        try:
            with writing(folder):
                lock.acquire(blocking=False)
            return lock
        except (OutputError, NotImplementedError) as error:  # a Timeout is an OSError too
            if not passes_locks(Path(lock.lock_file)):
                return lock  # two that fetch at once would only fetch twice
            if not isinstance(error.__cause__, Timeout):
                raise
        if not waiting:
            yield FetchWaiting(model)
        waiting = True
        time.sleep(0.2)


def _with_addresses(entry: AnyEntry) -> AnyEntry:
    """The entry; of a model of open_clip, whose files the catalogue cannot know, with where they are.

    Weights that another program left in the cache of the model hub are used where they lie, and pinned so.
    """
    if entry.family != "open_clip" or is_installed(entry):
        return entry
    place, known = weights_place(entry.name), entry.files.get("weights")
    here, urls = find_sources(entry.name)
    if here is None:
        remote = known if isinstance(known, RemoteFile) else RemoteFile(entry.name, place, ())
        return replace(entry, files={"weights": replace(remote, urls=urls)})
    pin = _pin(place, here)
    return replace(
        entry,
        files={"weights": LocalFile(here, f"run: vqanim models fetch {entry.name}", pin.sha256, pin.size)},
    )


def _pin(place: str, path: Path) -> entries.Pin:
    """Pin a file that is here already."""
    with writing(path):
        pin = entries.Pin(sha256_of(path), path.stat().st_size, str(path))
    entries.write_pin(place, pin)
    return pin


def _delete_file(path: Path) -> int:
    """Delete a file; its size, 0 when there is none."""
    with writing(path):
        size = path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
    return size
