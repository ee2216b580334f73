"""Settings of Disco Diffusion of several versions and modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vqanim
from tests.importers.importing import imported, notebook, told, value_at, weights
from tests.importers.test_motion import corners, rotation_matrix_2d
from vqanim.camera.homography import step_matrix
from vqanim.importers.draft import UNKNOWN

GUIDED = {
    "clip_guidance_scale": 5000, "tv_scale": 0, "range_scale": 150, "sat_scale": 0, "cutn_batches": 4,
    "skip_augs": False, "randomize_class": True, "clip_denoised": False, "clamp_grad": True,
    "clamp_max": 0.05, "fuzzy_prompt": False, "rand_mag": 0.05, "eta": 0.8, "init_image": None,
    "init_scale": 1000, "diffusion_model": "512x512_diffusion_uncond_finetune_008100",
    "use_secondary_model": True, "steps": 240, "perlin_init": False, "perlin_mode": "mixed", "width": 640,
    "height": 384, "seed": 3218837437, "ViTB32": True, "ViTB16": True, "RN50": False, "RN101": False,
}  # fmt: skip
CUTS = {"cut_overview": "[12]*400+[4]*600", "cut_innercut": "[4]*400+[12]*600", "cut_icgray_p": "[0.2]*400"}
MOVES = {
    "key_frames": True, "max_frames": 60, "interp_spline": "Linear", "angle": "0:(0)",
    "zoom": "0: (1), 24: (1.05)", "translation_x": "0: (0)", "translation_y": "0: (0)",
    "frames_scale": 1500, "frames_skip_steps": "60%", "video_init_path": "/content/training.mp4",
    "extract_nth_frame": 2,
}  # fmt: skip
DEEP = {
    "translation_z": "0: (10.0)", "rotation_3d_x": "0: (0)", "rotation_3d_y": "0: (0)",
    "rotation_3d_z": "0: (0)", "midas_depth_model": "dpt_large", "midas_weight": 0.3, "near_plane": 200,
    "far_plane": 10000, "fov": 40, "padding_mode": "border", "sampling_mode": "bicubic", "turbo_mode": True,
    "turbo_steps": "3", "turbo_preroll": 10,
}  # fmt: skip
KEYED = {"0": ["a lighthouse on a cliff:2", "fog:-1"], "24": ["a castle on a hill"]}
V3 = {**GUIDED, "text_prompts": ["a lighthouse", "fog:-1"], "image_prompts": [], "skip_timesteps": 0}
V4 = {
    **GUIDED,
    **CUTS,
    **MOVES,
    "text_prompts": KEYED,
    "image_prompts": {},
    "animation_mode": "2D",
    "skip_steps": 10,
}
V5 = {**V4, **DEEP, "animation_mode": "3D", "diffusion_sampling_mode": "ddim", "ViTL14_336px": True}
VERSIONS: dict[str, dict[str, Any]] = {
    "3": V3,
    "4, still": {**V4, "animation_mode": "None", "max_frames": 10_000},
    "4, flat": V4,
    "5, deep": V5,
    "5, video": {
        **V5,
        "animation_mode": "Video Input",
        "video_init_steps": 100,
        "video_init_flow_warp": True,
    },
    "5, still": {**V5, "animation_mode": "None", "use_vertical_symmetry": False, "ViTB32_laion2b_e16": False},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_keeps_size_seed_and_prompts_and_tells_of_every_key(
    version: str, tmp_path: Path
) -> None:
    given = VERSIONS[version]
    draft, scene = imported(tmp_path, given)
    assert (scene.size.width, scene.size.height, scene.seed) == (640, 384, 3218837437)
    assert set(given) <= draft.known
    assert not any(note.message == UNKNOWN for note in draft.notes)
    assert weights(draft)["fog"].startswith(("-1", "{0s: -1"))


def test_prompts_hold_from_their_frame_to_the_next(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, V4)
    assert scene.fps == 12
    assert draft.fields["duration"].yaml == "60f"
    assert weights(draft) == {
        "a lighthouse on a cliff": "{0s: 2, 2s: [0, step]}",
        "fog": "{0s: -1, 2s: [0, step]}",
        "a castle on a hill": "{0s: 0, 2s: [1, step]}",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a castle:2.5", ("a castle", "2.5")),
        ("a clock, 12 o'clock: noon", ("a clock, 12 o''clock: noon", "1")),
        ("see https://example.org/a.png", ("see https://example.org/a.png", "1")),
        ("see https://example.org/a.png:3", ("see https://example.org/a.png", "3")),
        ("warm:-.5", ("warm", "-0.5")),
    ],
)
def test_a_weight_stands_behind_the_last_colon(text: str, found: tuple[str, str], tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, {**V4, "text_prompts": {"0": [text]}})
    (prompt,) = draft.prompts
    assert (prompt["text"].yaml.strip("'"), prompt["weight"].yaml if "weight" in prompt else "1") == found


def test_a_still_has_the_prompts_of_its_first_frame(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, VERSIONS["5, still"])
    assert scene.shots[0].kind == "timelapse"
    assert weights(draft) == {"a lighthouse on a cliff": "2", "fog": "-1"}
    assert draft.fields["guidance.first_steps"].yaml == "240"
    assert told(draft, "text_prompts") == {"close"}


def test_pictures_as_prompts_and_the_first_picture_are_named(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    given = {**V4, "init_image": "a.png", "image_prompts": {"12": ["a.png:2", "https://example.org/b.png:3"]}}
    draft, scene = imported(tmp_path, given)
    assert Path(str(scene.shots[0].start.image)).name == "a.png"
    assert "image" in draft.prompts[-1]
    assert draft.prompts[-1]["weight"].yaml == "2"
    assert any("b.png" in note.message and note.fate == "left" for note in draft.notes)


def test_turbo_paints_fewer_frames_and_skipped_steps_fewer_steps(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, V5)
    assert scene.painted_rate == 4
    assert draft.fields["guidance.steps"].yaml == "7"
    draft, scene = imported(tmp_path, {**V5, "turbo_mode": False, "frames_skip_steps": "80%"})
    assert scene.painted_rate in (None, 12)
    assert draft.fields["guidance.steps"].yaml == "3"


def frames_of(folder: Path, given: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    imported(folder, given)
    (shot,) = vqanim.compile_timeline(vqanim.load_scene(folder / "scene.yaml")).shots
    return [step_matrix(plan.camera, (384, 640)) for plan in shot.frames[1:]]


def test_a_flat_move_is_the_same_warp(tmp_path: Path) -> None:
    given = {"zoom": "0: (1.03)", "angle": "0: (2)", "translation_x": "0: (5)", "translation_y": "0: (-3)"}
    found = frames_of(tmp_path, {**V4, **given, "max_frames": 5})[2]
    shift = np.array([[1, 0, 5], [0, 1, -3], [0, 0, 1]])
    theirs = rotation_matrix_2d((320, 192), 2, 1.03) @ shift
    assert np.abs(corners(found) - corners(theirs)).max() < 0.3


def test_a_deep_move_is_that_of_square_pixels(tmp_path: Path) -> None:
    """By transform_image_3d, all at the depth 1: a point is seen at x / tan(fov / 2) / z, of both axes."""
    found = frames_of(tmp_path, {**V5, "turbo_mode": False, "max_frames": 5, "translation_z": "0: (6)"})[2]
    focal, depth = 1 / np.tan(np.radians(20)), 1 - 6 / 200
    half = np.array([320.0, 192.0])
    points = np.array([[0.5, 0.0], [0.0, 0.5], [-0.5, 0.5]])
    # grid_sample reads the picture at x - (seen after - seen before).
    read_at = points - points * focal * (1 / depth - 1)
    moved = np.c_[read_at * half + half, np.ones(3)] @ found.T
    assert np.abs(moved[:, :2] / moved[:, 2:] - (points * half + half)).max() < 2.0


def test_the_last_frame_has_the_value_of_a_key_behind_it(tmp_path: Path) -> None:
    _, scene = imported(tmp_path, {**V4, "max_frames": 13, "angle": "0: (0), 100: (12)"})
    assert value_at(scene.shots[0].camera.rotate, 0.5) == pytest.approx(-12 * 6)


def test_numbers_alone_and_schedules_that_cannot_be_read(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, {**V4, "zoom": "1.02", "angle": 1, "translation_x": "0: (x)"})
    assert value_at(scene.shots[0].camera.zoom, 0) == pytest.approx(1.02**12)
    assert value_at(scene.shots[0].camera.rotate, 0) == pytest.approx(-12)
    assert told(draft, "translation_x") == {"left"}


def test_its_notebook_is_read_by_its_cells(tmp_path: Path) -> None:
    cells = (
        "batch_name = 'TimeToDisco' #@param{type: 'string'}\nsteps = 100 #@param [25,50]{type: 'raw'}\n"
        "width_height = [640, 384]#@param{type: 'raw'}\nclip_guidance_scale = 5000 #@param{type: 'number'}\n"
        "side_x = (width_height[0]//64)*64;\n",
        "animation_mode = '3D' #@param ['None', '2D', '3D']\nmax_frames = 24#@param {type:'number'}\n"
        "translation_z = '0: (10.0)'#@param\nfov = 40#@param\nturbo_mode = False #@param\n!rm -rf x\n",
        "set_seed = '42' #@param{type: 'string'}\nViTB32 = True #@param{type:'boolean'}\n",
        "text_prompts = {\n    0: ['a lighthouse:2', 'fog:-1'],\n    12: ['a castle'],\n}\n",
        "fps = 24#@param {type:'number'}\nlast_frame = final_frame#@param\n",
    )
    draft, scene = imported(tmp_path, notebook(*cells), name="a.ipynb")
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (640, 384, 24, 42)
    assert weights(draft)["a castle"] == "{0s: 0, 0.5s: [1, step]}"
    assert scene.shots[0].camera.zoom.constant_value != 1
    assert told(draft, "last_frame") == {"left"}
