"""`vqanim image`, `style` and `timelapse`: single pictures, and films of how they come into being."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import formatting, params
from vqanim.cli.formatting import complain, film_row, rows, say, short_path, warn
from vqanim.cli.stopping import Stopped, stopping
from vqanim.errors import UsageError
from vqanim.files import exists, is_file
from vqanim.scene.limits import PACES
from vqanim.scene.still import Still

if TYPE_CHECKING:
    from vqanim.api import Prepared

_number = partial(click.option, type=float)
_seconds = partial(_number, metavar="SECONDS")
MAX_SECONDS = 600.0  # of a timelapse


@click.command()
@params.picture
@params.count
@params.quality_option(help="draft: half the size and steps; high: twice the size, half as many steps again.")
@params.out_file(help="A PNG; ./<the prompt>.png if not given.")
def image(count: int, quality: str, out: str | None, **options: Any) -> int:
    """Paint a picture of PROMPT, such as "cyberpunk forest:3 | a painting by Salvador Dali | fog:-1".

    A number from -100 to 100 directly after the last colon of a part, and after a word, is its weight, 1
    where there is none; what has a weight below 0 is avoided. Other numbers, as in 12:30, are text. All
    settings are written into the PNG. Stopped by Ctrl-C, it saves the picture as it is.
    """
    from vqanim.api.still import file_stem
    from vqanim.scene.quality import still_at_quality

    still = still_at_quality(params.still_of(options), quality)
    name = file_stem(still) if quality == "normal" else f"{file_stem(still)}-{quality}"
    return _paint(still, _file_names(out or f"{name}.png", count), options)


@click.command()
@params.photo
@_number("--strength", metavar="0..1", help="0 leaves the photo as it is, 1 keeps little of it; 0.6.")
@params.count
@params.out_file(help="A PNG; ./<the photo>-<the style>.png if not given.")
def style(count: int, out: str | None, **options: Any) -> int:
    """Paint PHOTO in the style of PROMPT, such as "Starry Night by Vincent van Gogh", or of --style-image.

    The photo's content is preserved, using its edges and what a separate network sees in it. Only the ratio
    of the weights of prompts and pictures counts; --strength says how far they all go.
    """
    from vqanim.api.still import depends_on_seed, restyled, style_stem

    still = params.still_of(options)
    swapped = is_file(still.prompt) or (options["like"] and not options["prompt"])
    if still.init is not None and swapped and not is_file(still.init):
        raise UsageError(f"{still.init}: there is no such photo; the photo comes first, then the words")
    still = restyled(still, photo_size=options["init"] is not None and options["size"] is None)
    if count > 1 and not depends_on_seed(still):
        raise UsageError(f"--count {count}: all would be equal, since only words and --target differ by seed")
    return _paint(still, _file_names(out or f"{style_stem(still)}.png", count), options)


@click.command()
@params.picture
@_seconds("--duration", default=6.0, help="Length of the transformation in seconds (default: 6).")
@_seconds("--freeze-end", default=1.5, help="How long the end stands still, in seconds (default: 1.5).")
@click.option(
    "--pace",
    type=click.Choice(PACES),
    default="even",
    help="even: the film changes at a steady pace; linear: every step takes as long.",
)
@click.option("--out", metavar="DIR", help="Folder for MP4, GIF and picture; ./<the prompt> if not given.")
def timelapse(duration: float, freeze_end: float, pace: str, out: str | None, **options: Any) -> int:
    """Film how a picture of PROMPT comes into being.

    All steps are one optimization of one picture, as in `vqanim image`, and the last frame is that picture.
    Stopped by Ctrl-C, it makes the film of what it has. However it was stopped, the same command continues
    it, to the same bits.
    """
    from vqanim import api
    from vqanim.api.still import FPS, RECORDING, file_stem, timelapse_paths

    for name, seconds, least in (("duration", duration, 1 / FPS), ("freeze-end", freeze_end, 0.0)):
        if not least <= seconds <= MAX_SECONDS:
            raise UsageError(f"--{name} {seconds:g}: allowed are seconds from {least:.3g} to {MAX_SECONDS:g}")
    still, quiet, stopped = params.still_of(options), options["quiet"], 0
    stem = file_stem(still)
    folder = Path(out or stem)
    if exists(folder) and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give another --out")
    if not (folder / RECORDING).is_dir():
        api.check_free(timelapse_paths(folder, stem), options["force"])
    frames, frozen = round(duration * FPS), round(freeze_end * FPS)
    with stopping():
        from vqanim.cli.reporter import StillReporter, fetch

        prepared = api.prepare_lapse(still, stem, frames, FPS, pace)
        warn(prepared.timeline.warnings)
        prepared = fetch(prepared, quiet)
        with api.open_timelapse(still, prepared, folder, force=options["force"]) as lapse:
            if lapse.moved:
                warn([f"an unfinished timelapse with other settings is in {short_path(lapse.moved)} now"])
            if not quiet:
                say(f"{short_path(folder)}: {_outline(still, prepared)}")
            painting = closing(lapse.paint(options["device"]))
            try:
                with closing(StillReporter(still.steps, quiet)) as reporter, painting as events:
                    for event in events:
                        reporter.report(event)
            except Stopped as stop:
                stopped = stop.exit_code
                if not lapse.steps:
                    complain("stopped before the first step; nothing was saved")
                    return stopped
                complain(f"stopped at step {lapse.steps} of {still.steps}; making the film so far")
            lapse.make(frames + frozen)
    if not quiet:
        say(rows([*map(film_row, lapse.paths)]))
    if stopped:
        complain("run the same command to continue")
    return stopped


_OTHER_KINDS = tuple(".jpg .jpeg .gif .webp .bmp .tif .tiff .avif .heic .heif .jp2 .ico .mp4".split())


def _file_names(out: str, count: int) -> list[Path]:
    """Of the pictures, and of the grid last where there are several."""
    path = Path(out)
    if path.suffix.lower() != ".png":
        if path.suffix.lower() in _OTHER_KINDS:
            raise UsageError(f"--out {out}: allowed is a PNG, which keeps the settings")
        path = path.with_name(path.name + ".png")
    if count == 1:
        return [path]
    names = [*(f"{path.stem}-{number}.png" for number in range(1, count + 1)), f"{path.stem}-grid.png"]
    return [path.with_name(name) for name in names]


def _paint(still: Still, paths: list[Path], options: Mapping[str, Any]) -> int:
    """Paint a picture, or several and their grid, and give the exit code."""
    from vqanim import api
    from vqanim.api.still import file_stem

    several, quiet, stopped = len(paths) - 1, options["quiet"], 0
    api.check_free(paths, options["force"])
    with stopping():
        from vqanim.cli.reporter import StillReporter, fetch

        prepared = api.prepare_still(still, file_stem(still))
        warn(prepared.timeline.warnings)
        prepared = fetch(prepared, quiet)
        if not quiet:
            whole = f"{formatting.count(several, 'picture')}, " if several else ""
            say(f"{short_path(paths[0])}: {whole}{_outline(still, prepared)}")
        with closing(StillReporter(still.steps * max(1, several), quiet)) as reporter:
            try:
                api.paint_images(still, prepared, paths, reporter.report, options["device"])
            except Stopped as stop:
                stopped = stop.exit_code
    saved = paths[: reporter.saved]
    if stopped and not saved:
        complain("stopped before the first step; nothing was saved")
        return stopped
    if stopped:
        at = f"step {reporter.steps} of {still.steps}"
        complain(f"stopped at {at}; {short_path(saved[-1])} is saved so far")
    if not quiet:
        say(rows([*map(film_row, saved), *map(film_row, paths[-1:] if several else [])]))
    return stopped


def _outline(still: Still, prepared: Prepared) -> str:
    """What is going to be painted, in a line."""
    timeline, steps = prepared.timeline, formatting.count(still.steps, "step")
    size, models = f"{timeline.width}x{timeline.height}", formatting.models(timeline)
    return f"{size}, {steps}, seed {still.seed}, models {models}"
