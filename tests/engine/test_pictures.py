"""Pictures as prompts and as what a film stays near to, with the pocket models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from tests.plans import frame_plan, make_descent, paint_from
from vqanim.api import prepare, render
from vqanim.camera.step import CameraStep
from vqanim.engine.events import FrameDone, RunStarted
from vqanim.engine.frame import Painter
from vqanim.engine.pictures import start_picture, to_tensor, whole_picture
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.objective import embed_picture
from vqanim.losses.edges import edges, unit
from vqanim.losses.features import style_distance, style_of
from vqanim.models.conse.perceptor import load_features
from vqanim.models.load import load_generator, load_perceptor
from vqanim.pictures import Picture
from vqanim.scene import load_scene
from vqanim.timeline.plan import FrameRef, StartPlan, WeightedTerm

SIDE = 48
FIRST = frame_plan(steps=8, cutouts=(4,), start=StartPlan("color", colors=((0.5, 0.5, 0.5),)))
NEXT = replace(FIRST, index=1, previous=FrameRef("main", 0), start=None, steps=4)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> StartPlan:
    """A dark disc on orange, wider than high."""
    rows, columns = np.mgrid[0:40, 0:60]
    disc = (rows - 20) ** 2 + (columns - 30) ** 2 < 14**2
    picture = np.where(disc[..., None], (20, 30, 60), (250, 140, 30)).astype(np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Pillow.fromarray(picture).save(path)
    return StartPlan("image", str(path))


@pytest.fixture(scope="module")
def painter(photo: StartPlan) -> Painter:
    seen = {photo: whole_picture(photo, SIDE, SIDE, torch.Generator())}
    guide = make_descent(load_generator("pocket"), [Viewer(load_perceptor("pocket"))], ["a volcano"], seen)
    return Painter(guide.generator, guide, torch.device("cpu"), SIDE, SIDE)


def nearness(painter: Painter, picture: Picture, photo: StartPlan) -> float:
    """Cosine of a picture to the photo in the perceptor's space."""
    mean = embed_picture(painter.method.objective.viewers[0], to_tensor(picture))
    return float(mean @ painter.method.objective.targets[0][photo])


def difference(a: Picture, b: Picture) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def test_a_picture_as_prompt_is_come_near_to(painter: Painter, photo: StartPlan) -> None:
    first = replace(FIRST, start=StartPlan("noise"))
    before = painter.finish(replace(first, steps=0)).picture
    pull = replace(first, losses=(WeightedTerm("image", "photo.png", 1.0, target=photo),))
    pulled = painter.finish(pull)
    assert nearness(painter, pulled.picture, photo) > nearness(painter, before, photo) + 0.1
    assert [text for text, _ in pulled.similarities] == ["photo.png"]


def test_a_picture_by_pixels_is_come_near_to(painter: Painter, photo: StartPlan) -> None:
    before = painter.finish(replace(FIRST, steps=0)).picture
    pull = replace(FIRST, losses=(WeightedTerm("pixels", "photo.png", 1.0, target=photo),))
    expected = start_picture(photo, SIDE, SIDE, torch.Generator())[0].permute(1, 2, 0).numpy() * 255
    assert difference(painter.finish(pull).picture, expected) < 0.7 * difference(before, expected)


@pytest.mark.parametrize("space", ["latents", "pixels"])
def test_staying_near_keeps_the_frame_before_without_freezing_it(painter: Painter, space: str) -> None:
    before = painter.finish(FIRST).picture

    def moved(weight: float) -> float:
        near = (WeightedTerm(f"stay_near_{space}", "previous", weight),) if weight else ()
        return difference(
            paint_from(painter, replace(NEXT, losses=FIRST.losses + near), before).picture, before
        )

    free, held, tied = moved(0.0), moved(1.0), moved(10.0)
    assert tied < held < 0.9 * free
    assert held > 0.2 * free


@pytest.mark.parametrize("space", ["latents", "pixels"])
@pytest.mark.parametrize("kind", ["image", "noise"])
def test_staying_near_to_the_start_draws_a_film_back(
    painter: Painter, photo: StartPlan, space: str, kind: str
) -> None:
    start = photo if kind == "image" else StartPlan("noise")
    begun = painter.finish(replace(FIRST, start=start, steps=0)).picture
    before = np.full_like(begun, 128)
    near = WeightedTerm(f"stay_near_{space}", "start", 5.0, target=start)
    free = paint_from(painter, NEXT, before).picture
    drawn = paint_from(painter, replace(NEXT, losses=(*NEXT.losses, near)), before).picture
    assert difference(drawn, begun) < 0.85 * difference(free, begun)


