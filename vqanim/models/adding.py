"""A user's own files become a model with a name: looked at first, then kept as copies in the cache.

Kept are what the config says about the network and, as a safetensors file, the weights; the originals are not
needed any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from vqanim.errors import InputError, UsageError
from vqanim.files import sha256_of, write_atomic
from vqanim.models import own
from vqanim.models.biggan.files import look_for_biggan
from vqanim.models.catalogue import CARD, get_entry, get_perceptor_entry, own_folder
from vqanim.models.checkpoint import printable, read_checkpoint
from vqanim.models.clip import fit_clip, read_entry
from vqanim.models.clip_files.config import Described, dump_clip_config
from vqanim.models.clip_files.layouts import to_openai
from vqanim.models.clip_files.reading import (
    CLIP_FILE,
    find_description,
    find_weights,
    is_openai,
    read_clip,
    read_description,
    settle_config,
)
from vqanim.models.diffusion.files import inspect_secondary, inspect_unet
from vqanim.models.dvae import DVAE, DVAESelection, build_dvae, take_half
from vqanim.models.entries import CUTOUT_NOISE, NAME, Entry, LocalFile, ModelFile, UnknownModel, file_error
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.families.dvae import PARTS, Part
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.found import Found
from vqanim.models.kinds import CLIP, CLIP_MODEL, DVAE_PART, recognize
from vqanim.models.stylegan.files import look_for_stylegan
from vqanim.models.vqgan_files import (
    CHECKPOINT,
    GUMBEL,
    VQGAN,
    Note,
    note_left_out,
    read_vqgan_config,
    settle_vqgan,
)
from vqanim.models.vqgan_weights import VQGANSelection
from vqanim.models.weights import write_tensors

LOOKS: tuple[Callable[[Path, Path | None, Note], Found | None], ...] = (look_for_biggan, look_for_stylegan)
"""Of generators whose checkpoints are recognized: each takes checkpoint, config or None, and who is to be
told what a user should know."""


def add_generator(
    name: str, config: Path | None, checkpoint: Path, *, force: bool = False, note: Note = lambda _: None
) -> Entry:
    """Give the files of a VQGAN, or of a kind that one of LOOKS recognizes, a name.

    checkpoint: a file, of some kinds also the folder that it was published in.

    config: None when the checkpoint shall tell what network it is.
    force: also when a generator has that name already; one that the user added is replaced then.
    note: receives what the user should know, such as what of the files is not used.
    Raises UsageError for a name that is taken or impossible, InputError for files that cannot be used,
    OutputError when the cache cannot be written.
    """
    _check_free("generator", name, force)
    for look in LOOKS:
        if recognized := look(checkpoint, config, note):
            return _add_found(name, recognized)
    found, tensors = inspect_generator(config, checkpoint, note)
    about = f"{found.kind}, f{found.factor}, {found.n_embed:,} codes of {found.embed_dim} channels"
    row = _row("vqgan", about, *([config] if config else []), checkpoint) | {"multiple": found.factor}
    with adding("generator", name, row) as folder:
        write_atomic(folder / "config.yaml", yaml.safe_dump(found.to_mapping(), sort_keys=False))
        write_tensors(folder / "weights.safetensors", tensors)
    return get_entry("generator", name)


def _add_found(name: str, found: Found) -> Entry:
    row = _row(found.family, found.about, *found.read) | dict(found.row)
    with adding("generator", name, row) as folder:
        write_atomic(folder / found.config[0], found.config[1])
        write_tensors(folder / "weights.safetensors", found.tensors)
    return get_entry("generator", name)


def add_dvae(name: str, encoder: Path, decoder: Path, *, force: bool = False) -> Entry:
    """Give the files of a dVAE a name, as `add_generator` does for a VQGAN's; both may be the same file."""
    _check_free("generator", name, force)
    network = inspect_dvae(encoder, decoder)
    files = (encoder,) if encoder == decoder else (encoder, decoder)
    row = _row("dvae", network.config.about, *files) | {"multiple": network.config.decoder.factor}
    with adding("generator", name, row) as folder:
        for part in PARTS:
            write_tensors(folder / f"{part}.safetensors", network.get_submodule(part).state_dict())
    return get_entry("generator", name)


