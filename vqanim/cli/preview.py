"""`vqanim preview`: the camera, the edit and the curves of a scene as a film, without models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import click

from vqanim.cli import options, words
from vqanim.cli.stopping import stopping
from vqanim.cli.ticker import Ticker

MANY = 1500
"""Film frames, of which some fifty are made in a second."""


@click.command()
@options.scene
@click.option(
    "--picture",
    default="grid",
    metavar="FILE|grid|start|frame",
    help="What the camera sees: an endless labelled grid; the start of each shot where that is a picture, an "
    "icon or a color; the first painted frame of each shot; or a picture file.",
)
@options.frames
@options.shot
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder for the films; ./renders/<name of the scene file>-preview if not given.",
)
@options.quality
@options.overrides
@options.models
@options.outside
@options.quiet
def preview(
    scene: str,
    picture: str,
    frames: str | None,
    shot: str | None,
    out: str | None,
    quality: str,
    overrides: Sequence[str],
    models: str | None,
    allow_outside: bool,
    quiet: bool,
) -> None:
    """Show what the film of SCENE will do, in seconds: an MP4 and a GIF of a test picture.

    The camera is the renderer's, shots and effects are the film's. Under the picture stand the weights of the
    prompts and the curves. Nothing is painted and no model is needed. Of the grid, what is darker lay outside
    of the frame with which the shot began: there a render fills in something of its own.
    """
    with stopping():
        from vqanim import api
        from vqanim.cli import summary

        prepared = api.prepare(scene, overrides, models, quality=quality, allow_outside=allow_outside)
        words.warn(prepared.timeline.warnings)
        part = api.find_part(prepared, frames, shot)
        if not quiet:
            shown = part.end - part.first if part else len(prepared.timeline.edit)
            only = f" (preview of {words.count(shown, 'frame')})" if part else ""
            words.say(f"{prepared.timeline.title}: {summary.headline(prepared.timeline)}{only}")
            if shown > MANY:
                words.say("that takes a while; --frames A:B shows a part sooner")
        films: list[words.Row] = []
        ticker = Ticker(quiet)
        with (
            closing(api.preview(prepared, out, picture=picture, part=part, progress=ticker.tick)) as events,
            closing(ticker),
        ):
            for event in events:
                films.append(words.film_row(event.path))
        if not quiet:
            words.say(words.rows(films))
