"""What this machine has of what a render needs, and what to do about what it lacks.

A check is a function without arguments that gives a Finding; `CHECKS` lists them in the order in which they
are told. A new one is a function and its name in that list.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqanim.cache import cache_folder, is_offline
from vqanim.errors import VqanimError
from vqanim.files import sha256_of

NEEDED = ("libx264", "gif", "png")
"""Encoders of what a render makes."""
WISHED = ("libvpx-vp9", "prores_ks", "apng", "aac", "libopus")
"""Encoders of presets and of sound."""
LEAST_MEMORY = 2 * 10**9
"""Bytes that a render with the embedded models takes with something to spare; 1.27 GiB were measured."""
LEAST_DISK = 500 * 10**6
"""Bytes of a film of a minute at 256x144."""
PATIENCE = 30
"""Seconds that a program may take to say its version."""


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    name: str
    state: Literal["good", "note", "fault"]
    """A note is worth knowing and stops no render with the embedded models; a fault does."""
    detail: str
    remedy: str = ""
    code: int = 0
    """Exit code that belongs to a fault."""


def examine() -> Iterator[Finding]:
    """The findings of all checks, one after the other. A check that fails itself is a fault."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            yield Finding(check.__name__, "fault", f"{type(error).__name__}: {error}", _REPORT, 1)


_REPORT = "this is a bug in vqanim; report it"


def python() -> Finding:
    """The interpreter."""
    bits = 64 if sys.maxsize > 2**32 else 32
    detail = f"{sys.version.split()[0]}, {bits} bits, {sys.platform}"
    return Finding("python", "good", detail)


def torch() -> Finding:
    """PyTorch can be imported and computes."""
    try:
        import torch as torch_package

        total = float(torch_package.ones(3).sum())
    except Exception as error:  # a broken installation raises nearly anything
        return Finding("torch", "fault", f"cannot be used: {error}", "install it again: pip install torch", 4)
    if total != 3:
        return Finding("torch", "fault", "computes nonsense", "install it again: pip install torch", 4)
    return Finding("torch", "good", f"{torch_package.__version__}, {torch_package.get_num_threads()} threads")


def device() -> Finding:
    """What paints."""
    import torch as torch_package

    from vqanim.engine.device import choose_device

    chosen = choose_device()
    if chosen.type == "cuda":
        about = torch_package.cuda.get_device_properties(chosen)
        return Finding("device", "good", f"{about.name}, {_size(about.total_memory)}")
    if chosen.type == "mps":
        return Finding("device", "good", "a GPU of Apple's")
    return Finding(
        "device",
        "note",
        "the CPU: there is no GPU that torch can use",
        "the embedded models do well on it; official ones want a CUDA GPU and a torch that was built for it",
    )


