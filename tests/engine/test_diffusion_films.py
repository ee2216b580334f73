"""Films that a tiny diffusion network paints, with all that a VQGAN can be asked for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.engine.test_dvae_films import frames, painted
from tests.models.guided_nets import save_all
from vqanim.cli.main import main

SCENE = """\
vqanim: 1
size: [32, 32]
fps: 10
duration: 3f
seed: 3
models: {generator: mine, perceptor: [pocket, {name: pocket, weight: 0.5, cutouts: 1}]}
prompts:
  - {text: a volcano, inside: {icon: twitter}}
  - {text: a lake, weight: -0.4}
camera: {zoom: 1.3, rotate: 20}
guidance:
  steps: 2
  first_steps: 3
  cutouts: 2
  strength: {0s: 0.3, 0.3s: 0.6}
  stay_near: {to: previous, in: latents, weight: 0.5}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a model `mine` can be used, which was added from the command line."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    unet, secondary = save_all(tmp_path)
    words = ["models", "add", "mine", "--checkpoint", str(unet), "--secondary", str(secondary)]
    assert main(words) == 0
    return tmp_path


def test_a_film_with_a_camera_and_masks_goes_on_after_a_stop_to_the_same_bits(mine: Path) -> None:
    painted(mine / "whole", SCENE)
    whole = frames(mine / "whole")
    assert len(whole) == 3
    assert all(np.abs(a - b).mean() > 0.5 for a, b in pairwise(whole))
    painted(mine / "stopped", SCENE, most=2)
    assert painted(mine / "stopped", SCENE) == 2
    assert all(np.array_equal(a, b) for a, b in zip(frames(mine / "stopped"), whole, strict=True))


def test_strength_says_how_far_a_frame_goes_from_the_one_before(mine: Path) -> None:
    """Without strength it is only moved, as without steps."""
    found = {}
    for strength in ("0", "0.05", "0.9"):
        scene = SCENE.replace("{0s: 0.3, 0.3s: 0.6}", strength).replace("duration: 3f", "duration: 2f")
        painted(mine / strength, scene)
        found[strength] = frames(mine / strength)
    moved = found["0"][1]
    assert all(np.array_equal(both[0], found["0"][0]) for both in found.values())
    assert np.abs(found["0.05"][1] - moved).mean() < np.abs(found["0.9"][1] - moved).mean()


def test_a_timelapse_and_a_picture_are_painted(mine: Path) -> None:
    words = ["a volcano", "--models", "mine,sampler=ddpm+pocket", "--steps", "4", "--device", "cpu"]
    size = ["--size", "32x32"]
    assert main(["timelapse", *words, *size, "--duration", "0.5", "--out", "lapse"]) == 0
    assert main(["image", *words, *size, "--out", "same.png"]) == 0
    last, same = (np.asarray(Pillow.open(path)) for path in ("lapse/a-volcano.png", "same.png"))
    assert np.array_equal(last, same)


@pytest.mark.slow
def test_a_style_goes_as_far_from_the_photo_as_its_strength(mine: Path) -> None:
    words = ["a volcano", "--models", "mine+pocket", "--steps", "3", "--device", "cpu", "--size", "32x32"]
    photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Pillow.fromarray(photo).save("photo.png")
    near = []
    for strength in ("0.1", "0.9"):
        assert main(["style", "photo.png", *words, "--strength", strength, "--out", f"{strength}.png"]) == 0
        near.append(np.abs(np.asarray(Pillow.open(f"{strength}.png")).astype(int) - photo).mean())
    assert 0 < near[0] < near[1]


def test_a_generator_that_does_not_denoise_has_no_strength(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / "scene.yaml").write_text(SCENE.replace("generator: mine", "generator: pocket"))
    assert main(["check", "scene.yaml"]) == 2
    said = capsys.readouterr().err
    assert "scene.yaml:15: guidance.strength" in said
    assert "pocket does not denoise" in said


def test_a_size_far_from_the_training_is_told(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = SCENE.replace("generator: mine", "generator: diffusion-512").replace("[32, 32]", "[128, 64]")
    (mine / "scene.yaml").write_text(scene)
    assert main(["check", "scene.yaml"]) == 0
    assert "128x64 is much smaller than the 512x512" in capsys.readouterr().err
