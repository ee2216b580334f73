"""Weights files: verified before anything in them is used, and converted once.

What is needed of a checkpoint lies in the cache as a safetensors file, whose name is the SHA-256 of the
checkpoint. A seal inside tells whether it is whole; if not, it is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save_file
from torch import Tensor, nn

from vqanim.cache import converted_path
from vqanim.errors import OutputError
from vqanim.files import check_file, make_folder, staged
from vqanim.models.checkpoint import Selection, is_safetensors, printable, read_checkpoint
from vqanim.models.entries import ModelFile, file_error, reading, verify
from vqanim.own_files import drop

AnyModule = TypeVar("AnyModule", bound=nn.Module)

VERSION = "2"
"""Of what a conversion keeps, and how it names it; files of another version are made anew."""


def parse_tensors(content: bytes, file: ModelFile) -> dict[str, Tensor]:
    """Tensors of a safetensors file, as stored. Raises InputError that names the file."""
    try:
        return parse_safetensors(content)
    except (SafetensorError, ValueError) as error:
        raise file_error(file, f"not a safetensors file ({error})") from error


def check_fit(module: nn.Module, tensors: Mapping[str, Tensor], file: ModelFile) -> None:
    """Compare every name and shape of a module with those of tensors.

    Raises InputError that names the first missing, unexpected and wrongly shaped entries.
    """
    wanted = module.state_dict()
    problems = {
        "missing": wanted.keys() - tensors.keys(),
        "unexpected": tensors.keys() - wanted.keys(),
        "of another shape": {
            f"{name} {list(tensors[name].shape)}, expected {list(wanted[name].shape)}"
            for name in wanted.keys() & tensors.keys()
            if tensors[name].shape != wanted[name].shape
        },
    }
    if found := [f"{what}: {_first_few(names)}" for what, names in problems.items() if names]:
        raise file_error(file, f"does not fit the network: {'; '.join(found)}")


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], file: ModelFile) -> None:
    """Give a module, which may be on the meta device, copies of tensors: float32, counters as they are.

    Names and shapes are compared first. Raises InputError that names the first entries that do not fit.
    """
    check_fit(module, tensors, file)
    wanted = module.state_dict()
    copies = {
        name: tensor.to(torch.float32 if wanted[name].is_floating_point() else wanted[name].dtype, copy=True)
        for name, tensor in tensors.items()
    }
    module.load_state_dict(copies, assign=True)


def freeze(network: AnyModule, device: torch.device) -> AnyModule:
    """A network on a device, as models are used: without gradients of its weights, channels last."""
    return network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)


def _first_few(names: Iterable[str], limit: int = 3) -> str:
    found = [printable(name) for name in sorted(names)]
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return f"{', '.join(found[:limit])}{more}"


def read_weights(file: ModelFile, select: Selection) -> dict[str, Tensor]:
    """Selected tensors of a model's weights file of any kind, verified.

    Safetensors files are read where they are; other kinds are converted first, once; processes may do so at
    the same time. Raises InputError for a file that is missing, changed or cannot be read, OutputError when
    the cache cannot be written.
    """
    path = file.locate()
    with reading(file):
        convert = not is_safetensors(path)
    if convert and file.sha256 and (tensors := _read_whole(converted_path(file.sha256))) is not None:
        return tensors
    digest = verify(file)
    tensors = read_checkpoint(path, select, file.remedy)
    if convert:
        write_tensors(converted_path(digest), tensors)
    return tensors


def write_tensors(target: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file, sealed. Raises OutputError."""
    make_folder(target.parent)
    with staged(target) as temporary:
        try:
            save_file(dict(tensors), temporary, {"vqanim": seal(tensors)})
            temporary.chmod(0o644)  # safetensors lets only the owner read, but a cache may be shared
        except (SafetensorError, OSError) as error:
            remedy = "free some space, or set VQANIM_CACHE to a folder on another disk"
            raise OutputError(f"{target}: cannot be written ({error}); {remedy}") from error


def _read_whole(path: Path) -> dict[str, Tensor] | None:
    """Tensors of a converted file; None when it is missing, damaged or of another version."""
    if not path.exists():
        return None
    try:
        check_file(path)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if (file.metadata() or {}).get("vqanim") == seal(tensors):
                return tensors
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError, RuntimeError):
        pass
    drop(path, "is damaged, or of another version")
    return None


def seal(tensors: Mapping[str, Tensor]) -> str:
    """VERSION, and SHA-256 of names, types, shapes and numbers."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return f"{VERSION} {total.hexdigest()}"
