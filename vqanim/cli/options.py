"""Arguments that more than one command takes."""

from __future__ import annotations

import click

overrides = click.option(
    "--set",
    "overrides",
    metavar="KEY.PATH=VALUE",
    multiple=True,
    help="Replace one value of the scene, as in: --set duration=2s --set camera.zoom=1.1 (repeatable).",
)

models = click.option(
    "--models",
    metavar="NAME",
    help="Use these models instead of the scene's; `pocket` comes with vqanim.",
)
