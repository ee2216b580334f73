"""`vqanim models`: what there is, what is here, and how to get it or be rid of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import click

from vqanim.cli import completing, params
from vqanim.cli.formatting import Row, complain, file_size, rows, say, table, warn, with_reason
from vqanim.cli.main import Group
from vqanim.cli.stopping import stopping
from vqanim.cli.terminal import visible
from vqanim.errors import InputError, UsageError, VqanimError
from vqanim.models import fetch as cached
from vqanim.models.catalogue import find_entries, get_entry, list_models
from vqanim.models.entries import Entry, ModelFile, RemoteFile, is_address

_sources = partial(click.option, "--from", "sources", metavar="ADDRESS")
_file = partial(click.option, type=click.Path(path_type=Path))
PLACES = """\b
VQANIM_CACHE      folder where models are kept
VQANIM_MIRROR     address of a mirror that is tried before all others, or several
                  with spaces between; it has the files as <name>/config.yaml,
                  <name>/weights.ckpt, of a CLIP <name>/weights.pt, of a dVAE
                  <name>/encoder.ckpt and decoder.ckpt, as the folder `models` in
                  the cache (a / in a name becomes a -)
VQANIM_CATALOGUE  a YAML file with more models, or other addresses, in the form of
                  vqanim/models/catalogue.yaml
