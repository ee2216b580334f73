"""`vqanim encode`: films from takes that are painted already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import completing, params
from vqanim.cli.formatting import count, film_row, headline, rows, say, short_path, warn
from vqanim.cli.stopping import stopping
from vqanim.film.formats import PRESETS

if TYPE_CHECKING:
    from vqanim.film.found import CutFound

_presets = partial(click.option, "--preset", "presets", type=click.Choice(tuple(PRESETS)))


@click.command()
@click.argument("source", shell_complete=completing.scenes)
@_presets(multiple=True, help="What to make (repeatable); MP4, GIF and poster if not given.")
@params.out_folder(help="Folder for the films; the render's own if not given.")
@click.option("--crf", type=click.IntRange(0, 63), help="Quality: smaller is better and larger.")
@click.option("--upscale", type=click.IntRange(1, 4), default=1, help="Enlarge so many times, by Lanczos.")
@click.option("--gif-full", is_flag=True, help="The GIF in the film's size and fps, however large it gets.")
@params.overrides
@params.outside
@params.quiet
def encode(source: str, presets: Sequence[str], quiet: bool, **options: Any) -> None:
    """Make films from takes again, without painting a frame.

    SOURCE is the folder of a render, or a scene, whose folder is the one that `vqanim render` uses. What
    belongs to the edit may have changed since: effects, hits, transitions, fps, title.
    """
    with stopping():
        from vqanim import api
        from vqanim.cli.reporter import moved_line
        from vqanim.film.make import FilmDone

        films = []
        with closing(api.encode(source, presets, **options)) as events:
            for event in events:
                if isinstance(event, FilmDone):
                    films.append(film_row(event.path))
                    warn(moved_line(*pair) for pair in event.moved)
                    continue
                warn((*event.timeline.warnings, *gaps(event)))
                if not quiet:
                    name = event.timeline.title or short_path(event.folder)
                    say(f"{name}: {headline(event.timeline)}")
        if not quiet:
            say(rows(films))


_TABLE = "\n".join(f"{name:<9}  {preset.about}" for name, preset in PRESETS.items())
encode.help = f"{cleandoc(encode.help or '')}\n\n\b\n{_TABLE}"


def gaps(found: CutFound) -> Iterator[str]:
    """What is not in the film, a line each."""
    for take in found.takes:
        shot, all_missing = f"shot {take.shot}", take.missing == take.frames
        if all_missing:
            yield f"{shot}: none of its {count(take.frames, 'frame')} is painted"
        elif take.missing:
            yield f"{shot}: {take.missing} of {take.frames} frames are not painted"
        if take.missing_under_dissolve and not all_missing:
            frames = count(take.missing_under_dissolve, "frame")
            held = "under the dissolve that follows are not painted, its last picture is held there"
            yield f"{shot}: {frames} {held}"
        if take.other_plan:
            old = f"{count(take.other_plan, 'frame')} of an older version of the scene, shown as they are"
            yield f"{shot}: {old}; render the scene to paint them anew"
    if found.left_out:
        frames = count(len(found.timeline.edit) + found.left_out, "frame")
        missing = f"{found.left_out} of {frames} are not in this film"
        yield f"{missing}; render the scene to paint them"
        if found.silenced:
            yield "it is silent, because the song would not fit to what is left"
