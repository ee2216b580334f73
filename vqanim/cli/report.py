"""`vqanim report` and `vqanim compare`: pages about renders."""

from __future__ import annotations

from functools import partial

import click

from vqanim.cli import params
from vqanim.cli.formatting import film_row, rows, say, shortened, table, warn

MOST_SETTINGS = 20  # that are listed on the terminal; the page has more
_page = partial(params.out_file, type=click.Path(dir_okay=False))
WIDEST = 40  # columns of a value


@click.command()
@click.argument("source")
@_page(help="The page; report.html in the render's folder if not given.")
@params.force(help="Overwrite a file that is no report.")
@params.quiet
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
        say(rows([film_row(str(path))]))


@click.command()
@click.argument("a")
@click.argument("b")
@_page(default="compare.html", help="The page; compare.html if not given.")
@params.force(help="Overwrite the page.")
@params.quiet
def compare(a: str, b: str, out: str, force: bool, quiet: bool) -> None:
    """Put two renders side by side in one page, and say what differs.

    A and B are folders of renders, or scenes, whose folders are those that `vqanim render` uses. The page
    shows both films at equal times, their curves over each other, what differs of their settings, and their
    figures. Renders may be of different length and size, and unfinished.
    """
    from vqanim import api

    found = api.compare(a, b, out, force=force)
    warn(found.notes)
    if quiet:
        return
    say(table([["", "A", "B"], *map(_cut, found.figures)]))
    if found.distance is not None:
        say(f"\nMean pixel difference at matching times: {found.distance:.3g} of 255.")
    if found.settings:
        say("\nsettings that differ")
        say(table([_cut(row) for row in found.settings[:MOST_SETTINGS]]))
    if (more := len(found.settings) - MOST_SETTINGS) > 0:
        say(f"and {more} more, which the page has")
    say("\n" + rows([film_row(out)]))


def _cut(row: tuple[str, str, str]) -> list[str]:
    return [shortened(text or "-", WIDEST) for text in row]
