"""In which precision the networks' weights are kept and used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import torch

from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.entries import ModelEntry, PackageFile
from vqanim.timeline.plan import Timeline
from vqanim.types import Generator, Perceptor

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]

LARGE = 100_000_000
"""Bytes of a model's files. Smaller ones gain little from low precision on a CPU, and so every CPU paints the
same picture with them."""


def weights_dtype(device: torch.device, wanted: Precision, size: int | None) -> torch.dtype:
    """Precision of a model's weights.

    `auto` takes bfloat16 where the device multiplies it faster: on CUDA GPUs from 2020 on, and for large
    models on CPUs that have instructions for it.

    size: bytes of the model's files; None for those of unknown size, which are large, and 0 for a model
    without weights, which is computed in float32 whatever was wanted.
    """
    if size == 0:
        return torch.float32
    if wanted != "auto":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = device.type == "cpu" and (size is None or size >= LARGE) and cpu_multiplies_bfloat16()
    return torch.bfloat16 if fast else torch.float32


def bytes_of(entry: ModelEntry) -> int | None:
    """Bytes of a model's files; None where nobody knows, 0 for a model without weights."""
    carried = [file.locate() for file in entry.files.values() if isinstance(file, PackageFile)]
    return sum(path.stat().st_size for path in carried if path.exists()) or entry.size


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for it, and not only a slow way around."""
    ask: Any = getattr(torch.cpu, "get_capabilities", dict)  # not in the oldest torch that is allowed
    found: Mapping[str, object] = ask()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def lower_precision(
    generator: Generator, perceptors: Iterable[Perceptor], device: torch.device, wanted: Precision
) -> None:
    """Give loaded models the precision that is theirs; their texts are embedded before."""
    pairs: list[tuple[Generator | Perceptor, ModelEntry]] = [(generator, get_generator_entry(generator.name))]
    pairs += [(perceptor, get_perceptor_entry(perceptor.name)) for perceptor in perceptors]
    for model, entry in pairs:
        if (dtype := weights_dtype(device, wanted, bytes_of(entry))) != torch.float32:
            model.lower_precision(dtype)


def lowest_precision(timeline: Timeline, device: torch.device, wanted: Precision) -> str:
    """Name of the lowest precision that a model of a film has: float32 or bfloat16."""
    entries: list[ModelEntry] = [get_generator_entry(timeline.generator)]
    entries += [get_perceptor_entry(plan.name) for plan in timeline.perceptors]
    found = {weights_dtype(device, wanted, bytes_of(entry)) for entry in entries}
    return "float32" if found == {torch.float32} else "bfloat16"
