"""`vqanim import`: settings of other tools become a scene."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vqanim.cli import params
from vqanim.cli.formatting import Row, rows, say, short_path
from vqanim.errors import UsageError
from vqanim.files import exists
from vqanim.importers import TOOLS

if TYPE_CHECKING:
    from vqanim.importers.draft import Draft, Note

MOST_KEYS = 6  # that are named in a line of the summary; the scene names all


@click.command("import")
@click.argument("settings", metavar="FILE|COMMAND", type=click.Path())
@click.option("--from", "source", type=click.Choice(TOOLS), help="Whose settings these are; else found out.")
@params.out_file(help="The scene's file; the settings' name with .yaml if not given.")
@params.force(help="Overwrite the scene's file.")
def import_(settings: str, source: str | None, out: str | None, force: bool) -> None:
    """Turn settings of another tool into a scene.

    FILE is one of these:

    \b
      settings of Deforum, as the web UI or the notebook saves them, also with a Parseq manifest in them
      a manifest of Parseq, with its rendered frames or with keyframes alone
      settings of pytti, as YAML or as the JSON that it saves
      settings of Disco Diffusion
      a notebook (.ipynb) of Deforum, pytti, Disco Diffusion or VQGAN+CLIP, or its cells as a script
      a script of a shell, a batch file or a script in Python with commands of VQGAN-CLIP

    COMMAND is such a command itself, in quotes, from generate.py on, or a script with what it is started
    with, such as `./zoom.sh castle zoom.png 150`. Whose settings a file holds is found out by the names that
    only one tool has, and said; --from says it where that is wrong. Nothing in it is run.

    The scene passes `vqanim check`. Its comments say where everything comes from, what is not quite the same
    and what is left out.
    """
    from vqanim import api

    path = Path(out) if out else _beside(settings)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"--out {path}: found another ending, allowed are .yaml and .yml")
    api.check_free([path], force)
    if exists(path) and exists(settings) and path.samefile(settings):
        raise UsageError(f"{path} are the settings themselves; take another name with --out")
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}")
    draft = api.import_scene(settings, path, source)
    say(f"wrote {short_path(path)} from {draft.source}")
    if draft.recognized_by:
        say(f"recognized by {draft.recognized_by}; where that is wrong: --from TOOL")
    say(rows(list(summary(draft))))
    say(f"next: vqanim preview {short_path(path)}")
    if draft.hint:
        say(draft.hint)


def _beside(settings: str) -> Path:
    """In the current folder, called as the settings are."""
    stem = ""
    with suppress(OSError, ValueError):
        stem = Path(settings).stem if Path(settings).is_file() else ""
    return Path(f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', stem).strip('-.') or 'imported'}.yaml")


def summary(draft: Draft) -> Iterator[Row]:
    """What became of the settings, in lines."""
    if taken := [key for note in draft.notes if note.fate == "taken" for key in note.keys]:
        yield "taken over", _named(taken)
    yield from (("close", _reason(note)) for note in draft.notes if note.fate == "close")
    yield from (("not possible", f"{path}: {reason}") for path, _, reason in draft.dropped)
    yield from (("left out", _reason(note)) for note in draft.notes if note.fate == "left")


def _reason(note: Note) -> str:
    return f"{_named(note.keys)}: {note.message}" if note.message else _named(note.keys)


def _named(keys: Sequence[str]) -> str:
    more = len(keys) - MOST_KEYS
    return ", ".join(keys[:MOST_KEYS]) + (f" and {more} more" if more > 0 else "")
