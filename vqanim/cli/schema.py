"""`vqanim schema`: the scene language for editors, and as a page."""

from __future__ import annotations

import json

import click

from vqanim.cli import words


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
    if docs:
        from vqanim.cli.reference import reference

        words.say(reference().rstrip())
        return
    words.say(schema_text())


def schema_text() -> str:
    """The schema as JSON."""
    from vqanim.scene.schema import scene_schema

    return json.dumps(scene_schema(), indent=1, ensure_ascii=True)
