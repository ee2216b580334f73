"""The options that say what one picture is to be; commands that paint a picture share them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vqanim.cli import options, summary, words
from vqanim.cli.values import ColorType, NumberType
from vqanim.errors import UsageError
from vqanim.icons import spec
from vqanim.scene.colors import color_text
from vqanim.scene.fields.prompts import parse_short
from vqanim.scene.model import FITS
from vqanim.scene.still import IconInit, Still, Target, parse_target

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.engine.still import StillDone

Command = TypeVar("Command", bound=Callable[..., Any])

LONGEST_NAME = 60
"""Characters of a file name made from a prompt."""


def _size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", value, re.ASCII | re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"found {value!r}, allowed is WIDTHxHEIGHT in pixels such as 512x384")
    return int(match[1]), int(match[2])


_SUBJECT = (
    click.argument("prompt", required=False),
    click.option("--init", metavar="PICTURE", help="Begin from this picture (learning rate 0.1 then)."),
    click.option("--size", metavar="WxH", callback=_size, help="Width and height in pixels; 256x256."),
    click.option("--icon", metavar="NAME", help='Begin from an icon: twitter, "fas fa-eye" (rate 0.1 too).'),
    click.option("--icon-color", type=ColorType(), help=f"Of the icon; {color_text(spec.COLOR)}."),
    click.option("--icon-background", type=ColorType(), help="Of its ground; white."),
    click.option(
        "--also-target",
        metavar="WEIGHT",
        type=NumberType(0, 1000),
        help="Also pull the picture to what --init or --icon shows, so that it stays visible.",
    ),
)
_PHOTO = (
    click.argument("init", metavar="PHOTO", required=False),
    click.argument("prompt", required=False),
    click.option(
        "--size",
        metavar="WxH",
        callback=_size,
        help="Width and height in pixels; if not given, 65536 pixels in the photo's shape.",
    ),
)
_OPTIONS = (
    click.option(
        "--resize",
        "fit",
        type=click.Choice(FITS),
        help="How the picture becomes the frame: cover (cut what hangs over), contain (margins) or stretch.",
    ),
    click.option(
        "--target",
        "targets",
        metavar="PICTURE[:WEIGHT]",
        multiple=True,
        help="Come near to what the perceptor sees in this picture (repeatable).",
    ),
    click.option(
        "--target-pixels",
        metavar="PICTURE[:WEIGHT]",
        multiple=True,
        help="Come near to this picture pixel by pixel (repeatable).",
    ),
    click.option("--steps", type=int, help="Optimisation steps; 300."),
    click.option(
        "--learning-rate",
        type=float,
        help="How far a step goes; the model's own, 0.1 where a picture is begun from.",
    ),
    click.option("--seed", type=int, help="Another seed, another picture; 0, and so repeats are equal."),
    click.option("--models", metavar="NAME", help="What paints and what judges; `pocket` comes with vqanim."),
    click.option(
        "--like",
        metavar="PICTURE",
        help="Repeat a picture that vqanim painted, from what is written in it; other options change that.",
    ),
    options.device,
    click.option("--force", is_flag=True, help="Overwrite what is there."),
    options.quiet,
)


def still_options(command: Command) -> Command:
    """Give a command the argument PROMPT and the options above."""
    return reduce(lambda made, option: option(made), reversed((*_SUBJECT, *_OPTIONS)), command)


def style_options(command: Command) -> Command:
    """Give a command the arguments PHOTO, which is called init, and PROMPT, and the options above."""
    return reduce(lambda made, option: option(made), reversed((*_PHOTO, *_OPTIONS)), command)


def settings(given: Mapping[str, Any]) -> Still:
    """The picture that the options ask for, those of --like among them, of which a word is said if its
    pictures changed. Raises UsageError and InputError."""
    still = _like(given["like"])
    names = ("prompt", "init", "fit", "also_target", "steps", "learning_rate", "seed", "models", "strength")
    changes = {name: given[name] for name in names if given.get(name) is not None}
    changes |= _begin(given, still)
    if given["size"] is not None:
        changes |= {"width": given["size"][0], "height": given["size"][1]}
    targets = _targets(given)
    if targets:
        changes["targets"] = targets
    still = replace(still, **changes)
    if given["prompt"] is not None and not given["prompt"].strip():
        raise UsageError('the prompt is empty, allowed is a text such as "a castle:2 | fog:-0.5"')
    if given["fit"] is not None and still.init is None:
        raise UsageError("--resize says how --init becomes the frame, but there is no --init")
    return still


def _begin(given: Mapping[str, Any], like: Still) -> dict[str, Any]:
    """The picture or icon to begin from: of both, the one that was asked for now."""
    looks = {"color": given.get("icon_color"), "background": given.get("icon_background")}
    colors = {key: color_text(value) for key, value in looks.items() if value is not None}
    if given.get("icon") is not None:
        icon = IconInit(given["icon"]) if like.icon is None else replace(like.icon, name=given["icon"])
        return {"icon": replace(icon, **colors), "init": given["init"]}
    if given["init"] is not None:
        like = replace(like, icon=None)
    if colors and like.icon is None:
        raise UsageError("--icon-color and --icon-background say how --icon looks, but there is no --icon")
    return {"icon": None if like.icon is None else replace(like.icon, **colors)}


def _like(path: str | None) -> Still:
    if path is None:
        return Still()
    from vqanim.takes.metadata import read_still

    still, notes = read_still(Path(path))
    words.warn(notes)
    return still


def _targets(given: Mapping[str, Any]) -> tuple[Target, ...]:
    seen = [parse_target(written) for written in given["targets"]]
    pixels = [parse_target(written, "pixels") for written in given["target_pixels"]]
    return (*seen, *pixels, *(parse_target(written, "style") for written in given.get("styles", ())))


def slug(still: Still) -> str:
    """A file name for a picture, from its prompt."""
    try:
        texts = [part.text for part in parse_short(still.prompt)]
    except ValueError:  # told of later, with what is wrong
        texts = []
    name = re.sub(r"[^\w]+", "-", " ".join(texts).lower()).strip("-_")[:LONGEST_NAME].strip("-_")
    return name or "picture"


def refuse_overwriting(paths: list[Path], force: bool) -> None:
    """Raise UsageError when something is there already and nobody said --force."""
    there = [path for path in paths if path.exists()]
    if there and not force:
        names = ", ".join(words.short_path(path) for path in there[:3])
        raise UsageError(f"{names}: there already; give another --out, or --force to overwrite")
    folders = [path for path in there if path.is_dir()]
    if folders:
        raise UsageError(f"{folders[0]}: is a folder; give another --out")


def prepare(still: Still, quiet: bool) -> Prepared:
    """Check and compile the picture, bring the models that it needs into the cache, and say so.

    Raises UsageError, InputError and OutputError.
    """
    from vqanim import api

    return fetch(api.prepare_still(still, slug(still)), quiet)


def fetch(prepared: Prepared, quiet: bool) -> Prepared:
    """Say what is odd about a film, and bring the models that it needs into the cache.

    Gives it with the hashes of all models known. Raises InputError and OutputError.
    """
    from vqanim import api
    from vqanim.cli.transfer import Transfer

    words.warn(prepared.timeline.warnings)
    transfer, fetching = Transfer(quiet), api.fetch_models(prepared)
    while True:
        try:
            transfer.hear(next(fetching))
        except StopIteration as end:
            found: Prepared = end.value
            return found


def outline(still: Still, prepared: Prepared) -> str:
    """What is going to be painted, in a line."""
    timeline, steps = prepared.timeline, words.count(still.steps, "step")
    models = summary.models(timeline)
    return f"{timeline.width}x{timeline.height}, {steps}, seed {still.seed}, models {models}"


def save(path: Path, event: StillDone, still: Still, prepared: Prepared) -> None:
    """Write a picture with the settings that made it. Raises OutputError and InputError."""
    from vqanim.takes.metadata import write_still

    painted = replace(still, seed=event.seed)
    write_still(path, event.picture, painted, event.plan, prepared.timeline.models, event.steps)
