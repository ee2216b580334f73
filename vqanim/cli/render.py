"""`vqanim render`: a scene to a film."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import click

from vqanim.cli import options, words
from vqanim.cli.stopping import stopping


@click.command()
@click.argument("scene")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder for frames and films; ./renders/<name of the scene file> if not given.",
)
@options.quality
@options.frames
@options.shot
@options.overrides
@options.models
@options.device
@click.option(
    "--deterministic",
    is_flag=True,
    help="Use only operations that give the same bits each time. That costs time on a GPU and nothing on a "
    "CPU, where it is so anyway with the same number of threads.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
def render(
    scene: str,
    out: str | None,
    quality: str,
    frames: str | None,
    shot: str | None,
    overrides: Sequence[str],
    models: str | None,
    device: str,
    deterministic: bool,
    quiet: bool,
) -> None:
    """Render SCENE to an MP4, a GIF and its frames.

    Run the same command again to continue a render that was stopped; one that is finished says so. Frames
    of a changed scene are kept where they are still right, and the others are moved aside, never lost.

    With --frames or --shot only a part of the film is made, called <name>-part; what it is painted from is
    painted too, back to the last cut. A later render of the whole film keeps those frames. A draft has a
    folder of its own, ./renders/<name>-draft.
    """
    with stopping():
        from vqanim import api

        prepared = api.prepare(scene, overrides=overrides, models=models, quality=quality)
        words.warn(prepared.timeline.warnings)
        part = api.find_part(prepared, frames, shot)

        if part is not None and not quiet:
            words.say(
                f"only frames {part.first} to {part.end - 1} of the film, and what they are painted from"
            )

        from vqanim.cli.report import report_to  # what a scene with mistakes need not wait for

        with (
            report_to(prepared.timeline, quiet) as report,
            closing(
                api.render(prepared, out=out, device=device, deterministic=deterministic, part=part)
            ) as events,
        ):
            for event in events:
                report.hear(event)
            report.finish()
