"""The files of a film, each made only when it has to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from vqanim.errors import OutputError
from vqanim.files import make_folder, remove_temporary, write_atomic, writing
from vqanim.film.gif import write_gif
from vqanim.film.mp4 import write_mp4
from vqanim.timeline.plan import Timeline

FILM_VERSION = 1
"""Bumped by hand whenever the same frames and settings would give other files."""

STATE = "film.json"
"""By file name: the digest of all that a film file was made of, and its size in bytes."""


@dataclass(frozen=True)
class FilmDone:
    """A file of the film was written, or found to be up to date."""

    kind: str
    """mp4, gif or poster."""
    path: str
    written: bool
    seconds: float


@dataclass(frozen=True)
class _Output:
    """One file of the film and how it is made."""

    kind: str
    path: Path
    settings: Mapping[str, Any]
    """What its contents depend on besides the frames; what JSON can hold."""
    frames: Sequence[int]
    """Indices of the film frames that it is made of."""
    write: Callable[[], None]


def make_film(
    frames: Sequence[Path],
    folder: Path,
    stem: str,
    timeline: Timeline,
    hashes: Sequence[str] | None = None,
) -> Iterator[FilmDone]:
    """Write <stem>.mp4, <stem>.gif and poster.png into `folder`, telling after each.

    `frames` are the saved frames of the edit in the order in which they are shown. `hashes` are their pixel
    hashes, where the caller knows them; otherwise the files are hashed. A file that is there and was made of
    the same frames with the same settings is left alone; fps, crf, title and the GIF's settings take
    only part in the digests of the files that show them. The caller holds the folder's lock.
    Raises OutputError; what was finished before stays.
    """
    if not frames:
        raise ValueError("a film has at least one frame")
    make_folder(folder)
    remove_temporary(folder)
    known = hashes if hashes is not None else _hash_files(frames)
    for output in _outputs(frames, folder, stem, timeline):
        began = perf_counter()
        digest = _digest(output, known)
        written = not _is_current(output.path, digest)
        if written:
            output.write()
            _remember(output.path, digest)
        yield FilmDone(output.kind, str(output.path), written, perf_counter() - began)


def poster_index(count: int) -> int:
    """The film frame for the poster: two thirds in, where the picture has grown and no ending has begun."""
    return 2 * count // 3


def _outputs(frames: Sequence[Path], folder: Path, stem: str, timeline: Timeline) -> tuple[_Output, ...]:
    fps, gif_fps = timeline.fps, timeline.gif_fps
    mp4, gif, poster = folder / f"{stem}.mp4", folder / f"{stem}.gif", folder / "poster.png"
    best = poster_index(len(frames))
    everything = range(len(frames))
    return (
        _Output(
            "mp4",
            mp4,
            {"fps": str(fps), "crf": timeline.crf, "title": timeline.title},
            everything,
            lambda: write_mp4(frames, mp4, fps, timeline.crf, timeline.title),
        ),
        _Output(
            "gif",
            gif,
            {"fps": str(fps), "gif_fps": str(gif_fps), "width": timeline.gif_width},
            everything,
            lambda: write_gif(frames, gif, fps, gif_fps, timeline.gif_width),
        ),
        _Output("poster", poster, {}, [best], lambda: _copy(frames[best], poster)),
    )


def _copy(source: Path, target: Path) -> None:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise OutputError(f"{source}: cannot be read ({error.strerror}); run again") from error
    write_atomic(target, content)


def _hash_files(frames: Sequence[Path]) -> list[str]:
    """Content hashes of the frames; a frame that is shown twice is read once."""
    hashes: dict[Path, str] = {}
    for path in frames:
        if path not in hashes:
            with writing(path):
                hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return [hashes[path] for path in frames]


def _digest(output: _Output, hashes: Sequence[str]) -> str:
    document = {
        "film": FILM_VERSION,
        "kind": output.kind,
        "settings": output.settings,
        "frames": [hashes[index] for index in output.frames],
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode("ascii")).hexdigest()


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
