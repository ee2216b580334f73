"""pytti's settings as JSON and as printed, its prompts with addresses and files, and `_prev` sounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.importers.importing import imported, told, weights
from tests.sounds import RATE, tone
from vqanim.importers.pytti_prompts import divided

SETTINGS = {
    "scenes": "a castle | fog:-1:-.95 || a lake", "scene_prefix": "", "scene_suffix": "",
    "image_model": "VQGAN", "vqgan_model": "sflckr", "animation_mode": "2D", "steps_per_scene": 200,
    "steps_per_frame": 20, "pre_animation_steps": 20, "interpolation_steps": 0, "width": 320, "height": 176,
    "frames_per_second": 12,
    "seed": 3024054553251595568, "init_image": "", "learning_rate": None, "ViTB32": True, "ViTB16": False,
    "translate_x": "10*sin(t)", "rotate_3d": "[1, 0, 0, 0]", "input_audio_filters": [], "lock_camera": True,
}  # fmt: skip
TEXT = json.dumps(SETTINGS)
BEHIND = "\n\n0.00: b'a castle | fog:-1:-.95'\n10.00: b\"it's a lake\"\n"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + BEHIND,
        TEXT + "\n\n0.00: a castle {with: braces}\n",
        f"batch_index: 0\n{TEXT}{BEHIND}\n\nbatch_index: 1\n{TEXT}{BEHIND}",
        f"SETTINGS:\n{SETTINGS!r}\n",
        repr(SETTINGS),
    ],
    ids=["json", "with lines", "older lines", "a batch", "printed", "a dictionary"],
)
def test_settings_as_pytti_writes_and_prints_them(text: str, tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, text)
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (320, 176, 12, SETTINGS["seed"])
    assert draft.fields["duration"].yaml == "1.666666667s"
    assert weights(draft)["fog"].startswith("{0s: -1, 0.75s: [0, step]")
    assert "sin(t)" in draft.fields["camera.pan.x"].yaml
    assert set(SETTINGS) <= draft.known


@pytest.mark.parametrize("mode", ["off", "2D", "3D", "Video Source", False])
def test_all_modes_become_scenes_that_tell_of_every_key(mode: Any, tmp_path: Path) -> None:
    more = {"translate_z_3d": "20", "field_of_view": 45, "infill_mode": "smear", "video_path": "a.mp4"}
    draft, scene = imported(tmp_path, {**SETTINGS, **more, "animation_mode": mode, "save_every": 50})
    assert scene.shots[0].kind == ("timelapse" if mode in ("off", False) else "animation")
    assert {"a castle", "fog", "a lake"} == set(weights(draft))
    assert set(SETTINGS) | set(more) <= draft.known


@pytest.mark.parametrize(
    ("scenes", "texts", "named"),
    [
        ("https://example.org/a.png:2 | a tree", {"a tree": "1"}, "https://example.org/a.png"),
        (
            "[https://example.org:8080/a_b.png]:2:.5 | a tree:3",
            {"a tree": "3"},
            "https://example.org:8080/a_b.png",
        ),
        (
            "http://localhost:8080/a_b.png:-1_[m.png] | a tree",
            {"a tree": "1"},
            "http://localhost:8080/a_b.png",
        ),
        ("a tree, see https://example.org/x:2", {"a tree, see https://example.org/x": "2"}, ""),
    ],
)
def test_an_address_is_no_prompt_and_is_named_whole(
    scenes: str, texts: dict[str, str], named: str, tmp_path: Path
) -> None:
    draft, _ = imported(tmp_path, {**SETTINGS, "scenes": scenes})
    assert weights(draft) == texts
    if named:
        assert any(f"'{named}'" in note.message and note.fate == "left" for note in draft.notes)


def test_a_direct_image_prompt_by_its_address_is_told(tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, {**SETTINGS, "direct_image_prompts": "https://example.org/b.jpg:2"})
    assert told(draft, "direct_image_prompts") == {"left"}
    assert not any("image" in prompt for prompt in draft.prompts)


@pytest.mark.parametrize(
    "mask", ["[fractal_/film.mp4]", "[fractal_/film.mp4]_0.5", "[-fractal_/film.mp4]", "fractal_/film.mp4"]
)
def test_files_with_underscores_are_kept_whole(mask: str, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "fractal_").mkdir()
    Image.new("L", (8, 8), 255).save(tmp_path / "fractal_" / "a_b.png")
    given: dict[str, Any] = {
        "scenes": f"a castle:2_{mask}:.9 | a lake:1_[fractal_/a_b.png]_0.5 | [fractal_/a_b.png]:3",
        "init_image": "fractal_/a_b.png",
        "video_path": "fractal_/film.mp4",
        "direct_stabilization_weight": f"2_{mask}",
    }
    draft, scene = imported(tmp_path, {**SETTINGS, **given})
    assert [prompt.get("text") and prompt["text"].yaml for prompt in draft.prompts] == [
        "'a castle'",
        "'a lake'",
        None,
    ]
    assert "weight" in draft.prompts[0]
    assert "fractal_/film.mp4" in " ".join(note.message for note in draft.notes if "scenes" in note.keys)
    assert "a_b.png" in draft.prompts[1]["inside"].yaml
    assert Path(str(scene.shots[0].start.image)).name == "a_b.png"
    assert "weight: 2}" in draft.fields["guidance.stay_near"].yaml


def test_the_sound_of_the_frame_before_keeps_the_move(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", tone(100.0, 4.0), RATE)
    given = {
        "input_audio": "song.wav",
        "input_audio_filters": [{"variable_name": "fLo", "f_center": 80, "f_width": 40, "order": 4}],
        "translate_x": "(fLo*0.6 + fLo_prev*0.4)*50",
        "rotate_2d": "2*fLo_prev",
        "scenes": "a castle:1+fLo_prev_a",
    }
    draft, scene = imported(tmp_path, {**SETTINGS, **given})
    assert "fLo" in scene.shots[0].camera.pan.x.text
    assert "fLo" in scene.shots[0].camera.rotate.text
    assert weights(draft)["a castle"].strip('"') == "1 + fLo"
    for key in ("translate_x", "rotate_2d"):
        assert "close" in told(draft, key)
    assert any("_prev" in note.message for note in draft.notes)


def test_without_the_song_such_a_move_is_told(tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, {**SETTINGS, "translate_x": "fLo_prev", "input_audio": "gone.mp3"})
    assert "left" in told(draft, "translate_x")


@pytest.mark.parametrize(
    ("text", "sign", "parts"),
    [
        ("a:1:2", ":", ["a", "1:2"]),
        ("[C:\\a.png]:1", ":", ["[C:\\a.png]", "1"]),
        ("a [b]: 1", ":", ["a [b]", " 1"]),
        ("1_[a_b.png]_2", "_", ["1", "[a_b.png]_2"]),
        ("x_prev*2_a", "_", ["x_prev*2", "a"]),
        ("https://u:80/a:b", ":", ["https://u:80/a", "b"]),
    ],
)
def test_signs_divide_outside_of_files_addresses_and_names(text: str, sign: str, parts: list[str]) -> None:
    assert divided(text, sign, 1, ["x_prev"]) == parts


def test_a_long_text_is_divided_at_once() -> None:
    assert len(divided("a:" * 200_000, ":", 1)) == 2
