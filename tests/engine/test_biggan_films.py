"""Films and pictures that a tiny BigGAN paints, from the command line, and the same bits after a stop."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from tests.models.biggans import official
from vqanim.api import prepare, render
from vqanim.cli.main import main
from vqanim.engine.events import FrameDone, RunStarted
from vqanim.models.biggan.generator import BigGANGenerator
from vqanim.models.load import load_generator

SCENE = """\
vqanim: 1
size: [48, 32]
fps: 10
duration: 3f
seed: 3
models: {generator: {name: mine, classes: castle}, perceptor: pocket}
prompts:
  - {text: a volcano, inside: {icon: twitter}}
  - {text: a lake, weight: -0.4}
camera: {zoom: 1.3, rotate: 20}
guidance: {steps: 2, first_steps: 6, cutouts: 2, stay_near: {to: previous, weight: 0.5}}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a model `mine` can be used."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    official(tmp_path / "big")
    assert main(["models", "add", "mine", "--checkpoint", "big"]) == 0
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
    assert all(np.abs(a - b).mean() > 0.1 for a, b in pairwise(whole))
    painted(mine / "stopped", SCENE, most=2)
    assert painted(mine / "stopped", SCENE) == 2
    assert all(np.array_equal(a, b) for a, b in zip(frames(mine / "stopped"), whole, strict=True))


def test_without_steps_and_a_camera_the_picture_stays(mine: Path) -> None:
    still = SCENE.replace("camera: {zoom: 1.3, rotate: 20}\n", "").replace("steps: 2,", "steps: 0,")
    painted(mine / "still", still)
    assert all(np.abs(a - b).mean() < 1 for a, b in pairwise(frames(mine / "still")))


def test_a_shot_that_opens_on_a_picture_is_fitted_to_it(mine: Path) -> None:

    generator = load_generator("mine")
    assert isinstance(generator, BigGANGenerator)
    goal = generator.decode(generator.seeded(torch.Generator().manual_seed(77)), (32, 32))
    pixels = (goal[0].permute(1, 2, 0) * 255).round().byte().numpy()
    Pillow.fromarray(pixels).save(mine / "goal.png")
    plain = (
        SCENE.replace("[48, 32]", "[32, 32]").replace("3f", "1f").replace("first_steps: 6", "first_steps: 0")
    )
    painted(mine / "seed", plain)
    (mine / "fitted").mkdir()
    Pillow.fromarray(pixels).save(mine / "fitted" / "goal.png")
    painted(mine / "fitted", plain.replace("camera:", "start: {image: goal.png}\ncamera:"))
    (seed,), (fitted,) = frames(mine / "seed"), frames(mine / "fitted")
    assert np.abs(fitted - pixels).mean() < 0.7 * np.abs(seed - pixels).mean()


def test_a_picture_a_timelapse_and_a_style_are_painted(mine: Path) -> None:
    words = ["a volcano", "--models", "mine+pocket", "--size", "48x32", "--steps", "6", "--device", "cpu"]
    length = ["--duration", "0.5", "--freeze-end", "0.25"]
    assert main(["timelapse", *words, *length, "--out", "lapse"]) == 0
    assert main(["image", *words, "--out", "same.png"]) == 0
    last, same = (np.asarray(Pillow.open(path)) for path in ("lapse/a-volcano.png", "same.png"))
    assert np.array_equal(last, same)
    assert same.shape == (32, 48, 3)
    style = ["a lake", "--models", "mine+pocket", "--size", "32x32", "--steps", "2", "--device", "cpu"]
    assert main(["style", "same.png", *style, "--out", "styled.png"]) == 0


def test_two_perceptors_judge_it(mine: Path) -> None:
    from tests.models.official import FORMS, tiny_clip
    from vqanim.models.adding import add_perceptor

    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), mine / "c.pt")
    add_perceptor("eye", mine / "c.pt")
    one = SCENE.replace("duration: 3f", "duration: 1f")
    painted(mine / "one", one)
    painted(mine / "two", one.replace("pocket}", "[pocket, {name: eye, weight: 4, cutouts: 2}]}"))
    assert not np.array_equal(frames(mine / "one")[0], frames(mine / "two")[0])


BAD = {
    "latents have no places": ("to: previous,", "to: previous, in: latents,", "guidance.stay_near.in"),
    "a class that nobody knows": ("classes: castle", "classes: castel", "did you mean 'castle'"),
    "truncation out of range": ("classes: castle", "truncation: 1.5", "allowed a number from 0.02 to 1"),
    "another setting": ("classes: castle", "cells: 4", "unknown key"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_scenes_are_refused_before_anything_is_loaded(
    title: str, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after, reason = BAD[title]
    (mine / "bad.yaml").write_text(SCENE.replace(before, after))
    assert main(["render", "bad.yaml", "--out", "bad"]) == 2
    assert reason in capsys.readouterr().err
    assert not (mine / "bad").exists()


def test_what_a_square_becomes_is_said(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "film.yaml").write_text(SCENE)
    assert main(["check", "film.yaml"]) == 0
    assert "squares of 32x32, which are enlarged and cropped to 48x32" in capsys.readouterr().err
