"""Starts that are also targets, and masks, in films with the pocket models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from vqanim.api import prepare, render
from vqanim.engine.events import FrameDone, RunStarted
from vqanim.engine.pictures import area_mask
from vqanim.errors import InputError
from vqanim.icons import IconSpec, icon_figure
from vqanim.icons.draw import draw_icon
from vqanim.timeline.plan import AreaPlan, StartPlan

TWITTER = StartPlan("icon", icon=IconSpec(icon_figure("twitter")))


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """White on the left, black on the right, twice as wide as high."""
    picture = np.zeros((20, 40), np.uint8)
    picture[:, :20] = 255
    Pillow.fromarray(picture).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def painted(scene: str, folder: Path) -> tuple[int, list[np.ndarray]]:
    """How many frames were there before, and all of them."""
    (folder / "scene.yaml").write_text(scene)
    events = list(render(prepare(folder / "scene.yaml"), folder / "out", device="cpu"))
    (begun,) = (event for event in events if isinstance(event, RunStarted))
    assert begun.kept + sum(isinstance(event, FrameDone) for event in events) == begun.frames
    files = sorted((folder / "out" / "takes" / "main").glob("*.png"))
    return begun.kept, [np.asarray(Pillow.open(path)).astype(float) for path in files]


def likeness(picture: np.ndarray, start: np.ndarray) -> float:
    """Correlation of two pictures in brightness and color."""
    return float(np.corrcoef(picture.ravel(), start.ravel())[0, 1])


def test_an_icon_stays_where_it_is_also_a_target_and_dissolves_where_it_is_not(tmp_path: Path) -> None:
    def last(also: str) -> float:
        folder = tmp_path / also
        folder.mkdir()
        scene = (
            "size: [48, 48]\nfps: 2\nduration: 1.5s\nprompts: [a meadow with flowers]\n"
            "guidance: {steps: 6, cutouts: 2, learning_rate: 0.4}\ncarry: {match_colors: 0}\n"
            f"start: {{icon: twitter, color: red, background: black, also_target: {also}}}\n"
        )
        _, frames = painted(scene, folder)
        start = draw_icon(IconSpec(icon_figure("twitter"), (1, 0, 0), background=(0, 0, 0), noise=0), 48, 48)
        assert likeness(frames[0], start) > 0.9
        return likeness(frames[-1], start)

    dissolved, kept, released = last("0"), last("1.5"), last("{0s: 1.5, 0.5s: 0}")
    assert kept > 0.75
    assert dissolved < kept - 0.2
    assert released < kept - 0.1


@pytest.mark.parametrize("start", ["icon: eye", "text: A", "shape: mask.png", "image: mask.png"])
def test_whatever_is_drawn_can_be_a_target(start: str, mask: Path) -> None:
    (mask.parent / "scene.yaml").write_text(
        f"duration: 1s\nfps: 3\nprompts: [a meadow]\nstart: {{{start}, also_target: 2}}"
    )
    for frame in prepare(mask.parent / "scene.yaml").timeline.shots[0].frames:
        (term,) = (term for term in frame.losses if term.target is not None)
        assert (term.kind, term.weight) == ("pixels", 2.0)
        assert term.target == prepare(mask.parent / "scene.yaml").timeline.shots[0].frames[0].start


def test_prompts_keep_to_the_sides_of_a_mask_and_what_it_shows_counts(mask: Path) -> None:
    scene = (
        "size: [64, 32]\nfps: 2\nduration: 1s\nstart: {color: gray}\n"
        "guidance: {steps: 2, first_steps: 14, cutouts: 6, learning_rate: 0.15}\n"
        "prompts:\n- {text: red, inside: {image: mask.png}}\n- {text: blue, outside: {image: mask.png}}\n"
    )
    kept, frames = painted(scene, mask.parent)
    assert kept == 0
    for frame in frames:
        excess = frame[..., 0] - frame[..., 2]
        assert excess[:, :24].mean() > 20
        assert excess[:, 40:].mean() < -20
    mask.rename(mask.parent / "other.png")
    assert painted(scene.replace("mask.png", "other.png"), mask.parent)[0] == 2
    assert len(list((mask.parent / "out" / "assets").iterdir())) == 1
    resolved = prepare(mask.parent / "out" / "scene.resolved.yaml").timeline.shots[0].frames[0]
    assert [term.area and term.area.outside for term in resolved.losses] == [False, True]
    Pillow.new("L", (40, 20), 255).save(mask.parent / "other.png")
    with pytest.raises(Exception, match=r"other.png all is light, so that nothing lies outside"):
        painted(scene.replace("mask.png", "other.png"), mask.parent)


def test_a_mask_of_another_shape_is_fitted(mask: Path) -> None:
    tall = area_mask(AreaPlan(StartPlan("image", str(mask))), 40, 10)[0, 0]
    assert tall[:, :4].min() > 0.9
    assert tall[:, 6:].max() < 0.1
    wide = area_mask(AreaPlan(StartPlan("image", str(mask)), outside=True), 10, 60)[0, 0]
    assert wide[:, :28].max() < 0.1
    assert wide[:, 32:].min() > 0.9


def test_an_icon_as_mask_is_where_it_is_drawn() -> None:
    icon = TWITTER.icon
    assert icon is not None
    inside = area_mask(AreaPlan(TWITTER), 60, 80)
    drawn = draw_icon(IconSpec(icon.figure, (1, 1, 1), background=(0, 0, 0), noise=0), 60, 80)
    assert np.abs(inside[0, 0].numpy() * 255 - drawn[..., 0]).max() < 1
    assert float((inside + area_mask(AreaPlan(TWITTER, outside=True), 60, 80) - 1).abs().max()) < 1e-6


def test_transparent_is_dark_and_a_mask_without_light_is_refused(tmp_path: Path) -> None:
    clear = np.full((8, 8, 4), 255, np.uint8)
    clear[:, 4:, 3] = 0
    Pillow.fromarray(clear).save(tmp_path / "clear.png")
    mask = area_mask(AreaPlan(StartPlan("image", str(tmp_path / "clear.png"))), 8, 8)[0, 0]
    assert (mask[:, 0].min(), mask[:, -1].max()) == (1, 0)
    Pillow.new("L", (8, 8)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match=r"black.png: nothing lies inside, in a frame of 16x8 pixels"):
        area_mask(AreaPlan(StartPlan("image", str(tmp_path / "black.png"))), 8, 16)
