"""Arguments and options that more than one command takes, and types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from vqanim.cli import completing
from vqanim.cli.formatting import warn
from vqanim.errors import UsageError
from vqanim.icons import spec
from vqanim.scene.colors import NAMES, Color, color_text, parse_color
from vqanim.scene.limits import FITS, MAX_SIDE
from vqanim.scene.numbers import number_hint, parse_number, parse_whole
from vqanim.scene.quality import QUALITIES
from vqanim.scene.still import IconInit, Still, parse_target

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_COUNT = 64  # pictures that one command paints
_TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """What a function makes of a text; its ValueError says what the text is not, and what to use."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name, self.parse = name, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; one that is no text is a default."""
        try:
            return self.parse(value.strip()) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f"{value!r} is not {error}", param, ctx)


def _parse_color(text: str) -> Color:
    try:
        return parse_color(text)
    except ValueError:
        names = ", ".join(NAMES)
        raise ValueError(f"a color. Use '#rrggbb' or '#rgb' in quotes, or {names}") from None


COLOR = Parsed("COLOR", _parse_color)
"""A color to sRGB in 0..1."""


def sides(square: bool = True) -> Parsed:
    """`512x384`, or `512` where squares are allowed, to (width, height) in pixels."""

    def parse(text: str) -> tuple[int, int]:
        with suppress(ValueError):
            both = [parse_whole(part) for part in _TIMES.split(text)]
            width, height = both * 2 if square and len(both) == 1 else both
            if 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE:
                return width, height
        allowed = "512 or 512x384" if square else "WIDTHxHEIGHT in pixels such as 512x384"
        raise ValueError(f"a size. Use {allowed}, sides from 1 to {MAX_SIDE} pixels")

    return Parsed("SIZE", parse)


def number(low: float, high: float) -> Parsed:
    """A finite number in limits."""

    def parse(text: str) -> float:
        with suppress(ValueError):
            if low <= (value := parse_number(text)) <= high:
                return value
        hint = number_hint(text)
        raise ValueError(f"a number from {low:g} to {high:g}" + (f"; {hint}" if hint else ""))

    return Parsed("NUMBER", parse)


def _device(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    for name in value.split(",") if value is not None else ():
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name.strip()):
            raise click.BadParameter(f"{name!r} is none of auto, cpu, cuda, cuda:N, mps")
    return value


