"""`vqanim new`: a scene to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from vqanim.cli.words import say
from vqanim.errors import UsageError


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Overwrite a file of that name.")
def new(name: str, force: bool) -> None:
    """Write NAME.yaml, a commented scene that renders as it is."""
    if not Path(name).name.strip(".") or name.endswith("/"):
        raise UsageError(f"{name!r} names no file; give a name such as my-scene")
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    text = resources.files("vqanim.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists; take another name, or overwrite it with --force") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    say(f"wrote {path}; now: vqanim render {path}")
