"""Pages of Markdown as tests read them: their code blocks, and the commands in these."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from vqanim.cli.main import cli

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))

BLOCK = re.compile(r"^(?:<!-- exit code (\d+) -->\n)?```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([^"]+)"')
PROGRAM = re.compile(r"^(?:\.venv/bin/)?vqanim$")


@dataclass(frozen=True)
class Block:
    """A code block of a page."""

    language: str
    """`yaml` is a whole scene, `yml` a part of one, `sh` commands, `text` what those before it print."""
    text: str
    title: str = ""
    """Name of the file that it is."""
    exit_code: int = 0
    """Of its last command."""


def blocks_of(page: Path) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    for code, language, rest, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        title = TITLE.search(rest)
        yield Block(language, text, title[1] if title else "", int(code or 0))


def vqanim_commands(block: Block) -> Iterator[list[str]]:
    """The arguments of every call of vqanim in a block of shell lines."""
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        for at, word in enumerate(words):
            if PROGRAM.match(word) and not any(
                before.startswith("_VQANIM_COMPLETE=") for before in words[:at]
            ):
                rest = words[at + 1 :]
                yield rest[: rest.index("&&")] if "&&" in rest else rest


def check_command(arguments: list[str]) -> None:
    """Parse a call of vqanim without running it. Raises click.UsageError where it would be refused."""
    context = click.Context(cli, info_name="vqanim", **cli.context_settings)
    group: click.Command = cli
    while isinstance(group, click.Group) and arguments != ["-h"]:
        name, command, arguments = group.resolve_command(context, arguments)
        assert command is not None
        context = command.make_context(name, list(arguments), parent=context, resilient_parsing=False)
        arguments = [*context._protected_args, *context.args] if isinstance(command, click.Group) else []
        group = command