def add_diffusion(
    name: str,
    checkpoint: Path,
    config: Path | None = None,
    secondary: Path | None = None,
    *,
    force: bool = False,
    note: Note = lambda _: None,
) -> Entry:
    """Give the files of a guided diffusion network a name, as `add_generator` does for a VQGAN's.

    config: of what weights do not show, by guided-diffusion's own names. secondary: the small model beside.
    """
    _check_free("generator", name, force)
    unet = inspect_unet(checkpoint, config)
    beside = None if secondary is None else inspect_secondary(secondary)
    found = unet.config
    multiple = max(found.multiple, beside.config.multiple if beside else 1)
    files = [file for file in (config, checkpoint, secondary) if file]
    row = _row("diffusion", found.about, *files) | {"multiple": multiple}
    if found.side:
        row["side"] = found.side
    if config is None:
        heads, wide = found.described.num_heads, found.described.num_head_channels
        about = f"num_head_channels {wide}" if wide else f"num_heads {heads}"
        note(
            f"what weights do not show is taken as usual: {about}, noise_schedule linear; --config changes it"
        )
    with adding("generator", name, row) as folder:
        write_atomic(folder / "config.json", found.described.dump())
        write_tensors(folder / "weights.safetensors", unet.state_dict())
        if beside is not None:
            write_tensors(folder / "secondary.safetensors", beside.state_dict())
    return get_entry("generator", name)


def add_perceptor(
    name: str,
    weights: Path,
    config: str | None = None,
    quick_gelu: bool | None = None,
    base: str | None = None,
    *,
    force: bool = False,
) -> Entry:
    """Give a CLIP's file a name, as `add_generator` does for a VQGAN's.

    config: a config file, or the name of one of open_clip's architectures. quick_gelu: whether it has
    QuickGELU or GELU. base: of an image tower alone, the CLIP that has the text tower.
    Raises UsageError also when one of them is needed.
    """
    _check_free("perceptor", name, force)
    found, tensors, described = inspect_perceptor(weights, config, quick_gelu, base)
    parts = [
        f"CLIP {found.architecture} with {'QuickGELU' if found.quick_gelu else 'GELU'}",
        *([] if found.package else [f"{found.vision_heads} heads of {found.head_width}"]),
        f"reads {found.input_size} pixels",
        f"{found.embed_dim} channels",
        *([f"the text tower is that of {base}"] if base else []),
    ]
    about = ", ".join(parts)
    row = _row("clip", about, weights, *described) | {"cutout_noise": CUTOUT_NOISE}
    with adding("perceptor", name, row) as folder:
        write_atomic(folder / "config.json", dump_clip_config(found))
        write_tensors(folder / "weights.safetensors", tensors)
    return get_entry("perceptor", name)


@contextmanager
def adding(kind: str, name: str, about: dict[str, Any]) -> Iterator[Path]:
    """A folder to put a model's files into, each named by its role; it takes its place at the end, whole.

    about: what its catalogue shall say besides the files.
    What was there before under that name is replaced, and deleted once that is done. When the block raises,
    nothing has happened.
    Raises OutputError.
    """
    target = own_folder(kind, name)
    with own.staging_beside(target) as staging:
        yield staging
        files = {
            path.stem: {"path": path.name, "sha256": sha256_of(path), "size": path.stat().st_size}
            for path in sorted(staging.iterdir())
        }
        card = {f"{kind}s": {name: {**about, "files": files}}}
        write_atomic(staging / CARD, yaml.safe_dump(card, allow_unicode=True, width=1000))
        own.place(staging, target)


def _row(family: str, about: str, *files: Path) -> dict[str, object]:
    return {
        "family": family,
        "good_at": about,
        "license": "unknown",
        "commercial": "unknown: ask whoever made it",
        "source": printable(", ".join(str(file.absolute()) for file in files), 1000),
    }


def _check_free(kind: str, name: str, force: bool) -> None:
    if not NAME.fullmatch(name):
        allowed = "up to 64 letters, digits and . _ - + @ /, beginning with a letter or a digit"
        raise UsageError(f"{name!r} cannot be a model's name; allowed are {allowed}")
    try:
        taken = get_entry(kind, name)
    except (UnknownModel, InputError):  # nobody's, or with a damaged card: what is added now takes its place
        return
    if not force:
        taken_by = f"a {kind} {'you added before' if taken.own else 'of the catalogue'}"
        raise UsageError(f"{name!r} is the name of {taken_by}; take another name, or replace it with --force")