VQANIM_OFFLINE    1 forbids the network
"""


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
            warn([str(error)])
    if as_json:
        say(json.dumps([_describe(entry) for entry in entries], indent=1))
        return
    lines = [("name", "kind", "here", "size", "commercial use", "license"), *map(_line, entries)]
    say(table(lines))
    say("\nNames like open_clip:ViT-B-32/laion2b_s34b_b79k are models of the project open_clip.")


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
            ("commercial use", with_reason(entry.commercial)),
            ("source", entry.source),
            ("here", _here(entry)),
        ]
        if (multiple := getattr(entry, "multiple", None)) is not None:
            items.append(("sizes", f"multiples of {multiple} pixels"))
        if entry.unchecked:
            items.append(("not checked", entry.unchecked))
        say(f"{entry.name}\n{rows(items)}")
        for role, file in entry.files.items():
            say(rows(list(_file_rows(role, file))))


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=completing.models)
@_sources(multiple=True, help="A mirror to try first, as in VQANIM_MIRROR (repeatable).")
@params.quiet
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
    with stopping(), closing(FetchReporter(quiet)) as reporter:
        for entry in entries:
            for event in cached.fetch_model(entry, verify=True, sources=tuple(sources)):
                reporter.report(event)
            if not quiet:
                say(f"{entry.name} is here, whole")


@models.command()
@click.argument("names", metavar="[NAME...]", nargs=-1, shell_complete=completing.models)
def verify(names: Sequence[str]) -> int:
    """Compare files with their SHA-256.

    Those of each NAME, or of all models that are here. The exit code is 3 when some are damaged.
    """
    damaged = False
    named = [entry for name in names for entry in find_entries(name)]
    for entry in named if names else cached.installed_models():
        damage = cached.find_damage(entry)
        damaged |= bool(damage)
        for line in damage:
            complain(f"Error: {visible(line)}")
        if not damage:
            say(f"{entry.name} ({entry.kind}): whole")
    return InputError.exit_code if damaged else 0


@models.command()
@click.argument("name")
@_file("--config", metavar="C", help="The config of a VQGAN, or of a CLIP (also a name of open_clip's).")
@_file("--checkpoint", metavar="M.CKPT", help="The checkpoint of a VQGAN, StyleGAN, BigGAN or diffusion.")
@_file("--secondary", metavar="S.PTH", help="Beside a diffusion --checkpoint: Disco's secondary model.")
@_file("--encoder", metavar="E.PKL", help="The encoder of a dVAE, as of DALL-E.")
@_file("--decoder", metavar="D.PKL", help="The decoder of a dVAE.")
@_file("--perceptor", metavar="CLIP.PT", help="A CLIP: OpenAI's, open_clip's or transformers' CLIPModel.")
@click.option("--activation", type=click.Choice(["gelu", "quickgelu"]), help="Of a CLIP without a config.")
@click.option("--base", metavar="CLIP", help="Of an image tower alone: the CLIP that has the text tower.")
@params.force(help="Replace a model of that name.")
def add(
    name: str,
    config: Path | None,
    checkpoint: Path | None,
    secondary: Path | None,
    encoder: Path | None,
    decoder: Path | None,
    perceptor: Path | None,
    activation: str | None,
    base: str | None,
    force: bool,
) -> None:
    """Give your own files a NAME that scenes can use.

    A VQGAN is a --checkpoint with its --config, in any form: of taming-transformers or latent-diffusion,
    within a transformer or a diffusion model, a whole module, a plain state dict or safetensors. Without a
    --config the network is taken from the checkpoint, as far as it shows.

    A StyleGAN is a --checkpoint: a network pickle (.pkl) of StyleGAN2-ada-pytorch or StyleGAN3, or its
    weights by their official names, best with the training's training_options.json as --config.

    A BigGAN-deep, as Big Sleep paints with, is a --checkpoint in the layout of pytorch-pretrained-biggan, or
    its folder; the config.json beside it is found.

    A dVAE, as of OpenAI's DALL-E, is an --encoder and a --decoder: encoder.pkl and decoder.pkl, plain state
    dicts or safetensors. Where one file holds both, give it twice.

    A --checkpoint of guided-diffusion, as Disco Diffusion paints with, is recognized: OpenAI's unconditional
    ones and fine-tunes of them in the same layout. Weights show the network, but not its heads of attention
    or its noise schedule; where those differ from what is usual, give a --config with guided-diffusion's own
    names, such as num_heads: 1.

    A CLIP is a --perceptor. OpenAI's own files need nothing else. Weights of open_clip do not say how their
    network computes: give the open_clip_config.json published with them as --config (it is found where it
    lies beside them), or an architecture's name, such as ViT-H-14, if open_clip is installed. For a published
    size, such as a fine-tuned ViT-B/32, --activation is enough: quickgelu for models that started from
    OpenAI's, gelu for most others. A CLIPModel of transformers needs its config.json, beside it or as
    --config. An image tower alone, such as that of a robust fine-tune, is put over its --base, such as
    ViT-L/14.

    Nothing in the files runs. What is needed of them is copied into the cache, the weights as safetensors;
    your own files stay as they are.
    """
    if not (checkpoint or encoder or decoder or perceptor):
        either = "give --checkpoint of a VQGAN, best with its --config, or --perceptor with a CLIP"
        others = "or --encoder and --decoder of a dVAE; or --checkpoint of a StyleGAN"
        raise UsageError(f"{either}, or all three; {others}")
    _check_dvae(encoder, decoder, checkpoint, config if perceptor is None else None)
    if (activation or base) and perceptor is None:
        given = "--activation" if activation else "--base"
        raise UsageError(f"{given} is about a CLIP; give --perceptor with its file")
    if base and config is not None and checkpoint is None:
        raise UsageError("--base has a config already; leave out --config")
    if secondary is not None and checkpoint is None:
        raise UsageError("--secondary needs --checkpoint with the diffusion network that it stands beside")
    from vqanim.models.adding import add_diffusion, add_dvae, add_generator, add_perceptor
    from vqanim.models.diffusion.files import is_guided_diffusion

    with stopping():
        if encoder is not None and decoder is not None:
            _say_added(add_dvae(name, encoder, decoder, force=force))
        if checkpoint is not None:
            notes: list[str] = []
            if secondary is not None or is_guided_diffusion(checkpoint):
                added = add_diffusion(name, checkpoint, config, secondary, force=force, note=notes.append)
            else:
                added = add_generator(name, config, checkpoint, force=force, note=notes.append)
            _say_added(added, notes)
        if perceptor is not None:
            quick_gelu = None if activation is None else activation == "quickgelu"
            described = str(config) if config is not None and checkpoint is None else None
            _say_added(add_perceptor(name, perceptor, described, quick_gelu, base, force=force))


@models.command()
@click.argument("name", shell_complete=completing.models)
def path(name: str) -> None:
    """Print where the files of NAME are, one a line."""
    for entry in find_entries(name):
        if not cached.is_installed(entry):
            raise InputError(cached.missing_message(entry))
        for file in entry.files.values():
            say(str(file.locate()))


@models.command()
@click.argument("name", shell_complete=completing.models)
@params.flag("--forget", help="Also forget the SHA-256 of the first download, so that another may come.")
def remove(name: str, forget: bool) -> None:
    """Delete what the cache holds of NAME. Files that you added it from are not touched."""
    for kind, freed in cached.remove_models(name, forget=forget).items():
        say(f"removed {name} ({kind}): {file_size(freed)}")


def _check_dvae(
    encoder: Path | None, decoder: Path | None, checkpoint: Path | None, config: Path | None
) -> None:
    """Raise UsageError when files of a dVAE are given without the other, or with those of a VQGAN."""
    if encoder is None and decoder is None:
        return
    if encoder is None or decoder is None:
        given, missing = ("--decoder", "--encoder") if encoder is None else ("--encoder", "--decoder")
        why = "one reads pictures and the other paints them; where one file holds both, give it twice"
        raise UsageError(f"{given} needs {missing} as well: {why}")
    if checkpoint is not None:
        raise UsageError("--checkpoint is of a VQGAN, --encoder and --decoder are of a dVAE; give one kind")
    if config is not None:
        raise UsageError("--config: a dVAE needs none, its weights show the network; leave out --config")


def _here(entry: Entry) -> str:
    if not cached.is_installed(entry):
        return "no"
    return "yes, your own" if entry.own else "yes"


def _line(entry: Entry) -> tuple[str, ...]:
    """A model's row in the list."""
    size = file_size(entry.size) if entry.size else ""
    if size and any(isinstance(file, RemoteFile) and file.size is None for file in entry.files.values()):
        size = f"about {size}"
    here = "own" if entry.own else _here(entry)
    return entry.name, entry.kind, here, size, entry.commercial.partition(":")[0], entry.license


