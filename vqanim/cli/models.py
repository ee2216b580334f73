"""`vqanim models`: what there is, what is here, and how to get it or be rid of it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vqanim.cli import completing, formatting
from vqanim.cli.stopping import stopping
from vqanim.errors import InputError, UsageError, VqanimError
from vqanim.models.catalogue import find_entries, get_entry, list_models
from vqanim.models.entries import Entry, RemoteFile, is_address
from vqanim.models.fetch import (
    fetch_model,
    find_damage,
    installed_models,
    is_installed,
    missing_message,
    remove_models,
)

PLACES = """\b
VQANIM_CACHE      folder where models are kept
VQANIM_MIRROR     address of a mirror that is tried before all others, or several
                  with spaces between; it has the files as <name>/config.yaml,
                  <name>/weights.ckpt and, of a CLIP, <name>/weights.pt, as the
                  folder `models` in the cache (a / in a name becomes a -)
VQANIM_CATALOGUE  a YAML file with more models, or other addresses, in the form of
                  vqanim/models/catalogue.yaml
VQANIM_OFFLINE    1 forbids the network
"""


class Group(click.Group):
    """A group that names the nearest command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            near = difflib.get_close_matches(name.lower(), self.commands, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.commands)}"
            raise click.UsageError(f"`vqanim models` has no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Group, epilog=PLACES)
def models() -> None:
    """List, fetch, verify and add models.

    A scene names them: `models: {generator: imagenet-16384, perceptor: ViT-B/32}`. What it names and is not
    here is fetched when it is rendered.
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def list_(as_json: bool) -> None:
    """List all models.

    Whether they are here, their size, their license and what it means for commercial use.
    """
    entries = []
    for kind, name in list_models():
        try:
            entries.append(get_entry(kind, name))
        except InputError as error:
            formatting.complain(f"Warning: {error}")
    if as_json:
        formatting.say(json.dumps([_describe(entry) for entry in entries], indent=1))
        return
    lines = [("name", "kind", "here", "size", "commercial use", "license"), *map(_line, entries)]
    formatting.say(formatting.table(lines))
    formatting.say("\nNames like open_clip:ViT-B-32/laion2b_s34b_b79k are models of the project open_clip.")


@models.command()
@click.argument("name", shell_complete=completing.models)
def show(name: str) -> None:
    """Show what is known about NAME.

    Its license, its source, its files with their addresses, and what could not be checked.
    """
    for entry in find_entries(name):
        items = [
            ("kind", entry.kind),
            ("good at", entry.good_at),
            ("license", entry.license),
            ("commercial use", formatting.with_reason(entry.commercial)),
            ("source", entry.source),
            ("here", _here(entry)),
        ]
        if (multiple := getattr(entry, "multiple", None)) is not None:
            items.append(("sizes", f"multiples of {multiple} pixels"))
        if entry.unchecked:
            items.append(("not checked", entry.unchecked))
        formatting.say(f"{entry.name}\n{formatting.rows(items)}")
        for role, file in entry.files.items():
            formatting.say(formatting.rows(_file_rows(role, file)))


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=completing.models)
@click.option(
    "--from",
    "sources",
    metavar="ADDRESS",
    multiple=True,
    help="A mirror to try first, as in VQANIM_MIRROR (repeatable).",
)
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
def fetch(names: Sequence[str], sources: Sequence[str], quiet: bool) -> None:
    """Fetch each NAME into the cache, or mend it there.

    What is here already is read and compared with its SHA-256. A transfer that was broken off goes on where
    it stopped.
    """
    from vqanim.cli.reporter import FetchReporter

    for source in sources:
        if not is_address(source):
            raise UsageError(f"--from {source}: this is no http or https address")
    entries = [entry for name in dict.fromkeys(names) for entry in find_entries(name)]
    reporter = FetchReporter(quiet)
    with stopping():
        try:
            for entry in entries:
                for event in fetch_model(entry, verify=True, sources=tuple(sources)):
                    reporter.report(event)
                if not quiet:
                    formatting.say(f"{entry.name} is here, whole")
        finally:
            reporter.close()


@models.command()
@click.argument("names", metavar="[NAME...]", nargs=-1, shell_complete=completing.models)
def verify(names: Sequence[str]) -> int:
    """Compare files with their SHA-256.

    Those of each NAME, or of all models that are here. The exit code is 3 when some are damaged.
    """
    damaged = False
    for entry in [entry for name in names for entry in find_entries(name)] if names else installed_models():
        damage = find_damage(entry)
        damaged |= bool(damage)
        for line in damage:
            formatting.complain(f"Error: {line}")
        if not damage:
            formatting.say(f"{entry.name} ({entry.kind}): whole")
    return InputError.exit_code if damaged else 0


@models.command()
@click.argument("name")
@click.option("--config", metavar="C.YAML", type=click.Path(path_type=Path), help="The config of a VQGAN.")
@click.option(
    "--checkpoint", metavar="M.CKPT", type=click.Path(path_type=Path), help="The checkpoint of a VQGAN."
)
@click.option(
    "--perceptor",
    metavar="CLIP.PT",
    type=click.Path(path_type=Path),
    help="A CLIP in OpenAI's layout: a TorchScript archive or a state dict.",
)
@click.option("--force", is_flag=True, help="Replace a model of that name.")
def add(name: str, config: Path | None, checkpoint: Path | None, perceptor: Path | None, force: bool) -> None:
    """Give your own files a NAME that scenes can use.

    A VQGAN is a --config with its --checkpoint, in any form: VQModel, GumbelVQ, Net2NetTransformer, a plain
    state dict or safetensors. Nothing in the files runs. What is needed of them is copied into the cache, the
    weights as safetensors; your own files stay as they are.
    """
    if (config is None) != (checkpoint is None) or not (config or perceptor):
        raise UsageError(
            "give --config and --checkpoint of a VQGAN, or --perceptor with a CLIP, or all three"
        )
    from vqanim.models.adding import add_generator, add_perceptor

    with stopping():
        if config is not None and checkpoint is not None:
            _say_added(add_generator(name, config, checkpoint, force=force))
        if perceptor is not None:
            _say_added(add_perceptor(name, perceptor, force=force))


@models.command()
@click.argument("name", shell_complete=completing.models)
def path(name: str) -> None:
    """Print where the files of NAME are, one a line."""
    for entry in find_entries(name):
        if not is_installed(entry):
            raise InputError(missing_message(entry))
        for file in entry.files.values():
            formatting.say(str(file.locate()))


@models.command()
@click.argument("name", shell_complete=completing.models)
@click.option(
    "--forget",
    is_flag=True,
    help="Also forget the SHA-256 that the first download gave, so that another file may come.",
)
def remove(name: str, forget: bool) -> None:
    """Delete what the cache holds of NAME. Files that you added it from are not touched."""
    for kind, freed in remove_models(name, forget=forget).items():
        formatting.say(f"removed {name} ({kind}): {formatting.file_size(freed)}")


def _here(entry: Entry) -> str:
    if not is_installed(entry):
        return "no"
    return "yes, your own" if entry.own else "yes"


def _line(entry: Entry) -> tuple[str, ...]:
    """A model's row in the list."""
    size = formatting.file_size(entry.size) if entry.size else ""
    rough = any(isinstance(f, RemoteFile) and f.size is None for f in entry.files.values())
    here = "own" if entry.own else _here(entry)
    size = f"about {size}" if rough and size else size
    return entry.name, entry.kind, here, size, entry.commercial.partition(":")[0], entry.license


def _describe(entry: Entry) -> dict[str, Any]:
    """A model for programs."""
    keys = (
        "name",
        "kind",
        "family",
        "own",
        "size",
        "license",
        "commercial",
        "source",
        "good_at",
        "unchecked",
    )
    return {
        **{key: getattr(entry, key) for key in keys},
        "installed": is_installed(entry),
        "multiple": getattr(entry, "multiple", None),
        "files": {
            role: {
                "path": _path_or_none(file),
                "sha256": file.sha256,
                "size": getattr(file, "size", None),
                "pinned": getattr(file, "pinned", False),
                "urls": list(getattr(file, "urls", ())),
            }
            for role, file in entry.files.items()
        },
    }


def _path_or_none(file: Any) -> str | None:
    try:
        return str(file.locate())
    except VqanimError:
        return None


def _file_rows(role: str, file: Any) -> list[formatting.Row]:
    """Size, hash, place and addresses of a file."""
    size = getattr(file, "size", None)
    rough = getattr(file, "roughly", None)
    known = "unknown"
    if file.sha256:
        known = f"{file.sha256}{' (of the first download)' if getattr(file, 'pinned', False) else ''}"
    rows = [("", ""), (role, f"{size:,} bytes" if size else f"about {rough:,} bytes" if rough else "")]
    rows += [("  SHA-256", known), ("  place", _path_or_none(file) or "")]
    return rows + [("  address" if n == 0 else "", url) for n, url in enumerate(getattr(file, "urls", ()))]


def _say_added(entry: Entry) -> None:
    """What was found, and how a scene names it."""
    formatting.say(f"added {entry.name}, a {entry.kind}: {entry.good_at}")
    if (multiple := getattr(entry, "multiple", None)) is not None:
        formatting.say(f"  widths and heights are multiples of {multiple} pixels")
    size = formatting.file_size(entry.size or 0)
    formatting.say(
        f"  copied into the cache ({size}, the weights as safetensors); your files stay as they are"
    )
    formatting.say(f"  in a scene: models: {{{entry.kind}: {entry.name}}}")
