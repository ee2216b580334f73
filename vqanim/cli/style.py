"""`vqanim style`: a photo in another style."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from vqanim.cli.image import file_names, paint, several
from vqanim.cli.painting import settings, slug, style_options
from vqanim.errors import UsageError
from vqanim.files import picture_size
from vqanim.models.catalogue import get_generator_entry
from vqanim.scene.still import Still, size_like

STRENGTH = 0.6


@click.command()
@style_options
@click.option(
    "--style-image",
    "styles",
    metavar="PICTURE[:WEIGHT]",
    multiple=True,
    help="Take the style of this picture: its colors and strokes, not what it shows (repeatable).",
)
@click.option(
    "--strength",
    metavar="0..1",
    type=float,
    help=f"0 leaves the photo as it is, 1 keeps little of it; {STRENGTH}.",
)
@several
@click.option("--out", metavar="FILE", help="A PNG; ./<the photo>-<the style>.png if not given.")
def style(count: int, out: str | None, **given: Any) -> int:
    """Paint PHOTO in the style of PROMPT, such as "Starry Night by Vincent van Gogh", or of --style-image.

    What the photo shows is kept: what a network of its own sees in it, and its edges. Only the ratio of the
    weights of prompts and pictures counts; --strength says how far they all go.
    """
    still = restyled(settings(given), given)
    if count > 1 and not leaves_to_chance(still):
        raise UsageError(
            f"--count {count}: all would be equal, since only words and --target leave room for that"
        )
    return paint(still, file_names(out or f"{name_of(still)}.png", count), given)


def restyled(still: Still, given: dict[str, Any]) -> Still:
    """The settings with a strength and, unless a size was asked for, in the shape of the photo.

    Raises UsageError, and InputError for a photo that cannot be read.
    """
    if still.init is None:
        raise UsageError('give a photo, as in: vqanim style photo.jpg "Starry Night by Vincent van Gogh"')
    if not still.prompt and not still.targets:
        raise UsageError('give a style: words such as "ukiyo-e, woodcut", or --style-image painting.jpg')
    turned_round = Path(still.prompt).is_file() or (given["like"] and not given["prompt"])
    if turned_round and not Path(still.init).is_file():
        raise UsageError(f"{still.init}: there is no such photo; the photo comes first, then the words")
    if given["init"] is not None and given["size"] is None:
        multiple = get_generator_entry(still.models).multiple
        width, height = size_like(*picture_size(Path(still.init)), multiple)
        still = replace(still, width=width, height=height)
    return still if still.strength is not None else replace(still, strength=STRENGTH)


def leaves_to_chance(still: Still) -> bool:
    """Whether another seed gives another picture: where a perceptor looks, it looks at random cutouts."""
    return bool(still.prompt) or any(target.through == "perceptor" for target in still.targets)


def name_of(still: Still) -> str:
    """A file name from those of the photo and of the style."""
    pictures = [Path(target.path).stem for target in still.targets]
    return f"{Path(still.init or '').stem}-{slug(still) if still.prompt else pictures[0]}"
