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


def read_verified(path: Path, sha256: str | None, remedy: str) -> bytes:
    """Bytes of a small file whose SHA-256 must be `sha256` unless that is None.

    `remedy` says what to do when it is not. Raises InputError that names the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    _compare(path, hashlib.sha256(content).hexdigest(), len(content), sha256, remedy)
    return content


def verify(path: Path, sha256: str | None, remedy: str) -> str:
    """SHA-256 of a file of any size, which must be `sha256` unless that is None.

    `remedy` says what to do when it is not. Raises InputError that names the file.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            digest = hashlib.sha256()
            while chunk := file.read(2**22):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    _compare(path, digest.hexdigest(), size, sha256, remedy)
    return digest.hexdigest()


def _compare(path: Path, found: str, size: int, wanted: str | None, remedy: str) -> None:
    if wanted is not None and found != wanted:
        raise InputError(
            f"{path}: damaged or changed: its SHA-256 is {found[:12]}... ({size:,} bytes), "
            f"expected {wanted[:12]}...; {remedy}"
        )


def parse_tensors(content: bytes, path: Path, remedy: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file, as stored. Raises InputError that names the file."""
    try:
        return parse_safetensors(content)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file ({error}); {remedy}") from error


def check_fit(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Compare every name and shape of a module with those of tensors.

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


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Give a module, which may be on the meta device, copies of tensors: float32, counters as they are.

    Names and shapes are compared first. Raises InputError that names the first entries that do not fit.
    """
    check_fit(module, tensors, path, remedy)
    wanted = module.state_dict()
    copies = {
        name: tensor.to(torch.float32 if wanted[name].is_floating_point() else wanted[name].dtype, copy=True)
        for name, tensor in tensors.items()
    }
    module.load_state_dict(copies, assign=True)


def printable(text: str, limit: int = 300) -> str:
    """A text from a stranger's file for a message: on one line, cut when long, without control characters."""
    plain = "".join(c if c.isprintable() else "?" for c in text[: limit + 1])
    return plain if len(plain) <= limit else plain[:limit] + "..."


def _some(what: str, names: Iterable[str], limit: int = 3) -> list[str]:
    found = [printable(name) for name in sorted(names)]
    if not found:
        return []
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return [f"{what}: {', '.join(found[:limit])}{more}"]
