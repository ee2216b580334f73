"""One dial for several fields."""

from __future__ import annotations

from itertools import pairwise

import pytest

from vqanim import compile_timeline
from vqanim.errors import SceneError
from vqanim.scene import dump_scene, load_scene_text
from vqanim.scene.change import TABLE, dial_at
from vqanim.scene.model import Scene, Shot
from vqanim.timeline.frames import Limits


def scene(text: str) -> Scene:
    return load_scene_text("vqanim: 1\nduration: 2s\nprompts: [a]\n" + text)


def numbers(shot: Shot) -> tuple[float | None, float]:
    """Steps and stay_near of a shot."""
    near = shot.guidance.stay_near
    held = 0.0 if near is None else near.weight.constant_value or 0.0
    return shot.guidance.steps.constant_value, held


def noise(text: str, limits: Limits = Limits()) -> float:
    """Of the second frame of a scene."""
    return compile_timeline(scene(text), limits=limits).shots[0].frames[1].noise


def test_half_way_is_what_a_scene_does_that_says_nothing() -> None:
    (plain,), (half,) = scene("").shots, scene("change: 0.5\n").shots
    assert numbers(plain) == numbers(half)
    assert noise("") == noise("change: 0.5\n") == Limits().noise
    assert dial_at(0.5).learning_rate == 1


def test_it_sets_several_fields_and_written_ones_override_it() -> None:
    dreamy = TABLE[0]
    assert numbers(scene("change: 0\n").shots[0]) == (dreamy.steps, dreamy.stay_near)
    one = scene("change: 0\nguidance: {steps: 9}\ncarry: {noise: 0}\n").shots[0]
    assert numbers(one) == (9, dreamy.stay_near)
    assert numbers(scene("change: 0\nguidance: {stay_near: none}\n").shots[0])[1] == 0
    assert noise("change: 0\n") == pytest.approx(Limits().noise * dreamy.noise)
    assert noise("change: 1\ncarry: none\n") == noise("change: 0\ncarry: {noise: 0}\n") == 0
    assert noise("change: 1\ncarry: {noise: 0.1}\n") == 0.1
    assert noise("change: 1\n", Limits(noise=0)) == 0
    moving = scene("change: 1\nguidance: {steps: {0s: 2, 1s: 4}}\n").shots[0]
    assert moving.guidance.steps.constant_value is None


def test_a_shot_turns_it_for_itself() -> None:
    shots = (
        "shots: [{name: a, change: 1}, {name: b, duration: 1s}, {name: c, duration: 0.5s, change: none}]\n"
    )
    a, b, c = scene("change: 0\n" + shots).shots
    assert [numbers(shot)[0] for shot in (a, b, c)] == [TABLE[-1].steps, TABLE[0].steps, 6]
    again, *_ = scene("change: 0\nguidance: {steps: 4}\n" + shots).shots
    assert numbers(again)[0] == 4, "a written field counts, wherever it is written"


def test_between_two_rows_of_the_table_it_goes_straight() -> None:
    low, high = TABLE[:2]
    middle = dial_at((low.change + high.change) / 2)
    assert middle.steps == (low.steps + high.steps) / 2
    assert middle.learning_rate == pytest.approx((low.learning_rate + high.learning_rate) / 2)
    assert [row.change for row in TABLE] == [0, 0.25, 0.5, 0.75, 1]
    assert all(dial_at(row.change) == row for row in TABLE)
    for before, after in pairwise(TABLE):
        assert before.steps < after.steps
        assert before.learning_rate < after.learning_rate


@pytest.mark.parametrize("text", ["change: 0.3\n", "change: 1\nguidance: {stay_near: none}\n", "change: 0\n"])
def test_a_resolved_scene_says_the_same(text: str) -> None:
    loaded = scene(text)
    assert load_scene_text(dump_scene(loaded)) == loaded


def test_a_timelapse_which_has_no_frame_before_stays_near_to_none() -> None:
    loaded = scene("change: 0\nshots: [{name: a, kind: timelapse}]\n")
    assert loaded.shots[0].guidance.stay_near is None
    compile_timeline(load_scene_text(dump_scene(loaded)))  # what a render leaves is a scene that can be used


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("change: 2\n", "scene.yaml:4: change: found '2', allowed a number from 0 to 1"),
        ("change: {0s: 0, 1s: 1}\n", "scene.yaml:4: change: found a mapping"),
        ("guidance: {change: 0.3}\n", "unknown key 'change' here, it belongs to the top level of the scene"),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    with pytest.raises(SceneError) as caught:
        scene(text)
    (problem,) = caught.value.problems
    assert said in str(problem)
