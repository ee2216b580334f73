"""Which device paints, and what its failures mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from vqanim.errors import DeviceError
from vqanim.guidance.memory import OUT_OF_MEMORY, is_out_of_memory

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU; other names are torch's.

    Raises DeviceError when the name is unknown or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"--device {name}: unknown; allowed are auto, cpu, cuda, cuda:1 and mps") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise DeviceError(f"--device {name}: not found on this machine; use --device cpu, or auto")
    return device


def choose_devices(names: str = "auto") -> tuple[torch.device, ...]:
    """One device, or several whose names are separated by commas, each once. Raises DeviceError."""
    return tuple(dict.fromkeys(choose_device(name.strip()) for name in names.split(",")))


@contextmanager
def determinism(requested: bool) -> Iterator[None]:
    """While this lasts, torch uses only operations that give the same bits each time, or fails.

    All settings are as before on leaving.
    """
    if not requested:
        yield
        return
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filling: Any = torch.utils.deterministic
    fill, benchmark = filling.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    workspace = os.environ.get(WORKSPACE)
    os.environ.setdefault(WORKSPACE, ":4096:8")  # read when cuBLAS begins; torch refuses to go on without it
    torch.use_deterministic_algorithms(True)
    filling.fill_uninitialized_memory = False  # it finds mistakes, at the price of time
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        filling.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop(WORKSPACE, None)


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """While this lasts, torch computes with so many threads; sums of other parts round otherwise, so that
    another count gives other pictures."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn running out of memory into a DeviceError that says what helps."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(OUT_OF_MEMORY) from error
