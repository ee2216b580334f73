"""`vqanim new` and `vqanim schema`: a scene to start from, and its language for editors and as a page."""

from __future__ import annotations

from pathlib import Path

import click

from vqanim.cli import params
from vqanim.cli.formatting import say
from vqanim.cli.terminal import visible
from vqanim.errors import UsageError


@click.command()
@click.argument("name")
@params.force(help="Overwrite a file of that name.")
def new(name: str, force: bool) -> None:
    """Write NAME.yaml, a commented scene that renders as it is.

    Beside it goes vqanim.schema.json, with which editors complete and check scenes as you type.
    """
    from vqanim import api

    if not Path(name).name.strip(".") or name.endswith("/"):
        raise UsageError(f"{name!r} names no file; give a name such as my-scene")
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    api.check_free([path], force)
    api.new_scene(path)
    name = visible(str(path))
    say(f"wrote {name} and vqanim.schema.json; now: vqanim render {name}")


@click.command()
@click.option("--docs", is_flag=True, help="Print the reference of the language as Markdown instead.")
def schema(docs: bool) -> None:
    """Print the scene language as a JSON schema, for editors that complete and check YAML.

    `vqanim new` puts it beside the scene, as vqanim.schema.json, and names it in the scene's first line. For
    a scene that you have, do the same:

    \b
    vqanim schema > vqanim.schema.json
    # yaml-language-server: $schema=vqanim.schema.json
    """
    from vqanim import api

    say(api.reference().rstrip() if docs else api.schema_text())
