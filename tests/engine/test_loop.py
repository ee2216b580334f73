"""A loop's last second is painted back to its first frame."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import vqanim
from vqanim.engine.events import FrameDone
from vqanim.film.compose import make_reel
from vqanim.pictures import Picture, read_picture

SCENE = """\
vqanim: 1
size: [64, 48]
fps: 8
duration: 1.5s
loop: true
seed: 3
story: {0s: a green forest, 0.6s: a golden desert}
crossfade: 0.4s
camera: {angle: {0s: 0, 50%: 12, 100%: 0}}
guidance: {steps: 4, first_steps: 12, cutouts: 4}
"""


def difference(a: Picture, b: Picture) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with loop.yaml and its render. Do not write to it."""
    folder = tmp_path_factory.mktemp("looped")
    (folder / "loop.yaml").write_text(SCENE)
    for _ in vqanim.render(folder / "loop.yaml", out=folder / "render"):
        pass
    return folder


@pytest.mark.slow
def test_the_seam_of_a_painted_loop_is_no_larger_than_the_usual_difference(looped: Path) -> None:
    timeline = vqanim.prepare(looped / "loop.yaml").timeline
    paths = sorted((looped / "render" / "takes" / "main").glob("*.png"))
    take = [read_picture(path) for path in paths]
    usual = np.mean([difference(*pair) for pair in pairwise(take[1:7])])  # before the seam
    reel = make_reel(timeline, lambda frame: paths[frame.index])
    film = list(reel.play(range(reel.count)))
    assert len(film) == len(take) == 12
    assert difference(film[-1], film[0]) <= usual
    assert difference(take[-1], take[0]) <= 1.3 * usual, "without the edit's blend, too"
    assert difference(take[6], take[0]) > 2 * usual, "it had gone somewhere"


def test_taking_the_loop_away_paints_its_last_frames_only(looped: Path, tmp_path: Path) -> None:
    shutil.copytree(looped, tmp_path, dirs_exist_ok=True)
    (tmp_path / "loop.yaml").write_text(SCENE.replace("loop: true\n", ""))
    events = vqanim.render(tmp_path / "loop.yaml", out=tmp_path / "render")
    assert [event.index for event in events if isinstance(event, FrameDone)] == list(range(7, 12))
