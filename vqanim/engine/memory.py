"""How much main memory painting needs, estimated beforehand: Linux ends a program that takes more than there
is, instead of refusing what it asks for. No torch.

A straight line through measured peaks: what the decoder keeps grows with the pixels and the widths of its
levels, what a perceptor keeps with its cutouts. It was fitted to the pocket models and to networks of the
sizes of VQGAN f16 and ViT-B/32. A model that it knows nothing about counts nothing, so a need is the least.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vqanim.errors import InputError
from vqanim.guidance.memory import LEVELS, MemoryLevel
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.entries import GeneratorEntry, read_verified
from vqanim.models.families.vqgan import parse_config
from vqanim.timeline.plan import Timeline

MIB = 2**20
PROCESS = 800 * MIB
"""Torch, and the pocket models."""
A_PIXEL, A_CHANNEL = 2200.0, 26.0
"""Bytes of a pixel of what a VQGAN paints, and of each channel of the blocks of its decoder."""
RECOMPUTED = 0.65
"""Share of it where blocks are computed twice."""
A_CUTOUT = {"conse": 19 * MIB, "clip": 21 * MIB}
"""Bytes of a cutout by family; of CLIPs that of ViT-B/32."""
BESIDE = {"conse": 25 * MIB, "clip": 200 * MIB}
"""What a perceptor takes beside its cutouts."""
_VIT = re.compile(r"ViT-([BLHg])[-/](\d\d)(?:[-@](\d{3}))?")
_WIDTHS = {"B": 768 * 12, "L": 1024 * 24, "H": 1280 * 32, "g": 1408 * 40}
"""Width times layers of an image tower."""


def step_need(timeline: Timeline, level: MemoryLevel = LEVELS[0], share: float = 1.0) -> int:
    """Bytes that a step of a film adds to what is there, at least. share: of what float32 takes, as lower
    precision needs less."""
    pixels = timeline.width * timeline.height
    channels = _channels(get_generator_entry(timeline.generator))
    decoder = pixels * (A_PIXEL + A_CHANNEL * channels) if channels else 0.0
    plans = [plan for shot in timeline.shots for plan in shot.frames if plan.steps]
    views = [0.0]
    for number, one in enumerate(timeline.perceptors):
        most = max((plan.cutouts[number] for plan in plans), default=0)
        family = get_perceptor_entry(one.name).family
        cutouts = min(most, level.chunk or most)
        if cutouts and family in A_CUTOUT:
            views.append(BESIDE[family] + A_CUTOUT[family] * _times_as_large(one.name) * cutouts)
    return round(share * (decoder * (RECOMPUTED if level.recompute else 1) + max(views)))


def render_need(timeline: Timeline, level: MemoryLevel = LEVELS[0]) -> int:
    """Bytes of a whole render in one process, about: with all that is in the files of the models."""
    names = dict.fromkeys(one.name for one in timeline.perceptors)
    entries = [get_generator_entry(timeline.generator), *map(get_perceptor_entry, names)]
    return PROCESS + sum(entry.size or 0 for entry in entries) + step_need(timeline, level)


def fitting_level(need: Callable[[MemoryLevel], int], free: int | None) -> tuple[MemoryLevel, str]:
    """The first level of memory whose need is free, the last one where none is; and what people should know,
    nothing where the first one does."""
    level = next((level for level in LEVELS if free is None or need(level) <= free), LEVELS[-1])
    if free is None or level is LEVELS[0]:
        return level, ""
    about = f"about {_size(need(LEVELS[0]))} of memory needed, {_size(free)} free"
    if need(level) > free:
        remedy = "lower size or guidance.cutouts, or close other programs"
        return level, f"{about}: the system may end the program, {remedy}"
    slower = {
        "chunks": "perceptors look at fewer cutouts at a time",
        "checkpoint": "parts are computed twice",
    }
    return level, f"{about}: {slower.get(level.name, level.name)}, which is slower"


def free_memory(group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes of main memory that this process may still take; None where the system does not say.

    group: the folder in which Linux tells what a container may take.
    """
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        lines = Path("/proc/meminfo").read_text("ascii").splitlines() if sys.platform == "linux" else []
        free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), free)
    except (AttributeError, ValueError, OSError):
        return None
    with suppress(ValueError, OSError):  # "max" where a container has no limit
        limit, used = (int((group / f"memory.{name}").read_text("ascii")) for name in ("max", "current"))
        stat = (group / "memory.stat").read_text("ascii").splitlines()
        used -= sum(int(line.split()[1]) for line in stat if line.startswith("inactive_file "))  # given back
        return max(0, min(free, limit - used))
    return free


def _channels(entry: GeneratorEntry) -> float:
    """Channels of all blocks of a VQGAN's decoder, each as often as it has pixels of the picture; 0 where
    nobody knows them."""
    config = entry.files.get("config") if entry.family == "vqgan" else None
    if config is None:
        return 0.0
    try:
        about = parse_config(read_verified(config), config).ddconfig
        blocks = (int(about["num_res_blocks"]) + 1) * int(about["ch"])
        return blocks * sum(float(times) / 4**level for level, times in enumerate(about["ch_mult"]))
    except (InputError, OSError, KeyError, TypeError, ValueError):
        return 0.0


def _times_as_large(name: str) -> float:
    """What a cutout of a perceptor takes, in those of ViT-B/32; 1 where the name does not tell."""
    if (found := _VIT.search(name)) is None:
        return 1.0
    width, patch, side = found.groups()
    return _WIDTHS[width] * ((int(side or 224) // int(patch)) ** 2 + 1) / (_WIDTHS["B"] * 50)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
