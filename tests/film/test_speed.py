"""An edit is seen again in seconds."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
from PIL import Image

from tests.timeline.films import compiled
from vqanim.film.make import make_film
from vqanim.timeline import FrameRef

SCENE = """\
size: [256, 144]
fps: 24
guidance: {rate: 12}
prompts: [a]
camera: {zoom: 1.2, rotate: 5}
effects: [{saturation: 0.5}, {hue: 20}, {shake: 0.01}, {vignette: 0.5}, {grain: 0.05}]
hits: [{on: [0.5s, 1s, 2s], flash: 0.5, punch: 1.1, fade: 400ms}]
shots:
  - {name: a, duration: 1.5s}
  - {name: b, duration: 1.5s, transition: dissolve}
"""


def seconds() -> tuple[float, float]:
    """Processor time so far: of this process, and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (each.ru_utime + each.ru_stime for each in used)
    return own, others


def test_encoding_with_effects_and_in_betweens_makes_20_frames_a_second_on_two_cores(tmp_path: Path) -> None:
    timeline = compiled(SCENE)
    smooth = np.random.default_rng(0).integers(0, 256, (18, 32, 3), dtype=np.uint8)
    picture = Image.fromarray(smooth).resize((256, 144), Image.Resampling.BICUBIC)
    files: dict[FrameRef, Path] = {}
    for take in timeline.shots:
        for plan in take.frames:
            frame = FrameRef(plan.shot, plan.index)
            files[frame] = tmp_path / f"{plan.shot}{plan.index}.png"
            picture.rotate(plan.index).save(files[frame])
    before = seconds()
    made = [done.kind for done in make_film(timeline, files.__getitem__, tmp_path, "film")]
    assert made == ["mp4", "gif", "poster"]
    own, others = (now - then for now, then in zip(seconds(), before, strict=True))
    # Pictures are made by one core while ffmpeg encodes on the other, and the GIF's palette has to wait for
    # all of them: three quarters of both cores. Processor time, because a busy machine does not count.
    frames = len(timeline.edit)
    assert frames == 72
    assert own / frames < 1 / 20
    assert (own + others) / 1.5 / frames < 1 / 20
