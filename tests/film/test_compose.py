"""Pictures of the film from saved frames: dissolves, in-betweens, effects."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.film.conftest import frame_picture
from tests.timeline.films import compiled
from vqanim.camera.homography import path_matrix
from vqanim.effects import Moment, apply_effects
from vqanim.errors import OutputError
from vqanim.film.compose import make_reel
from vqanim.pictures import Picture
from vqanim.timeline import FrameRef, Timeline

WIDTH, HEIGHT = 128, 96
Paint = Callable[[str, int], Picture]


def world(x: Any, y: Any) -> Picture:
    """A plane of soft colors that goes on for ever; a spot has the same color in every picture of it."""
    red = 128 + 60 * np.sin(x / 5.1) + 50 * np.cos(y / 6.3 + x / 17)
    green = 128 + 60 * np.cos(x / 7.7 - 1) + 50 * np.sin(y / 5.3)
    blue = 128 + 50 * np.sin((x + y) / 9) + 50 * np.sin((x - y) / 11)
    return np.stack([red, green, blue], -1).round().astype(np.uint8)


def shoot(timeline: Timeline) -> Paint:
    """What the camera of each shot sees of the world."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5

    def paint(shot: str, index: int) -> Picture:
        (take,) = (take for take in timeline.shots if take.name == shot)
        steps = [plan.camera for plan in take.frames[1 : index + 1]]
        back = np.linalg.inv(path_matrix(steps, (HEIGHT, WIDTH)))
        points = np.einsum("ij,jhw->ihw", back, np.stack([x, y, np.ones_like(x)]))
        return world(points[0] / points[2], points[1] / points[2])

    return paint


def film(timeline: Timeline, folder: Path, paint: Paint) -> list[Picture]:
    """The pictures of a film whose takes are painted by a function."""
    for take in timeline.shots:
        for plan in take.frames:
            path = folder / take.name / f"{plan.index}.png"
            path.parent.mkdir(exist_ok=True, parents=True)
            Image.fromarray(paint(take.name, plan.index)).save(path, compress_level=1)
    reel = make_reel(timeline, lambda frame: folder / frame.shot / f"{frame.index}.png")
    return list(reel.play(range(reel.count)))


