"""Moments past the end of a film or shot, which nobody sees, are pointed out once for each list of them."""

from __future__ import annotations

import pytest

from vqanim.scene import load_scene_text

HEAD = "fps: 10\nduration: 2s\nprompts: [a]\n"


@pytest.mark.parametrize(
    ("written", "place", "said"),
    [
        ("camera: {zoom: {0s: 1, 3s: 1.1, 60f: 1.2}}", "camera.zoom", "3s, 60f lie"),
        ("camera: {pan: {x: {0s: 0, 2500ms: 1}}}", "camera.pan.x", "2500ms lies"),
        ("carry: {noise: {0s: 0, 120%: 1}}", "carry.noise", "120% lies"),
        ("guidance: {steps: {0s: 3, 0:03: 6}}", "guidance.steps", "0:03 lies"),
        ("effects: [{flash: {0s: 0, 4s: 1}}]", "effects[0].flash", "4s lies"),
        ("hits: [{on: [1s, 3s], flash: 0.4}]", "hits[0].on", "3s lies"),
        ("start: {icon: eye, also_target: {0s: 1, 3s: 0}}", "start.also_target", "3s lies"),
    ],
)
def test_moments_past_the_end_of_the_film(written: str, place: str, said: str) -> None:
    (warning,) = load_scene_text(HEAD + written).warnings
    assert warning.startswith(f"scene.yaml:4: {place}: {said} past the end of the film (2 s)")


def test_prompts_and_stories_past_the_end() -> None:
    scene = load_scene_text("duration: 2s\nprompts: [{text: a, weight: {0s: 1, 2s: 0, 3s: 1}}]")
    assert "prompts[0].weight: 3s lies" in scene.warnings[0]
    scene = load_scene_text("duration: 2s\nstory: {0s: a, 1s: b, 2.5s: c}")
    assert "story: 2.5s lies" in scene.warnings[0]


def test_moments_of_a_shot_are_measured_by_the_shot_and_those_of_the_film_by_the_film() -> None:
    scene = load_scene_text(
        "prompts: [a]\ncamera: {zoom: {0s: 1, 2s: 1.1}}\nshots:\n"
        "  - {name: a, duration: 1s, camera: {rotate: {0s: 1, 1.5s: 3}}}\n  - {name: b, duration: 1s}\n"
    )
    (warning,) = scene.warnings
    assert warning.startswith(
        "scene.yaml:4: shots[0].camera.rotate: 1.5s lies past the end of the shot (1 s)"
    )


@pytest.mark.parametrize("end", ["2s", "20f", "100%", "0:02"])
def test_the_end_itself_is_not_past_it(end: str) -> None:
    assert load_scene_text(f"{HEAD}camera: {{zoom: {{0s: 1, {end}: 1.1}}}}").warnings == ()
