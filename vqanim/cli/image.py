"""`vqanim image`: a single picture, or several of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import options, words
from vqanim.cli.painting import outline, prepare, refuse_overwriting, save, settings, slug, still_options
from vqanim.cli.stopping import Stopped, stopping
from vqanim.errors import UsageError
from vqanim.scene.quality import NORMAL, still_at_quality
from vqanim.scene.still import Still

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.cli.steps import StepProgress
    from vqanim.engine.still import StillEvent
    from vqanim.files import Picture

MAX_COUNT = 64


several = click.option(
    "--count", type=click.IntRange(1, MAX_COUNT), default=1, help="So many, each with its own seed."
)


@click.command()
@still_options
@several
@click.option(
    "-q",
    "--quality",
    type=click.Choice(options.QUALITIES),
    default="normal",
    help="draft: half the size and steps; high: twice the size, half as many steps again.",
)
@click.option("--out", metavar="FILE", help="A PNG; ./<the prompt>.png if not given.")
def image(count: int, quality: str, out: str | None, **given: Any) -> int:
    """Paint a picture of PROMPT, such as "cyberpunk forest:3 | a painting by Salvador Dali | fog:-1".

    A number after the last colon of a part is its weight, 1 where there is none; what has a weight below 0
    is avoided. All settings are written into the PNG. Stopped by Ctrl-C, it saves the picture as it is.
    """
    still = still_at_quality(settings(given), quality)
    name = slug(still) if quality == NORMAL else f"{slug(still)}-{quality}"
    return paint(still, file_names(out or f"{name}.png", count), given)


def paint(still: Still, paths: list[Path], given: Mapping[str, Any]) -> int:
    """Paint a picture, or several and their grid, and give the exit code. The options `force`, `quiet` and
    `device` are given. Raises UsageError, InputError, DeviceError and OutputError."""
    count = max(1, len(paths) - 1)
    refuse_overwriting(paths, given["force"])
    with stopping():
        from vqanim import api
        from vqanim.cli.steps import step_progress

        prepared = prepare(still, given["quiet"])
        with step_progress(still.steps * count, given["quiet"]) as progress:
            studio = Studio(still, prepared, paths, progress)
            if not given["quiet"]:
                words.say(studio.before())
            try:
                api.paint(prepared, [still.seed + k for k in range(count)], studio.hear, given["device"])
            except Stopped as stop:
                studio.stopped = stop.exit_code
            studio.finish()
    studio.tell(given["quiet"])
    return studio.stopped


def file_names(out: str, count: int) -> list[Path]:
    """Of the pictures, and of the grid last where there are several. Raises UsageError."""
    path = Path(out)
    if path.suffix.lower() != ".png":
        if path.suffix.lower() in (".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".mp4"):
            raise UsageError(f"--out {out}: allowed is a PNG, which keeps the settings")
        path = path.with_name(path.name + ".png")
    if count == 1:
        return [path]
    names = [*(f"{path.stem}-{number}.png" for number in range(1, count + 1)), f"{path.stem}-grid.png"]
    return [path.with_name(name) for name in names]


class Studio:
    """Hears what is painted and saves it."""

    def __init__(
        self, still: Still, prepared: Prepared, paths: Sequence[Path], progress: StepProgress
    ) -> None:
        self.stopped = 0
        """Exit code of the signal that stopped the painting; 0: none did."""
        self._still, self._prepared, self._paths, self._progress = still, prepared, paths, progress
        self._pictures: list[Picture] = []
        self._steps = 0

    def before(self) -> str:
        """What will happen, in a line."""
        many = len(self._paths) - 1
        whole = f"{words.count(many, 'picture')}, " if many else ""
        return f"{words.short_path(self._paths[0])}: {whole}{outline(self._still, self._prepared)}"

    def hear(self, event: StillEvent) -> None:
        """Show the progress and save what is done. Raises OutputError."""
        from vqanim.engine.events import ModelsLoaded, StepDone

        if isinstance(event, ModelsLoaded):
            words.warn(event.warnings)
        elif isinstance(event, StepDone):
            self._progress.advance(event.index * event.steps + event.step)
        else:
            save(self._paths[event.number], event, self._still, self._prepared)
            self._pictures.append(event.picture)
            self._steps = event.steps

    def finish(self) -> None:
        """Save the grid of several pictures."""
        if len(self._paths) > 1 and self._pictures:
            from vqanim.takes.metadata import write_picture

            write_picture(self._paths[-1], grid(self._pictures))

    def tell(self, quiet: bool) -> None:
        """Say where the pictures are, and where it was stopped."""
        made = [*self._paths[: len(self._pictures)], *(self._paths[-1:] if len(self._paths) > 1 else [])]
        if self.stopped and not made[: len(self._pictures)]:
            words.complain("stopped before the first step; nothing was saved")
            return
        if self.stopped:
            at = f"step {self._steps} of {self._still.steps}"
            words.complain(
                f"stopped at {at}; {words.short_path(made[len(self._pictures) - 1])} is saved so far"
            )
        if not quiet:
            words.say(words.rows([(words.short_path(p), words.file_size(p.stat().st_size)) for p in made]))


def grid(pictures: Sequence[Picture]) -> Picture:
    """Pictures of one size in rows, nearly square, on white."""
    import numpy as np

    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    height, width, _ = pictures[0].shape
    whole = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return whole
