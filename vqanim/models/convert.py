"""Checkpoints are converted once: the weights that are needed lie in the cache as a safetensors file.

Its name is the SHA-256 of the checkpoint. A seal inside tells whether it is whole; if not, it is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vqanim.errors import InputError, OutputError
from vqanim.files import make_folder, staged
from vqanim.models.cache import cache_folder
from vqanim.models.checkpoint import Selection, is_safetensors, read_checkpoint
from vqanim.models.entries import ModelFile
from vqanim.models.weights import verify

VERSION = "1"
"""Of what a conversion keeps, and how it names it; files of another version are made anew."""


def read_weights(file: ModelFile, select: Selection) -> dict[str, Tensor]:
    """Selected tensors of a model's weights file, as `read_weights_file` reads them."""
    return read_weights_file(file.locate(), file.sha256, select, file.remedy)


def read_weights_file(path: Path, sha256: str | None, select: Selection, remedy: str) -> dict[str, Tensor]:
    """Selected tensors of a weights file of any kind, verified.

    sha256: of the file; None accepts any. Safetensors files are read where they are; other kinds are
    converted first, once.
    Raises InputError for a file that is missing, changed or cannot be read, OutputError when the cache cannot
    be written.
    """
    try:
        as_it_is = is_safetensors(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    if not as_it_is:
        return read_converted(path, sha256, select, remedy)
    verify(path, sha256, remedy)
    return read_checkpoint(path, select, remedy)


def converted_path(sha256: str) -> Path:
    """Where the converted weights of a checkpoint lie, or will."""
    return cache_folder() / "converted" / f"{sha256}.safetensors"


def read_converted(path: Path, sha256: str | None, select: Selection, remedy: str) -> dict[str, Tensor]:
    """Selected tensors of a checkpoint, from the cache if they are there.

    sha256: of the checkpoint; None accepts any. Two processes may convert at the same time: each writes a
    file of its own, and the last one stays, which is the same.
    Raises InputError for a checkpoint that is missing, changed or cannot be read, OutputError when the cache
    cannot be written.
    """
    if sha256 is not None and (tensors := _read_whole(converted_path(sha256))) is not None:
        return tensors
    target = converted_path(verify(path, sha256, remedy))
    tensors = read_checkpoint(path, select, remedy)
    write_tensors(target, tensors)
    return tensors


def write_tensors(target: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file, sealed. Raises OutputError."""
    make_folder(target.parent)
    with staged(target) as temporary:
        try:
            save_file(dict(tensors), temporary, {"vqanim": seal(tensors)})
            temporary.chmod(0o644)  # safetensors lets only the owner read, but a cache may be shared
        except (SafetensorError, OSError) as error:
            raise OutputError(
                f"{target}: cannot be written ({error}); free some space, or set VQANIM_CACHE to a folder "
                "on another disk"
            ) from error


def _read_whole(path: Path) -> dict[str, Tensor] | None:
    """Tensors of a converted file; None when it is missing, damaged or of another version."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = file.metadata() or {}
    except (OSError, SafetensorError, ValueError):
        return None
    return tensors if about.get("vqanim") == seal(tensors) else None


def seal(tensors: Mapping[str, Tensor]) -> str:
    """VERSION, and SHA-256 of names, types, shapes and numbers."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return f"{VERSION} {total.hexdigest()}"
