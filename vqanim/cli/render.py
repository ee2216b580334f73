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
    overrides: Sequence[str],
    models: str | None,
    device: str,
    deterministic: bool,
    quiet: bool,
) -> None:
    """Render SCENE to an MP4, a GIF and its frames.

    Run the same command again to continue a render that was stopped; one that is finished says so. Frames
    of a changed scene are kept where they are still right, and the others are moved aside, never lost.
    """
    with stopping():
        from vqanim import api

        prepared = api.prepare(scene, overrides=overrides, models=models, out=out)
        words.warn(prepared.timeline.warnings)

        from vqanim.cli.report import report_to  # what a scene with mistakes need not wait for

        with (
            report_to(prepared.timeline, quiet) as report,
            closing(api.render(prepared, out=out, device=device, deterministic=deterministic)) as events,
        ):
            for event in events:
                report.hear(event)
            report.finish()
