"""Arguments that more than one command takes."""

from __future__ import annotations

import re

import click

from vqanim.cli import completing

QUALITIES = ("draft", "normal", "high")
"""Those of vqanim.scene.quality, which would bring in what a help page has no need of."""

scene = click.argument("scene", shell_complete=completing.scenes)

overrides = click.option(
    "--set",
    "overrides",
    metavar="KEY.PATH=VALUE",
    multiple=True,
    shell_complete=completing.keys,
    help="Replace one value of the scene, as in: --set duration=2s --set camera.zoom=1.1 (repeatable).",
)

outside = click.option(
    "--allow-outside",
    is_flag=True,
    help="Let the scene name files outside its folder; only for scenes that you trust.",
)

models = click.option(
    "--models",
    metavar="NAME",
    shell_complete=completing.pairs,
    help="Use these models instead of the scene's; `pocket` comes with vqanim.",
)


def _device(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise click.BadParameter(f"{value!r} is none of auto, cpu, cuda, cuda:N, mps")
    return value


device = click.option(
    "--device",
    metavar="NAME",
    default="auto",
    callback=_device,
    shell_complete=completing.devices,
    help="auto (the fastest there is), cpu, cuda, cuda:N or mps.",
)


def device_or_none(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A device, or None where none is given."""
    return None if value is None else _device(ctx, parameter, value)


quality = click.option(
    "-q",
    "--quality",
    type=click.Choice(QUALITIES),
    default="normal",
    help="draft: half the size, frames, steps and cutouts, to see soon what moves and grows; high: twice the "
    "size, half as many steps and cutouts again. The camera moves the same.",
)

quiet = click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")

frames = click.option(
    "--frames",
    metavar="A:B",
    help="Only this part of the film, such as 3s:6s, 36f:72f, 50%:, :2s or, with a song, bar 9:bar 17; "
    "B itself is not in it.",
)

shot = click.option("--shot", metavar="NAME", shell_complete=completing.shots, help="Only this shot.")
