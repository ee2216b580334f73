"""Arguments that more than one command takes."""

from __future__ import annotations

import re

import click

overrides = click.option(
    "--set",
    "overrides",
    metavar="KEY.PATH=VALUE",
    multiple=True,
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
    help="auto (the fastest there is), cpu, cuda, cuda:N or mps.",
)

quiet = click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
