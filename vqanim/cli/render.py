"""`vqanim render`: a scene to a film."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vqanim.cli import options, words
from vqanim.cli.stopping import stopping

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.engine.cache_check import Edits
    from vqanim.engine.loading import Precision


@click.command()
@options.scene
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
@options.outside
@options.device
@click.option(
    "--deterministic",
    is_flag=True,
    help="Use only operations that give the same bits each time. That costs time on a GPU and nothing on a "
    "CPU, where it is so anyway with the same number of threads.",
)
@click.option(
    "--precision",
    type=click.Choice(("auto", "float32", "bfloat16")),
    default="auto",
    help="Of the networks' weights. auto: bfloat16 on GPUs, and with large models on CPUs, that have "
    "instructions for it: faster, with less memory; float32 anywhere else.",
)
@click.option(
    "--accept-edits",
    "edits",
    flag_value="accept",
    help="Keep frames that somebody changed after they were painted, and paint on from them.",
)
@click.option(
    "--repair",
    "edits",
    flag_value="repair",
    help="Move frames that somebody changed to superseded/, and paint them anew.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Let a film grow beside the frames, <name>.live.mp4, that can be watched at any moment.",
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
    allow_outside: bool,
    device: str,
    deterministic: bool,
    precision: Precision,
    edits: Edits | None,
    live: bool,
    quiet: bool,
) -> None:
    """Render SCENE to an MP4, a GIF and its frames.

    Run the same command again to continue a render that was stopped; one that is finished says so. Frames
    of a changed scene are kept where they are still right, and the others are moved aside, never lost. A
    frame that somebody painted over stops it, until --accept-edits or --repair says what to do.

    With --frames or --shot only a part of the film is made, called <name>-part; what it is painted from is
    painted too, back to the last cut. A later render of the whole film keeps those frames. A draft has a
    folder of its own, ./renders/<name>-draft.
    """
    with stopping():
        from vqanim import api

        prepared = api.prepare(scene, overrides, models, out, quality=quality, allow_outside=allow_outside)
        words.warn(prepared.timeline.warnings)
        part = api.find_part(prepared, frames, shot)
        words.warn(repaints(prepared, out))
        if part is not None and not quiet:
            words.say(
                f"only frames {part.first} to {part.end - 1} of the film, and what they are painted from"
            )

        from vqanim.cli.telling import report_to  # what a scene with mistakes need not wait for

        with (
            report_to(prepared.timeline, quiet) as report,
            closing(
                api.render(
                    prepared,
                    out=out,
                    device=device,
                    deterministic=deterministic,
                    precision=precision,
                    edits=edits or "refuse",
                    live=live,
                    part=part,
                )
            ) as events,
        ):
            for event in events:
                report.hear(event)
            report.finish()


def repaints(prepared: Prepared, out: str | None) -> list[str]:
    """What to say before all frames are painted anew only because fps has changed."""
    from vqanim import api

    folder = Path(out) if out else prepared.default_folder
    rate = api.other_rate(prepared, folder)
    if rate is None:
        return []
    here, frames = words.short_path(str(folder)), words.count(prepared.timeline.frame_count, "frame")
    return [
        f"{here} holds frames painted at {rate} a second and fps is {prepared.timeline.fps} now, so {frames} "
        "are painted anew; to keep those that are there and let the edit make the frames between, set "
        f"`guidance: {{rate: {rate}}}`"
    ]
