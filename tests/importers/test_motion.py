"""Cameras move as those of the tools do: matrices against the formulas with which these warp a picture."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vqanim
from vqanim.camera.homography import step_matrix
from vqanim.importers import import_settings
from vqanim.timeline import Timeline

Matrix = NDArray[np.float64]
SIZE = (512, 384)
FRAMES = 5


def timeline_of(settings: dict[str, Any] | str, folder: Path) -> Timeline:
    """The film that settings become."""
    path = folder / "settings.txt"
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    text = import_settings(str(path), folder).text("scene.yaml")
    (folder / "scene.yaml").write_text(text)
    return vqanim.compile_timeline(vqanim.load_scene(folder / "scene.yaml"))


def deforum_settings(**keys: Any) -> dict[str, Any]:
    plain = {"W": SIZE[0], "H": SIZE[1], "max_frames": FRAMES, "fps": 12, "prompts": {"0": "a lake"}}
    return {**plain, "animation_mode": "2D", "border": "replicate", **keys}


def steps(timeline: Timeline) -> list[Matrix]:
    """Forward matrices of every frame but the first."""
    (shot,) = timeline.shots
    return [step_matrix(plan.camera, (SIZE[1], SIZE[0])) for plan in shot.frames[1:]]


def corners(matrix: Matrix) -> Matrix:
    """Where the corners and the middle of the frame go, in pixels [5, 2]."""
    width, height = SIZE
    points = np.array([[0, 0], [width, 0], [0, height], [width, height], [width / 2, height / 2]])
    moved = np.c_[points, np.ones(5)] @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def rotation_matrix_2d(center: tuple[float, float], angle: float, scale: float) -> Matrix:
    """OpenCV's getRotationMatrix2D, by its documentation: counterclockwise, the origin at the top left."""
    a, b = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    x, y = center
    return np.array([[a, b, (1 - a) * x - b * y], [-b, a, b * x + (1 - a) * y], [0, 0, 1]])


def deforum_2d(
    zoom: float, angle: float, x: float, y: float, center: tuple[float, float] = (0.5, 0.5)
) -> Matrix:
    """anim_frame_warp_2d: the turn about the center after the shift, as a matrix from old to new points."""
    shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    return rotation_matrix_2d((SIZE[0] * center[0], SIZE[1] * center[1]), angle, zoom) @ shift


@pytest.mark.parametrize(
    ("zoom", "angle", "x", "y", "center"),
    [
        (1.04, 0, 0, 0, (0.5, 0.5)),
        (1, 2, 0, 0, (0.5, 0.5)),
        (1, -3, 0, 0, (0.5, 0.5)),
        (1, 0, 7, 0, (0.5, 0.5)),
        (1, 0, 0, -5, (0.5, 0.5)),
        (0.97, 0, 4, 9, (0.5, 0.5)),
        (1.03, 1.5, 10, -6, (0.5, 0.5)),
        (1.02, -2, 3, 4, (0.25, 0.8)),
    ],
)
def test_a_move_of_deforum_in_2d_is_the_same_warp(
    zoom: float, angle: float, x: float, y: float, center: tuple[float, float], tmp_path: Path
) -> None:
    settings = deforum_settings(
        zoom=f"0:({zoom})",
        angle=f"0:({angle})",
        translation_x=f"0:({x})",
        translation_y=f"0:({y})",
        transform_center_x=f"0:({center[0]})",
        transform_center_y=f"0:({center[1]})",
    )
    expected = corners(deforum_2d(zoom, angle, x, y, center))
    for matrix in steps(timeline_of(settings, tmp_path)):
        assert corners(matrix) == pytest.approx(expected, abs=0.001)  # pixels


def test_moves_that_change_lead_along_the_same_way(tmp_path: Path) -> None:
    """Deforum holds a value for a whole frame, as a zoom here; other values flow, half a frame later."""
    settings = deforum_settings(
        max_frames=48,
        zoom="0:(1.0+0.03*sin(t/8))",
        angle="0:(0), 24:(2), 47:(-1)",
        translation_x="0:(5*cos(t/6))",
        translation_y="0:(0), 47:(4)",
    )
    there = here = np.eye(3)
    for number, matrix in enumerate(steps(timeline_of(settings, tmp_path)), 1):
        frame = number - 0.5
        zoom, x = 1 + 0.03 * math.sin(number / 8), 5 * math.cos(frame / 6)
        angle, y = np.interp(frame, [0, 24, 47], [0, 2, -1]), np.interp(frame, [0, 47], [0, 4])
        there, here = deforum_2d(zoom, float(angle), x, float(y)) @ there, matrix @ here
        assert corners(here) == pytest.approx(corners(there), abs=2)
    assert abs(corners(there) - corners(np.eye(3))).max() > 150


def euler_xyz(x: float, y: float, z: float) -> Matrix:
    """PyTorch3D's euler_angles_to_matrix for the axes XYZ, in radians."""
    about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


