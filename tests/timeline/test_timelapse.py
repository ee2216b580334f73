"""Shots of `kind: timelapse` as plans."""

from __future__ import annotations

import pytest

from tests.timeline.films import compiled, mistakes
from vqanim.camera.step import CameraStep
from vqanim.timeline import FrameRef
from vqanim.timeline.plan import ShotPlan

ONE = "fps: 4\nduration: 2s\nkind: timelapse\nprompts: [a]\nguidance: {steps: 3, first_steps: 10}\n"
TWO = """\
fps: 4
guidance: {steps: 3, first_steps: 10}
shots:
  - {name: one, duration: 1s, prompts: [a], camera: {zoom: 1.1}}
  - {name: two, duration: 1s, prompts: [b], kind: timelapse}
"""


def steps(shot: ShotPlan) -> list[int]:
    lapse = shot.frames[0].timelapse
    assert lapse is not None
    assert sum(segment.steps for segment in lapse.segments) == shot.frames[0].steps
    return [segment.steps for segment in lapse.segments]


def test_all_frames_are_of_one_optimisation_with_the_steps_of_an_ordinary_shot() -> None:
    (shot,) = compiled(ONE).shots
    assert [frame.index for frame in shot.frames] == list(range(8))
    assert steps(shot) == [10 + 7 * 3]
    assert {frame.timelapse for frame in shot.frames} == {shot.frames[0].timelapse}
    assert {(frame.previous, frame.start, frame.camera, frame.anchor) for frame in shot.frames} == {
        (None, shot.frames[0].start, CameraStep(), None)
    }


def test_weights_and_learning_rate_run_over_the_time_of_the_shot() -> None:
    moving = ONE.replace("[a]", "[{text: a, weight: {0s: 1, 1s: [2, step]}}]")
    (shot,) = compiled(moving).shots
    assert steps(shot) == [15, 16]
    assert [segment.losses[0].weight for segment in shot.frames[0].segments] == [1, 2]
    assert [frame.losses[0].weight for frame in shot.frames] == [1] * 4 + [2] * 4
    (shot,) = compiled(ONE.replace("steps: 3,", "steps: 3, learning_rate: {0s: 0.1, 2s: 0.3},")).shots
    rates = [segment.learning_rate for segment in shot.frames[0].segments]
    assert rates == pytest.approx([0.1 + 0.025 * k for k in range(8)])


def test_where_nothing_pulls_there_are_no_steps() -> None:
    (shot,) = compiled(ONE.replace("[a]", "[{text: a, weight: {0s: 1, 1s: [0, step]}}]")).shots
    assert steps(shot) == [10 + 3 * 3]
    (shot,) = compiled(ONE.replace("[a]", "none")).shots
    assert steps(shot) == []
    assert shot.frames[5].steps == 0


def test_it_begins_from_the_last_frame_of_the_shot_before_and_is_carried_on_like_any_other() -> None:
    one, two, three = compiled(TWO + "  - {name: three, duration: 1s, prompts: [a]}\n").shots
    assert {frame.previous for frame in two.frames} == {FrameRef("one", 3)}
    assert steps(two) == [12]
    assert three.frames[0].previous == FrameRef("two", 3)
    assert one.frames[1].timelapse is None
    assert all(frame.match_colors == frame.noise == 0 for frame in two.frames)


def test_a_transition_blends_the_weights_of_both_shots() -> None:
    shots = compiled(TWO.replace("kind: timelapse", "kind: timelapse, transition: {carry: 0.5s}")).shots
    said = [[(term.text, term.weight) for term in segment.losses] for segment in shots[1].frames[0].segments]
    assert said == [[("a", 1)], [("a", 0.5), ("b", 0.5)], [("b", 1)]]


def test_what_held_the_shot_before_to_its_frames_does_not_reach_it() -> None:
    near = "prompts: [a], guidance: {stay_near: 1}, camera"
    text = TWO.replace("prompts: [a], camera", near).replace(
        "timelapse", "timelapse, transition: {carry: 0.5s}"
    )
    one, two = compiled(text).shots
    assert any(not term.is_prompt for term in one.frames[3].losses)
    assert all(term.is_prompt for frame in two.frames for term in (*frame.losses, *frame.terms))


def test_under_a_dissolve_it_stays_as_it_came_out() -> None:
    text = TWO + "  - {name: three, duration: 1s, prompts: [a], transition: {dissolve: 0.5s}}\n"
    two = compiled(text).shots[1]
    assert (len(two.frames), two.overhang) == (6, 2)
    assert two.frames[0].timelapse is not None
    assert two.frames[0].timelapse.frames == 4
    assert steps(two) == [12]


def test_part_of_a_plan_has_the_stretches_of_its_steps() -> None:
    moving = ONE.replace("[a]", "[{text: a, weight: {0s: 1, 1s: [2, step]}}]")
    plan = compiled(moving).shots[0].frames[0].part(10, 8)
    assert plan.steps == 8
    assert [(segment.steps, segment.losses[0].weight) for segment in plan.segments] == [(5, 1), (3, 2)]


def test_the_frames_are_those_of_the_painted_rate() -> None:
    film = compiled(ONE.replace("steps: 3,", "rate: 2, steps: 3,"))
    assert (len(film.shots[0].frames), len(film.edit)) == (4, 8)


MISTAKES = {
    ONE + "camera: {zoom: 1.1}": "scene.yaml:8: camera.zoom: found a camera that moves, but shot main is a "
    "timelapse: write `camera: none` there",
    "camera: {pan: {x: t}}\n" + TWO: "scene.yaml:3: camera.pan.x: found a camera that moves, but shot two",
    ONE.replace("steps: 3,", "steps: 3, cutout_noise: {0s: 0, 1s: 0.1},"): "scene.yaml:7: "
    "guidance.cutout_noise: found a curve, allowed is one number in a timelapse",
    ONE.replace(
        "steps: 3,", "steps: 3, stay_near: 2,"
    ): "scene.yaml:7: guidance.stay_near: found a stay_near "
    "to the frame before, which a timelapse has not: write `to: start`, or none",
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.items(), ids=["zoom", "inherited pan", "noise", "near"])
def test_what_a_timelapse_cannot_have_is_named(text: str, said: str) -> None:
    (found,) = mistakes(text)
    assert found.startswith(said)


def test_a_camera_at_rest_and_stay_near_the_start_are_no_mistake() -> None:
    near = ONE.replace("steps: 3,", "steps: 3, stay_near: {to: start},")
    assert mistakes(near + "camera: {zoom: 1, border: wrap}") == []
