"""Speeds and poses become steps: closed forms, independence of frame rate and size, poses that return."""

from __future__ import annotations

import cmath
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.films import compiled, frames_of, movement, path
from vqanim.camera.step import CameraStep

PROMPTS = "prompts: [a lake]\n"
WILD = """\
camera:
  zoom: {0s: 1.0, 0.77s: [1.6, ease-in-out], 1.21s: [0.6, step], 1.9s: 1.2}
  rotate: "40 * sin(3 * t) + 5"
  pan: {x: 0.3, y: "0.2 * cos(5 * t)"}
  center: {x: 0.3, y: "0.5 + 0.2 * sin(t)"}
"""
POSED = """\
  scale: {0s: 1, 0.9s: [1.7, smooth], 1.3s: [0.8, step]}
  angle: "20 * sin(2 * t)"
  offset: {x: {0.1s: 0, 1.7s: 0.4}, y: "floor(3 * t) / 10"}
"""


def assert_same(found: tuple[complex, complex], wanted: tuple[complex, complex], within: float) -> None:
    assert abs(found[0] - wanted[0]) < within
    assert abs(found[1] - wanted[1]) < within


@pytest.mark.parametrize("fps", ["7", "12", "25", "30000/1001"])
def test_a_constant_zoom_is_a_factor_per_second(fps: str) -> None:
    film = compiled(f"fps: {fps}\nduration: 3s\ncamera: {{zoom: 1.3}}\n" + PROMPTS)
    last = frames_of(film)[-1]
    assert_same(path(f.camera for f in frames_of(film)), (1.3**last.time, 0), 1e-8)
    assert frames_of(film)[1].camera.scale == pytest.approx(1.3 ** (1 / float(film.fps)), abs=1e-9)


def test_a_zoom_between_keys_is_the_integral_of_its_logarithm() -> None:
    film = compiled("duration: 4s\ncamera: {zoom: {0s: 1, 2s: 1.3}}\n" + PROMPTS)
    # The integral of ln(1 + 0.15 t) is (u ln u - u) / 0.15 with u = 1 + 0.15 t.
    grown = (1.3 * math.log(1.3) - 1.3 + 1) / 0.15
    assert_same(movement(film, 0, 2), (cmath.exp(grown), 0), 1e-8)
    assert_same(movement(film, 2, 3), (1.3, 0), 1e-8)


def test_a_step_in_a_speed_falls_on_the_moment_of_its_key() -> None:
    film = compiled("duration: 3s\ncamera: {zoom: {0s: 1, 0.7731s: [2, step]}, pan: {x: 0}}\n" + PROMPTS)
    assert_same(movement(film, 0, 2), (2 ** (2 - 0.7731), 0), 1e-8)


def test_a_positive_rotation_turns_the_picture_clockwise_by_degrees_per_second() -> None:
    film = compiled("duration: 3s\ncamera: {rotate: 10}\n" + PROMPTS)
    assert_same(movement(film, 0, 2.5), (cmath.rect(1, math.radians(25)), 0), 1e-8)
    assert frames_of(film)[1].camera.angle == pytest.approx(10 / 12, abs=1e-9)


def test_a_camera_that_pans_right_and_down_moves_the_picture_left_and_up() -> None:
    film = compiled("duration: 3s\ncamera: {pan: {x: 0.05, y: 0.1}}\n" + PROMPTS)
    assert_same(movement(film, 0, 2), (1, -0.1 - 0.2j), 1e-8)
    assert frames_of(film)[1].camera.shift_x < 0
    assert frames_of(film)[1].camera.shift_y < 0


def test_zoom_and_pan_together_follow_their_closed_form() -> None:
    film = compiled("duration: 3s\ncamera: {zoom: 1.5, rotate: 30, pan: {x: 0.2, y: -0.1}}\n" + PROMPTS)
    rate, pan = complex(math.log(1.5), math.radians(30)), 0.2 - 0.1j
    grown = cmath.exp(2 * rate)
    assert_same(movement(film, 0, 2), (grown, -pan * (grown - 1) / rate), 1e-8)


def test_the_center_stays_where_it_is() -> None:
    # A quarter right of the middle, a quarter of the height above it; a width is two heights here.
    film = compiled("duration: 3s\ncamera: {zoom: 1.4, rotate: 50, center: {x: 0.75, y: 0.25}}\n" + PROMPTS)
    factor, shift = movement(film, 0, 2)
    center = 0.25 - 0.125j
    assert abs(factor * center + shift - center) < 1e-8
    assert abs(factor) == pytest.approx(1.4**2, abs=1e-8)


