"""`vqanim check`: every error of a scene, or a summary of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vqanim.cli import completing, params
from vqanim.cli.formatting import complain, describe, error_lines, headline, prompt_rows, rows, say, warn
from vqanim.cli.terminal import visible
from vqanim.errors import VqanimError


@click.command()
@click.argument("scenes", metavar="SCENE...", nargs=-1, required=True, shell_complete=completing.scenes)
@params.overrides
@params.models
@params.outside
def check(scenes: Sequence[str], overrides: Sequence[str], models: str | None, allow_outside: bool) -> int:
    """Report every error in each SCENE, one per line, without rendering.

    A valid scene is summarized, with what its prompts will be painted as where the pocket models judge. The
    exit code is 0, or 2 where there are mistakes, or 3 where missing or broken files are the only trouble.
    """
    from vqanim.api import prepare, read_prompts

    codes = {0}
    for scene in scenes:
        try:
            prepared = prepare(scene, overrides, models, allow_outside=allow_outside)
            prompts = read_prompts(prepared)
        except VqanimError as error:
            complain(error_lines(error))
            codes.add(error.exit_code)
            continue
        timeline = prepared.timeline
        warn((*timeline.warnings, *prompts.warnings))
        say(f"{visible(scene)}: {headline(timeline)}")
        say(rows([*describe(timeline), *prompt_rows(timeline.prompts, prompts.readings)]))
    return 2 if 2 in codes else max(codes)
