"""Films that a tiny dVAE paints: everything that a VQGAN can be asked for, and the same bits after a stop."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.models.discrete_vaes import half, save
from vqanim.api import prepare, render
from vqanim.cli.main import main
from vqanim.engine.events import FrameDone, RunStarted
from vqanim.models.adding import add_dvae

SCENE = """\
vqanim: 1
size: [64, 48]
fps: 10
duration: 3f
seed: 3
models: {generator: mine, perceptor: pocket}
start: {icon: twitter}
prompts:
  - {text: a volcano, inside: {icon: twitter}}
  - {text: a lake, weight: -0.4}
camera: {zoom: 1.3, rotate: 20}
carry: {noise: 0}
guidance:
  steps: 3
  first_steps: 4
  cutouts: 2
  stay_near: {to: previous, in: latents, weight: 0.5}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a model `mine` can be used."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    files = [save(half(part), tmp_path / f"{part}.pkl") for part in ("encoder", "decoder")]
    add_dvae("mine", *files)
    return tmp_path


def painted(folder: Path, scene: str, most: int | None = None) -> int:
    """Render a scene, or so many frames of it. Gives how many frames were there before."""
    folder.mkdir(exist_ok=True)
    (folder / "scene.yaml").write_text(scene)
    events = render(prepare(folder / "scene.yaml"), folder / "out", device="cpu")
    kept = done = 0
    for event in events:
        kept += event.kept if isinstance(event, RunStarted) else 0
        done += isinstance(event, FrameDone)
        if done == most:
            events.close()
            break
    return kept


def frames(folder: Path) -> list[np.ndarray]:
    files = sorted((folder / "out" / "takes" / "main").glob("*.png"))
    return [np.asarray(Pillow.open(path)).astype(int) for path in files]


def test_a_film_with_a_camera_masks_and_targets_goes_on_after_a_stop_to_the_same_bits(mine: Path) -> None:
    painted(mine / "whole", SCENE)
    whole = frames(mine / "whole")
    assert len(whole) == 3
    assert all(np.abs(a - b).mean() > 0.5 for a, b in pairwise(whole))
    painted(mine / "stopped", SCENE, most=2)
    assert painted(mine / "stopped", SCENE) == 2
    assert all(np.array_equal(a, b) for a, b in zip(frames(mine / "stopped"), whole, strict=True))


def test_what_is_asked_of_latents_matters(mine: Path) -> None:
    short = SCENE.replace("duration: 3f", "duration: 2f")
    painted(mine / "free", short.replace("weight: 0.5}\n", "weight: 0}\n"))
    painted(mine / "held", short.replace("weight: 0.5}\n", "weight: 1000}\n"))
    painted(mine / "still", short.replace("  steps: 3", "  steps: 0"))
    free, held, alone = (frames(mine / name)[1] for name in ("free", "held", "still"))
    assert np.abs(held - alone).mean() < np.abs(free - alone).mean()


def test_a_timelapse_and_a_picture_are_painted(mine: Path) -> None:
    words = ["a volcano", "--models", "mine+pocket", "--size", "64x48", "--steps", "4", "--device", "cpu"]
    length = ["--duration", "0.5", "--freeze-end", "0.25"]
    assert main(["timelapse", *words, *length, "--out", "lapse"]) == 0
    assert main(["image", *words, "--out", "same.png"]) == 0
    last, same = (np.asarray(Pillow.open(path)) for path in ("lapse/a-volcano.png", "same.png"))
    assert np.array_equal(last, same)


def test_two_perceptors_judge_it(mine: Path) -> None:
    from tests.models.official import FORMS, tiny_clip
    from vqanim.models.adding import add_perceptor

    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), mine / "c.pt")
    add_perceptor("eye", mine / "c.pt")
    one = SCENE.replace("duration: 3f", "duration: 1f").replace("first_steps: 4", "first_steps: 12")
    painted(mine / "one", one)
    painted(mine / "two", one.replace("pocket}", "[pocket, {name: eye, weight: 4, cutouts: 2}]}"))
    assert not np.array_equal(frames(mine / "one")[0], frames(mine / "two")[0])