def deforum_3d(
    move: tuple[float, float, float], turn: tuple[float, float, float], fov: float, aspect: float
) -> Matrix:
    """transform_image_3d at depth 1: by how many pixels the picture moves at some points, [9, 2].

    A point looks up the old picture at its own place less the difference of the two projections.
    """
    x, y, z = move
    translation = np.array([-x / 200, y / 200, -z / 200])
    rotation = euler_xyz(*(math.radians(angle) for angle in turn))
    focal = np.array([1 / (math.tan(math.radians(fov) / 2) * aspect), 1 / math.tan(math.radians(fov) / 2)])
    points = np.array([[px, py, 1.0] for px in (-0.6, 0, 0.6) for py in (-0.6, 0, 0.6)])
    seen = points @ rotation + translation
    offset = focal * seen[:, :2] / seen[:, 2:] - focal * points[:, :2]
    return np.asarray(offset * np.array(SIZE) / 2)


def ours_3d(matrix: Matrix) -> Matrix:
    """The same of our step: from where the new picture takes a point to that point, in pixels."""
    points = np.array([[px, py] for px in (-0.6, 0, 0.6) for py in (-0.6, 0, 0.6)])
    pixels = (points + 1) / 2 * np.array(SIZE)
    old = np.c_[pixels, np.ones(9)] @ np.linalg.inv(matrix).T
    return np.asarray(pixels - old[:, :2] / old[:, 2:])


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("move", "turn"),
    [
        ((3, 0, 0), (0, 0, 0)),
        ((0, 4, 0), (0, 0, 0)),
        ((0, 0, 5), (0, 0, 0)),
        ((0, 0, -5), (0, 0, 0)),
        ((0, 0, 0), (1, 0, 0)),
        ((0, 0, 0), (0, 1, 0)),
        ((0, 0, 0), (0, 0, 1)),
    ],
)
def test_a_move_of_deforum_in_3d_is_nearly_the_same_warp_of_a_plane(
    move: tuple[float, float, float], turn: tuple[float, float, float], old: bool, tmp_path: Path
) -> None:
    names = ("translation_x", "translation_y", "translation_z")
    turns = ("rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
    settings = deforum_settings(
        animation_mode="3D", fov_schedule="0:(70)", aspect_ratio_use_old_formula=old, padding_mode="border"
    )
    settings |= {name: f"0:({value})" for name, value in zip((*names, *turns), (*move, *turn), strict=True)}
    expected = deforum_3d(move, turn, 70, SIZE[0] / SIZE[1] if old else 1.0)
    found = ours_3d(steps(timeline_of(settings, tmp_path))[3])
    scale = abs(expected).max()
    assert scale > 1  # pixels
    assert abs(found - expected).max() < 0.36 * scale
    assert abs(found[4] - expected[4]).max() < 0.03 * scale  # in the middle


def flip_matrix(theta: float, phi: float, gamma: float, fov: float) -> Matrix:
    """warpMatrix of Deforum, from old points to new ones, both measured from the picture's middle."""
    width, height = SIZE
    half = math.radians(fov / 2)
    diagonal = math.hypot(width, height)
    side, distance = diagonal / math.cos(half), diagonal / (2 * math.sin(half))
    rotation = euler_xyz(*(math.radians(angle) for angle in (phi, gamma, theta)))
    points = np.array([[x, y, 0.0] for x in (-width / 2, width / 2) for y in (-height / 2, height / 2)])
    turned = points @ rotation.T - np.array([0, 0, distance])
    seen = turned[:, :2] / math.tan(half) / -turned[:, 2:] * side / 2
    rows = []
    for (x, y, _), (u, v) in zip(points, seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    matrix = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1.0]])
    return np.asarray(middle @ (matrix / matrix[2, 2]) @ np.linalg.inv(middle))


@pytest.mark.parametrize("angles", [(3, 0, 0), (0, 2, 0), (0, 0, 2)])
def test_a_flip_of_deforum_turns_the_picture_in_space(
    angles: tuple[float, float, float], tmp_path: Path
) -> None:
    names = ("perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma")
    settings = deforum_settings(enable_perspective_flip=True, perspective_flip_fv="0:(53)", zoom="0:(1)")
    settings |= {name: f"0:({value})" for name, value in zip(names, angles, strict=True)}
    expected = corners(flip_matrix(*angles, fov=53)) - corners(np.eye(3))
    found = corners(steps(timeline_of(settings, tmp_path))[2]) - corners(np.eye(3))
    assert abs(found - expected).max() < 0.12 * abs(expected).max()


