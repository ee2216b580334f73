"""A user's own files become a model with a name: looked at first, then kept as copies in the cache.

Kept are a copy of the config and, as a safetensors file, the weights that are needed; the originals stay as
they are and are not needed any more.
"""

from __future__ import annotations

from pathlib import Path

from vqanim.errors import InputError, UsageError
from vqanim.files import write_atomic
from vqanim.models.cache import sha256_of
from vqanim.models.catalogue import UnknownModel, get_entry
from vqanim.models.checkpoint import Selection, read_checkpoint
from vqanim.models.clip import select_clip
from vqanim.models.convert import write_tensors
from vqanim.models.entries import Entry
from vqanim.models.inspect import inspect_generator, inspect_perceptor
from vqanim.models.own import Card, adding, check_name, own_entry, write_card
from vqanim.models.vqgan import select_first_stage


def add_generator(name: str, config: Path, checkpoint: Path, *, force: bool = False) -> Entry:
    """Give a VQGAN's files a name.

    force: also when a generator has that name already; one that the user added is replaced then.
    Raises UsageError for a name that is taken or impossible, InputError for files that cannot be used,
    OutputError when the cache cannot be written.
    """
    _check_free("generator", name, force)
    facts = inspect_generator(config, checkpoint)
    found = f"{facts.kind}, f{facts.multiple}, {facts.n_embed:,} codes of {facts.embed_dim} channels"
    with adding("generator", name) as folder:
        write_atomic(folder / "config.yaml", config.read_bytes())
        _copy(checkpoint, folder / "weights.safetensors", select_first_stage)
        files = {"config": _seen(folder / "config.yaml"), "weights": _seen(folder / "weights.safetensors")}
        source = f"{config.absolute()}, {checkpoint.absolute()}"
        write_card(folder, Card(name, "generator", "vqgan", found, source, facts.multiple, files))
    return _added("generator", name)


def add_perceptor(name: str, weights: Path, *, force: bool = False) -> Entry:
    """Give a CLIP's file a name, as `add_generator` does for a VQGAN's."""
    _check_free("perceptor", name, force)
    facts = inspect_perceptor(weights)
    found = f"CLIP {facts.architecture}, reads {facts.input_size} pixels, {facts.embed_dim} channels"
    with adding("perceptor", name) as folder:
        _copy(weights, folder / "weights.safetensors", select_clip)
        files = {"weights": _seen(folder / "weights.safetensors")}
        write_card(folder, Card(name, "perceptor", "clip", found, str(weights.absolute()), 0, files))
    return _added("perceptor", name)


def _check_free(kind: str, name: str, force: bool) -> None:
    check_name(name)
    try:
        taken = get_entry(kind, name)
    except UnknownModel:
        return
    except InputError:  # a damaged card: what is added now takes its place
        return
    if not force:
        whose = "you added before" if taken.own else "of the catalogue"
        raise UsageError(
            f"{name!r} is the name of a {kind} {whose}; take another name, or replace it with --force"
        )


def _copy(source: Path, target: Path, select: Selection) -> None:
    write_tensors(target, read_checkpoint(source, select))


def _seen(path: Path) -> tuple[str, str, int]:
    return path.name, sha256_of(path), path.stat().st_size


def _added(kind: str, name: str) -> Entry:
    entry = own_entry(kind, name)
    assert entry is not None, "it was written a moment ago"
    return entry