@pytest.mark.parametrize("camera", [WILD, WILD + POSED], ids=["speeds", "speeds and poses"])
def test_motion_does_not_depend_on_the_frame_rate(camera: str) -> None:
    films = [compiled(f"fps: {fps}\nduration: 3s\n{camera}{PROMPTS}") for fps in (12, 30, 25, 1, 240)]
    wanted = movement(films[0], 0, 2)
    assert abs(wanted[0] - 1) > 0.1
    for film in films[1:]:
        assert_same(movement(film, 0, 2), wanted, 1e-8)


def test_motion_does_not_depend_on_the_size() -> None:
    text = f"duration: 1s\n{WILD}{POSED}{PROMPTS}"
    small, large = compiled("size: [64, 32]\n" + text), compiled("size: [512, 256]\n" + text)
    assert [f.camera for f in frames_of(small)] == [f.camera for f in frames_of(large)]


EASINGS = st.sampled_from(["linear", "step", "ease-in", "ease-out", "ease-in-out", "smooth"])


@st.composite
def keyframes(draw: st.DrawFn, low: float, high: float) -> str:
    """Keyframes within 2 s in flow style; times need not fall on frames."""
    times = draw(st.lists(st.integers(0, 2000), min_size=1, max_size=4, unique=True))
    keys = [f"{t}ms: [{draw(st.floats(low, high)):.6f}, {draw(EASINGS)}]" for t in sorted(times)]
    return "{" + ", ".join(keys) + "}"


CAMERAS = st.fixed_dictionaries(
    {
        "zoom": keyframes(0.3, 3),
        "rotate": keyframes(-200, 200),
        "pan": st.builds("{{x: {}, y: {}}}".format, keyframes(-1, 1), keyframes(-1, 1)),
        "scale": keyframes(0.5, 2),
        "angle": keyframes(-90, 90),
        "offset": st.builds("{{x: {}, y: {}}}".format, keyframes(-1, 1), keyframes(-1, 1)),
        "center": st.builds("{{x: {}, y: {}}}".format, keyframes(0, 1), keyframes(0, 1)),
    }
)


@settings(max_examples=20, deadline=None)
@given(CAMERAS)
def test_any_keyframed_camera_moves_the_same_at_12_and_30_fps(camera: dict[str, str]) -> None:
    text = "duration: 2.5s\ncamera:\n" + "".join(f"  {k}: {v}\n" for k, v in camera.items()) + PROMPTS
    slow, fast = compiled("fps: 12\n" + text), compiled("fps: 30\n" + text)
    factor, _ = wanted = movement(slow, 0, 2)
    assert_same(movement(fast, 0, 2), wanted, 1e-6 * max(1, abs(factor)))


@st.composite
def there_and_back(draw: st.DrawFn, low: float, high: float) -> str:
    """Keyframes that end at 2 s with the value that they have at 0 s."""
    home, times = f"{draw(st.floats(low, high)):.6f}", draw(st.lists(st.integers(1, 1999), max_size=3))
    keys = [f"{t}ms: [{draw(st.floats(low, high)):.6f}, {draw(EASINGS)}]" for t in sorted(set(times))]
    return "{" + ", ".join([f"0s: {home}", *keys, f"2s: [{home}, {draw(EASINGS)}]"]) + "}"


POSES = st.fixed_dictionaries(
    {
        "scale": there_and_back(0.3, 3),
        "angle": there_and_back(-400, 400),
        "offset": st.builds("{{x: {}, y: {}}}".format, there_and_back(-2, 2), there_and_back(-2, 2)),
        "center": st.builds("{{x: {}, y: {}}}".format, there_and_back(0, 1), there_and_back(0, 1)),
    }
)


@settings(max_examples=20, deadline=None)
@given(POSES, st.sampled_from(["10", "12", "24"]))
def test_any_pose_that_goes_out_and_comes_back_returns(poses: dict[str, str], fps: str) -> None:
    lines = "".join(f"  {key}: {value}\n" for key, value in poses.items())
    film = compiled(f"fps: {fps}\nduration: 2.5s\ncamera:\n{lines}{PROMPTS}")
    assert_same(movement(film, 0, 2), (1, 0), 5e-9)