def memory() -> Finding:
    """Free main memory, as far as the system tells."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        lines = Path("/proc/meminfo").read_text("ascii").splitlines() if sys.platform == "linux" else []
        free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), free)
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "note", "this system does not tell how much is free")
    if free < LEAST_MEMORY:
        remedy = "close other programs, or render at a smaller size"
        return Finding("memory", "note", f"{_size(free)} free, a render may need more", remedy)
    return Finding("memory", "good", f"{_size(free)} free")


def ffmpeg() -> Finding:
    """The program that makes films."""
    from vqanim.ffmpeg import executable

    try:
        path = executable()
        words = _ask(path, "-version")
    except VqanimError as error:
        return Finding("ffmpeg", "fault", str(error), _FFMPEG, 5)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("ffmpeg", "fault", f"cannot be run: {error}", _FFMPEG, 5)
    return Finding("ffmpeg", "good", f"{words.split('Copyright')[0].strip()} ({path})")


_FFMPEG = "install imageio-ffmpeg again, or put the path of an ffmpeg into IMAGEIO_FFMPEG_EXE"


def encoders() -> Finding:
    """What ffmpeg can write."""
    from vqanim.ffmpeg import executable

    try:
        listed = {
            line.split()[1] for line in _ask(executable(), "-encoders").splitlines() if _is_encoder(line)
        }
    except (VqanimError, OSError, subprocess.SubprocessError):
        return Finding("encoders", "fault", "ffmpeg does not say", _FFMPEG, 5)
    if missing := [name for name in NEEDED if name not in listed]:
        return Finding("encoders", "fault", f"without {', '.join(missing)}", _FFMPEG, 5)
    if missing := [name for name in WISHED if name not in listed]:
        return Finding("encoders", "note", f"without {', '.join(missing)}: some presets fail", _FFMPEG)
    return Finding("encoders", "good", ", ".join((*NEEDED, *WISHED)))


def cache() -> Finding:
    """The folder for models."""
    folder = cache_folder()
    where = f"{folder}{', offline' if is_offline() else ''}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "put the path of a folder that you can write to into VQANIM_CACHE"
        return Finding("cache", "note", f"{where}: {error.strerror}; no model can be fetched", remedy)
    return Finding("cache", "good", f"{where}, {_size(shutil.disk_usage(folder).free)} free")


def disk() -> Finding:
    """The place of renders, which is the current folder unless they are told otherwise."""
    here = Path.cwd()
    try:
        with tempfile.NamedTemporaryFile(dir=here):
            pass
    except OSError as error:
        remedy = "go to a folder of yours, or render with --out FOLDER"
        return Finding("disk", "fault", f"{here}: {error.strerror}", remedy, 5)
    free = shutil.disk_usage(here).free
    if free < LEAST_DISK:
        return Finding("disk", "fault", f"{here}: {_size(free)} free", "free some space", 5)
    return Finding("disk", "good", f"{here}, {_size(free)} free")


def models() -> Finding:
    """The embedded models are whole; official ones are here or not."""
    from vqanim.models.catalogue import find_entries, list_models
    from vqanim.models.fetch import is_installed

    try:
        files = [file for entry in find_entries("pocket") for file in entry.files.values()]
        damaged = [path for file in files if sha256_of(path := file.locate()) != file.sha256]
        others = sorted(
            {name for _, name in list_models() if name != "pocket" and _installed(name, is_installed)}
        )
    except (VqanimError, OSError) as error:
        return Finding("models", "fault", str(error), "install vqanim again", 3)
    if damaged:
        return Finding("models", "fault", f"damaged: {damaged[0]}", "install vqanim again", 3)
    if not others:
        remedy = "vqanim models fetch imagenet-16384 ViT-B/32"
        return Finding("models", "note", "pocket; no official model is here", remedy)
    return Finding("models", "good", f"pocket, {', '.join(others)}")


def terminal() -> Finding:
    """Where words go."""
    encoding = sys.stdout.encoding or "ascii"
    kind = "a terminal" if sys.stdout.isatty() else "no terminal"
    plain = sys.stdout.isatty() and os.environ.get("TERM") == "dumb"
    if plain or "NO_COLOR" in os.environ:
        return Finding("terminal", "good", f"{kind}, {encoding}, plain")
    return Finding("terminal", "good", f"{kind}, {encoding}")


CHECKS: tuple[Callable[[], Finding], ...] = (
    python, torch, device, memory, ffmpeg, encoders, cache, disk, models, terminal,
)  # fmt: skip


def _installed(name: str, is_installed: Callable[..., bool]) -> bool:
    from vqanim.models.catalogue import find_entries

    try:
        return all(is_installed(entry) for entry in find_entries(name))
    except VqanimError:
        return False


def _ask(program: str, question: str) -> str:
    command = [program, "-hide_banner", question] if question != "-version" else [program, question]
    done = subprocess.run(
        command, capture_output=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL
    )
    text = done.stdout.decode("utf-8", "replace")
    return text.splitlines()[0] if question == "-version" else text


def _is_encoder(line: str) -> bool:
    """Lines such as ` V....D libx264   H.264`, which follow a legend of ` V..... = Video`."""
    parts = line.split()
    return len(parts) > 1 and len(parts[0]) == 6 and parts[0][0] in "VAS" and parts[1] != "="


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB"
