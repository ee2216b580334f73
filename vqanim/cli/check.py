"""`vqanim check`: every mistake of a scene, or what it would make."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vqanim.cli import completing, options, words
from vqanim.errors import VqanimError


@click.command()
@click.argument("scenes", metavar="SCENE...", nargs=-1, required=True, shell_complete=completing.scenes)
@options.overrides
@options.models
@options.outside
def check(scenes: Sequence[str], overrides: Sequence[str], models: str | None, allow_outside: bool) -> int:
    """Find every mistake in each SCENE, one line each, without rendering.

    A scene without mistakes is summed up. The exit code is 0, or 2 where there are mistakes, or 3 where
    missing or broken files are the only trouble.
    """
    from vqanim.api import prepare
    from vqanim.cli import summary

    codes = {0}
    for scene in scenes:
        try:
            prepared = prepare(scene, overrides, models, allow_outside=allow_outside)
            timeline = prepared.timeline
        except VqanimError as error:
            words.complain(str(error))
            codes.add(error.exit_code)
            continue
        words.warn(timeline.warnings)
        words.say(f"{scene}: {summary.headline(timeline)}")
        prompts = [("prompt", text) for text in timeline.prompts]
        words.say(words.rows([*summary.describe(timeline), *prompts]))
    return 2 if 2 in codes else max(codes)
