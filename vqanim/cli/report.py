"""`vqanim report`: look back upon a render."""

from __future__ import annotations

import click

from vqanim.cli import options, words


@click.command()
@click.argument("source")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The page; report.html in the render's folder if not given.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is no report.")
@options.quiet
def report(source: str, out: str | None, force: bool, quiet: bool) -> None:
    """Write the report of a render again, without painting: one page with the film in it.

    SOURCE is the folder of a render, or a scene, whose folder is the one that `vqanim render` uses. The page
    shows the film, its frames, curves and sound, how near it came to its prompts, losses, sharpness and
    color, settings, models and their licenses. It needs no other file. Each render writes one in the end; of
    one that was stopped this shows what is there.
    """
    from vqanim import api

    path = api.report(source, out, force=force)
    if not quiet:
        words.say(words.rows([words.film_row(str(path))]))