def inspect_generator(
    config: Path | None, checkpoint: Path, note: Note = lambda _: None
) -> tuple[VQGANConfig, dict[str, Tensor]]:
    """Read a checkpoint's VQGAN and its config. Raises InputError when they do not fit."""
    described = read_vqgan_config(config, note) if config else None
    selection = VQGANSelection()
    tensors = read_checkpoint(checkpoint, selection, CHECKPOINT)
    kind = recognize(tensors or selection.names)
    if kind == DVAE_PART:
        hint = "give its two files by --encoder and --decoder"
        raise InputError(f"{checkpoint}: this is {kind}, not a VQGAN; {hint}")
    if kind not in (VQGAN, GUMBEL):
        raise InputError(f"{checkpoint}: this is {kind}, not a VQGAN; {CHECKPOINT}")
    found = settle_vqgan(tensors, kind, checkpoint, config, described, note)
    note_left_out(selection, note)
    return found


def inspect_dvae(encoder: Path, decoder: Path) -> DVAE:
    """Read the two halves of a dVAE. Raises InputError when one is missing or does not fit the other."""
    tensors: dict[Part, dict[str, Tensor]] = {}
    files: dict[str, ModelFile] = {}
    for part, path in zip(PARTS, (encoder, decoder), strict=True):
        files[part] = LocalFile(path, f"give the {part} of a dVAE, such as {part}.pkl of OpenAI's DALL-E")
        selection = DVAESelection()
        found = read_checkpoint(path, selection, files[part].remedy)
        if not found:
            kind = recognize(VQGANSelection()(dict.fromkeys(selection.names)) or selection.names)
            raise file_error(files[part], f"this is {kind}, not the {part} of a dVAE")
        tensors[part] = take_half(found, part, files[part])
    return build_dvae(tensors, files)


def inspect_perceptor(
    weights: Path, config: str | None = None, quick_gelu: bool | None = None, base: str | None = None
) -> tuple[CLIPConfig, dict[str, Tensor], tuple[Path, ...]]:
    """Read a CLIP file: its config, its weights by OpenAI's names, and the config files that were read.

    Raises InputError when it cannot be read, is not whole, or is something else; UsageError when it does not
    say enough about its network.
    """
    if weights.is_dir():
        weights = find_weights(weights)
    if base is not None:
        return *_put_over(base, weights, quick_gelu), ()
    described = read_description(config) if config else None
    tensors = read_clip(weights)
    kind = recognize(tensors)
    if kind not in (CLIP, CLIP_MODEL):
        raise InputError(f"{weights}: this is {kind}, not a CLIP; {CLIP_FILE}")
    if described is None and not is_openai(tensors):
        described = find_description(weights, tensors)
    file = LocalFile(weights, CLIP_FILE)
    found = settle_config(tensors, file, described, quick_gelu)
    return found, fit_clip(found, tensors, file)[0], described[1:] if described else ()


def _put_over(base: str, weights: Path, quick_gelu: bool | None) -> tuple[CLIPConfig, dict[str, Tensor]]:
    """A CLIP with another image tower, which fits the same network. Raises as `inspect_perceptor`."""
    entry = get_perceptor_entry(base)
    if entry.family != "clip":
        raise UsageError(f"--base {base}: has no text tower of CLIP's kind; take one such as ViT-L/14")
    config, state, _ = read_entry(entry)
    file = LocalFile(weights, f"give an image tower of {base}")
    found = read_clip(weights, image_alone=True)
    try:
        tower = to_openai(found)
    except ValueError as error:
        raise file_error(file, printable(str(error))) from error
    kept = {name: tensor for name, tensor in state.items() if not name.startswith("visual.")}
    tensors = {**kept, **{name: tensor for name, tensor in tower.items() if name.startswith("visual.")}}
    described = Described(config, config.quick_gelu), Path(base)
    return settle_config(tensors, file, described, quick_gelu), fit_clip(config, tensors, file)[0]