def test_a_film_takes_a_style_and_keeps_its_content(photo: StartPlan) -> None:
    """Held to the frame before as it was moved, which has other content than the start."""
    strokes = np.where((np.indices((60, 80)).sum(0) // 4 % 2)[..., None], (230, 200, 60), (140, 20, 20))
    painting, picture = StartPlan("image", "painting.png"), to_tensor(strokes.astype(np.uint8))
    network = load_features()
    guide = make_descent(load_generator("pocket"), [], [], features=network, styles={painting: picture})
    painter = Painter(guide.generator, guide, torch.device("cpu"), SIDE, SIDE)
    before = painter.finish(replace(FIRST, start=photo, steps=0)).picture
    style = WeightedTerm("style", "painting.png", 1.0, target=painting)
    holds = [WeightedTerm(f"stay_near_{space}", "previous", 0.8) for space in ("features", "edges")]
    plan = replace(NEXT, camera=CameraStep(shift_x=0.2), steps=10, cutouts=(), cutout_noise=())
    moved, free, held = (
        paint_from(painter, replace(plan, losses=losses, steps=steps), before).picture
        for losses, steps in (((), 0), ((style,), 10), ((style, *holds), 10))
    )

    def apart(found: Picture) -> float:
        layers = zip(network(to_tensor(found)), network(picture), strict=True)
        return float(torch.stack([style_distance(style_of(a), style_of(b)) for a, b in layers]).mean())

    def kept(found: Picture) -> float:
        return float((unit(edges(to_tensor(found))) * unit(edges(to_tensor(moved)))).sum())

    assert apart(free) < apart(held) < 0.9 * apart(moved)
    assert kept(held) > kept(free) + 0.1


def test_ways_to_fit_a_picture(photo: StartPlan) -> None:
    def fitted(fit: str) -> torch.Tensor:
        return start_picture(replace(photo, fit=fit), 48, 48, torch.Generator())[0]

    covered, contained, stretched = map(fitted, ("cover", "contain", "stretch"))
    dark = [float((picture.sum(0) < 1).float().mean()) for picture in (covered, contained, stretched)]
    assert dark[0] > dark[2] > dark[1] > 0.05
    assert contained[:, 0].std(1).max() < 0.01  # a margin of one color
    assert whole_picture(photo, 48, 48, torch.Generator()).shape == (1, 3, 48, 72)


def test_a_film_with_pictures_is_kept_while_their_contents_are(tmp_path: Path) -> None:
    Pillow.new("RGB", (20, 20), "orange").save(tmp_path / "a.png")
    path = tmp_path / "scene.yaml"
    path.write_text(
        "size: [32, 32]\nfps: 2\nduration: 1s\nprompts:\n  - image: a.png\n"
        "  - {image: a.png, through: pixels}\n  - {image: a.png, through: style}\nstart: {image: a.png}\n"
        "guidance: {steps: 1, first_steps: 1, cutouts: 2, stay_near: {to: start, weight: 0.5}}\n"
    )

    def painted(scene: Path) -> tuple[int, int, list[tuple[tuple[str, float], ...]]]:
        events = list(render(prepare(load_scene(scene)), tmp_path / "out", device="cpu"))
        (begun,) = (event for event in events if isinstance(event, RunStarted))
        done = [event for event in events if isinstance(event, FrameDone)]
        return begun.kept, len(done), [event.weights for event in done]

    assert painted(path) == (0, 2, [(("a.png", 1.0),) * 3] * 2)
    (copy,) = (tmp_path / "out" / "assets").iterdir()
    assert copy.read_bytes() == (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    path.write_text(path.read_text().replace("a.png", "b.png"))
    assert painted(path)[:2] == (2, 0)
    assert painted(tmp_path / "out" / "scene.resolved.yaml")[:2] == (2, 0)
    Pillow.new("RGB", (20, 20), "navy").save(tmp_path / "b.png")
    assert painted(path)[:2] == (0, 2)


def test_a_picture_that_terms_name_is_read_once_a_run(painter: Painter, tmp_path: Path) -> None:
    path = tmp_path / "start.png"
    Pillow.fromarray(np.full((SIDE, SIDE, 3), (200, 90, 30), np.uint8)).save(path)
    start = StartPlan("image", str(path))
    near = WeightedTerm("stay_near_latents", "start", 1.0, target=start)
    before = painter.finish(FIRST).picture
    plan = replace(NEXT, losses=(*FIRST.losses, near))
    first = paint_from(painter, plan, before).picture
    path.unlink()
    assert np.array_equal(paint_from(painter, plan, before).picture, first)
