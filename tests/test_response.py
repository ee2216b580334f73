"""A lead that is measured: once, kept with the run, and what it says holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vqanim import api
from vqanim.api.response import AFTER, SETTLE, mean_response, response_frames, trial_scene, with_lead
from vqanim.engine.events import FrameDone, ResponseMeasured, TrialStarted
from vqanim.scene import load_scene_text
from vqanim.scene.times import Time

SCENE = """\
size: [32, 32]
fps: 8
duration: 0.5s
prompts: [a lake, "a volcano:0.5"]
guidance: {steps: 1, first_steps: 1, cutouts: 2}
lead: auto
"""


@pytest.mark.parametrize("frames", [0, 1, 3, 7])
def test_a_fixed_response_is_found(frames: int) -> None:
    seen = [-0.2] * (SETTLE + frames) + [0.3] * (AFTER - frames)
    assert response_frames(seen, SETTLE) == frames


def test_a_slow_change_is_seen_half_way() -> None:
    rising = [-0.1] * SETTLE + [-0.1 + 0.03 * index for index in range(8)] + [0.11] * 4
    assert response_frames(rising, SETTLE) == 4


def test_once_is_no_change() -> None:
    found = [-0.1] * SETTLE + [-0.1, 0.3, -0.1, -0.1, 0.2, 0.3] + [0.3] * (AFTER - 6)
    assert response_frames(found, SETTLE) == 4


def test_no_change_at_all_takes_what_is_usual() -> None:
    assert response_frames([0.1] * (SETTLE + AFTER), SETTLE) == 4


def likes(*changes: list[float]) -> list[list[float]]:
    """What frames have of each prompt, where each change leads from one to the next as far as it says."""
    rows = [[1.0] + [0.0] * len(changes) for _ in range(SETTLE)]
    for number, change in enumerate(changes):
        for share in change:
            rows.append([0.0] * (len(changes) + 1))
            rows[-1][number : number + 2] = [1 - share, share]
    return rows


def after(frames: int) -> list[float]:
    return [0.0] * frames + [1.0] * (AFTER - frames)


def test_of_several_changes_the_mean_counts() -> None:
    assert mean_response(likes(after(1), after(3))) == 2
    assert mean_response(likes(after(4), after(4), after(1))) == 3


def test_a_change_that_is_never_seen_does_not_count() -> None:
    assert mean_response([*likes(after(2)), *likes(after(2))[-1:] * AFTER]) == 2
    assert mean_response([[0.5, 0.5, 0.5]] * (SETTLE + 2 * AFTER)) == 4


def test_similarities_are_known_a_step_late() -> None:
    seen = likes(after(3), after(3))
    assert [mean_response(seen, steps) for steps in (1, 2, 100)] == [2, 2, 3]
    assert mean_response(likes(after(0), after(0)), 1) == 0


def test_the_prompts_of_a_trial_follow_one_another() -> None:
    texts = "[a lake, a volcano, a castle, a tiger, a reef]"
    trial = trial_scene(load_scene_text(SCENE.replace('[a lake, "a volcano:0.5"]', texts)))
    (shot,) = trial.shots
    assert [prompt.text for prompt in shot.prompts] == ["a lake", "a volcano", "a castle", "a tiger"]
    assert trial.duration == Time.of_seconds((SETTLE + 3 * AFTER) / 8)


def test_the_trial_is_painted_as_the_shot_is() -> None:
    scene = load_scene_text(SCENE + "hits: [{on: 0.1s, flash: 1}]\ncamera: {zoom: 1.2}")
    trial = trial_scene(scene)
    (shot,) = trial.shots
    assert [prompt.text for prompt in shot.prompts] == ["a lake", "a volcano"]
    assert (shot.guidance, shot.camera) == (scene.shots[0].guidance, scene.shots[0].camera)
    assert trial.hits == ()
    assert trial.duration == Time.of_seconds((SETTLE + AFTER) / 8)


def test_a_lead_of_frames_is_one_of_painted_frames() -> None:
    scene = with_lead(load_scene_text(SCENE.replace("cutouts: 2", "cutouts: 2, rate: 4")), 3)
    assert scene.shots[0].lead == Time.of_seconds(0.75)


def test_it_is_measured_once_and_kept_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE)
    out = tmp_path / "out"
    first = list(api.render(tmp_path / "scene.yaml", out))
    (measured,) = [event for event in first if isinstance(event, ResponseMeasured)]
    assert isinstance(first[0], TrialStarted)
    assert json.loads((out / "response.json").read_text())["frames"] == measured.frames
    assert f"lead: {measured.frames / 8:.12g}s" in (out / "scene.resolved.yaml").read_text()
    again = list(api.render(tmp_path / "scene.yaml", out))
    assert not any(isinstance(event, ResponseMeasured | FrameDone) for event in again)
    other = api.prepare(tmp_path / "scene.yaml", ["guidance.steps=2"])
    events = api.with_response(other, out)
    assert isinstance(next(events), TrialStarted)
    events.close()
