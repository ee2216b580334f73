"""A film from its takes: files that are made only when they have to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from time import monotonic, perf_counter

from PIL import Image

from vqanim import files
from vqanim.errors import UsageError
from vqanim.files import Guard, writing
from vqanim.film.compose import make_reel
from vqanim.film.formats import outputs_of
from vqanim.film.reel import EncodeOptions, Film, Find, Output, Reel, play_into
from vqanim.leftovers import scratch_folder
from vqanim.pictures import Picture
from vqanim.takes.outputs import Manifest, making_way
from vqanim.timeline.plan import FrameRef, Timeline

FILM_VERSION = 3  # bumped by hand whenever the same frames and settings would give other files
AT_ONCE = 3
"""Files that are made side by side: those of a render, and few enough for the memory of their encoders."""
MEASURED = 24  # film frames that are enough to know how long one takes


@dataclass(frozen=True)
class FilmDone:
    """A file of the film was written, or found to be up to date."""

    kind: str  # mp4, gif, poster, or the name of a preset
    path: str
    written: bool
    seconds: float  # since work on it, and on those made side by side with it, began
    moved: tuple[tuple[str, str], ...] = ()
    """What was in the place of a file, was not made here or was changed since, and where it is now."""


MANIFEST = Manifest()


def make_film(
    timeline: Timeline,
    find: Find,
    folder: Path,
    stem: str,
    presets: Sequence[str] = (),
    options: EncodeOptions = EncodeOptions(),
    *,
    foreign: bool = False,
    guard: Guard = lambda: None,
) -> Iterator[FilmDone]:
    """Write the files of some presets into `folder`, telling after each.

    Without presets these are what a render makes: <stem>.mp4, <stem>.gif and poster.png. What is in their
    place and was not made here, or was changed since, moves to superseded/.

    `find` gives the file of each saved frame. A file that is there and was made of the same pictures with
    the same settings is left alone; fps, crf, title and the GIF's settings take part only in the digests of
    the files that show them. The caller holds the lock of the render's folder.
    foreign: the folder is somebody's, so that what was not made here is refused, as
    folders are anywhere.
    guard: called before each file appears; raises when the folder's lock was lost.
    Raises UsageError before anything is written, and OutputError; what was finished before stays.
    """
    film = Film(timeline, make_reel(timeline, find), find, folder, stem, options)
    outputs = outputs_of(presets, film)
    for path in (output.path for output in outputs):
        if (foreign or path.is_dir()) and path.exists() and not MANIFEST.knows(path):
            raise UsageError(f"{path}: is there and was not made here; move it, or choose another --out")
    files.make_folder(folder)
    files.remove_temporary(folder)

    @cache
    def hash_of(frame: FrameRef) -> str:
        with writing(find(frame)):
            return files.sha256_of(find(frame))

    for first in range(0, len(outputs), AT_ONCE):  # the pictures are made once for those
        some = outputs[first : first + AT_ONCE]
        digests = {output.path: _digest(timeline, output, hash_of) for output in some}
        yield from write_stale(film.reel, some, digests, MANIFEST, guard)


def write_stale(
    reel: Reel, outputs: Sequence[Output], digests: Mapping[Path, str], manifest: Manifest, guard: Guard
) -> Iterator[FilmDone]:
    """Write those of some files that are not up to date, side by side, telling of each.

    digests: of all that each file is made of. manifest: what those that are there were made of. guard: called
    before the first picture and before each file appears. Raises OutputError.
    """
    stale = {path for path, digest in digests.items() if not manifest.is_current(path, digest)}
    began = perf_counter()
    if stale:
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
            path, written, moved = output.path, output.path in stale, []
            if written:
                guard()
                with making_way(path, manifest.wrote(path), guard) as place:
                    each.close()
                record = manifest.remember(path, digests[path], guard)
                moved = [one.texts for one in (place, record) if one.moved_to]
            yield FilmDone(output.kind, str(path), written, perf_counter() - began, tuple(moved))


def _digest(timeline: Timeline, output: Output, hash_of: Callable[[FrameRef], str]) -> str:
    """Of all that a file is made of; `hash_of` gives that of a saved frame. Raises OutputError."""
    frames = [timeline.edit[index] for index in output.frames]
    effects = any(frame.effects or any(layer.effects for layer in frame.layers) for frame in frames)
    document = {
        "film": FILM_VERSION,
        "kind": output.kind,
        "settings": output.settings,
        "seed": timeline.seed if effects else None,
        "smooth": bool(timeline.keys) and output.kind != "poster",
    }
    digest = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode("ascii"))
    for frame in frames:
        hashes = [hash_of(saved) for saved in frame.frames]
        digest.update(json.dumps(hashes if frame.untouched else [repr(frame), *hashes]).encode("ascii"))
    return digest.hexdigest()


def seconds_a_frame(timeline: Timeline, picture: Picture) -> float:
    """Seconds for one frame in all films that a render makes, if every saved frame were this picture, uint8
    [H, W, 3] of the film's size. Raises OutputError."""
    short = replace(timeline, edit=timeline.edit[:MEASURED], chapters=(), keys=())
    with scratch_folder() as folder:
        saved = Path(folder) / "frame.png"
        Image.fromarray(picture).save(saved)
        began = monotonic()
        list(make_film(short, lambda frame: saved, Path(folder), "film"))
        return (monotonic() - began) / len(short.edit)
