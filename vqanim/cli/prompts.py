"""`vqanim prompts`: words that people add to prompts, by what they do."""

from __future__ import annotations

import difflib

import click

from vqanim.cli.formatting import rows, say
from vqanim.errors import UsageError

MARK = "*"
KNOWN = "they know words for things, colors and light, and some materials"
OTHERS = "  The others, names and styles above all, need a VQGAN with CLIP."
USE = 'Add one after a comma ("a castle, matte painting") or as a prompt of its own ("a castle:3 | foggy").'


@click.command()
@click.argument("effect", required=False)
@click.option("--search", metavar="WORD", help="Only those with this word in them or in what they do.")
def prompts(effect: str | None, search: str | None) -> None:
    """List words that people add to prompts, all or those for one EFFECT, with what each does.

    The effects are light, color, medium, render, artist, camera and mood.
    """
    from vqanim.api import load_modifiers

    about, modifiers = load_modifiers()
    if effect is not None and effect.lower() not in about:
        near = difflib.get_close_matches(effect.lower(), about, n=1)
        hint = f", did you mean {near[0]!r}?" if near else "; --search looks for words"
        raise UsageError(f"there is no effect {effect!r}, allowed are {', '.join(about)}{hint}")
    chosen = [one for one in modifiers if effect is None or one.effect == effect.lower()]
    if search is not None:
        words = search.lower().split()
        chosen = [one for one in chosen if all(word in f"{one.text} {one.does}".lower() for word in words)]
    if not chosen:
        raise UsageError(f"none of {len(modifiers)} has to do with {search!r}")
    width = max(len(one.text) for one in chosen)
    for title, text in about.items():
        group = [one for one in chosen if one.effect == title]
        if group:
            say(f"{title}: {text}")
            lines = [(f"{MARK if one.pocket else ' '} {one.text:<{width}}", one.does) for one in group]
            say(rows(lines) + "\n")
    if any(one.pocket for one in chosen):
        say(f"{MARK} The pocket models react to these: {KNOWN}.\n{OTHERS}")
    else:
        say(f"The pocket models react to none of these: {KNOWN}. They need a VQGAN with CLIP.")
    say(USE)
