"""How fast films are encoded: `python benchmarks/encode.py [FOLDER] [--presets web,gif]`.

Takes of random soft pictures, or those of a render's FOLDER, become a film with five effects and frames
between painted ones, once for each preset and once as a render does it (MP4, GIF and poster). No frame is
painted. Wall-clock needs a machine that does nothing else; processor time does not.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.api import at_painted_rate, prepare
from vqanim.film.formats import PRESETS
from vqanim.film.make import make_film
from vqanim.scene import load_scene_text
from vqanim.timeline import FrameRef, Timeline

EFFECTS = "[{saturation: 0.5}, {hue: 20}, {shake: 0.01}, {vignette: 0.5}, {grain: 0.05}]"
SCENE = """\
size: [{width}, {height}]
fps: 24
guidance: {{rate: 12}}
prompts: [a]
camera: {{zoom: 1.2, rotate: 5}}
duration: {seconds}s
"""
CORES = 2


@dataclass(frozen=True)
class Measured:
    """One film."""

    frames: int
    wall: float
    """Seconds."""
    own: float
    """Seconds of processor time of this process, on one core."""
    encoders: float
    """Seconds of processor time of ffmpeg, on any."""

    @property
    def bound(self) -> float:
        """Frames a second that CORES cores can make at most."""
        return self.frames / max(self.own, (self.own + self.encoders) / CORES)


def soft_takes(timeline: Timeline, folder: Path) -> dict[FrameRef, Path]:
    """A picture of random soft colors that turns, for every frame."""
    rough = np.random.default_rng(0).integers(0, 256, (18, 32, 3), dtype=np.uint8)
    size = (timeline.width, timeline.height)
    soft = Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)
    files = {}
    for shot in timeline.shots:
        for plan in shot.frames:
            files[FrameRef(plan.shot, plan.index)] = path = folder / f"{plan.shot}-{plan.index}.png"
            soft.rotate(plan.index).save(path)
    return files


def found_takes(timeline: Timeline, folder: Path) -> dict[FrameRef, Path]:
    """The frames of a render."""
    return {
        FrameRef(plan.shot, plan.index): folder / "takes" / plan.shot / f"{plan.index:06d}.png"
        for shot in timeline.shots
        for plan in shot.frames
    }


def measure(timeline: Timeline, files: dict[FrameRef, Path], folder: Path, presets: list[str]) -> Measured:
    """Make the films of some presets, all at once."""
    before, began = processor_seconds(), time.perf_counter()
    list(make_film(timeline, files.__getitem__, folder, "film", presets))
    wall = time.perf_counter() - began
    own, encoders = (now - then for now, then in zip(processor_seconds(), before, strict=True))
    return Measured(len(timeline.edit), wall, own, encoders)


def processor_seconds() -> tuple[float, float]:
    """Of this process, and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (each.ru_utime + each.ru_stime for each in used)
    return own, others


def row(name: str, one: Measured, size: int) -> str:
    each = 1000 / one.frames
    return (
        f"| {name} | {one.frames / one.wall:.1f} | {one.bound:.1f} | {one.own * each:.1f} "
        f"| {one.encoders * each:.1f} | {size / 1000:.0f} |"
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="of a render; random soft pictures if not given")
    parser.add_argument("--presets", default=",".join(PRESETS), help="comma-separated; all if not given")
    parser.add_argument("--size", default="256x144", help="of random pictures; 256x144")
    parser.add_argument("--seconds", type=float, default=6, help="of random pictures; 6")
    parser.add_argument("--fps", type=int, default=24, help="of the film; 24")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    overrides = [f"effects={EFFECTS}", f"fps={options.fps}"]
    if options.folder:
        scene = prepare(options.folder / "scene.resolved.yaml", overrides)
        timeline = at_painted_rate(scene, options.folder).timeline
    else:
        width, height = options.size.split("x")
        text = SCENE.format(width=width, height=height, seconds=options.seconds)
        timeline = prepare(load_scene_text(text, overrides=overrides)).timeline
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        takes, out = Path(folder) / "takes", Path(folder) / "out"
        takes.mkdir()
        files = found_takes(timeline, options.folder) if options.folder else soft_takes(timeline, takes)
        size = f"{timeline.width}x{timeline.height}"
        print(f"{len(timeline.edit)} frames, {size}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print("| outputs | frames/s | at most, on 2 cores | own ms a frame | ffmpeg ms a frame | kB |")
        print("|---|--:|--:|--:|--:|--:|")
        for presets in ([], *([name] for name in options.presets.split(",") if name)):
            one = measure(timeline, files, out, presets)
            made = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            print(row(presets[0] if presets else "as a render: MP4, GIF, poster", one, made), flush=True)
            shutil.rmtree(out)


if __name__ == "__main__":
    main()
