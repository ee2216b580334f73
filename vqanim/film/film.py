"""The files of a film, each made only when it has to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from vqanim.errors import OutputError
from vqanim.files import make_folder, remove_temporary, staged, write_atomic, writing
from vqanim.film.compose import Find, make_reel
from vqanim.film.gif import write_gif
from vqanim.film.video import MP4, VideoSettings, write_video
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


def make_film(timeline: Timeline, find: Find, folder: Path, stem: str) -> Iterator[FilmDone]:
    """Write <stem>.mp4, <stem>.gif and poster.png into `folder`, telling after each.

    `find` gives the file of each saved frame. A file that is there and was made of the same pictures with
    the same settings is left alone; fps, crf, title and the GIF's settings take part only in the digests of
    the files that show them. The caller holds the folder's lock.
    Raises OutputError; what was finished before stays.
    """
    yield from make_outputs(timeline, find, folder, _outputs(timeline, find, folder, stem))


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


def _outputs(timeline: Timeline, find: Find, folder: Path, stem: str) -> tuple[Output, ...]:
    mp4, gif = folder / f"{stem}.mp4", folder / f"{stem}.gif"
    reel = make_reel(timeline, find)
    everything = range(reel.count)
    video = VideoSettings(MP4, timeline.crf, timeline.title, timeline.chapters)
    fps = {"fps": str(timeline.fps)}
    return (
        Output("mp4", mp4, fps | asdict(video), everything, lambda: write_video(reel, mp4, video)),
        Output(
            "gif",
            gif,
            fps | {"gif_fps": str(timeline.gif_fps), "width": timeline.gif_width},
            everything,
            lambda: write_gif(reel, gif, timeline.gif_fps, timeline.gif_width),
        ),
        poster(timeline, find, folder),
    )


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


def _is_current(path: Path, digest: str) -> bool:
    entry = _read_state(path.with_name(STATE)).get(path.name)
    if not isinstance(entry, dict) or not path.is_file():
        return False
    return entry == {"digest": digest, "bytes": path.stat().st_size}


def _remember(path: Path, digest: str) -> None:
    state = path.with_name(STATE)
    entries = {**_read_state(state), path.name: {"digest": digest, "bytes": path.stat().st_size}}
    write_atomic(state, json.dumps(entries, indent=2, sort_keys=True) + "\n")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
