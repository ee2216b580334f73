"""Shots inherit what the top level says, and change it."""

from __future__ import annotations

import pytest

from vqanim.scene import Scene, load_scene_text
from vqanim.scene.model import Camera, Guidance
from vqanim.scene.times import parse_time

TOP = """\
style: matte painting
start: {color: navy}
prompts: [a lake, a wood]
camera: {zoom: 1.2, pan: {x: "t", y: 0.2}, border: wrap}
carry: {noise: 0.1}
guidance: {steps: {0s: 3, 6s: 9}, cutouts: 8}
"""


def shots(text: str, top: str = TOP) -> Scene:
    """A scene with shots after defaults."""
    return load_scene_text(top + text)


def test_a_shot_that_says_nothing_is_as_the_top_level_says() -> None:
    (day,) = shots("shots: [{name: day, duration: 1s}]").shots
    assert [p.text for p in day.prompts] == ["a lake", "a wood"]
    assert (day.style, day.start.kind, day.camera.border, day.guidance.cutouts) == (
        "matte painting",
        "color",
        "wrap",
        8,
    )
    assert day.camera.zoom.constant_value == 1.2
    assert day.transition.kind == "carry"
    assert str(day.camera.pan.x.place) == "scene.yaml:4: camera.pan.x:"


def test_mappings_merge_lists_and_curves_are_replaced() -> None:
    (day,) = shots(
        """\
shots:
  - name: day
    duration: 1s
    prompts: [a city]
    camera: {zoom: {0s: 1, 1s: 2}, pan: {y: 0.3}}
    guidance: {steps: {2s: 4}}
"""
    ).shots
    assert [p.text for p in day.prompts] == ["a city"]
    assert (day.camera.pan.x.text, day.camera.pan.y.constant_value, day.camera.border) == ("t", 0.3, "wrap")
    assert day.guidance.steps.text == "{2s: 4}"
    assert day.guidance.cutouts == 8
    assert str(day.camera.zoom.place) == "scene.yaml:11: shots[0].camera.zoom:"


def test_curves_run_on_the_time_of_the_place_where_they_are_written() -> None:
    (day,) = shots(
        "shots: [{name: day, duration: 1s, camera: {pan: {y: t}}, prompts: [{text: a, weight: t}]}]"
    ).shots
    assert day.camera.pan.x.base == "film"
    assert day.camera.pan.y.base == "shot"
    assert day.guidance.steps.base == "film"
    assert day.prompts[0].weight.base == "shot"


def test_none_clears_to_the_default() -> None:
    (day,) = shots(
        "shots: [{name: day, duration: 1s, prompts: none, style: none, start: none, camera: none, "
        "carry: {noise: none}, guidance: {steps: none, cutouts: none}}]"
    ).shots
    assert (day.prompts, day.style, day.start.kind) == ((), "", "noise")
    assert day.camera == Camera()
    assert day.guidance == Guidance()
    assert day.carry.noise is not None
    assert day.carry.noise.constant_value == 0
    assert day.carry.match_detail is None


def test_a_story_replaces_prompts_and_prompts_a_story() -> None:
    (day,) = shots("shots: [{name: day, duration: 2s, story: {0s: a, 1s: b}, crossfade: 0.5s}]").shots
    assert [p.text for p in day.prompts] == ["a", "b"]
    assert day.prompts[0].weight.base == "shot"
    top = "story: {0s: a, 1s: b}\ncrossfade: 0.5s\n"
    night, day = shots("shots: [{name: n, duration: 1s, prompts: c}, {name: d, duration: 1s}]", top).shots
    assert [p.text for p in night.prompts] == ["c"]
    assert [p.text for p in day.prompts] == ["a", "b"]
    assert day.prompts[0].weight.base == "film"


@pytest.mark.parametrize(
    ("text", "kind", "duration"),
    [
        ("carry", "carry", None),
        ("cut", "cut", None),
        ("none", "carry", None),
        ("{kind: cut}", "cut", None),
        ("{kind: carry, duration: 1s}", "carry", "1s"),
        ("{carry: 12f}", "carry", "12f"),
    ],
)
def test_transitions(text: str, kind: str, duration: str | None) -> None:
    (day,) = shots(f"shots: [{{name: day, duration: 2s, transition: {text}}}]").shots
    assert day.transition.kind == kind
    assert day.transition.duration == (None if duration is None else parse_time(duration))


def test_one_shot_may_take_the_rest() -> None:
    scene = shots(
        "duration: 6s\nshots: [{name: a, duration: 24f}, {name: b, camera: {rotate: {50%: 1, 3: 2}}}]"
    )
    assert [shot.duration for shot in scene.shots] == [parse_time("24f"), None]
    assert scene.duration == parse_time("6s")
    assert scene.warnings == ()
    late = shots("duration: 6s\nshots: [{name: a, duration: 24f}, {name: b, camera: {rotate: {0: 1, 5: 2}}}]")
    assert (
        "the key 5 means 5 s, which lies past the end of the shot (4 s): did you mean 5f?" in late.warnings[0]
    )


def test_a_duration_that_agrees_with_the_shots_is_fine() -> None:
    assert (
        shots("duration: 2s\nshots: [{name: a, duration: 12f}, {name: b, duration: 1s}]").duration is not None
    )
    assert shots("shots: [{name: a, duration: 12f}, {name: b, duration: 1s}]").duration is None


def test_a_thousand_shots_are_enough() -> None:
    many = "".join(f"- {{name: s{number}, duration: 1f}}\n" for number in range(1001))
    with pytest.raises(Exception, match="found 1001 shots, allowed at most 1000"):
        shots("shots:\n" + many, "prompts: a\n")