def test_a_pose_returns_exactly() -> None:
    film = compiled(
        "fps: 24\nduration: 8s\ncamera:\n"
        "  scale: {0s: 1, 3s: [2.5, ease-in-out], 7s: 1}\n"
        "  angle: {1s: 0, 3.3s: [123, smooth], 6.9s: 0}\n"
        "  offset: {x: {0s: 0, 2s: 0.7, 7s: 0}, y: '0.3 * sin(2 * pi * t)'}\n"
        "  center: {x: 0.2, y: 0.9}\n" + PROMPTS
    )
    assert_same(movement(film, 0, 7), (1, 0), 1e-9)
    assert abs(movement(film, 0, 3)[0]) == pytest.approx(2.5, abs=1e-8)


def test_a_pose_returns_exactly_after_thousands_of_frames() -> None:
    film = compiled("fps: 50\nduration: 100s\ncamera: {angle: '30 * sin(2 * pi * t / 10)'}\n" + PROMPTS)
    assert_same(movement(film, 0, 90), (1, 0), 1e-9)


def test_a_pose_stands_about_the_center_then_moves_against_the_offset() -> None:
    film = compiled(
        "duration: 2s\ncamera:\n  scale: {0s: 1, 1s: 2}\n  angle: {0s: 0, 1s: 90}\n"
        "  offset: {x: {0s: 0, 1s: 0.3}, y: {0s: 0, 1s: 0.1}}\n  center: {x: 0.75}\n" + PROMPTS
    )
    # z -> 2i (z - 0.25) + 0.25 - (0.3 + 0.1i)
    assert_same(movement(film, 0, 1), (2j, -0.5j + 0.25 - 0.3 - 0.1j), 1e-9)


def test_a_step_of_a_pose_falls_on_the_frame_of_its_key() -> None:
    film = compiled("fps: 12\nduration: 2s\ncamera: {angle: {0s: 0, 1s: [30, step]}}\n" + PROMPTS)
    turned = [frame.index for frame in frames_of(film) if not frame.camera.still]
    assert turned == [12]
    assert frames_of(film)[12].camera == CameraStep(angle=30)


def test_a_jump_between_frames_is_not_lost() -> None:
    film = compiled("fps: 10\nduration: 2s\ncamera: {offset: {x: {0s: 0, 1.234s: [0.5, step]}}}\n" + PROMPTS)
    assert frames_of(film)[13].camera == CameraStep(shift_x=-0.5)
    assert sum(not frame.camera.still for frame in frames_of(film)) == 1


def test_a_speed_acts_on_the_screen_whatever_the_pose() -> None:
    film = compiled("duration: 2s\ncamera: {angle: 90, scale: 3, pan: {x: 0.1}}\n" + PROMPTS)
    assert_same(movement(film, 0, 1), (1, -0.1), 1e-9)


def test_a_still_camera_stands_still_in_every_frame() -> None:
    film = compiled("duration: 2s\ncamera: {scale: 2, angle: 30, border: wrap}\n" + PROMPTS)
    assert all(frame.camera.still for frame in frames_of(film))


def test_a_camera_comes_to_rest_to_the_last_digit() -> None:
    film = compiled(
        "fps: 25\nduration: 4s\ncamera: {zoom: {0s: 1.37, 1s: 1}, angle: {0s: 7, 1s: 20}}\n" + PROMPTS
    )
    assert all(frame.camera.still for frame in frames_of(film)[26:])
    assert not any(frame.camera.still for frame in frames_of(film)[1:25])


def test_the_border_goes_into_the_steps_that_move() -> None:
    film = compiled("duration: 1s\ncamera: {pan: {x: 0.1}, border: '#aabbcc'}\n" + PROMPTS)
    assert {frame.camera.border for frame in frames_of(film)[1:]} == {"#aabbcc"}


def test_long_films_keep_the_closed_form() -> None:
    film = compiled("fps: 1\nduration: 20000s\ncamera: {rotate: '20 * sin(t / 100)'}\n" + PROMPTS)
    # The integral of 20 sin(t / 100) is 2000 (1 - cos(t / 100)), in degrees.
    turned = math.radians(2000 * (1 - math.cos(199)))
    assert_same(movement(film, 0, 19900), (cmath.rect(1, turned), 0), 1e-7)
