"""What this machine has of what a render needs, and what to do about what it lacks.

A check is a function without arguments that gives a Finding; `CHECKS` lists them in the order in which they
are reported. A new one is a function, whose name is that of its finding, in that list.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vqanim.cache import cache_folder, is_offline
from vqanim.errors import VqanimError
from vqanim.files import sha256_of

NEEDED = ("libx264", "gif", "png")  # encoders of what a render makes
USEFUL = ("libvpx-vp9", "prores_ks", "apng", "aac", "libopus")  # encoders of presets and of sound
LEAST_MEMORY = 2 * 10**9
"""Bytes that a render with the embedded models takes with something to spare; 1.27 GiB were measured."""
LEAST_DISK = 500 * 10**6  # bytes of a film of a minute at 256x144


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    state: Literal["good", "note", "fault"]
    """A note is worth knowing and stops no render with the embedded models; a fault does."""
    detail: str
    remedy: str = ""
    code: int = 0  # exit code that belongs to a fault
    name: str = ""  # of the check


def examine() -> Iterator[Finding]:
    """The findings of all checks, one after the other. A check that fails itself is a fault."""
    for check in CHECKS:
        try:
            found = check()
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            found = Finding("fault", detail, "this is a bug in vqanim; report it", 1)
        yield replace(found, name=check.__name__)


def python() -> Finding:
    """The interpreter."""
    bits = 64 if sys.maxsize > 2**32 else 32
    return Finding("good", f"{sys.version.split()[0]}, {bits} bits, {sys.platform}")


def torch() -> Finding:
    """PyTorch can be imported and computes."""
    again = "install it again: pip install torch"
    try:
        import torch as torch_package

        total = float(torch_package.ones(3).sum())
    except Exception as error:  # a broken installation raises nearly anything
        return Finding("fault", f"cannot be used: {error}", again, 4)
    if total != 3:
        return Finding("fault", "computes nonsense", again, 4)
    return Finding("good", f"{torch_package.__version__}, {torch_package.get_num_threads()} threads")


def device() -> Finding:
    """What paints."""
    import torch as torch_package

    from vqanim.engine.device import choose_device

    chosen = choose_device()
    if chosen.type == "cuda":
        about = torch_package.cuda.get_device_properties(chosen)
        return Finding("good", f"{about.name}, {_size(about.total_memory)}")
    if chosen.type == "mps":
        return Finding("good", "a GPU of Apple's")
    remedy = "the embedded models do well on it; official ones want a CUDA GPU and a torch built for it"
    return Finding("note", "the CPU: there is no GPU that torch can use", remedy)


def memory() -> Finding:
    """Free main memory, as far as the system says."""
    from vqanim.engine.memory import free_memory

    if (free := free_memory()) is None:
        return Finding("note", "this system does not say how much is free")
    if free < LEAST_MEMORY:
        remedy = "close other programs, or render at a smaller size"
        return Finding("note", f"{_size(free)} free, a render may need more", remedy)
    return Finding("good", f"{_size(free)} free")


_FFMPEG = "install imageio-ffmpeg again, or put the path of an ffmpeg into IMAGEIO_FFMPEG_EXE"


def ffmpeg() -> Finding:
    """The program that makes films."""
    from vqanim.ffmpeg import executable

    try:
        path = executable()
        version = _output(path, "-version").splitlines()[0]
    except VqanimError as error:
        return Finding("fault", str(error), _FFMPEG, 5)
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        return Finding("fault", f"cannot be run: {error}", _FFMPEG, 5)
    return Finding("good", f"{version.split('Copyright')[0].strip()} ({path})")


def encoders() -> Finding:
    """What ffmpeg can write."""
    from vqanim.ffmpeg import executable

    try:
        # Lines such as ` V....D libx264   H.264`, after a legend of ` V..... = Video`.
        parts = [line.split() for line in _output(executable(), "-hide_banner", "-encoders").splitlines()]
    except (VqanimError, OSError, subprocess.SubprocessError):
        return Finding("fault", "ffmpeg does not say", _FFMPEG, 5)
    listed = {line[1] for line in parts if len(line) > 1 and len(line[0]) == 6 and line[0][0] in "VAS"}
    if missing := [name for name in NEEDED if name not in listed]:
        return Finding("fault", f"without {', '.join(missing)}", _FFMPEG, 5)
    if missing := [name for name in USEFUL if name not in listed]:
        return Finding("note", f"without {', '.join(missing)}: some presets fail", _FFMPEG)
    return Finding("good", ", ".join((*NEEDED, *USEFUL)))


def cache() -> Finding:
    """The folder for models."""
    folder = cache_folder()
    where = f"{folder}{', offline' if is_offline() else ''}"
    if trouble := _write_trouble(folder):
        remedy = "put the path of a folder that you can write to into VQANIM_CACHE"
        return Finding("note", f"{where}: {trouble}; no model can be fetched", remedy)
    return Finding("good", f"{where}, {_size(shutil.disk_usage(folder).free)} free")


def disk() -> Finding:
    """The place of renders, which is the current folder unless they are given another."""
    here = Path.cwd()
    if trouble := _write_trouble(here):
        remedy = "go to a folder of yours, or render with --out FOLDER"
        return Finding("fault", f"{here}: {trouble}", remedy, 5)
    free = shutil.disk_usage(here).free
    if free < LEAST_DISK:
        return Finding("fault", f"{here}: {_size(free)} free", "free some space", 5)
    return Finding("good", f"{here}, {_size(free)} free")


def models() -> Finding:
    """The embedded models are whole; official ones are here or not."""
    from vqanim.models.catalogue import find_entries, list_models

    try:
        files = [file for entry in find_entries("pocket") for file in entry.files.values()]
        damaged = [str(path) for file in files if sha256_of(path := file.locate()) != file.sha256]
        others = sorted({name for kind, name in list_models() if name != "pocket" and _is_here(kind, name)})
    except (VqanimError, OSError) as error:
        return Finding("fault", str(error), "install vqanim again", 3)
    if damaged:
        return Finding("fault", f"damaged: {damaged[0]}", "install vqanim again", 3)
    if not others:
        remedy = "vqanim models fetch imagenet-16384 ViT-B/32"
        return Finding("note", "pocket; no official model is here", remedy)
    return Finding("good", f"pocket, {', '.join(others)}")


def terminal() -> Finding:
    """Where text goes."""
    encoding = sys.stdout.encoding or "ascii"
    kind = "a terminal" if sys.stdout.isatty() else "no terminal"
    plain = "NO_COLOR" in os.environ or (sys.stdout.isatty() and os.environ.get("TERM") == "dumb")
    return Finding("good", f"{kind}, {encoding}" + (", plain" if plain else ""))


CHECKS: tuple[Callable[[], Finding], ...] = (
    python, torch, device, memory, ffmpeg, encoders, cache, disk, models, terminal,
)  # fmt: skip


def _is_here(kind: str, name: str) -> bool:
    """Whether a model that has weights is on this machine."""
    from vqanim.models.catalogue import get_entry
    from vqanim.models.fetch import is_installed

    with suppress(VqanimError):
        entry = get_entry(kind, name)
        return bool(entry.files) and is_installed(entry)
    return False


def _write_trouble(folder: Path) -> str:
    """Why nothing can be written to a folder; empty where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.NamedTemporaryFile(dir=folder).close()
    except OSError as error:
        return str(error.strerror)
    return ""


def _output(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)
    return done.stdout.decode("utf-8", "replace")


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB"
