"""A camera that turns in space: speeds and poses become steps that bring the picture back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.timeline.films import compiled, frames_of, mistakes
from vqanim.camera.homography import farthest_move, path_matrix, step_matrix
from vqanim.camera.step import CameraStep
from vqanim.timeline import Timeline

FILM = "fps: 12\nduration: 3s\nprompts: [a]\n"


def steps(film: Timeline) -> list[CameraStep]:
    return [frame.camera for frame in frames_of(film)]


def where(film: Timeline, x: float, y: float) -> tuple[float, float]:
    """Where a point of the first picture is in the last one, in frame widths from the middle."""
    moved = path_matrix(steps(film)) @ np.array([x, y, 1.0])
    return float(moved[0] / moved[2]), float(moved[1] / moved[2])


def test_a_camera_that_turns_right_moves_the_picture_left_by_its_field_of_view() -> None:
    # With 60 degrees across, the edge is 30 degrees off: turned to, it is the middle.
    film = compiled(FILM + "camera: {look: {x: {0s: 0, 2s: 30}}}\n")
    assert where(film, 0.5, 0) == pytest.approx((0, 0), abs=1e-7)
    film = compiled(FILM + f"camera: {{yaw: {45 / (35 / 12)}, fov: 90}}\n")
    assert where(film, 0.5, 0) == pytest.approx((0, 0), abs=1e-7)
    assert where(film, 0, 0)[0] == pytest.approx(-0.5, abs=1e-7)


def test_a_camera_that_turns_down_moves_the_picture_up() -> None:
    film = compiled(FILM + "camera: {look: {y: {0s: 0, 2s: 10}}}\n")
    up = -0.5 / math.tan(math.radians(30)) * math.tan(math.radians(10))
    assert where(film, 0, 0) == pytest.approx((0, up), abs=1e-7)


def test_what_comes_nearer_to_the_middle_gets_smaller() -> None:
    film = compiled(FILM + "camera: {look: {x: {0s: 0, 2s: 20}}}\n")
    top, bottom = where(film, 0.4, -0.2), where(film, 0.4, 0.2)
    assert bottom[1] - top[1] < 0.4
    far_top, far_bottom = where(film, -0.1, -0.2), where(film, -0.1, 0.2)
    assert far_bottom[1] - far_top[1] > 0.4


@pytest.mark.parametrize("fps", [7, 12, 25])
def test_turns_are_the_same_at_any_fps(fps: int) -> None:
    camera = "camera: {yaw: '9 * sin(2 * t)', tilt: {0s: 3, 1s: [-4, step]}, look: {x: {0s: 0, 1s: 8}}}\n"
    slow, fast = (
        steps(compiled(f"fps: {each}\nduration: 3s\nprompts: [a]\n{camera}")) for each in (fps, 4 * fps)
    )
    back = np.linalg.inv(path_matrix(fast[: 4 * len(slow) - 3]))
    assert farthest_move(back @ path_matrix(slow), 0.5) < 1e-6


def test_a_look_that_goes_round_comes_back_without_a_roll() -> None:
    look = "look: {x: '12 * sin(tau * t / 2)', y: '9 * cos(tau * t / 2) - 9'}"
    film = compiled(f"fps: 12\nduration: {25 / 12:.9f}s\nprompts: [a]\ncamera: {{{look}}}\n")
    assert any(step.roll for step in steps(film))
    assert farthest_move(path_matrix(steps(film)), 0.5) < 1e-6


def test_turns_are_blended_over_a_transition() -> None:
    film = compiled(
        "fps: 10\nprompts: [a]\nshots:\n  - {name: a, duration: 1s, camera: {yaw: 20}}\n"
        "  - {name: b, duration: 2s, transition: {carry: 1s}}\n"
    )
    yaw = [step.yaw for step in steps(film)]
    assert yaw[1:10] == [2.0] * 9
    assert sum(yaw[11:21]) == pytest.approx(10, abs=1e-6)
    assert yaw[22:] == [0.0] * 8


def test_perspective_comes_after_scale_and_shift() -> None:
    step = CameraStep(scale=2.0, shift_x=0.1, yaw=5.0)
    flat, turn = CameraStep(scale=2.0, shift_x=0.1), CameraStep(yaw=5.0)
    assert step_matrix(step) == pytest.approx(step_matrix(turn) @ step_matrix(flat))


def test_a_camera_that_does_not_turn_has_steps_without_angles() -> None:
    film = compiled(FILM + "camera: {zoom: 1.2, fov: 100, look: {x: 7}}\n")
    assert {(step.tilt, step.yaw, step.roll, step.fov) for step in steps(film)} == {(0.0, 0.0, 0.0, 60.0)}


def test_a_turn_that_would_look_behind_the_picture_is_named() -> None:
    (line,) = mistakes(FILM + "camera: {look: {x: {0s: 0, 1s: [80, step]}}}\n")
    assert line == (
        "scene.yaml:1: camera: the camera turns too far in one step at frame 12 (1 s), "
        "allowed with a fov of 60 are 52.2 degrees"
    )


def test_a_loop_may_turn_if_it_turns_back() -> None:
    assert mistakes(FILM + "loop: true\ncamera: {look: {x: {0s: 0, 50%: 9, 100%: 0}}}\n") == []
    (line,) = mistakes(FILM + "loop: true\ncamera: {yaw: 2}\n")
    assert "the camera ends elsewhere than it began" in line