def motion(before: Picture, after: Picture) -> Any:
    """How far the picture moves from one frame to the next, in pixels (x, y), in its middle.

    Least squares on the brightness: difference = -(gradient . motion), with the gradient of the mean of both.
    """
    first, second = (picture.astype(float).mean(-1) for picture in (before, after))
    down, right = np.gradient((first + second) / 2)
    inner = (slice(HEIGHT // 4, -HEIGHT // 4), slice(WIDTH // 4, -WIDTH // 4))
    slopes = np.stack([right[inner].ravel(), down[inner].ravel()], axis=1)
    return np.linalg.lstsq(slopes, -(second - first)[inner].ravel(), rcond=None)[0]


SCENE = f"size: [{WIDTH}, {HEIGHT}]\nprompts: [a]\n"


@pytest.mark.parametrize(
    "camera",
    [
        "{pan: {x: 0.15}}",
        "{pan: {x: 0.1, y: -0.08}}",
        "{offset: {x: {0s: 0, 2s: [0.3, smooth]}}, pan: {y: 0.1}}",
        "{center: {x: 1.2, y: 0.5}, zoom: 1.15}",
        "{center: {x: 0.5, y: 1.9}, rotate: 7}",
        "{yaw: 8, tilt: -3, fov: 75}",
        "{center: {x: 1.2, y: 0.5}, scale: {0s: 1, 1s: [1.3, ease-in]}}",
        "{center: {x: 0.5, y: 1.9}, angle: {0s: 0, 1s: [9, ease-in-out]}}",
        "{offset: {x: {0s: 0, 1s: [0.4, ease-in]}, y: {0s: 0, 1s: [0.2, ease-out]}}}",
        "{look: {x: {0s: 0, 1s: [12, ease-in]}}, fov: 75}",
    ],
)
def test_in_betweens_move_as_evenly_as_painted_frames(camera: str, tmp_path: Path) -> None:
    text = f"{SCENE}fps: 24\nduration: 1s\ncamera: {camera}\n"
    painted, half = compiled(text), compiled(text + "guidance: {rate: 12}\n")
    assert (painted.frame_count, half.frame_count) == (24, 12)
    moved = []
    for timeline, name in ((painted, "all"), (half, "half")):
        pictures = film(timeline, tmp_path / name, shoot(timeline))
        moved.append([motion(*pair) for pair in itertools.pairwise(pictures)])
    wanted, found = np.array(moved)
    length = np.hypot(*wanted.T)
    assert length.mean() > 0.3, "there is a movement to see"
    assert np.hypot(*(found - wanted).T).max() < 0.1 * length.mean()


def test_in_betweens_show_the_world_from_where_the_camera_is(tmp_path: Path) -> None:
    text = SCENE + "fps: 24\nduration: 0.5s\ncamera: {zoom: 1.3, rotate: 30, pan: {x: 0.2}}\n"
    painted, half = compiled(text), compiled(text + "guidance: {rate: 12}\n")
    pictures = film(half, tmp_path, shoot(half))
    true = [shoot(painted)("main", index) for index in range(12)]
    inner = (slice(16, -16), slice(16, -16))
    for index in range(12):
        difference = np.abs(pictures[index][inner].astype(int) - true[index][inner])
        assert difference.mean() < (0.5 if index % 2 == 0 else 1.5), index


def test_minterpolate_finds_the_movement_and_keeps_count_cuts_and_effects(tmp_path: Path) -> None:
    timeline = compiled(
        f"{SCENE}fps: 24\nguidance: {{rate: 12}}\noutput: {{smooth: minterpolate}}\n"
        "hits: [{on: 0.125s, flash: 1, fade: 0s}]\nshots:\n"
        "  - {name: a, duration: 0.5s, camera: {pan: {x: 0.15}}}\n"
        "  - {name: b, duration: 0.5s, transition: cut, camera: {pan: {x: 0.15}}}\n"
    )
    see = shoot(timeline)

    def paint(shot: str, index: int) -> Picture:
        return see(shot, index) if shot == "a" else 255 - see(shot, index)

    pictures = film(timeline, tmp_path, paint)
    assert len(pictures) == 24
    assert [k for k, picture in enumerate(pictures) if (picture == 255).all()] == [3]
    for k in (0, 2, 10, 12, 22):
        wanted = paint("a", k // 2) if k < 12 else paint("b", k // 2 - 6)
        assert np.abs(pictures[k].astype(int) - wanted).mean() < 3, k
    moved = [motion(*pair)[0] for pair in itertools.pairwise(pictures[12:])]
    assert moved == pytest.approx([-0.8] * 11, abs=0.08)


def test_the_middle_of_a_dissolve_is_the_mean_of_both_takes(tmp_path: Path) -> None:
    timeline = compiled(
        "size: [64, 48]\nfps: 10\nprompts: [x]\nshots:\n  - {name: a, duration: 1s}\n"
        "  - {name: b, duration: 1s, transition: {dissolve: 0.4s}}\n"
    )

    def paint(shot: str, index: int) -> Picture:
        picture = frame_picture(index + (0 if shot == "a" else 40))
        return picture if shot == "a" else picture[::-1].copy()

    pictures = film(timeline, tmp_path, paint)
    mean = (paint("a", 12).astype(float) + paint("b", 2)) / 2
    assert np.abs(pictures[12] - mean).max() <= 0.51
    assert np.array_equal(pictures[10], paint("a", 10))
    assert np.array_equal(pictures[14], paint("b", 4))


def test_a_loops_seam_is_no_larger_than_the_usual_difference(tmp_path: Path) -> None:
    timeline = compiled(
        f"{SCENE}fps: 12\nduration: 3s\nloop: true\ncamera: {{angle: {{0s: 0, 50%: 20, 100%: 0}}}}\n"
    )
    see = shoot(timeline)

    def paint(shot: str, index: int) -> Picture:
        """The world, whose colors run away from where they were."""
        return (see(shot, index) * (1 - index / 60)).astype(np.uint8)

    pictures = [picture.astype(int) for picture in film(timeline, tmp_path, paint)]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)]
    seam = np.abs(pictures[0] - pictures[-1]).mean()
    assert seam <= steps[0], "which is the same movement of the same picture"
    assert seam <= np.mean(steps[-12:])
    raw = np.abs(paint("main", 35).astype(int) - pictures[0]).mean()
    assert raw > 3 * seam, "without the seam it would jump"


def test_effects_lie_on_the_shot_then_on_the_film_and_never_on_the_takes(tmp_path: Path) -> None:
    timeline = compiled(
        "size: [64, 48]\nfps: 10\nprompts: [x]\neffects: [{grain: 0.1}]\n"
        "hits: [{on: 0.5s, flash: 1, fade: 0s}]\n"
        "shots: [{name: a, duration: 1s, effects: [{saturation: 0}]}]\n"
    )
    pictures = film(timeline, tmp_path, lambda shot, index: frame_picture(index))
    assert (pictures[5] == 255).all(), "a flash of 1 is white"
    frame = timeline.edit[3]
    gray = apply_effects(frame_picture(3), frame.layers[0].effects, Moment(0, frame.time))
    assert (gray[..., 0] == gray[..., 1]).all()
    assert np.array_equal(pictures[3], apply_effects(gray, frame.effects, Moment(0, frame.time)))
    again = film(timeline, tmp_path, lambda shot, index: frame_picture(index))
    assert all(np.array_equal(a, b) for a, b in zip(pictures, again, strict=True))


def test_a_frame_to_which_nothing_is_done_is_the_saved_one(tmp_path: Path) -> None:
    timeline = compiled(
        "size: [64, 48]\nfps: 10\nprompts: [x]\nduration: 0.5s\neffects: [{punch: 1}, {hue: 0}]\n"
    )
    pictures = film(timeline, tmp_path, lambda shot, index: frame_picture(index))
    assert all(np.array_equal(picture, frame_picture(index)) for index, picture in enumerate(pictures))


def test_a_lost_frame_is_named(tmp_path: Path) -> None:
    timeline = compiled("size: [64, 48]\nprompts: [x]\nduration: 1f\n")
    assert timeline.edit[0].untouched == FrameRef("main", 0)
    reel = make_reel(timeline, lambda frame: tmp_path / f"{frame.index}.png")
    with pytest.raises(OutputError, match=r"0\.png: the picture is missing; run again"):
        list(reel.play([0]))
