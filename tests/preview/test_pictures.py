"""The preview's camera is the renderer's: the same matrices, and the same pictures within little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vqanim.camera import warp_for
from vqanim.camera.homography import step_matrix
from vqanim.camera.step import CameraStep
from vqanim.pictures import Picture
from vqanim.preview.pictures import PreviewFrames, Source, draw_grid, find_views
from vqanim.scene.loader import load_scene_text
from vqanim.timeline import FrameRef, Timeline, compile_timeline

SIZE = (256, 144)
STEPS = {
    "zoom": CameraStep(scale=1.15, angle=6, shift_x=0.03),
    "out": CameraStep(scale=0.8, angle=-8, shift_x=0.1, shift_y=-0.05),
    "turn": CameraStep(scale=1.02, tilt=4, yaw=-6, roll=1),
    "wide": CameraStep(tilt=-3, yaw=5, fov=100),
}


def torch_warp(picture: Picture, step: CameraStep) -> np.ndarray:
    """What the renderer makes of a picture, float [H, W, 3] in 0..255."""
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    warp = warp_for(step, picture.shape[:2])
    assert warp is not None
    warped, _ = warp.apply(image)
    return (warped[0].permute(1, 2, 0) * 255).numpy()


@pytest.mark.parametrize("border", ["reflect", "wrap", "edge", "#204060"])
@pytest.mark.parametrize("name", STEPS)
def test_a_preview_warps_as_a_render_does(name: str, border: str) -> None:
    grid = draw_grid(np.eye(3), *SIZE)
    step = CameraStep(**{**vars(STEPS[name]), "border": border})
    rendered = torch_warp(grid, step)
    shown = Source(grid).seen(step_matrix(step), border).astype(float)
    moved = np.abs(rendered - grid).mean()
    assert np.abs(rendered - shown).mean() < min(1.5, moved / 12)


def test_the_endless_grid_moves_as_a_render_moves_it() -> None:
    grid, step = draw_grid(np.eye(3), 256, 144), CameraStep(scale=1.05, angle=3, yaw=2)
    rendered = torch_warp(grid, step)
    drawn = draw_grid(step_matrix(step), 256, 144).astype(float)
    inside = (slice(20, -20), slice(30, -30))
    # Not equal: the grid is drawn anew, with lines as thin as before.
    assert np.abs(rendered - drawn)[inside].mean() < np.abs(rendered - grid)[inside].mean() / 2


SCENE = """\
size: [256, 144]
fps: 12
duration: 2s
prompts: [a castle]
camera: {zoom: 1.6, rotate: "30 * sin(3 * t)", pan: {x: 0.2}, yaw: 4, tilt: "5 * cos(2 * t)"}
"""


def timeline_of(text: str) -> Timeline:
    return compile_timeline(load_scene_text(text))


def test_the_views_of_a_take_are_its_steps_one_after_another() -> None:
    timeline = timeline_of(SCENE)
    picture = draw_grid(np.eye(3), *SIZE)
    point, total = np.array([0.1, -0.05, 1.0]), np.eye(3)
    views = find_views(timeline)
    for plan in timeline.shots[0].frames:
        if plan.previous is not None:
            total = step_matrix(plan.camera) @ total
        seen, wanted = views[FrameRef("main", plan.index)].new_from_old @ point, total @ point
        assert seen[:2] / seen[2] == pytest.approx(wanted[:2] / wanted[2], abs=1e-9)
    # Two steps of the renderer, one after another, against the preview's one look at the first picture.
    first, second = (plan.camera for plan in timeline.shots[0].frames[1:3])
    rendered = torch_warp(np.round(torch_warp(picture, first)).clip(0, 255).astype(np.uint8), second)
    view = views[FrameRef("main", 2)]
    shown = Source(picture).seen(view.new_from_old, view.border).astype(float)
    inside = (slice(10, -10), slice(15, -15))
    # The renderer's picture was resampled twice and rounded between.
    assert np.abs(rendered - shown)[inside].mean() < np.abs(rendered - picture)[inside].mean() / 5


def test_a_cut_begins_again_and_a_carry_goes_on(tmp_path: Path) -> None:
    timeline = timeline_of(
        "size: [256, 144]\nfps: 10\nprompts: [a]\ncamera: {zoom: 2}\nshots:\n"
        "  - {name: one, duration: 1s}\n  - {name: two, duration: 1s}\n"
        "  - {name: three, duration: 1s, transition: cut}"
    )
    frames = PreviewFrames(timeline, SIZE, tmp_path, "grid")
    assert frames.views[FrameRef("two", 0)].origin == FrameRef("one", 0)
    assert frames.views[FrameRef("two", 9)].new_from_old[0, 0] == pytest.approx(2**1.9)
    assert frames.views[FrameRef("three", 0)].origin == FrameRef("three", 0)
    first, cut = frames.picture(FrameRef("one", 0)), frames.picture(FrameRef("three", 0))
    assert np.abs(first.astype(int) - cut).mean() > 10  # another ground


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 0.3, 1.0, 7.0, 1e5, 1e9])
def test_however_far_the_camera_flies_there_is_something_to_see(scale: float) -> None:
    matrix = np.diag([scale, scale, 1.0])
    picture = draw_grid(np.eye(3), *SIZE)
    for seen in (draw_grid(matrix, *SIZE), Source(picture).seen(matrix, "reflect")):
        assert seen.astype(float).std() > 3