def _describe(entry: Entry) -> dict[str, Any]:
    """A model for programs."""
    keys = "name kind family own size license commercial source good_at unchecked"
    return {
        **{key: getattr(entry, key) for key in keys.split()},
        "installed": cached.is_installed(entry),
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


def _path_or_none(file: ModelFile) -> str | None:
    with suppress(VqanimError):
        return str(file.locate())
    return None


def _file_rows(role: str, file: ModelFile) -> Iterator[Row]:
    """Size, hash, place and addresses of a file."""
    size, rough = getattr(file, "size", None), getattr(file, "roughly", None)
    first = " (of the first download)" if getattr(file, "pinned", False) else ""
    yield "", ""
    yield role, f"{size:,} bytes" if size else f"about {rough:,} bytes" if rough else ""
    yield "  SHA-256", f"{file.sha256}{first}" if file.sha256 else "unknown"
    yield "  place", _path_or_none(file) or ""
    for number, url in enumerate(getattr(file, "urls", ())):
        yield "" if number else "  address", url


def _say_added(entry: Entry, notes: Sequence[str] = ()) -> None:
    """What was found, and how a scene names it."""
    say(f"added {entry.name}, a {entry.kind}: {entry.good_at}")
    if (multiple := getattr(entry, "multiple", None)) is not None:
        say(f"  widths and heights are multiples of {multiple} pixels")
    for note in notes:
        say(f"  {note}")
    say(f"  read from {entry.source}")
    size = file_size(entry.size or 0)
    say(f"  copied into the cache ({size}, the weights as safetensors); your files stay as they are")
    say(f"  in a scene: models: {{{entry.kind}: {entry.name}}}")
