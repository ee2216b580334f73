"""`vqanim compare`: two renders side by side."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vqanim.cli import options, words

MOST_SETTINGS = 20
"""That are listed on the terminal; the page has more."""
WIDEST = 40
"""Columns of a value."""


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--out",
    metavar="FILE",
    default="compare.html",
    type=click.Path(dir_okay=False),
    help="The page; compare.html if not given.",
)
@click.option("--force", is_flag=True, help="Overwrite the page.")
@options.quiet
def compare(a: str, b: str, out: str, force: bool, quiet: bool) -> None:
    """Put two renders side by side in one page, and say what differs.

    A and B are folders of renders, or scenes, whose folders are those that `vqanim render` uses. The page
    shows both films at equal times, their curves over each other, what differs of their settings, and their
    figures. Renders may be of different length and size, and unfinished.
    """
    from vqanim import api

    found = api.compare(a, b, out, force=force)
    words.warn(found.notes)
    if quiet:
        return
    words.say(words.table([["", "A", "B"], *map(_cut, found.figures)]))
    if found.distance is not None:
        words.say(f"\nframes at equal times differ by {found.distance:.3g} of 255 in the mean")
    if found.settings:
        words.say("\nsettings that differ")
        words.say(words.table([_cut(row) for row in found.settings[:MOST_SETTINGS]]))
    if (more := len(found.settings) - MOST_SETTINGS) > 0:
        words.say(f"and {more} more, which the page has")
    words.say("\n" + words.rows([words.film_row(out)]))


def _cut(row: tuple[str, str, str]) -> list[str]:
    return [text if len(text) <= WIDEST else f"{text[: WIDEST - 2].rstrip()}.." for text in _filled(row)]


def _filled(row: tuple[str, str, str]) -> Iterator[str]:
    return (text or "-" for text in row)
