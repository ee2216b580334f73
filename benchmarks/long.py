"""Whether a long film stays as quick and as small as a short one: `python benchmarks/long.py`.

Paints thousands of tiny frames with a real store on a real disk, and looks at time and memory a frame, part
by part; then continues a finished film, which must read everything again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml
from step import status

from vqanim import api
from vqanim.engine.events import FrameDone
from vqanim.scene import load_scene_text

PARTS = 8
"""Into which the film is divided."""


def scene(frames: int, steps: int) -> str:
    """A film of the smallest size that moves, with one prompt."""
    return yaml.safe_dump({
        "size": [32, 32], "fps": 10, "duration": f"{frames}f", "prompts": ["a volcano"],
        "camera": {"zoom": 1.1},
        "guidance": {"steps": steps, "first_steps": 2, "cutouts": 2},
    })  # fmt: skip


def paint(prepared: api.Prepared, folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds since the frame before, and MiB in use, after each frame."""
    last = time.perf_counter()
    for event in api.render(prepared, out=folder, device="cpu"):
        if isinstance(event, FrameDone):
            now = time.perf_counter()
            yield now - last, status("VmRSS")
            last = now


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=1, help="a frame; 1 if not given")
    options = parser.parse_args()
    prepared = api.prepare(load_scene_text(scene(options.frames, options.steps), "long.yaml"))
    with tempfile.TemporaryDirectory() as scratch:
        measured = list(paint(prepared, Path(scratch)))
        began = time.perf_counter()
        again = sum(1 for _ in paint(prepared, Path(scratch)))
        seconds = time.perf_counter() - began
    print(f"{options.frames} frames of 32x32, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| frames | s a frame, median | memory at the end, MiB |\n|--:|--:|--:|")
    size = len(measured) // PARTS
    for part in range(PARTS):
        rows = measured[part * size : (part + 1) * size]
        pace = statistics.median(seconds for seconds, _ in rows)
        print(f"| {part * size}..{(part + 1) * size - 1} | {pace:.4f} | {rows[-1][1]:.0f} |")
    print(f"\nLooked at again when finished: {seconds:.1f} s, {again} frames painted.")


if __name__ == "__main__":
    main()
