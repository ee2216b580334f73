"""Manifests of Parseq: rendered ones, keyframes with formulas, and those within Deforum's settings."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.importers.importing import imported, told, value_at, weights
from vqanim.errors import UsageError
from vqanim.importers.curves import Untranslatable
from vqanim.importers.manifests.frames import frames_of
from vqanim.importers.manifests.language import number_at, parse
from vqanim.importers.manifests.merging import thinned
from vqanim.importers.manifests.moment import Keyed, Moment

COUNT = 24


def rendered(**fields: Any) -> list[dict[str, Any]]:
    """Rows of all frames; a field is a number, or a function of the frame."""
    rows = []
    for frame in range(COUNT):
        values = {key: value(frame) if callable(value) else value for key, value in fields.items()}
        rows.append({"frame": frame, **values})
    return rows


def manifest(**fields: Any) -> dict[str, Any]:
    given = {"deforum_prompt": "a castle --neg fog", **fields}
    return {
        "meta": {"generated_by": "sd_parseq", "version": "0.1.94"},
        "options": {"output_fps": 12, "bpm": 120, "cadence": 1},
        "managedFields": list(fields),
        "keyframes": [{"frame": 0}, {"frame": COUNT - 1}],
        "rendered_frames": rendered(**given),
        "rendered_frames_meta": {},
    }


DEFORUM = {
    "W": 512, "H": 320, "animation_mode": "2D", "max_frames": 99, "fps": 30, "seed": 5, "border": "wrap",
    "prompts": {"0": "a lake"}, "zoom": "0:(1.05)", "strength_schedule": "0:(0.65)",
}  # fmt: skip


def inline(given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**DEFORUM, "parseq_manifest": json.dumps(given), **more}


def test_a_manifest_alone_moves_by_its_deltas(tmp_path: Path) -> None:
    given = manifest(
        angle=lambda f: 2.0 * f,
        angle_delta=lambda f: 2.0 if f else 0.0,
        zoom=1.01,
        zoom_delta=lambda f: 1 + 0.01 * (f > 0),
    )
    draft, scene = imported(tmp_path, given)
    assert (scene.fps, draft.fields["duration"].yaml) == (12, "2s")
    camera = scene.shots[0].camera
    assert camera.rotate.constant_value == pytest.approx(-24)
    assert camera.zoom.constant_value == pytest.approx(1.01**12)
    assert weights(draft) == {"a castle": "1", "fog": "-0.5"}
    assert set(given) <= draft.known


def test_a_manifest_in_deforum_s_settings_overrides_them_frame_by_frame(tmp_path: Path) -> None:
    given = inline(manifest(zoom_delta=1.02, zoom=1.02, strength=lambda f: 0.3 if f < 12 else 0.65))
    draft, scene = imported(tmp_path, given)
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (512, 320, 12, 5)
    assert draft.fields["duration"].yaml == "2s"
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.02**12)
    assert weights(draft) == {"a castle": "1", "fog": "-0.5"}
    assert value_at(scene.shots[0].guidance.steps, 0.5) == pytest.approx(12)
    assert value_at(scene.shots[0].guidance.steps, 1.5) == pytest.approx(6)
    assert set(given) <= draft.known


def test_rendered_frames_are_enough(tmp_path: Path) -> None:
    given = {"rendered_frames": rendered(zoom=1.01, deforum_prompt="a castle"), "keyframes": []}
    draft, scene = imported(tmp_path, given)
    assert (scene.fps, weights(draft)) == (15, {"a castle": "1"})


def test_switches_of_deforum_say_what_the_manifest_overrides(tmp_path: Path) -> None:
    given = manifest(zoom=1.02, zoom_delta=1.3)
    draft, scene = imported(
        tmp_path, inline(given, parseq_use_deltas=False, parseq_non_schedule_overrides=False), "deforum"
    )
    assert (scene.fps, draft.fields["duration"].yaml) == (30, "3.3s")
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.02**30)


def test_moves_in_depth_make_it_deep_and_what_lacks_deltas_is_taken_as_steps(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, manifest(translation_z=0.5, rotation_3d_y=1.0))
    assert value_at(scene.shots[0].camera.zoom, 0) > 1
    assert scene.shots[0].camera.yaw.constant_value == pytest.approx(12)
    assert told(draft, "translation_z") == {"close"}


def test_a_field_that_the_first_frame_lacks_is_not_parseq_s(tmp_path: Path) -> None:
    given = manifest(zoom=1.02)
    for row in given["rendered_frames"][:3]:
        del row["zoom"]
    _, scene = imported(tmp_path, inline(given))
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.05**12)


def test_composed_prompts_keep_their_weights_over_time(tmp_path: Path) -> None:
    def text(frame: int) -> str:
        way = frame / 23
        return f"a cat: {1 - way:.4g} AND a dog: {way:.4g} --neg rain: {1 - way:.4g} AND rain: {way:.4g}"

    draft, _ = imported(tmp_path, manifest(deforum_prompt=text))
    found = weights(draft)
    assert found["a cat"] == "{0s: 1, 1.916666667s: 0}"
    assert found["a dog"] == "{0s: 0, 1.916666667s: 1}"
    assert found["rain"] == "-0.5"


def test_words_whose_weight_changes_become_prompts_and_others_stay(tmp_path: Path) -> None:
    draft, _ = imported(
        tmp_path, manifest(deforum_prompt=lambda f: f"a (black cat:{f / 23:.5f}) by (Monet:1.2), 4k")
    )
    assert weights(draft) == {"black cat": "{0s: 0, 1.916666667s: 1}", "a by Monet, 4k": "1"}


def test_prompts_that_follow_one_another_change_at_once(tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, manifest(deforum_prompt=lambda f: "a cat" if f < 12 else "a dog, 16:9"))
    assert weights(draft) == {"a cat": "{0s: 1, 1s: [0, step]}", "a dog, 16:9": "{0s: 0, 1s: [1, step]}"}


def test_an_address_alone_is_told_and_the_kept_keyframes_are_used(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, {**DEFORUM, "parseq_manifest": "https://example.org/m.json"})
    assert told(draft, "parseq_manifest") == {"left"}
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.05**30)
    kept = {key: value for key, value in keyed().items() if key != "rendered_frames"}
    given = {
        **DEFORUM,
        "parseq_manifest": "https://example.org/m.json",
        "fetched_parseq_manifest_summary": kept,
    }
    draft, _ = imported(tmp_path, given)
    assert "a castle, oil painting" in weights(draft)


STRENGTH = "0.5+sin(p=2s)*0.1"


def keyed() -> dict[str, Any]:
    overlap = {"type": "linear", "inFrames": 0, "outFrames": 20, "custom": "1"}
    back = {"type": "linear", "inFrames": 20, "outFrames": 0, "custom": "1"}
    return {
        "options": {"output_fps": 10, "bpm": 120},
        "managedFields": ["zoom", "angle", "strength", "prompt_weight_1"],
        "prompts": {
            "format": "v2",
            "enabled": True,
            "commonPrompt": {"positive": "oil painting", "negative": "blurry"},
            "commonPromptPos": "append",
            "promptList": [
                {"positive": "a castle,", "from": 0, "to": 40, "allFrames": False, "overlap": overlap},
                {"positive": "a ${if f>30 \"lake\" else \"sea\"},", "from": 20, "to": 60, "overlap": back},
                {"positive": "never", "enabled": False, "allFrames": True},
            ],
        },
        "keyframes": [
            {"frame": 0, "zoom": 1, "zoom_i": "L", "angle": 0, "angle_i": "S", "strength_i": STRENGTH},
            {"frame": 30, "zoom": 1.3, "angle": "9", "prompt_weight_1": 1},
            {"frame": 60, "zoom": 1, "angle": 3, "strength": ""},
        ],
    }  # fmt: skip


def test_keyframes_are_worked_out_where_nothing_is_rendered(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, keyed())
    camera, guidance = scene.shots[0].camera, scene.shots[0].guidance
    assert (scene.fps, draft.fields["duration"].yaml) == (10, "6.1s")
    assert value_at(camera.zoom, 1.0) == pytest.approx(1.01**10, rel=1e-3)
    assert value_at(camera.zoom, 5.0) == pytest.approx(0.99**10, rel=1e-3)
    assert value_at(camera.rotate, 3.0) == pytest.approx(-90)
    assert value_at(guidance.steps, 0.5) == pytest.approx((0.5 - 0.1) * 6 / 0.35, rel=1e-2)
    found = weights(draft)
    assert found["a castle, oil painting"].startswith("{0s: 1, 2s: 1, 4s: 0")
    assert {"a sea, oil painting", "a lake, oil painting", "blurry"} <= set(found)
    assert told(draft, "keyframes") == {"close"}


@pytest.mark.parametrize(
    "prompts",
    [
        {"positive": "a castle, oil painting", "negative": "fog"},
        [{"positive": "a castle, oil painting", "negative": "fog", "from": 0, "to": 60, "allFrames": True}],
        {
            "format": "v2",
            "promptList": [{"positive": "a castle", "negative": "", "allFrames": True}],
            "commonPrompt": {"positive": "[prompt], oil painting", "negative": "fog"},
            "commonPromptPos": "template",
        },
    ],
)
def test_prompts_of_all_formats(prompts: Any, tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, {**keyed(), "prompts": prompts})
    assert weights(draft) == {"a castle, oil painting": "1", "fog": "-0.5"}


def test_a_formula_that_has_no_equal_leaves_straight_lines_and_is_told(tmp_path: Path) -> None:
    given = keyed()
    given["keyframes"][0]["angle_i"] = "rand(0, 5)"
    draft, scene = imported(tmp_path, given)
    assert value_at(scene.shots[0].camera.rotate, 1.0) == pytest.approx(-3)
    assert any("rand" in note.message and "angle" in note.keys for note in draft.notes)


AT = Moment(15, Keyed((0, 10, 30), (1.0, 3.0, 7.0)), fps=10, bpm=120, last_frame=60, computed=(0.0, 5.0))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("L", 4),
        ("S", 3),
        ("f + k", 20),
        ("2s + 4b + 3f", 43),
        ("5 - 2 - 1", 4),
        ("2*3^2", 18),
        ("-S", -3),
        ("if f>10 5 else 3", 5),
        ("if (f<10 or k == 5) next_keyframe_value else 3", 7),
        ("sin(p=20)", -1),
        ("sin(20, 5, 2, 1)", 1 + 2 * math.sin(2 * math.pi)),
        ("tri(p=20) + saw(p=10) + sq(p=20) + pulse(p=10, pw=6)", -1 + 0.5 - 1 + 1),
        ("slide(from=0, to=8, in=10)", 4),
        ("bez(0, 0, 1, 1)", 4),
        ("min(max(L, 2), 3) * abs(0-2)", 6),
        ("round(2.567, 1) + floor(2.7) + ceil(2.1)", 2.6 + 2 + 3),
        ("f2s(f) + b2f(2)", 11.5),
        ("prev_computed_value + computed_at(0)", 5),
        ("start_of_beat()", 15),
        ("_sin(PI / 2) # a remark", 1),
    ],
)
def test_formulas(formula: str, value: float) -> None:
    assert number_at(parse(formula), AT) == pytest.approx(value, abs=1e-9)


def test_a_spline_and_a_polynomial_pass_through_their_keyframes() -> None:
    line = Keyed((0, 10, 20, 30), (0.0, 1.0, 2.0, 3.0))
    curve = Keyed((0, 10, 20), (0.0, 1.0, 4.0))
    for frame in range(31):
        assert line.spline(frame) == pytest.approx(frame / 10)
        assert curve.polynomial(frame) == pytest.approx(frame**2 / 100)
    assert [curve.spline(frame) for frame in (0, 10, 20)] == pytest.approx([0, 1, 4])
    assert curve.spline(5) == pytest.approx(0.3125)  # natural: no bend at the ends


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "1 +",
        "(1",
        "rand()",
        "sin(q=1)",
        "nobody",
        "1 2",
        "$",
        "(" * 500 + "1",
        "x" * 3000,
        '"a" + 1',
        "1/0",
    ],
)
def test_formulas_that_cannot_be_read_are_refused(formula: str) -> None:
    with pytest.raises(Untranslatable):
        number_at(parse(formula), AT)


def test_thinned_values_stay_near_and_keep_their_ends() -> None:
    values = {frame: math.sin(frame / 60) for frame in range(200)}
    kept = dict(thinned(values, 1e-3))
    assert {0, 199} <= set(kept)
    assert len(kept) < 60
    track = Keyed(tuple(kept), tuple(kept.values()))
    assert max(abs(track.linear(frame) - value) for frame, value in values.items()) <= 1e-3 + 1e-9
    assert thinned({0: 1.0, 1: 1.0, 2: 1.0}, 0.0) == [(0, 1.0), (2, 1.0)]


BROKEN: dict[str, Any] = {
    "no frames": {"rendered_frames": []},
    "frames without a number": {"rendered_frames": [{"zoom": 1}]},
    "a frame beyond all measure": {"rendered_frames": [{"frame": 1e9}]},
    "keyframes without a frame": {"keyframes": [{"zoom": 1}], "managedFields": ["zoom"]},
    "keyframes that are none": {"keyframes": 5, "managedFields": ["zoom"]},
    "too many values": {
        "keyframes": [{"frame": 0}, {"frame": 99_000}],
        "managedFields": [f"f{n}" for n in range(99)],
    },
    "a manifest that is cut": {**DEFORUM, "parseq_manifest": '{"rendered_frames": [{"frame": 0'},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_manifest_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, BROKEN[name])


def test_odd_values_in_a_manifest_are_passed_over() -> None:
    rows = [
        {"frame": 0, "zoom": 1.5, "angle": "x", 3: True},
        None,
        {"frame": "1", "zoom": None},
        {"frame": math.nan},
    ]
    found = frames_of({"rendered_frames": rows}, "m.json")
    assert (found.count, found.fields) == (2, {"zoom": {0: 1.5}})
