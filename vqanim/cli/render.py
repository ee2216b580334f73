"""`vqanim render`: a scene to a film."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import params
from vqanim.cli.formatting import count, say, short_path, warn
from vqanim.cli.stopping import stopping

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.engine.cache_check import Edits

_edits = partial(click.option, "edits")


@click.command()
@params.scene
@params.out_folder(help="Folder for frames and films; ./renders/<name of the scene file> if not given.")
@params.quality
@params.frames
@params.shot
@params.overrides
@params.models
@params.outside
@params.device_option(
    default="auto",
    help="auto (the fastest there is), cpu, cuda, cuda:N or mps; several with commas for several workers.",
)
@params.flag(
    "--deterministic",
    help="Use only operations that give the same bits each time. That costs time on a GPU and nothing on a "
    "CPU, where it is so anyway with the same number of --threads.",
)
@click.option(
    "--precision",
    type=click.Choice(("auto", "float32", "bfloat16")),
    default="auto",
    help="Of the networks' weights. auto: bfloat16 on GPUs, and with large models on CPUs, that have "
    "instructions for it: faster, with less memory; float32 anywhere else.",
)
@_edits("--accept-edits", flag_value="accept", help="Keep frames that somebody changed, and go on from them.")
@_edits(
    "--repair",
    flag_value="repair",
    help="Move frames that somebody changed to superseded/ and paint them again.",
)
@params.flag("--live", help="Also write <name>.live.mp4, which grows meanwhile and can be watched.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Number of processes that paint at the same time; each paints shots between two cuts (default: 1).",
)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Of each process on a CPU; if not given those that the film was begun with, else as many as the "
    "cores allow. With another number, frames differ visibly.",
)
@params.quiet
def render(
    scene: str,
    out: str | None,
    quality: str,
    frames: str | None,
    shot: str | None,
    overrides: Sequence[str],
    models: str | None,
    allow_outside: bool,
    edits: Edits | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Render SCENE to an MP4, a GIF and its frames.

    Run the same command again to continue a render that was stopped; one that is finished says so. Frames
    of a changed scene are kept where they are still right, and the others are moved aside, never lost. A
    frame that somebody painted over stops it, until --accept-edits or --repair says what to do.

    With --frames or --shot only a part of the film is made, called <name>-part or <name>-shot-<shot>; what
    it is painted from is painted too, back to the last cut. A later render of the whole film keeps those
    frames. A draft has a folder of its own, ./renders/<name>-draft.
    """
    with stopping():
        from vqanim import api

        prepared = api.prepare(scene, overrides, models, out, quality=quality, allow_outside=allow_outside)
        warn(prepared.timeline.warnings)
        part = api.find_part(prepared, frames, shot)
        warn(repaints(prepared, out))
        if part is not None and not quiet:
            say(f"only frames {part.first} to {part.end - 1} of the film, and what they are painted from")

        from vqanim.cli.reporter import Reporter  # what a scene with mistakes need not wait for

        with (
            closing(Reporter(prepared.timeline, quiet)) as reporter,
            closing(api.render(prepared, out, edits=edits or "refuse", part=part, **options)) as events,
        ):
            for event in events:
                reporter.report(event)
            reporter.finish()


def repaints(prepared: Prepared, out: str | None) -> list[str]:
    """What to say before all frames are painted anew only because fps has changed."""
    from vqanim import api

    folder = Path(out) if out else prepared.default_folder
    rate = api.other_rate(prepared, folder)
    if rate is None:
        return []
    here, frames = short_path(str(folder)), count(prepared.timeline.frame_count, "frame")
    why = f"{here} holds frames painted at {rate} a second and fps is {prepared.timeline.fps} now"
    keep = "to keep those that are there and let the edit make the frames between, set"
    return [f"{why}, so {frames} are painted anew; {keep} `guidance: {{rate: {rate}}}`"]
