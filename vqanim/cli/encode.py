"""`vqanim encode`: films from takes that are painted already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from vqanim.cli import completing, options, words
from vqanim.cli.stopping import stopping

if TYPE_CHECKING:
    from vqanim.film.found import CutFound

NAMES = ("web", "youtube", "instagram", "prores", "webm", "gif", "apng", "frames")
"""Those of vqanim.film.formats, which would bring in what a help page has no need of."""


@click.command()
@click.argument("source", shell_complete=completing.scenes)
@click.option(
    "--preset",
    "presets",
    type=click.Choice(NAMES),
    multiple=True,
    help="What to make (repeatable); MP4, GIF and poster if not given.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder for the films; the render's own if not given.",
)
@click.option("--crf", type=click.IntRange(0, 63), help="Quality: smaller is better and larger.")
@click.option("--upscale", type=click.IntRange(1, 4), default=1, help="Enlarge so many times, by Lanczos.")
@click.option("--gif-full", is_flag=True, help="The GIF in the film's size and fps, however large it gets.")
@options.overrides
@options.outside
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
def encode(
    source: str,
    presets: Sequence[str],
    out: str | None,
    crf: int | None,
    upscale: int,
    gif_full: bool,
    overrides: Sequence[str],
    allow_outside: bool,
    quiet: bool,
) -> None:
    """Make films from takes again, without painting a frame.

    SOURCE is the folder of a render, or a scene, whose folder is the one that `vqanim render` uses. What
    belongs to the edit may have changed since: effects, hits, transitions, fps, title.

    \b
    web        H.264 for every player (the default MP4)
    youtube    H.264 of high quality
    instagram  H.264, 1080 pixels wide, 23 fps or more
    prores     ProRes 422 HQ, for editing programs
    webm       VP9
    gif        looping, bounded in size unless --gif-full
    apng       animated PNG without loss
    frames     every frame of the film as a PNG
    """
    with stopping():
        from vqanim import api
        from vqanim.cli import summary
        from vqanim.film import FilmDone

        made = api.encode(
            source,
            presets,
            overrides=overrides,
            out=out,
            crf=crf,
            upscale=upscale,
            gif_full=gif_full,
            allow_outside=allow_outside,
        )
        films: list[words.Row] = []
        with closing(made) as events:
            for event in events:
                if isinstance(event, FilmDone):
                    films.append(words.film_row(event.path))
                    continue
                words.warn(event.timeline.warnings)
                words.warn(gaps(event))
                if not quiet:
                    name = event.timeline.title or words.short_path(event.folder)
                    words.say(f"{name}: {summary.headline(event.timeline)}")
        if not quiet:
            words.say(words.rows(films))


def gaps(found: CutFound) -> list[str]:
    """What is not in the film, a line each."""
    lines = []
    for take in found.takes:
        if take.missing == take.frames:
            lines.append(f"shot {take.shot}: none of its {words.count(take.frames, 'frame')} is painted")
        elif take.missing:
            lines.append(f"shot {take.shot}: {take.missing} of {take.frames} frames are not painted")
        if take.missing_under_dissolve and take.missing < take.frames:
            frames = words.count(take.missing_under_dissolve, "frame")
            lines.append(
                f"shot {take.shot}: {frames} under the dissolve that follows are not painted, "
                "its last picture is held there"
            )
        if take.other_plan:
            frames = words.count(take.other_plan, "frame")
            lines.append(
                f"shot {take.shot}: {frames} of an older version of the scene, shown as they are; "
                "render the scene to paint them anew"
            )
    if found.left_out:
        shown = len(found.timeline.edit)
        lines.append(
            f"{found.left_out} of {words.count(shown + found.left_out, 'frame')} are not in this film; "
            "render the scene to paint them"
        )
        if found.silenced:
            lines.append("it is silent, because the song would not fit to what is left")
    return lines
