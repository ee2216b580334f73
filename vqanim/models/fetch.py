"""A model's files into the cache: what is missing is fetched, what nobody published a hash of is pinned.

One process fetches a model at a time; others wait for it and find the files there. No torch, but for models
of open_clip, whose package says where their weights are.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from vqanim.errors import InputError
from vqanim.files import make_folder, writing
from vqanim.models.cache import cache_folder, is_offline, mirrors, sha256_of
from vqanim.models.catalogue import with_pins
from vqanim.models.contents import find_fault
from vqanim.models.download import Patience, Wanted, download
from vqanim.models.entries import AnyEntry, ModelEntry, OwnFile, RemoteFile
from vqanim.models.events import FetchEvent, FetchStarted, FetchWaiting, FileFetched
from vqanim.models.families.open_clip import weights_place
from vqanim.models.pins import Pin, write_pin


def fetch_model(
    entry: AnyEntry,
    *,
    verify: bool = False,
    sources: tuple[str, ...] = (),
    patience: Patience = Patience(),
) -> Generator[FetchEvent, None, AnyEntry]:
    """Bring all files of a model here; gives the entry with every hash known.

    verify: also read files that are here, and fetch damaged ones anew.
    sources: addresses of mirrors that are tried before those of `VQANIM_MIRROR`.
    Says nothing when there is nothing to fetch. Raises InputError when a file cannot be had, or may not be
    because `VQANIM_OFFLINE` is set; OutputError when the disk refuses.
    """
    entry = _with_addresses(entry)
    if not any(_is_missing(file, verify) for file in _remote(entry).values()):
        return _pin_what_is_here(entry)
    if is_offline():
        raise InputError(_offline_message(entry, verify))
    lock = yield from _lock(entry.name)
    try:
        entry = with_pins(entry)
        missing = {role: file for role, file in _remote(entry).items() if _is_missing(file, verify)}
        if missing:
            sizes = [file.size or file.roughly or 0 for file in missing.values()]
            yield FetchStarted(
                entry.name, entry.kind, entry.license, entry.commercial, len(missing), sum(sizes) or None
            )
        for role, file in missing.items():
            yield from _fetch_file(entry.name, role, file, sources, patience)
        return _pin_what_is_here(entry)
    finally:
        lock.release()


def is_installed(entry: ModelEntry) -> bool:
    """Whether all files of a model are here, by their sizes; one without weights is always.

    One of open_clip must have been fetched once.
    """
    if not entry.files:
        return entry.is_known
    for file in entry.files.values():
        try:
            size = file.locate().stat().st_size
        except (InputError, OSError):
            return False
        wanted = getattr(file, "size", None)
        if wanted is not None and size != wanted:
            return False
    return True


def _remote(entry: ModelEntry) -> dict[str, RemoteFile]:
    return {role: file for role, file in entry.files.items() if isinstance(file, RemoteFile)}


def _is_missing(file: RemoteFile, verify: bool) -> bool:
    """Whether a file is not here, or is not what it must be."""
    path = file.locate()
    try:
        if file.size is not None and path.stat().st_size != file.size:
            return True
        return not path.is_file() or (verify and file.sha256 is not None and sha256_of(path) != file.sha256)
    except OSError:
        return True


def _fetch_file(
    model: str, role: str, file: RemoteFile, sources: tuple[str, ...], patience: Patience
) -> Generator[FetchEvent, None, None]:
    near = [f"{base.rstrip('/')}/{quote(file.place, safe='/@+')}" for base in (*sources, *mirrors())]
    addresses = tuple(dict.fromkeys((*near, *file.urls)))
    wanted = Wanted(model, role, file.locate(), addresses, file.sha256, file.size, file.roughly)
    got = yield from download(wanted, patience)
    fresh = file.sha256 is None
    if fresh:
        write_pin(file.place, Pin(got.sha256, got.size, got.address))
    yield FileFetched(model, role, str(file.locate()), got.address, got.size, got.sha256, fresh)


def _pin_what_is_here(entry: AnyEntry) -> AnyEntry:
    """Pin files that somebody put into the cache by hand. Raises InputError for what cannot be the file."""
    for role, file in _remote(with_pins(entry)).items():
        if file.sha256 is not None:
            continue
        path = file.locate()
        with writing(path):
            if fault := find_fault(path, role):
                raise InputError(f"{path}: this is not the {role} of {entry.name}: {fault}; {file.remedy}")
            write_pin(file.place, Pin(sha256_of(path), path.stat().st_size, str(path)))
    return with_pins(entry)


def _lock(model: str) -> Generator[FetchEvent, None, FileLock]:
    """Hold a model, once nobody else does. Raises OutputError."""
    folder = cache_folder() / "locks"
    make_folder(folder)
    # Not bound to a thread, because a generator that holds it may be closed by another one.
    lock = FileLock(folder / f"{quote(model, safe='@+')}.lock", thread_local=False)
    told = False
    while True:
        with writing(folder):
            try:
                lock.acquire(blocking=False)
                return lock
            except Timeout:  # which is an OSError too
                pass
        if not told:
            yield FetchWaiting(model)
        told = True
        time.sleep(0.2)


def _offline_message(entry: ModelEntry, verify: bool) -> str:
    lines = [
        f"  {file.locate()}  from  {file.urls[0] if file.urls else 'its page at the model hub'}"
        for file in _remote(entry).values()
        if _is_missing(file, verify)
    ]
    return "\n".join(
        [
            f"{entry.name} is not on this machine, and VQANIM_OFFLINE forbids the network; "
            "unset it, or put these files there:",
            *lines,
        ]
    )


def _with_addresses(entry: AnyEntry) -> AnyEntry:
    """Of a model of open_clip, whose files the catalogue cannot know, where they are; others as they are.

    Weights that another program left in the cache of the model hub are used where they lie.
    """
    if entry.family != "open_clip" or is_installed(entry):
        return entry
    from vqanim.models.families.open_clip import find_sources

    place = weights_place(entry.name)
    here, urls = find_sources(entry.name)
    if here is None:
        known = entry.files.get("weights")
        file = RemoteFile(entry.name, place, urls)
        if isinstance(known, RemoteFile):
            file = replace(known, urls=urls)
        return replace(entry, files={"weights": file})
    return replace(entry, files={"weights": _adopt(entry.name, place, here)})


def _adopt(name: str, place: str, path: Path) -> OwnFile:
    """A file that another program keeps: pinned with its path."""
    with writing(path):
        digest, size = sha256_of(path), path.stat().st_size
    write_pin(place, Pin(digest, size, str(path)))
    return OwnFile(name, path, digest, size)
