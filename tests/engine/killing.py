"""Renders a tiny film in forked processes that are killed (SIGKILL) at every point where a file changes.

Run as a script, `python -m tests.engine.killing FOLDER new|edited EVERY`, it prints a JSON object (see
`try_all`): only a process that has a single thread can be forked safely.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import json
import os
import pkgutil
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import vqanim
from vqanim import api
from vqanim.engine import loading
from vqanim.models.load import load_generator, load_perceptor

SCENE = """\
vqanim: 1
size: [48, 32]
fps: 10
duration: 0.3s
guidance: {steps: 1, first_steps: 1, cutouts: 2}
prompts: [a volcano]
camera: {zoom: 1.1}
models: {generator: pixels, perceptor: pocket}
"""
EDITED = SCENE.replace("1.1", "{0s: 1.1, 0.1s: 1.1, 0.11s: 2}")
"""Its second frame is the same, the third is not."""

POINTS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "ftruncate")
"""Functions of `os` by which files appear, change and go: everything on the disk lies between two calls."""


PAGES = ("live.html", "live.js", "report.html")


def kill_at(expected: int) -> None:
    """Let this process be killed right before the call with that number, from 1, of any of the functions."""
    numbers = itertools.count(1)

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            if next(numbers) == expected:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return called

    for name in POINTS:
        setattr(os, name, watched(getattr(os, name)))


def render(folder: Path, kill: int = 0) -> int:
    """Render the scene in `folder` in a process of its own; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(folder)
            if kill:
                kill_at(kill)
            for _ in api.render("film.yaml", out="out", device="cpu"):
                pass
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file of a render, by path; but for locks, for records, which hold times of files, and for
    pages, which show how long things took.

    What was moved aside may lie in two folders where a stop came between.
    """
    files = (path for path in sorted((folder / "out").rglob("*")) if path.is_file())
    return {
        re.sub(r"superseded/\d+", "superseded", str(path.relative_to(folder))): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
        if not path.name.startswith(".lock") and path.name not in ("record.jsonl", *PAGES)
    }


def make(folder: Path, before: str | None = None) -> Path:
    """A folder with the scene in it, which was rendered before as another one."""
    folder.mkdir()
    if before is not None:
        (folder / "film.yaml").write_text(before)
        assert render(folder) == 0
    (folder / "film.yaml").write_text(SCENE)
    return folder


def try_all(folder: Path, before: str | None, every: int) -> dict[str, Any]:
    """Kill at every point, or at every n-th, go on, and compare with a render that nobody stopped."""
    whole = make(folder / "whole", before)
    assert render(whole) == 0
    expected = contents(whole)
    wrong: dict[int, list[str]] = {}
    kills = 0
    for point in itertools.count(1, every):
        here = make(folder / str(point), before)
        if render(here, kill=point) == 0:
            break
        kills += 1
        code = render(here)
        found = contents(here)
        if code != 0 or found != expected:
            differing = {
                name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
            }
            wrong[point] = [f"exit status {code}", *sorted(differing)]
    return {"kills": kills, "wrong": wrong, "files": sorted(expected)}


def main() -> None:
    folder, before, every = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    # Each render loads them; once is enough here.
    cached = functools.cache(lambda name, device: load_generator(name, device))

    def generator(name: str, device: torch.device, settings: object = None) -> Any:
        return cached(name, device)

    perceptor = functools.cache(load_perceptor)
    cpu = torch.device("cpu")
    generator("pixels", cpu), perceptor("pocket", cpu)
    for name, load in (("load_generator", generator), ("load_perceptor", perceptor)):
        setattr(loading, name, load)
    # So are modules: each process that is forked would import those that a render imports late.
    for module in pkgutil.walk_packages(vqanim.__path__, "vqanim."):
        if module.name != "vqanim.__main__":
            importlib.import_module(module.name)
    print(json.dumps(try_all(folder, EDITED if before == "edited" else None, every)))


if __name__ == "__main__":
    main()
