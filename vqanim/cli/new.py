"""`vqanim new`: a scene to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from vqanim.cli.words import say
from vqanim.errors import UsageError
from vqanim.files import write_atomic

SCHEMA = "vqanim.schema.json"
"""Beside each new scene, which names it in its first line, so that editors complete and check."""


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Overwrite a file of that name.")
def new(name: str, force: bool) -> None:
    """Write NAME.yaml, a commented scene that renders as it is.

    Beside it goes vqanim.schema.json, with which editors complete and check scenes as you type.
    """
    if not Path(name).name.strip(".") or name.endswith("/"):
        raise UsageError(f"{name!r} names no file; give a name such as my-scene")
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    schema = path.with_name(SCHEMA)
    text = resources.files("vqanim.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists; take another name, or overwrite it with --force") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    write_schema(schema)
    say(f"wrote {path} and {SCHEMA}; now: vqanim render {path}")


def write_schema(path: Path) -> None:
    """Write the schema beside a scene, in the place of an older one; a file that is no schema of ours stays.

    Raises OutputError.
    """
    from vqanim.cli.schema import schema_text
    from vqanim.scene.schema import TITLE

    text = schema_text() + "\n"
    try:
        known = TITLE in path.read_text(encoding="utf-8")[:400] if path.exists() else True
    except (OSError, UnicodeDecodeError):
        known = False
    if known:
        write_atomic(path, text)