def _file_name(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value and Path(value).name in ("", ".."):
        raise click.BadParameter(
            f"{value!r} is a folder; give a file's name, such as {value.rstrip('/')}/new"
        )
    return value


flag = partial(click.option, is_flag=True)
device_option = partial(
    click.option, "--device", metavar="NAME", callback=_device, shell_complete=completing.devices
)
out_folder = partial(click.option, "--out", metavar="DIR", type=click.Path(file_okay=False))
force = partial(flag, "--force")
out_file = partial(click.option, "--out", metavar="FILE", callback=_file_name)

scene = click.argument("scene", shell_complete=completing.scenes)
_overrides = partial(click.option, "--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True)
overrides = _overrides(
    shell_complete=completing.keys,
    help="Replace one value of the scene, as in: --set duration=2s --set camera.zoom=1.1 (repeatable).",
)
outside = flag("--allow-outside", help="Let a scene that you trust name files outside its folder.")
_models = partial(click.option, "--models", metavar="NAME", shell_complete=completing.pairs)
models = _models(help="Instead of the scene's: a name, or GENERATOR+PERCEPTOR; `pocket` comes with vqanim.")
device = device_option(default="auto", help="auto (the fastest there is), cpu, cuda, cuda:N or mps.")
quality_option = partial(
    click.option, "-q", "--quality", type=click.Choice(tuple(QUALITIES)), default="normal"
)
quality = quality_option(
    help="draft: half the size, frames, steps and cutouts, to see soon what moves and grows; high: twice the "
    "size, half as many steps and cutouts again. The camera moves the same."
)
quiet = flag("--quiet", help="Print nothing but warnings and errors.")
_frames = partial(click.option, "--frames", metavar="A:B")
frames = _frames(help="Only this part, without B: 3s:6s, 36f:72f, 50%:, :2s or, with a song, bar 9:bar 17.")
shot = click.option("--shot", metavar="NAME", shell_complete=completing.shots, help="Only this shot.")
_count = partial(click.option, "--count", type=click.IntRange(1, MAX_COUNT), default=1)
count = _count(help="Number of pictures to paint, each with its own seed.")

_picture_size = partial(click.option, "--size", metavar="WxH", type=sides(square=False))
_resize = partial(click.option, "--resize", type=click.Choice(FITS))
_weight = partial(click.option, metavar="WEIGHT", type=number(0, 1000))
_repeated_picture = partial(click.option, metavar="PICTURE[:WEIGHT]", multiple=True)

_SUBJECT = (
    click.argument("prompt", required=False),
    click.option("--init", metavar="PICTURE", help="Begin from this picture (learning rate 0.1 then)."),
    _picture_size(help="Width and height in pixels; 256x256."),
    click.option("--icon", metavar="NAME", help='Begin from an icon: twitter, "fas fa-eye" (rate 0.1 too).'),
    click.option("--icon-color", type=COLOR, help=f"Of the icon; {color_text(spec.COLOR)}."),
    click.option("--icon-background", type=COLOR, help="Of its ground; white."),
    _weight("--also-target", help="Also pull the picture to what --init or --icon shows, so that it stays."),
)
_PHOTO = (
    click.argument("init", metavar="PHOTO", required=False),
    click.argument("prompt", required=False),
    _picture_size(help="Width and height in pixels; if not given, 65536 pixels in the photo's shape."),
)
_PICTURE = (
    _resize(
        "fit",
        help="How the picture fits the frame: cover (cut what hangs over), contain (margins) or stretch.",
    ),
    _repeated_picture("--target", "targets", help="Come near to what the perceptor sees in it (repeatable)."),
    _repeated_picture("--target-pixels", help="Come near to this picture pixel by pixel (repeatable)."),
    click.option("--steps", type=int, help="Optimization steps; 300."),
    click.option(
        "--learning-rate",
        type=float,
        help="Size of a step (default: the model's own; 0.1 when starting from a picture).",
    ),
    click.option("--seed", type=int, help="Another seed, another picture; 0, and so repeats are equal."),
    _models(help="What paints and judges: a name, or GENERATOR+PERCEPTOR; `pocket` comes with vqanim."),
    click.option("--like", metavar="PICTURE", help="Repeat a picture of vqanim; other options change that."),
    device,
    force(help="Overwrite existing files."),
    quiet,
)
_STYLES = _repeated_picture(
    "--style-image", "styles", help="Take this picture's colors and strokes, not what it shows (repeatable)."
)


def picture(command: Command) -> Command:
    """Give a command the argument PROMPT and the options of one picture; see `still_of`."""
    return reduce(lambda made, option: option(made), reversed((*_SUBJECT, *_PICTURE)), command)


def photo(command: Command) -> Command:
    """Give a command the arguments PHOTO, which is called init, and PROMPT, and the options of a picture."""
    return reduce(lambda made, option: option(made), reversed((*_PHOTO, *_PICTURE, _STYLES)), command)


def still_of(options: Mapping[str, Any]) -> Still:
    """The settings that the options of a picture ask for, those of --like among them, with a warning where
    its pictures changed. Raises UsageError and InputError."""
    still = Still()
    if options["like"] is not None:
        from vqanim.takes.metadata import read_still

        still, notes = read_still(Path(options["like"]))
        warn(notes)
    names = ("prompt", "init", "fit", "also_target", "steps", "learning_rate", "seed", "models", "strength")
    changes = {name: options[name] for name in names if options.get(name) is not None}
    changes |= _start(options, still)
    if options["size"] is not None:
        changes["width"], changes["height"] = options["size"]
    named = ("perceptor", "targets"), ("pixels", "target_pixels"), ("style", "styles")
    if targets := [parse_target(text, way) for way, name in named for text in options.get(name, ())]:
        changes["targets"] = tuple(targets)
    still = replace(still, **changes)
    if options["prompt"] is not None and not options["prompt"].strip():
        raise UsageError('the prompt is empty, allowed is a text such as "a castle:2 | fog:-0.5"')
    if options["fit"] is not None and still.init is None:
        raise UsageError("--resize says how --init becomes the frame, but there is no --init")
    return still


def _start(options: Mapping[str, Any], like: Still) -> dict[str, Any]:
    """The picture or icon to begin from: of both, the one that was asked for now."""
    looks = {"color": options.get("icon_color"), "background": options.get("icon_background")}
    colors = {key: color_text(value) for key, value in looks.items() if value is not None}
    if options.get("icon") is not None:
        icon = IconInit(options["icon"]) if like.icon is None else replace(like.icon, name=options["icon"])
        return {"icon": replace(icon, **colors), "init": options["init"]}
    if options["init"] is not None:
        like = replace(like, icon=None)
    if colors and like.icon is None:
        raise UsageError("--icon-color and --icon-background say how --icon looks, but there is no --icon")
    return {"icon": None if like.icon is None else replace(like.icon, **colors)}
