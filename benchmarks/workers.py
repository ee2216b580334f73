"""What a second process is worth: `python benchmarks/workers.py [--rounds N]`.

Renders a film of two shots with a cut between them, with one worker and with two, each of one thread, in
rounds that take turns; prints the ratio of their times and whether all frames are the same. It needs a
machine with two cores that does nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKERS = (1, 2)
RENDER = """\
import sys
from vqanim import api
from vqanim.engine.events import TakesDone
scene, out, device, workers, deterministic = sys.argv[1:]
how = {"device": device, "workers": int(workers), "deterministic": bool(deterministic)}
for event in api.render(scene, out, **how):
    if isinstance(event, TakesDone):
        print(event.seconds)
"""
"""What each render runs, in a process of its own."""


def scene(options: argparse.Namespace) -> str:
    """Two shots of equal length that nothing but the film joins."""
    shots = [
        {"name": "one", "prompts": ["a castle on a hill"]},
        {"name": "two", "prompts": ["a coral reef"], "transition": "cut"},
    ]
    return yaml.safe_dump({
        "size": options.size, "fps": 12, "camera": {"zoom": 1.05},
        "guidance": {"steps": options.steps, "first_steps": 4 * options.steps, "cutouts": options.cutouts},
        "shots": [{**shot, "duration": f"{options.frames}f"} for shot in shots],
    }, sort_keys=False)  # fmt: skip


def render(scene: Path, folder: Path, workers: int, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds of a whole render, from the start of its process to the end, and of painting in it."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": path}
    how = [options.device, str(workers), "deterministic" if options.deterministic else ""]
    command = [sys.executable, "-c", RENDER, str(scene), str(folder), *how]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - began, float(done.stdout)


def frame_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each frame's file, by its place in the takes."""
    takes = folder / "takes"
    return {
        str(path.relative_to(takes)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(takes.rglob("*.png"))
    }


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=64, help="of each of the two shots; 64")
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", default="64x48", help="64x48")
    parser.add_argument("--steps", type=int, default=6, help="of a frame; 6")
    parser.add_argument("--cutouts", type=int, default=4, help="of a step; 4")
    parser.add_argument("--rounds", type=int, default=3, help="of both; 3")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or several: cuda:0,cuda:1; cpu")
    parser.add_argument("--deterministic", action="store_true", help="as of `vqanim render`")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    wholes: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    paintings: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    found = []
    print(f"two shots of {options.frames} frames, {options.size}, {options.device}, {os.cpu_count()} cores\n")
    print("| round | workers | seconds | of these painting |\n|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        file = Path(scratch) / "workers.yaml"
        file.write_text(scene(options), encoding="utf-8")
        for number in range(1, max(1, options.rounds) + 1):
            for workers in WORKERS if number % 2 else WORKERS[::-1]:
                folder = Path(scratch) / f"{number}-{workers}"
                whole, painting = render(file, folder, workers, options)
                wholes[workers].append(whole)
                paintings[workers].append(painting)
                found.append(frame_hashes(folder))
                print(f"| {number} | {workers} | {whole:.1f} | {painting:.1f} |", flush=True)
    one, two = (statistics.median(wholes[workers]) for workers in WORKERS)
    of_painting = statistics.median(paintings[2]) / statistics.median(paintings[1])
    equal = len(found[0]) == 2 * options.frames and all(frames == found[0] for frames in found)
    print(f"\nTwo workers take {two / one:.2f} of the time of one, {of_painting:.2f} of that of painting.")
    print(f"All {len(found[0])} frames are {'the same' if equal else 'NOT the same'}.")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
