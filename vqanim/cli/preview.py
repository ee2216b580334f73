"""`vqanim preview`: the camera, the edit and the curves of a scene as a film, without models."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from vqanim.cli import params
from vqanim.cli.formatting import count, film_row, headline, rows, say, warn
from vqanim.cli.stopping import stopping

MANY = 1500  # film frames, of which some fifty are made in a second


@click.command()
@params.scene
@click.option(
    "--picture",
    default="grid",
    metavar="FILE|grid|start|frame",
    help="What the camera sees: an endless labeled grid; the start of each shot where that is a picture, an "
    "icon or a color; the first painted frame of each shot; or a picture file.",
)
@params.frames
@params.shot
@params.out_folder(help="Folder for the films; ./renders/<name of the scene file>-preview if not given.")
@params.quality
@params.overrides
@params.models
@params.outside
@params.quiet
def preview(
    scene: str,
    picture: str,
    frames: str | None,
    shot: str | None,
    out: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Show what the film of SCENE will do, in seconds: an MP4 and a GIF of a test picture.

    The camera is the renderer's, shots and effects are the film's. Under the picture stand the weights of the
    prompts and the curves. Nothing is painted and no model is needed. Of the grid, what is darker lay outside
    of the frame with which the shot began: there a render fills in something of its own.
    """
    with stopping():
        from vqanim import api
        from vqanim.cli.progress import PictureProgress
        from vqanim.cli.reporter import moved_line

        prepared = api.prepare(scene, **options)
        warn(prepared.timeline.warnings)
        part = api.find_part(prepared, frames, shot)
        if not quiet:
            shown = part.end - part.first if part else len(prepared.timeline.edit)
            only = f" (preview of {count(shown, 'frame')})" if part else ""
            say(f"{prepared.timeline.title}: {headline(prepared.timeline)}{only}")
            if shown > MANY:
                say("that takes a while; --frames A:B shows a part sooner")
        with closing(PictureProgress(quiet)) as progress:
            films = api.preview(prepared, out, picture=picture, part=part, on_event=progress.report)
        warn(moved_line(*pair) for film in films for pair in film.moved)
        if not quiet:
            say(rows([film_row(film.path) for film in films]))
