"""Weights files: verified against the catalogue before anything in them is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor, nn

from vqanim.errors import InputError


def read_verified(path: Path, sha256: str, remedy: str) -> bytes:
    """Bytes of a file whose SHA-256 must be `sha256`.

    `remedy` says what to do when it is not. Raises InputError that names the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path}: damaged or changed: its SHA-256 is {found[:12]}... ({len(content):,} bytes), "
            f"expected {sha256[:12]}...; {remedy}"
        )
    return content


def parse_tensors(content: bytes, path: Path, remedy: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file, as stored. Raises InputError that names the file."""
    try:
        return parse_safetensors(content)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file ({error}); {remedy}") from error


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Copy tensors into a module after comparing every name and shape.

    Raises InputError that names the first missing, unexpected and wrongly shaped entries.
    """
    wanted = module.state_dict()
    problems = [
        *_some("missing", wanted.keys() - tensors.keys()),
        *_some("unexpected", tensors.keys() - wanted.keys()),
        *_some(
            "of another shape",
            (
                f"{name} {list(tensors[name].shape)}, expected {list(wanted[name].shape)}"
                for name in wanted.keys() & tensors.keys()
                if tensors[name].shape != wanted[name].shape
            ),
        ),
    ]
    if problems:
        raise InputError(f"{path}: does not fit the network: {'; '.join(problems)}; {remedy}")
    module.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()})


def _some(what: str, names: Iterable[str], limit: int = 3) -> list[str]:
    found = sorted(names)
    if not found:
        return []
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return [f"{what}: {', '.join(found[:limit])}{more}"]
