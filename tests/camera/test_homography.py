"""The camera's convention, pinned with asymmetric numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqanim.camera.homography import moves_matrix, part_matrix, path_matrix, step_matrix
from vqanim.camera.step import CameraStep, Move

STEPS = st.builds(
    CameraStep,
    scale=st.floats(0.1, 10),
    angle=st.floats(-720, 720),
    shift_x=st.floats(-3, 3),
    shift_y=st.floats(-3, 3),
)
TURNS = st.builds(
    CameraStep,
    scale=st.floats(0.5, 2),
    angle=st.floats(-90, 90),
    shift_x=st.floats(-0.3, 0.3),
    tilt=st.floats(-15, 15),
    yaw=st.floats(-15, 15),
    roll=st.floats(-15, 15),
    fov=st.floats(20, 90),
)


def where(matrix: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Where a point of the old picture is in the new one."""
    moved = matrix @ np.array([x, y, 1.0])
    return float(moved[0] / moved[2]), float(moved[1] / moved[2])


def test_a_still_step_is_exactly_the_identity() -> None:
    assert np.array_equal(step_matrix(CameraStep(), (5, 7)), np.eye(3))


def test_scale_grows_about_the_middle_of_the_frame() -> None:
    matrix = step_matrix(CameraStep(scale=2), (8, 12))
    assert where(matrix, 6, 4) == (6, 4)
    assert where(matrix, 7, 4) == (8, 4)
    assert where(matrix, 6, 3) == (6, 2)


def test_a_positive_angle_turns_clockwise_on_screen() -> None:
    # Three o'clock goes to six o'clock, which is down the screen: to a larger y.
    assert where(step_matrix(CameraStep(angle=90), (8, 12)), 9, 4) == pytest.approx((6, 7))


def test_shifts_are_frame_widths_on_both_axes() -> None:
    assert where(step_matrix(CameraStep(shift_x=0.25, shift_y=0.5), (8, 12)), 1, 2) == pytest.approx((4, 8))


def test_the_shift_comes_after_scale_and_turn() -> None:
    step = CameraStep(scale=3, angle=90, shift_x=0.5, shift_y=-0.25)
    # (1, 2) is (-5, -2) from the middle; turned (2, -5), scaled (6, -15), moved by (6, -3).
    assert where(step_matrix(step, (8, 12)), 1, 2) == pytest.approx((18, -14))


def test_a_path_does_its_first_step_first() -> None:
    right, turn = CameraStep(shift_x=0.25), CameraStep(angle=90)
    assert where(path_matrix([right, turn], (8, 12)), 6, 4) == pytest.approx((6, 7))
    assert where(path_matrix([turn, right], (8, 12)), 6, 4) == pytest.approx((9, 4))
    assert np.array_equal(path_matrix([], (8, 12)), np.eye(3))


@given(STEPS, st.floats(0, 1), st.floats(0, 1), st.integers(2, 9))
def test_the_same_step_moves_by_the_same_fraction_at_any_size(
    step: CameraStep, x: float, y: float, times: int
) -> None:
    small = where(step_matrix(step, (9, 16)), 16 * x, 9 * y)
    large = where(step_matrix(step, (9 * times, 16 * times)), 16 * times * x, 9 * times * y)
    assert large == pytest.approx((small[0] * times, small[1] * times), abs=1e-9 * times * 100)


def test_a_turn_keeps_what_lies_on_its_axis_and_moves_the_middle_by_the_focal_length() -> None:
    matrix = step_matrix(CameraStep(yaw=45, fov=90), (8, 12))
    assert where(matrix, 12, 4) == pytest.approx((6, 4)), "the right edge is now in the middle"
    assert where(matrix, 6, 4) == pytest.approx((0, 4))
    up = step_matrix(CameraStep(tilt=10, fov=60), (8, 12))
    assert where(up, 6, 4)[1] < 4
    assert where(step_matrix(CameraStep(roll=90), (8, 12)), 9, 4) == pytest.approx((6, 7)), "clockwise"


@settings(deadline=None)
@given(TURNS, st.floats(0, 1))
def test_a_part_forward_and_the_rest_back_meet(step: CameraStep, part: float) -> None:
    whole = step_matrix(step, (9, 16))
    assert part_matrix(step, 1.0, (9, 16)) == pytest.approx(whole, abs=1e-6)
    forward, back = part_matrix(step, part, (9, 16)), part_matrix(step, part - 1, (9, 16))
    for point in ((0, 0), (16, 9), (3, 5)):
        assert where(back @ whole, *point) == pytest.approx(where(forward, *point), abs=1e-6)


@settings(deadline=None)
@given(STEPS.filter(lambda step: abs(step.angle) < 170), st.floats(0, 1))
def test_parts_of_a_flat_step_are_one_flow(step: CameraStep, part: float) -> None:
    there = moves_matrix([Move(step, part / 2)] * 2, (9, 16))
    assert there == pytest.approx(part_matrix(step, part, (9, 16)), rel=1e-6, abs=1e-6)


def test_no_part_of_a_step_is_the_identity() -> None:
    assert part_matrix(CameraStep(scale=2, angle=360, yaw=3), 0.0, (9, 16)) == pytest.approx(np.eye(3))
