"""Every version of Deforum: none of its schedules is lost, and its older names are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import vqanim
from tests.importers.deforum_corpus import NOTEBOOK_01, NOTEBOOK_04, corpus
from vqanim.api.create import checked
from vqanim.importers import import_settings
from vqanim.importers.deforum_prompts import parts_of
from vqanim.importers.draft import AT_REST, UNKNOWN, Draft
from vqanim.scene.model import Scene

CORPUS = dict(corpus())
MOVES = {
    "2D": "zoom angle translation_x translation_y transform_center_x transform_center_y",
    "3D": "translation_x translation_y translation_z rotation_3d_x rotation_3d_y rotation_3d_z fov_schedule",
}
DOSES = "strength_schedule noise_schedule amount_schedule"


def imported(settings: Mapping[str, Any] | str, folder: Path, name: str = "s.txt") -> tuple[Draft, Scene]:
    (folder / name).write_text(settings if isinstance(settings, str) else json.dumps(settings))
    draft = import_settings(str(folder / name), folder, "deforum")
    (folder / "scene.yaml").write_text(checked(draft, folder / "scene.yaml"))
    return draft, vqanim.load_scene(folder / "scene.yaml")


def weights(scene: Scene) -> dict[str, str]:
    return {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}


@pytest.mark.parametrize("name", CORPUS)
def test_no_schedule_of_any_version_is_lost(name: str, tmp_path: Path) -> None:
    draft, scene = imported(CORPUS[name], tmp_path)
    settings = CORPUS[name].get("deforum_settings", CORPUS[name])
    assert not draft.dropped
    assert set(settings) <= draft.known
    vqanim.compile_timeline(scene)
    left = {key: note.message for note in draft.notes if note.fate == "left" for key in note.keys}
    mode = settings.get("animation_mode", "None")
    used = f"{MOVES.get(mode, '')} {DOSES}".split()
    flips_2d = mode == "2D" and settings.get("flip_2d_perspective")
    unused = (
        {"translation_x", "translation_y"} if flips_2d else set()
    )  # nor does the tool shift beside a flip
    assert not {key: left[key] for key in used if key in left and key not in unused}
    assert UNKNOWN not in left.values()
    flips = [key for key in settings if key.startswith("perspective_flip_")]
    if settings.get("enable_perspective_flip") or settings.get("flip_2d_perspective"):
        assert not set(flips) & set(left)
    elif mode in MOVES:
        assert all(left[key] == AT_REST for key in flips)


def test_the_functions_of_a_notebook_hold_its_settings(tmp_path: Path) -> None:
    cells = [
        "import os\n!pip install deforum\nif True:\n    !nvidia-smi\nseed = 5",
        "def DeforumArgs():\n    #@markdown **Image Settings**\n    W = 448 #@param\n    H = 448 #@param\n"
        "    W, H = map(lambda x: x - x % 64, (W, H))\n    seed = 42 #@param\n    return locals()\n",
        "def DeforumAnimArgs():\n    animation_mode = '3D' #@param ['None', '2D'] {type:'string'}\n"
        "    max_frames = 24\n    translation_z = '0:(10)'\n    fov = 40\n    return locals()\n",
        "prompts = {0: 'a lake', 10: 'a portrait'}\nneg_prompts = {0: 'mountain', 5: 'fog'}\n",
        "this is no python at all (\nW = 3",
    ]
    notebook = {"nbformat": 4, "cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    draft, scene = imported(notebook, tmp_path, "n.ipynb")
    assert (scene.size.width, scene.size.height, scene.seed) == (448, 448, 42)
    assert {"W", "H", "seed", "fov", "neg_prompts"} <= draft.known
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(0.8554**-15, rel=1e-3)
    assert set(weights(scene)) == {"a lake", "a portrait", "mountain", "fog"}
    assert weights(scene)["mountain"].startswith("{0s: -0.5, 0.333333333s: 0}")


def test_the_size_of_a_later_version_has_other_names(tmp_path: Path) -> None:
    draft, scene = imported(
        {"width": 768, "height": 448, "animation_mode": "2D", "prompts": {"0": "a"}}, tmp_path
    )
    assert (scene.size.width, scene.size.height) == (768, 448)
    assert {"width", "height"} <= draft.known


@pytest.mark.parametrize(
    ("prompts", "mode", "expected"),
    [
        ({"a": "00000", "b": "00001"}, "None", {"a": "{0s: 1, 2s: 0}", "b": "{0s: 0, 2s: 1}"}),
        ({"a": 0, "b": 10}, "2D", {"a": "{0s: 1, 1s: 0}", "b": "{0s: 0, 1s: 1}"}),
        ({"a": 0, "b": 1}, "2D", {"a": "{0s: 1, 0.1s: 0}", "b": "{0s: 0, 0.1s: 1}"}),
        ({"a": 1.5, "b": -0.5}, "2D", {"a": "1.5", "b": "-0.5"}),
        (["a", "b"], "None", {"a": "{0s: 1, 2s: 0}", "b": "{0s: 0, 2s: 1}"}),
        ('{"0": "a", "10": "b"}', "2D", {"a": "{0s: 1, 1s: 0}", "b": "{0s: 0, 1s: 1}"}),
        ("a", "2D", {"a": "1"}),
        ({"0": {"prompt": "a", "negative_prompt": "b"}}, "2D", {"a": "1", "b": "-0.5"}),
        ({"0": ["a", "b :2"]}, "2D", {"a": "1", "b": "2"}),
        ({"1s": "a", "max_f/3": "b", "what?": "c"}, "2D", {"a": "{0s: 1, 1.3s: 0}", "b": "{0s: 0, 1.3s: 1}"}),
        ({"-1": "a"}, "2D", {"a": "1"}),
    ],
)
def test_prompts_may_be_written_in_all_the_ways_of_its_versions(
    prompts: Any, mode: str, expected: dict[str, str], tmp_path: Path
) -> None:
    _, scene = imported({"animation_mode": mode, "max_frames": 40, "fps": 10, "prompts": prompts}, tmp_path)
    assert weights(scene) == expected


@pytest.mark.parametrize(
    ("text", "old", "parts"),
    [
        ("pear:`cos(t)`, plum:`sin(t)`, snow", False, ["pear `cos(t)`", "plum `sin(t)`", "snow 1"]),
        ("(pear:`cos(t)`), snow", False, ["pear `cos(t)`", "snow 1"]),
        ("a cat :`t/9` AND a dog :2", False, ["a cat `t/9`", "a dog 2"]),
        ("a lake, (calm:1.3) at noon", False, ["a lake, calm at noon 1"]),
        ("apple:2 banana:-1 tree", True, ["apple 2", "banana -1", "tree 1"]),
        ("apple:`t` banana:0.5", True, ["apple `t`", "banana 0.5"]),
        ("10:30 in the morning", False, ["10:30 in the morning 1"]),
    ],
)
def test_weights_of_a_prompt(text: str, old: bool, parts: list[str]) -> None:
    assert [f"{words} {weight}" for words, _, weight in parts_of(text, old)] == parts


def test_a_weight_without_a_value_at_some_frames_is_told(tmp_path: Path) -> None:
    settings = {
        "animation_mode": "2D",
        "max_frames": 30,
        "prompts": {"0": "a:`cos(t)**0.5`", "20": "b:`what(t)`"},
    }
    draft, scene = imported(settings, tmp_path)
    (note,) = [note for note in draft.notes if "prompts" in note.keys and note.fate == "close"]
    assert "no value at frames 2 to 4" in note.message
    assert "no function what()" in note.message
    assert set(weights(scene)) == {"a", "b"}


def test_more_prompts_than_a_scene_has_are_cut_and_told(tmp_path: Path) -> None:
    prompts = {str(frame): f"picture {frame}" for frame in range(0, 1200, 8)}
    draft, scene = imported({"animation_mode": "2D", "max_frames": 1200, "prompts": prompts}, tmp_path)
    assert len(scene.shots[0].prompts) == 100
    assert any("50 texts" in note.message and "frame 800" in note.message for note in draft.notes)


def test_what_stands_before_every_prompt_may_be_all(tmp_path: Path) -> None:
    given = {
        "prompts": {"0": ""},
        "animation_prompts_positive": "a lake",
        "animation_prompts_negative": "fog",
    }
    _, scene = imported({"animation_mode": "2D", **given}, tmp_path)
    assert weights(scene) == {"a lake": "1", "fog": "-0.5"}


def test_an_old_file_is_as_the_notebook_that_wrote_it(tmp_path: Path) -> None:
    _, scene = imported(NOTEBOOK_04, tmp_path)
    camera = scene.shots[0].camera
    assert camera.zoom.constant_value == pytest.approx(1.04**15)
    assert camera.border == "wrap"
    assert weights(scene)["a portrait"] == "{0s: 0, 1.333333333s: 1, 2s: 0}"


def test_the_first_notebooks_say_strength_and_noise_by_other_names(tmp_path: Path) -> None:
    _, scene = imported(NOTEBOOK_01, tmp_path)
    (shot,) = scene.shots
    assert shot.guidance.steps is not None
    assert shot.guidance.steps.constant_value == pytest.approx(6 / 0.35 * 0.4, rel=1e-3)
    assert shot.carry.noise is not None
    assert shot.carry.noise.constant_value == pytest.approx(0.006)


@pytest.mark.parametrize(("given", "moves"), [({"translation_z": "0:(5)"}, True), ({"zoom": "0:(1)"}, False)])
def test_a_mode_that_is_not_said_is_that_of_the_moves(
    given: dict[str, str], moves: bool, tmp_path: Path
) -> None:
    _, scene = imported(
        {"max_frames": 30, "prompts": {"0": "a"}, "rotation_3d_y": "0:(1)", **given}, tmp_path
    )
    assert (scene.shots[0].camera.yaw.constant_value != 0) is moves


@pytest.mark.parametrize("text", ["a clock at 12:30", "a screen in 16:9"])
def test_a_ratio_at_the_end_of_a_text_is_no_weight(text: str) -> None:
    assert list(parts_of(text)) == [(text, False, "1")]
    assert list(parts_of("a lake :2")) == list(parts_of("a lake:2")) == [("a lake", False, "2")]
    assert list(parts_of("the year 1984 :2")) == [("the year 1984", False, "2")]
