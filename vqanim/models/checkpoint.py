"""Checkpoint files of all kinds to tensors by name, without running anything that they hold.

Read are safetensors files, torch's zip archives (plain or written by Lightning), the format of torch before
1.6, Python's own pickles of tensors, arrays and modules, such as NVIDIA's network pickles, and TorchScript
archives, as data as well: torch.jit.load would run their code, and TorchScript can read and write files
(aten::from_file, aten::save).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeAlias, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vqanim.errors import InputError
from vqanim.files import NotAFile, open_file
from vqanim.models.entries import head_fault, is_safetensors_head
from vqanim.models.pickled import MAX_DIMENSIONS, StandIn, StorageRef, TensorRef, Unreadable
from vqanim.models.state_dicts import entries, find_attributes, find_settings, find_state_dicts
from vqanim.models.unpickle import LEGACY_START, read_pickle

Selection: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Of tensors by name those that are wanted, by their new names; `dict` is the selection of all. Where the
weights may lie in several places of a file, the first of which something is wanted counts."""

MAX_REPEATS = 2
"""How many times its own size a file may unfold to: tensors that share numbers are written out."""

_STORAGE_TYPES: Mapping[str, torch.dtype] = {
    f"{name}Storage": getattr(torch, name.lower())
    for name in "Float Half BFloat16 Double Long Int Short".split()
} | {"CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool}

_TENSORFLOW = "dnnlib.tflib.network.Network"
"""A class in network pickles of StyleGANs before 2020."""
_ZIP_HEAD = b"PK\x03\x04"


def is_safetensors(path: Path) -> bool:
    """Whether a file looks like a safetensors file. Raises OSError."""
    with open_file(path) as file:
        head = file.read(9)
    return is_safetensors_head(head)


def read_checkpoint(path: Path, select: Selection = dict, remedy: str = "get it again") -> dict[str, Tensor]:
    """Selected tensors of a checkpoint, contiguous, on the CPU, as stored; others are not read.

    Raises InputError that names the file, what is wrong with it and the remedy.
    """
    with _reading(path, remedy):
        if is_safetensors(path):  # which has opened it, so that it is a file
            with safe_open(path, framework="pt") as file:
                chosen = select({name: name for name in file.keys()})  # noqa: SIM118
                return {name: file.get_tensor(stored) for name, stored in chosen.items()}
        with _open(path) as archive:
            found = _select(archive.top, select)
            for ref in found.values():
                _check(ref)
            size = sum(prod(ref.shape) * _dtype(ref.storage).itemsize for ref in found.values())
            if size > MAX_REPEATS * path.stat().st_size:
                raise Unreadable(f"it claims {size:,} bytes of numbers, far more than the file has")
            return {name: archive.tensor(ref) for name, ref in found.items()}


def read_settings(path: Path, remedy: str = "get it again") -> list[Any]:
    """What a checkpoint says about its network beside the weights, as plain data; mostly nothing.

    Raises InputError as `read_checkpoint` does.
    """
    with _reading(path, remedy):
        if is_safetensors(path):
            return []
        with _open(path) as archive:
            return list(find_settings(archive.top))


def read_attributes(path: Path, remedy: str = "get it again") -> list[dict[str, Any]]:
    """Plain attributes of the whole modules that a checkpoint holds, by the way to each (`find_attributes`).

    Raises InputError as `read_checkpoint` does.
    """
    with _reading(path, remedy):
        if is_safetensors(path):
            return []
        with _open(path) as archive:
            return list(find_attributes(archive.top))


@contextmanager
def _reading(path: Path, remedy: str) -> Iterator[None]:
    """Errors of all readers become InputErrors."""
    try:
        yield
    except NotAFile as error:
        raise InputError(f"{path}: this checkpoint {error.reason}; give a file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); {remedy}") from error
    except (
        Unreadable, SafetensorError, zipfile.BadZipFile, EOFError, NotImplementedError, OverflowError,
        RuntimeError, ValueError, struct.error,
    ) as error:  # fmt: skip
        reason = str(error) if isinstance(error, Unreadable) else f"it is damaged or cut short ({error})"
        raise InputError(f"{path}: this checkpoint cannot be used: {printable(reason)}; {remedy}") from error


@dataclass
class _Archive:
    """An open checkpoint: what its pickle holds, and the numbers of its tensors."""

    top: Any
    read: Callable[[StorageRef, int], bytearray]
    """All bytes of a storage, which must be so many. Raises Unreadable."""
    flat: dict[str, Tensor] = field(default_factory=dict)
    """Numbers that were read, so that those which several tensors share are read once."""

    def tensor(self, ref: TensorRef) -> Tensor:
        """The tensor that a checked reference describes. Raises Unreadable."""
        storage, dtype = ref.storage, _dtype(ref.storage)
        fresh = storage.key not in self.flat
        if fresh:
            content = self.read(storage, storage.count * dtype.itemsize)
            empty = torch.empty(0, dtype=dtype)
            self.flat[storage.key] = torch.frombuffer(content, dtype=dtype) if content else empty
        flat = self.flat[storage.key]
        if flat.dtype != dtype or len(flat) != storage.count:
            raise Unreadable(f"it reads the numbers {storage.key!r} in two ways")
        view = flat.as_strided(ref.shape, ref.strides, ref.offset)
        whole = fresh and view.is_contiguous() and view.numel() == len(flat)
        return view if whole else view.contiguous().clone()


@contextmanager
def _open(path: Path) -> Iterator[_Archive]:
    with open_file(path) as file:
        head = file.read(512)
        file.seek(0)
        if head.startswith(_ZIP_HEAD):
            with zipfile.ZipFile(file) as archive:
                yield _zip_archive(archive, path.stat().st_size)
        elif head.startswith(b"\x80"):
            yield _pickled_archive(file)
        elif head[257:262] == b"ustar":
            raise Unreadable("it is a tar archive, as before torch 0.2; save it anew with a later torch")
        else:
            allowed = "it is no checkpoint, allowed are files of torch (.ckpt, .pt, .pth) and safetensors"
            raise Unreadable(head_fault(head) or allowed)


def _zip_archive(archive: zipfile.ZipFile, whole: int) -> _Archive:
    """What torch.save and torch.jit.save write since torch 1.6, in a file of so many bytes."""
    names = archive.namelist()
    pickles = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise Unreadable("it is a zip archive, but not one of torch")
    folder = pickles[0].removesuffix("data.pkl")

    def record(name: str, size: int = 0) -> IO[bytes]:
        if folder + name not in names:
            raise Unreadable(f"its part {name!r} is missing")
        info = archive.getinfo(folder + name)
        if info.compress_type != zipfile.ZIP_STORED:  # torch never compresses; zip bombs do
            raise Unreadable(f"its part {name!r} is compressed, which torch never does; that is refused")
        if not size <= info.file_size == info.compress_size <= whole:
            raise Unreadable(f"its part {name!r} has {info.file_size:,} bytes, expected {size:,}")
        return archive.open(info)

    def read(storage: StorageRef, size: int) -> bytearray:
        with record(f"data/{storage.key}", size) as file:
            content = _read_exactly(file, size)
            file.read(1)  # at its end a record is compared with its checksum
        return content

    if folder + "byteorder" in names and record("byteorder").read(64) != b"little":
        raise Unreadable("it was written on a big-endian machine; save it anew on another")
    with record("data.pkl") as file:
        return _Archive(read_pickle(cast("BinaryIO", file)), read)


def _pickled_archive(file: BinaryIO) -> _Archive:
    """What Python's own pickle.dump writes: one pickle, with the numbers within; or an archive of torch."""
    first = read_pickle(file)
    if first == LEGACY_START[0]:
        return _legacy_archive(file)

    def read(storage: StorageRef, size: int) -> bytearray:
        if storage.start is None:
            raise Unreadable(f"its numbers {storage.key!r} are missing")
        file.seek(storage.start)
        return _read_exactly(file, size)

    return _Archive(first, read)


def _legacy_archive(file: BinaryIO) -> _Archive:
    """What torch.save wrote before torch 1.6: five pickles, of which the first is read, then all numbers."""
    if read_pickle(file) != LEGACY_START[1]:
        raise Unreadable("it is a pickle, but not a checkpoint of torch")
    read_pickle(file)  # about the machine that wrote it
    storages: dict[str, StorageRef] = {}
    top, keys = read_pickle(file, storages), read_pickle(file)
    position, end = file.tell(), file.seek(0, 2)
    starts = {}
    for key in keys if isinstance(keys, list) else ():
        if not isinstance(key, str) or key not in storages:
            raise Unreadable(f"it holds the numbers {key!r}, which no tensor has")
        starts[key] = position
        position += 8 + max(storages[key].count, 0) * _dtype(storages[key]).itemsize
        if position > end:
            raise Unreadable("it is cut short")

    def read(storage: StorageRef, size: int) -> bytearray:
        if storage.key not in starts:
            raise Unreadable(f"its numbers {storage.key!r} are missing")
        file.seek(starts[storage.key])
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise Unreadable(f"its numbers {storage.key!r} are {count:,}, expected {storage.count:,}")
        return _read_exactly(file, size)

    return _Archive(top, read)


def _read_exactly(file: IO[bytes], size: int) -> bytearray:
    content = bytearray(size)
    if cast("BufferedIOBase", file).readinto(content) != size:
        raise Unreadable("it is cut short")
    return content


def _dtype(storage: StorageRef) -> torch.dtype:
    if storage.kind not in _STORAGE_TYPES:
        raise Unreadable(f"it holds numbers of the kind {storage.kind!r}, which is not known")
    return _STORAGE_TYPES[storage.kind]


def _check(ref: TensorRef) -> None:
    """Raise Unreadable unless a tensor lies within its storage, each number once."""
    if len(ref.shape) > MAX_DIMENSIONS or len(ref.shape) != len(ref.strides):
        raise Unreadable("it describes a tensor of impossible dimensions")
    if min((ref.offset, ref.storage.count, *ref.shape, *ref.strides)) < 0:
        raise Unreadable("it describes a tensor by negative numbers")
    if 0 in ref.shape:
        return
    last = ref.offset + sum((n - 1) * step for n, step in zip(ref.shape, ref.strides, strict=True))
    shape, count = list(ref.shape), ref.storage.count
    if last >= count or prod(shape) > count:
        raise Unreadable(f"it describes a tensor {shape} that is larger than its {count:,} numbers")


def _select(top: Any, select: Selection) -> dict[str, TensorRef]:
    """Selected tensors of what a pickle holds."""
    places = list(find_state_dicts(top))
    if isinstance(top, tuple) and any(
        isinstance(each, StandIn) and str(each.cls) == _TENSORFLOW for each in top
    ):
        raise Unreadable(
            "it holds networks of TensorFlow; NVIDIA's legacy.py makes a new network pickle of it"
        )
    if not places:
        keys = ", ".join(repr(key)[:40] for key in entries(top) if isinstance(key, str))[:200]
        raise Unreadable(f"it holds no weights by name{f', but {keys}' if keys else ''}")
    return next((chosen for place in places if (chosen := select(place))), {})


def printable(text: str, limit: int = 300) -> str:
    """A text from a stranger's file for a message: on one line, cut when long, without control characters."""
    plain = "".join(c if c.isprintable() else "?" for c in text[: limit + 1])
    return plain if len(plain) <= limit else plain[:limit] + "..."
