"""With a lead a change of prompts begins early enough to be seen in time, and never reaches across a cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vqanim.scene import load_scene_text
from vqanim.timeline import Timeline, compile_timeline
from vqanim.timeline.plan import ShotPlan

CHANGE = """prompts:
- {text: a lake, weight: {0s: 1, 2s: [0, step]}}
- {text: a fire, weight: {0s: 0, 2s: [1, step]}}
"""


def texts(shot: ShotPlan) -> list[str]:
    """The strongest prompt of every frame."""
    return [max(frame.losses, key=lambda term: term.weight).text for frame in shot.frames]


def film(text: str) -> Timeline:
    return compile_timeline(load_scene_text(f"fps: 10\nsize: [64, 48]\n{text}"))


@pytest.mark.parametrize(("lead", "frames"), [("0s", 0), ("3f", 3), ("0.5s", 5), ("10s", 20)])
def test_prompts_change_so_many_frames_earlier(lead: str, frames: int) -> None:
    (shot,) = film(f"duration: 4s\nlead: {lead}\n{CHANGE}").shots
    assert texts(shot).index("a fire") == 20 - frames


def test_a_lead_in_beats(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").touch()
    song = "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0s}"
    text = f"fps: 10\nduration: 4s\n{song}\nlead: 0.5beats\n{CHANGE}"
    (shot,) = compile_timeline(load_scene_text(text, "scene.yaml", tmp_path)).shots
    assert texts(shot).index("a fire") == 20 - 2  # 2.5 frames: the first whose prompts are those of 2 s


def test_steps_come_earlier_and_everything_else_stays() -> None:
    text = (
        "duration: 4s\nguidance: {steps: {0s: 2, 2s: [9, step]}, learning_rate: {0s: 0.1, 2s: [0.2, step]}}\n"
    )
    text += "camera: {zoom: {0s: 1, 2s: [1.5, step]}}\n"
    text += "carry: {noise: {0s: 0, 2s: [0.5, step]}}\nprompts: a lake\n"
    (plain,), (led,) = film(text).shots, film(f"{text}lead: 4f\n").shots
    assert [frame.steps for frame in led.frames].index(9) == 16
    for name in ("learning_rate", "camera", "noise", "time"):
        assert [getattr(frame, name) for frame in led.frames] == [
            getattr(frame, name) for frame in plain.frames
        ]


SHOTS = """shots:
- {{name: a, duration: 2s, prompts: a lake}}
- {{name: b, duration: 2s, prompts: a fire, transition: {}}}
"""


@pytest.mark.parametrize("transition", ["cut", "{dissolve: 0.5s}"])
def test_a_lead_does_not_reach_across_a_cut(transition: str) -> None:
    a, b = film("lead: 4f\n" + SHOTS.format(transition)).shots
    assert set(texts(a)) == {"a lake"}
    assert set(texts(b)) == {"a fire"}


def test_a_film_curve_stops_before_the_cut() -> None:
    a, b = film(
        f"duration: 4s\nlead: 4f\n{CHANGE}shots: [{{name: a, duration: 2s}}, {{name: b, transition: cut}}]"
    ).shots
    assert set(texts(a)) == {"a lake"}
    assert set(texts(b)) == {"a fire"}


def test_what_carries_on_is_begun_in_the_shot_before() -> None:
    a, b = film("lead: 4f\n" + SHOTS.format("carry")).shots
    assert texts(a) == ["a lake"] * 16 + ["a fire"] * 4
    assert set(texts(b)) == {"a fire"}


def test_a_blend_comes_earlier_as_a_whole() -> None:
    text = SHOTS.format("{carry: 1s}")

    def fire(lead: str) -> list[float]:
        shots = film(f"{lead}{text}").shots
        frames = [frame for shot in shots for frame in shot.frames]
        return [sum(term.weight for term in frame.losses if term.text == "a fire") for frame in frames]

    plain, led = fire(""), fire("lead: 4f\n")
    assert led[:-4] == pytest.approx(plain[4:])
    assert np.all(np.diff(led) >= 0)


def test_without_a_lead_plans_are_as_they_were() -> None:
    assert film(f"duration: 4s\n{CHANGE}") == film(f"duration: 4s\nlead: 0s\n{CHANGE}")


def test_auto_takes_what_is_usual_until_it_is_measured() -> None:
    timeline = film(f"duration: 4s\nlead: auto\n{CHANGE}")
    assert texts(timeline.shots[0]).index("a fire") == 16


@pytest.mark.parametrize(("lead", "frames"), [("0.24s", 2), ("0.26s", 3), ("0.34s", 3), ("0.36s", 4)])
def test_a_lead_between_frames_takes_the_nearest(lead: str, frames: int) -> None:
    (shot,) = film(f"duration: 4s\nlead: {lead}\n{CHANGE}").shots
    assert texts(shot).index("a fire") == 20 - frames
    a, _ = film(f"lead: {lead}\n" + SHOTS.format("carry")).shots
    assert texts(a) == ["a lake"] * (20 - frames) + ["a fire"] * frames
