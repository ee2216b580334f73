"""A film from its takes: what a render makes, and what else is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from vqanim.errors import UsageError
from vqanim.files import Guard
from vqanim.film.compose import Find
from vqanim.film.film import MADE, FilmDone, make_outputs
from vqanim.film.presets import Wishes, outputs
from vqanim.timeline.plan import Timeline


def make_film(
    timeline: Timeline,
    find: Find,
    folder: Path,
    stem: str,
    presets: Sequence[str] = (),
    wishes: Wishes = Wishes(),
    *,
    foreign: bool = False,
    guard: Guard = lambda: None,
) -> Iterator[FilmDone]:
    """Write the files of some presets into `folder`, telling after each.

    Without presets these are what a render makes: <stem>.mp4, <stem>.gif and poster.png.

    `find` gives the file of each saved frame. A file that is there and was made of the same pictures with
    the same settings is left alone; fps, crf, title and the GIF's settings take part only in the digests of
    the files that show them. The caller holds the lock of the render's folder.
    foreign: the folder may hold other people's files, which are not replaced. Folders never are.
    guard: called before each file appears; raises when the folder's lock was lost.
    Raises UsageError before anything is written, and OutputError; what was finished before stays.
    """
    wanted = outputs(presets, timeline, find, folder, stem, wishes)
    for path in (output.path for output in wanted):
        if (foreign or path.is_dir()) and path.exists() and not MADE.knows(path):
            raise UsageError(f"{path}: is there and was not made here; move it, or choose another --out")
    yield from make_outputs(timeline, find, folder, wanted, guard)
