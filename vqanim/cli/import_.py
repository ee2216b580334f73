"""`vqanim import`: settings of other tools become a scene."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vqanim.cli import completing, words
from vqanim.errors import UsageError
from vqanim.importers import TOOLS, import_settings

if TYPE_CHECKING:
    from vqanim.importers.draft import Draft, Note

MOST_KEYS = 6
"""That are named in a line of the summary; the scene names all."""


@click.command("import")
@click.argument("settings", metavar="FILE|COMMAND", shell_complete=completing.settings)
@click.option(
    "--from",
    "source",
    type=click.Choice(TOOLS),
    help="Whose settings these are; found out if not given.",
)
@click.option("--out", metavar="FILE", help="The scene's file; the settings' name with .yaml if not given.")
@click.option("--force", is_flag=True, help="Overwrite the scene's file.")
def import_(settings: str, source: str | None, out: str | None, force: bool) -> None:
    """Turn settings of another tool into a scene.

    FILE is a settings file of Deforum (of the notebook or the web UI), a configuration of pytti, or a script
    with a command of VQGAN-CLIP; COMMAND is such a command itself, in quotes, from generate.py on.

    The scene passes `vqanim check`. Its comments say where everything comes from, what is not quite the same
    and what is left out.
    """
    from vqanim.cli.new import SCHEMA, write_schema
    from vqanim.files import write_atomic

    path = Path(out) if out else _beside(settings)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"--out {path}: found another ending, allowed are .yaml and .yml")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; take another name with --out, or overwrite it with --force")
    if path.exists() and Path(settings).exists() and path.samefile(settings):
        raise UsageError(f"{path} are the settings themselves; take another name with --out")
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}")
    draft = import_settings(settings, path.parent, source)
    text = checked(draft, path)
    write_atomic(path, text)
    write_schema(path.with_name(SCHEMA))
    words.say(f"wrote {words.short_path(path)} from {draft.source}")
    words.say(words.rows(list(summary(draft))))
    words.say(f"next: vqanim preview {words.short_path(path)}")
    if draft.hint:
        words.say(draft.hint)


def _beside(settings: str) -> Path:
    """In the current folder, called as the settings are."""
    try:
        stem = Path(settings).stem if Path(settings).is_file() else "imported"
    except (OSError, ValueError):
        stem = "imported"
    return Path(f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', stem).strip('-.') or 'imported'}.yaml")


def checked(draft: Draft, path: Path) -> str:
    """The text of a scene that passes `vqanim check`; what does not is taken back and named in a comment.

    Raises UsageError where nothing helps.
    """
    from vqanim.errors import CurveError, SceneError

    while True:
        text = draft.text(path.name)
        try:
            _check(text, path.parent)
            return text
        except SceneError as error:
            troubles = [(problem.place.path, problem.message) for problem in error.problems]
        except CurveError as error:
            troubles = [(error.place.path, error.reason)]
        # From the end, so that the places of prompts stay what they are.
        dropped = [draft.drop(where, why) for where, why in sorted(troubles, reverse=True, key=_in_order)]
        if not any(dropped):
            raise UsageError(
                f"{draft.name}: no scene can be made of this: {troubles[0][0]}: {troubles[0][1]}"
            )


def _check(text: str, folder: Path) -> None:
    """Do what `vqanim check` does with a scene in this folder, which is there only for a moment."""
    from vqanim import api
    from vqanim.files import writing

    path = folder / f".vqanim-{secrets.token_hex(4)}.yaml"
    try:
        with writing(folder):
            path.write_text(text, encoding="utf-8")
        api.prepare(path)
    finally:
        path.unlink(missing_ok=True)


def _in_order(trouble: tuple[str, str]) -> tuple[int, str]:
    match = re.match(r"prompts\[(\d+)\]", trouble[0])
    return (int(match[1]) if match else -1, trouble[0])


def summary(draft: Draft) -> Iterator[words.Row]:
    """What became of the settings, in lines."""
    taken = [key for note in draft.notes if note.fate == "taken" for key in note.keys]
    if taken:
        yield "taken over", _named(taken)
    for note in draft.notes:
        if note.fate == "close":
            yield "close", _said(note)
    for path, _, reason in draft.dropped:
        yield "not possible", f"{path}: {reason}"
    for note in draft.notes:
        if note.fate == "left":
            yield "left out", _said(note)


def _said(note: Note) -> str:
    return f"{_named(note.keys)}: {note.message}" if note.message else _named(note.keys)


def _named(keys: Sequence[str]) -> str:
    more = len(keys) - MOST_KEYS
    return ", ".join(keys[:MOST_KEYS]) + (f" and {more} more" if more > 0 else "")
