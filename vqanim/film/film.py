"""Files of a film, each made only when it has to be, and its poster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from vqanim.errors import OutputError
from vqanim.files import Guard, Picture, make_folder, remove_temporary, staged, write_atomic, writing
from vqanim.film.compose import Find, make_reel
from vqanim.film.made import Made
from vqanim.film.pictures import Opened, Reel, play_into
from vqanim.timeline.plan import FrameRef, Timeline

FILM_VERSION = 3
"""Bumped by hand whenever the same frames and settings would give other files."""

AT_ONCE = 3
"""Files that are made side by side: those of a render, and few enough for the memory of their encoders."""

MADE = Made()


@dataclass(frozen=True)
class FilmDone:
    """A file of the film was written, or found to be up to date."""

    kind: str
    """mp4, gif, poster, or the name of a preset."""
    path: str
    written: bool
    seconds: float
    """Since work on it, and on those made side by side with it, began."""


@dataclass(frozen=True)
class Output:
    """One file of the film and how it is made."""

    kind: str
    path: Path
    settings: Mapping[str, Any]
    """What its contents depend on besides the pictures; what JSON can hold."""
    frames: Sequence[int]
    """Numbers of the film frames that it is made of, ascending."""
    open: Callable[[], Opened]
    """For the pictures of these frames."""


def make_outputs(
    timeline: Timeline, find: Find, folder: Path, outputs: Sequence[Output], guard: Guard = lambda: None
) -> Iterator[FilmDone]:
    """Write those of some files in `folder` that are not up to date, telling of each.

    The pictures are made once for AT_ONCE files, whose encoders work side by side. guard: see `make_film`.
    Raises OutputError.
    """
    make_folder(folder)
    remove_temporary(folder)
    contents, reel = Contents(timeline, find), make_reel(timeline, find)
    for first in range(0, len(outputs), AT_ONCE):
        some = outputs[first : first + AT_ONCE]
        digests = {output.path: contents.digest(output) for output in some}
        stale = {path for path, digest in digests.items() if not MADE.is_current(path, digest)}
        yield from play_once(reel, some, stale, guard, partial(MADE.remember, digests))


def play_once(
    reel: Reel,
    outputs: Sequence[Output],
    stale: Container[Path],
    guard: Guard,
    remember: Callable[[Path], None],
) -> Iterator[FilmDone]:
    """Write those of some files that are stale, side by side, telling of each.

    guard: called before the first picture and before each file appears. remember: told of each that was
    written. Raises OutputError.
    """
    began = perf_counter()
    if any(output.path in stale for output in outputs):
        guard()
    with ExitStack() as stack:
        # Each on a stack of its own, so that one can be finished before the next; all end when one fails.
        opened = [stack.enter_context(ExitStack()) for _ in outputs]
        sinks = [
            (output.frames, each.enter_context(output.open()))
            for output, each in zip(outputs, opened, strict=True)
            if output.path in stale
        ]
        if sinks:
            play_into(reel, sinks)
        for output, each in zip(outputs, opened, strict=True):
            written = output.path in stale
            if written:
                guard()
                each.close()
                remember(output.path)
            yield FilmDone(output.kind, str(output.path), written, perf_counter() - began)


def poster_index(count: int) -> int:
    """The film frame for the poster: two thirds in, where the picture has grown and no ending has begun."""
    return 2 * count // 3


def poster(timeline: Timeline, find: Find, folder: Path) -> Output:
    """The film's picture for a shelf."""
    path = folder / "poster.png"
    best = poster_index(len(timeline.edit))

    untouched = timeline.edit[best].untouched
    source = None if untouched is None else find(untouched)
    return Output("poster", path, {}, [best], lambda: nullcontext(_Poster(path, source)))


@dataclass(frozen=True)
class _Poster:
    """A sink for one picture; where that is a saved frame, the poster is the file of this."""

    path: Path
    source: Path | None

    def put(self, picture: Picture) -> None:
        if self.source is not None:
            _copy(self.source, self.path)
            return
        with writing(self.path), staged(self.path) as temporary:
            Image.fromarray(picture).save(temporary, "PNG")

    def end(self) -> None:
        """It is whole already."""


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
