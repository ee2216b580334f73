"""`vqanim timelapse`: the film of one picture as it comes into being."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import words
from vqanim.cli.painting import outline, prepare, refuse_overwriting, save, settings, slug, still_options
from vqanim.cli.stopping import Stopped, stopping
from vqanim.errors import UsageError
from vqanim.scene.still import Still

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.cli.steps import StepProgress
    from vqanim.engine.still import StillEvent
    from vqanim.files import Picture

FPS = 24
MAX_SECONDS = 600.0
RECORDED = 2
"""Pictures that are recorded for each one that is shown, at most one a step."""


@click.command()
@still_options
@click.option("--duration", metavar="SECONDS", type=float, default=6.0, help="Of the change, in seconds; 6.")
@click.option(
    "--freeze-end", metavar="SECONDS", type=float, default=1.5, help="How long the end stands; 1.5."
)
@click.option(
    "--pace",
    type=click.Choice(["even", "linear"]),
    default="even",
    help="even: the film changes at a steady pace; linear: every step takes as long.",
)
@click.option("--out", metavar="DIR", help="Folder for MP4, GIF and picture; ./<the prompt> if not given.")
def timelapse(duration: float, freeze_end: float, pace: str, out: str | None, **given: Any) -> int:
    """Film how a picture of PROMPT comes into being.

    All steps are one optimisation of one picture, as in `vqanim image`, and the last frame is that picture.
    Stopped by Ctrl-C, it makes the film of what it has.
    """
    for name, seconds, least in (("duration", duration, 1 / FPS), ("freeze-end", freeze_end, 0.0)):
        if not least <= seconds <= MAX_SECONDS:
            raise UsageError(f"--{name} {seconds:g}: allowed are seconds from {least:.3g} to {MAX_SECONDS:g}")
    still = settings(given)
    folder, stem = Path(out or slug(still)), slug(still)
    paths = [folder / f"{stem}.{ending}" for ending in ("png", "mp4", "gif")]
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give another --out")
    refuse_overwriting(paths, given["force"])
    frames, frozen = max(2, round(duration * FPS)), round(freeze_end * FPS)
    stopped = 0
    with stopping(), tempfile.TemporaryDirectory() as scratch:
        from vqanim import api
        from vqanim.cli.steps import step_progress

        prepared = prepare(still, given["quiet"])
        with step_progress(still.steps, given["quiet"]) as progress:
            recorder = Recorder(still, prepared, paths[0], Path(scratch), frames, progress)
            if not given["quiet"]:
                words.say(f"{words.short_path(folder)}: {outline(still, prepared)}")
            try:
                api.paint(prepared, [still.seed], recorder.hear, given["device"])
            except Stopped as stop:
                stopped = stop.exit_code
        if not recorder.shown:
            words.complain("stopped before the first step; nothing was saved")
            return stopped
        if stopped:
            words.complain(f"stopped at step {recorder.steps} of {still.steps}; making the film so far")
        recorder.film(frames, frozen, pace == "even", paths)
    if not given["quiet"]:
        words.say(words.rows([(words.short_path(p), words.file_size(p.stat().st_size)) for p in paths]))
    return stopped


class Recorder:
    """Hears the steps of a picture, keeps every few of its states as files, and films them."""

    def __init__(
        self,
        still: Still,
        prepared: Prepared,
        path: Path,
        scratch: Path,
        frames: int,
        progress: StepProgress,
    ) -> None:
        self.shown: list[Path] = []
        self.steps = 0
        self._changes: list[float] = []
        self._last: Picture | None = None
        self._still, self._prepared, self._path, self._scratch = still, prepared, path, scratch
        self._every = max(1, still.steps // (RECORDED * frames))
        self._progress = progress

    def hear(self, event: StillEvent) -> None:
        """Record every few steps, and save the picture at the end. Raises OutputError."""
        from vqanim.engine.events import ModelsLoaded
        from vqanim.engine.still import StepDone

        if isinstance(event, ModelsLoaded):
            words.warn(event.warnings)
        elif isinstance(event, StepDone):
            self._progress.advance(event.step)
            if event.step % self._every == 0 and event.step < event.steps:
                self._record(event.look())
        else:
            self._record(event.picture)
            self.steps = event.steps
            save(self._path, event, self._still, self._prepared)

    def _record(self, picture: Picture) -> None:
        from vqanim.engine.timelapse import change
        from vqanim.takes.still import write_picture

        if self._last is not None:
            self._changes.append(change(self._last, picture))
        self._last = picture
        path = self._scratch / f"{len(self.shown):06d}.png"
        write_picture(path, picture)
        self.shown.append(path)

    def film(self, frames: int, frozen: int, even: bool, paths: list[Path]) -> None:
        """Write MP4 and GIF. Raises OutputError."""
        from fractions import Fraction

        from vqanim.engine.timelapse import pick
        from vqanim.film.gif import write_gif
        from vqanim.film.pictures import Reel, read_frame
        from vqanim.film.video import VideoSettings, write_video

        timeline = self._prepared.timeline
        chosen = [self.shown[index] for index in pick(self._changes, frames, even)]
        film = [*chosen, *[self.shown[-1]] * frozen]
        reel = Reel(
            timeline.width,
            timeline.height,
            Fraction(FPS),
            len(film),
            lambda indices: (read_frame(film[index]) for index in indices),
        )
        write_video(reel, paths[1], VideoSettings(crf=timeline.crf, title=self._still.prompt))
        write_gif(reel, paths[2], Fraction(FPS) / 2, timeline.gif_width)
