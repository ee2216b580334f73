"""`vqanim schema`: the scene language for editors, and as a page."""

from __future__ import annotations

import click

from vqanim.cli.formatting import say


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