def test_a_zoom_of_vqgan_clip_is_the_same_warp(tmp_path: Path) -> None:
    """zoom_at crops w / zoom about the middle and fills the frame; ImageChops.offset then moves it."""
    settings = "python generate.py -p lake -zvid -i 50 -zse 10 -zsc 1.03 -zsx 5 -zsy -4 -s 512 384"
    middle = np.array([[1, 0, SIZE[0] / 2], [0, 1, SIZE[1] / 2], [0, 0, 1.0]])
    shift = np.array([[1, 0, 5], [0, 1, -4], [0, 0, 1.0]])
    expected = corners(shift @ middle @ np.diag([1.03, 1.03, 1]) @ np.linalg.inv(middle))
    for matrix in steps(timeline_of(settings, tmp_path)):
        assert corners(matrix) == pytest.approx(expected, abs=0.001)


def pytti_2d(translate: tuple[float, float], zoom: tuple[float, float], degrees: float) -> Matrix:
    """zoom_2d: an affine grid from new points to old ones, in -1..1; here a matrix from old to new pixels."""
    width, height = SIZE
    zx, zy = (width - zoom[0]) / width, (height - zoom[1]) / height
    tx, ty = -translate[0] * 2 / width, translate[1] * 2 / height
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    old_from_new = np.array([[zx * c, -zy * s, tx], [zx * s, zy * c, ty], [0, 0, 1]])
    to_pixels = np.array([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1.0]])
    return np.asarray(to_pixels @ np.linalg.inv(old_from_new) @ np.linalg.inv(to_pixels))


@pytest.mark.parametrize(
    ("translate", "zoom", "degrees", "near"),
    [
        ((6, 0), (0, 0), 0, 0.001),
        ((0, 5), (0, 0), 0, 0.001),
        ((0, 0), (16, 12), 0, 0.001),
        ((4, -3), (8, 6), 0, 0.001),
        ((0, 0), (0, 0), 2, 6.5),  # a turn in -1..1 shears a picture that is no square, ours does not
    ],
)
def test_a_move_of_pytti_in_2d_is_the_same_warp(
    translate: tuple[float, float], zoom: tuple[float, float], degrees: float, near: float, tmp_path: Path
) -> None:
    settings = (
        "scenes: a lake\nanimation_mode: 2D\nwidth: 512\nheight: 384\nsteps_per_scene: 60\n"
        "pre_animation_steps: 10\nsteps_per_frame: 10\n"
        f"translate_x: '{translate[0]}'\ntranslate_y: '{translate[1]}'\nrotate_2d: '{degrees}'\n"
        f"zoom_x_2d: '{zoom[0]}'\nzoom_y_2d: '{zoom[1]}'\n"
    )
    expected = corners(pytti_2d(translate, zoom, degrees))
    for matrix in steps(timeline_of(settings, tmp_path)):
        assert corners(matrix) == pytest.approx(expected, abs=near)
        if degrees:  # the same way round
            moved = (corners(matrix) - corners(np.eye(3)))[:4] * (expected - corners(np.eye(3)))[:4]
            assert (moved > 0).all()


@pytest.mark.parametrize(
    ("key", "formula"),
    [
        ("translate_x", " + ".join(f"9*sin(t*{n}/7)/{n}" for n in range(1, 60))),
        ("rotate_2d", "5*sqrt(sin(2*t))"),
        ("zoom_x_2d", "40/(t-1)"),
    ],
)
def test_no_formula_of_pytti_is_lost_for_one_awkward_moment(key: str, formula: str, tmp_path: Path) -> None:
    settings = (
        "scenes: a lake\nanimation_mode: 2D\nwidth: 512\nheight: 384\nsteps_per_scene: 600\n"
        f"pre_animation_steps: 10\nsteps_per_frame: 10\nframes_per_second: 12\n{key}: '{formula}'\n"
    )
    (tmp_path / "settings.txt").write_text(settings)
    draft = import_settings(str(tmp_path / "settings.txt"), tmp_path, "pytti")
    notes = [note for note in draft.notes if key in note.keys]
    assert {note.fate for note in notes} == {"close"}
    path = {"translate_x": "pan.x", "rotate_2d": "rotate", "zoom_x_2d": "zoom"}[key]
    assert draft.fields[f"camera.{path}"].yaml.startswith("{")
    timeline_of(settings, tmp_path)


def test_a_turn_in_space_of_pytti_may_change_over_time(tmp_path: Path) -> None:
    settings = (
        "scenes: a lake\nanimation_mode: 3D\nwidth: 512\nheight: 384\nsteps_per_scene: 200\n"
        "lock_camera: false\n"
        "pre_animation_steps: 10\nsteps_per_frame: 10\nframes_per_second: 12\n"
        "rotate_3d: '[cos(radians(t)), 0, sin(radians(t)), 0]'\n"
    )
    (shot,) = timeline_of(settings, tmp_path).shots
    turned = sum(plan.camera.yaw for plan in shot.frames)
    frames = np.arange(len(shot.frames)) / 12
    assert turned == pytest.approx(((2 * frames[1:] + 2 * frames[:-1]) / 2).sum(), rel=1e-3)
