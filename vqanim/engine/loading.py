"""The models of a film, loaded and made ready to paint, in the precision that suits the device."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from vqanim.engine.events import ModelsLoaded
from vqanim.engine.frame import Painter
from vqanim.engine.job import Precision
from vqanim.engine.memory import fitting_level, free_memory, step_need
from vqanim.engine.pictures import whole_picture
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.graphs import Choice
from vqanim.guidance.methods import METHODS
from vqanim.guidance.objective import Objective
from vqanim.losses import LOSSES, LooksAt
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry, method_of
from vqanim.models.conse.perceptor import load_features
from vqanim.models.entries import ModelEntry, PackageFile
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline.plan import StartPlan, Timeline
from vqanim.types import Generator, Image, Perceptor

LARGE = 100_000_000
"""Bytes of a model's files. Smaller ones gain little from low precision on a CPU, and so every CPU paints the
same picture with them."""
LOW_PRECISION = 0.65
"""Share of the memory of a step that bfloat16 takes of that of float32."""
FEATURE_KINDS = frozenset(name for name, kind in LOSSES.items() if kind.looks_at == "features")


def load_painter(
    timeline: Timeline, device: torch.device, steps: Choice, precision: Precision = "auto"
) -> tuple[Painter, ModelsLoaded]:
    """Load the models of a timeline, embed its prompts once a run, and drop what only texts need."""
    began = time.monotonic()
    generator = load_generator(timeline.generator, device, dict(timeline.generator_settings))
    perceptors = {plan.name: load_perceptor(plan.name, device) for plan in timeline.perceptors}
    viewers = [Viewer(perceptors[plan.name], plan.share) for plan in timeline.perceptors]
    objective = make_objective(timeline, viewers, device)
    notes: tuple[str, ...] = ()
    for perceptor in perceptors.values():
        perceptor.release_text()
        notes += perceptor.notes(timeline.prompts)
    models: tuple[Generator | Perceptor, ...] = (generator, *perceptors.values())
    dtypes = weights_dtypes(timeline, device, precision)
    for model, dtype in zip(models, dtypes, strict=True):
        if dtype != torch.float32:
            model.lower_precision(dtype)
    share = LOW_PRECISION if torch.bfloat16 in dtypes else 1.0
    free = free_memory() if device.type == "cpu" else None  # GPUs refuse, and lose nothing by it
    level, short = fitting_level(lambda level: step_need(timeline, level, share), free)
    notes += (short,) if short else ()
    make = METHODS[method_of(timeline.generator)]
    method = make(generator, objective, level.name, graphs=steps.mode == "graph")
    painter = Painter(generator, method, device, timeline.height, timeline.width)
    return painter, ModelsLoaded(generator.name, tuple(perceptors), time.monotonic() - began, notes)


def make_objective(timeline: Timeline, viewers: Sequence[Viewer], device: torch.device) -> Objective:
    """What the frames of a timeline are judged by; its prompts and pictures are embedded here."""
    return Objective(
        viewers,
        timeline.prompts,
        whole_pictures(timeline, "cutouts", device),
        load_features(device) if timeline.kinds & FEATURE_KINDS else None,
        whole_pictures(timeline, "features", device),
    )


def whole_pictures(timeline: Timeline, looks_at: LooksAt, device: torch.device) -> dict[StartPlan, Image]:
    """The pictures [1, 3, h, w] that terms see in their own shape, by their plans. Raises InputError."""
    terms = (term for shot in timeline.shots for frame in shot.frames for term in frame.losses)
    kinds = {name for name, kind in LOSSES.items() if kind.whole and kind.looks_at == looks_at}
    plans = dict.fromkeys(term.target for term in terms if term.kind in kinds and term.target)
    rng = torch.Generator().manual_seed(timeline.seed)
    return {plan: whole_picture(plan, timeline.height, timeline.width, rng).to(device) for plan in plans}


def weights_dtype(device: torch.device, requested: Precision, size: int | None) -> torch.dtype:
    """Precision of a model's weights.

    `auto` takes bfloat16 where the device multiplies it faster: on CUDA GPUs from 2020 on, and for large
    models on CPUs that have instructions for it.

    size: bytes of the model's files; None for those of unknown size, which are large, and 0 for a model
    without weights, which is computed in float32 whatever was requested.
    """
    if size == 0:
        return torch.float32
    if requested != "auto":
        return torch.float32 if requested == "float32" else torch.bfloat16
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


def weights_dtypes(timeline: Timeline, device: torch.device, requested: Precision) -> list[torch.dtype]:
    """Precision of the weights of a film's generator, then of each of its perceptors."""
    names = dict.fromkeys(plan.name for plan in timeline.perceptors)
    entries: list[ModelEntry] = [get_generator_entry(timeline.generator), *map(get_perceptor_entry, names)]
    return [weights_dtype(device, requested, bytes_of(entry)) for entry in entries]


def lowest_precision(timeline: Timeline, device: torch.device, requested: Precision) -> str:
    """Name of the lowest precision that a model of a film has: float32 or bfloat16."""
    found = set(weights_dtypes(timeline, device, requested))
    return "float32" if found == {torch.float32} else "bfloat16"
