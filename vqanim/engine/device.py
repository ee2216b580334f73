"""Which device paints, and what its failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vqanim.errors import DeviceError
from vqanim.guidance.memory import OUT_OF_MEMORY, is_out_of_memory


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


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn running out of memory into a DeviceError that says what helps."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(OUT_OF_MEMORY) from error
