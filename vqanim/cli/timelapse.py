"""`vqanim timelapse`: the film of one picture as it comes into being."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import words
from vqanim.cli.painting import fetch, outline, refuse_overwriting, save, settings, slug, still_options
from vqanim.cli.stopping import Stopped, stopping
from vqanim.errors import UsageError
from vqanim.scene.model import PACES
from vqanim.scene.still import Still

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.cli.steps import StepProgress
    from vqanim.engine.still import TimelapseEvent
    from vqanim.engine.timelapse import Timelapse
    from vqanim.takes.recording import Recording

FPS = 24
MAX_SECONDS = 600.0
RECORDING = "recording"
"""Folder of what is painted, until the film is made."""


@click.command()
@still_options
@click.option("--duration", metavar="SECONDS", type=float, default=6.0, help="Of the change, in seconds; 6.")
@click.option(
    "--freeze-end", metavar="SECONDS", type=float, default=1.5, help="How long the end stands; 1.5."
)
@click.option(
    "--pace",
    type=click.Choice(PACES),
    default="even",
    help="even: the film changes at a steady pace; linear: every step takes as long.",
)
@click.option("--out", metavar="DIR", help="Folder for MP4, GIF and picture; ./<the prompt> if not given.")
def timelapse(duration: float, freeze_end: float, pace: str, out: str | None, **given: Any) -> int:
    """Film how a picture of PROMPT comes into being.

    All steps are one optimisation of one picture, as in `vqanim image`, and the last frame is that picture.
    Stopped by Ctrl-C, it makes the film of what it has. However it was stopped, the same command continues
    it, to the same bits.
    """
    for name, seconds, least in (("duration", duration, 1 / FPS), ("freeze-end", freeze_end, 0.0)):
        if not least <= seconds <= MAX_SECONDS:
            raise UsageError(f"--{name} {seconds:g}: allowed are seconds from {least:.3g} to {MAX_SECONDS:g}")
    still, quiet = settings(given), given["quiet"]
    folder, stem = Path(out or slug(still)), slug(still)
    paths = [folder / f"{stem}.{ending}" for ending in ("png", "mp4", "gif")]
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give another --out")
    if not (folder / RECORDING).is_dir():
        refuse_overwriting(paths, given["force"])
    frames, frozen = round(duration * FPS), round(freeze_end * FPS)
    with stopping():
        from vqanim import api
        from vqanim.takes.lock import lock_folder

        prepared = fetch(api.prepare_lapse(still, stem, frames, FPS, pace), quiet)
        with lock_folder(folder):
            recording = api.lapse_recording(prepared, folder / RECORDING)
            foreign = [path for path in paths if not recording.has_made(path)]
            refuse_overwriting(foreign, given["force"])
            if moved := recording.open(folder):
                words.warn(
                    [f"an unfinished timelapse with other settings is in {words.short_path(moved)} now"]
                )
            if not quiet:
                words.say(f"{words.short_path(folder)}: {outline(still, prepared)}")
            recorded = api.record(prepared, recording, given["device"])
            lapse, stopped = watch(recorded, recording, prepared, still.steps, quiet)
            if lapse is None:
                words.complain("stopped before the first step; nothing was saved")
                return stopped
            if stopped:
                words.complain(f"stopped at step {lapse.steps} of {still.steps}; making the film so far")
            recording.claim(paths)
            make(lapse, frames + frozen, still, prepared, paths)
            if stopped:
                recording.note_made(paths)
            else:
                recording.discard()
    if not quiet:
        words.say(words.rows([(words.short_path(p), words.file_size(p.stat().st_size)) for p in paths]))
    if stopped:
        words.complain("run the same command to continue")
    return stopped


def watch(
    recorded: Generator[TimelapseEvent, None, None],
    recording: Recording,
    prepared: Prepared,
    steps: int,
    quiet: bool,
) -> tuple[Timelapse | None, int]:
    """Show how far the painting is. Gives what there is of the timelapse, and the exit code of a signal that
    stopped it, or 0."""
    from vqanim.cli.steps import step_progress
    from vqanim.engine.timelapse import Timelapse

    try:
        with step_progress(steps, quiet) as progress, closing(recorded):
            for event in recorded:
                if isinstance(event, Timelapse):
                    return event, 0
                hear(event, progress, quiet)
        raise AssertionError("a recording ends with its timelapse")
    except Stopped as stop:
        there = [step for step, _ in recording.pictures() if step > 0]
        if not there:
            recording.discard()
            return None, stop.exit_code
        return Timelapse(recording, prepared.timeline.shots[0].frames[0]), stop.exit_code


def hear(event: TimelapseEvent, progress: StepProgress, quiet: bool) -> None:
    """Show an event."""
    from vqanim.engine.events import ModelsLoaded, StepDone

    if isinstance(event, ModelsLoaded):
        words.warn(event.warnings)
    elif isinstance(event, StepDone):
        if event.since and event.step == event.since + 1 and not quiet:
            words.say(f"going on after step {event.since} of {event.steps}")
        progress.advance(event.step)


def make(lapse: Timelapse, count: int, still: Still, prepared: Prepared, paths: list[Path]) -> None:
    """Write picture, MP4 and GIF; the film has so many frames, of which the last ones stand still.

    Raises InputError and OutputError.
    """
    from fractions import Fraction

    from vqanim.engine.still import StillDone
    from vqanim.film.formats.gif import write_gif
    from vqanim.film.formats.video import VideoSettings, write_video
    from vqanim.film.reel import Reel

    timeline = prepared.timeline
    plan = timeline.shots[0].frames[0]
    last = lapse.frame(count)
    done = StillDone(0, still.seed, plan, last.picture, last.similarities, lapse.steps)
    save(paths[0], done, still, prepared)
    reel = Reel(
        timeline.width,
        timeline.height,
        timeline.fps,
        count,
        lambda indices: (lapse.frame(index).picture for index in indices),
    )
    write_video(reel, paths[1], VideoSettings(crf=timeline.crf, title=still.prompt))
    write_gif(reel, paths[2], Fraction(FPS) / 2, timeline.gif_width)
