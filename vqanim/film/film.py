"""Files of a film, each made only when it has to be, and its poster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from vqanim.errors import OutputError
from vqanim.files import make_folder, remove_temporary, staged, write_atomic, writing
from vqanim.film.compose import Find, make_reel
from vqanim.timeline.plan import FrameRef, Timeline

FILM_VERSION = 2
"""Bumped by hand whenever the same frames and settings would give other files."""

STATE = "film.json"
"""By file name: the digest of all that a film file was made of, and its size in bytes."""


@dataclass(frozen=True)
class FilmDone:
    """A file of the film was written, or found to be up to date."""

    kind: str
    """mp4, gif, poster, or the name of a preset."""
    path: str
    written: bool
    seconds: float


@dataclass(frozen=True)
class Output:
    """One file of the film and how it is made."""

    kind: str
    path: Path
    settings: Mapping[str, Any]
    """What its contents depend on besides the pictures; what JSON can hold."""
    frames: Sequence[int]
    """Numbers of the film frames that it is made of."""
    write: Callable[[], None]


def make_outputs(
    timeline: Timeline, find: Find, folder: Path, outputs: Sequence[Output]
) -> Iterator[FilmDone]:
    """Write those of some files in `folder` that are not up to date. Raises OutputError."""
    make_folder(folder)
    remove_temporary(folder)
    contents = Contents(timeline, find)
    for output in outputs:
        began = perf_counter()
        digest = contents.digest(output)
        written = not _is_current(output.path, digest)
        if written:
            output.write()
            _remember(output.path, digest)
        yield FilmDone(output.kind, str(output.path), written, perf_counter() - began)


def poster_index(count: int) -> int:
    """The film frame for the poster: two thirds in, where the picture has grown and no ending has begun."""
    return 2 * count // 3


def poster(timeline: Timeline, find: Find, folder: Path) -> Output:
    """The film's picture for a shelf."""
    path = folder / "poster.png"
    best = poster_index(len(timeline.edit))

    def write() -> None:
        untouched = timeline.edit[best].untouched
        if untouched is not None:
            _copy(find(untouched), path)
            return
        (picture,) = make_reel(timeline, find).play([best])
        with writing(path), staged(path) as temporary:
            Image.fromarray(picture).save(temporary, "PNG")

    return Output("poster", path, {}, [best], write)


def _copy(source: Path, target: Path) -> None:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise OutputError(f"{source}: cannot be read ({error.strerror}); run again") from error
    write_atomic(target, content)


class Contents:
    """Digests of what films are made of; each saved frame is read once."""

    def __init__(self, timeline: Timeline, find: Find) -> None:
        self._timeline = timeline
        self._find = find
        self._hashes: dict[FrameRef, str] = {}

    def digest(self, output: Output) -> str:
        """Digest of all that a file is made of. Raises OutputError."""
        frames = [self._timeline.edit[index] for index in output.frames]
        effects = any(frame.effects or any(layer.effects for layer in frame.layers) for frame in frames)
        document = {
            "film": FILM_VERSION,
            "kind": output.kind,
            "settings": output.settings,
            "seed": self._timeline.seed if effects else None,
            "smooth": bool(self._timeline.keys) and output.kind != "poster",
        }
        digest = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode("ascii"))
        for frame in frames:
            hashes = [self._hash(saved) for saved in frame.frames]
            what = hashes if frame.untouched else [repr(frame), *hashes]
            digest.update(json.dumps(what).encode("ascii"))
        return digest.hexdigest()

    def _hash(self, frame: FrameRef) -> str:
        if frame not in self._hashes:
            path = self._find(frame)
            with writing(path):
                self._hashes[frame] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[frame]


def is_known(path: Path) -> bool:
    """True for a file, or a folder of frames, that was made here before."""
    return path.name in _read_state(path.with_name(STATE))


def _is_current(path: Path, digest: str) -> bool:
    entry = _read_state(path.with_name(STATE)).get(path.name)
    if not isinstance(entry, dict) or not path.exists():
        return False
    return entry == {"digest": digest, "bytes": _size(path)}


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return path.stat().st_size


def _remember(path: Path, digest: str) -> None:
    state = path.with_name(STATE)
    entries = {**_read_state(state), path.name: {"digest": digest, "bytes": _size(path)}}
    write_atomic(state, json.dumps(entries, indent=2, sort_keys=True) + "\n")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
