"""One rule says on which frame something happens, and what is on a beat stays there at any rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.films import compiled
from vqanim.scene import Scene, dump_scene, load_scene_text
from vqanim.scene.quality import at_quality
from vqanim.scene.times import nearest_frame
from vqanim.timeline import FrameRef, Timeline, compile_timeline

Read = Callable[[str], Scene]
SONG = "soundtrack: {file: song.mp3, bpm: 97, first_beat: 0.3s}\n"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a scene whose song nobody listens to."""
    (tmp_path / "song.mp3").touch()
    return lambda text: load_scene_text(f"size: [64, 48]\n{SONG}{text}", "scene.yaml", tmp_path)


@settings(deadline=None)
@given(st.floats(0, 1000), st.sampled_from(["7", "12", "24", "25", "30000/1001"]))
def test_the_nearest_frame_is_at_most_half_a_frame_away(second: float, fps: str) -> None:
    rate = Fraction(fps)
    assert (
        abs(nearest_frame(second, rate) / rate - Fraction(second))
        <= (Fraction(1, 2) + Fraction(1, 10**6)) / rate
    )


@pytest.mark.parametrize("noise", [-1e-9, 0.0, 1e-9])
def test_rounding_decides_nothing(noise: float) -> None:
    assert nearest_frame(1.75 + noise, Fraction(12)) == 21
    assert nearest_frame(21.5 / 12 + noise, Fraction(12)) == 22


@pytest.mark.parametrize(("moment", "frame"), [("1s", 10), ("1.04s", 10), ("1.05s", 11), ("1.06s", 11)])
def test_cuts_hits_and_steps_share_a_frame(moment: str, frame: int) -> None:
    step = f"{{0s: 0, {moment}: [1, step]}}"
    film = compiled(
        f"fps: 10\nduration: 2s\nprompts: [a, {{text: b, weight: {step}}}]\n"
        f"hits: [{{on: {moment}, flash: 1, fade: 0s}}]\neffects: [{{fade: {step}}}]\n"
    )
    (shot,) = film.shots
    assert [len(plan.losses) for plan in shot.frames].index(2) == frame
    names = [[now.name for now in each.effects] for each in film.edit]
    assert next(k for k, now in enumerate(names) if "flash" in now) == frame
    assert next(k for k, now in enumerate(names) if "fade" in now) == frame
    cut = compiled(
        f"fps: 10\nduration: 2s\nprompts: [a]\n"
        f"shots: [{{name: a}}, {{name: b, at: {moment}, transition: cut}}]\n"
    )
    assert cut.chapters[1].first == frame


def test_a_step_does_not_come_before_the_key_before_it() -> None:
    film = compiled("fps: 10\nduration: 2s\nprompts: [{text: a, weight: {1.02s: 3, 1.04s: [5, step]}}]\n")
    assert [plan.losses[0].weight for plan in film.shots[0].frames][9:12] == [3, 3, 5]


SHOTS = """\
fps: 24
duration: 12s
guidance: {rate: %s}
shots:
- {name: a, duration: 2.71s, prompts: [a]}
- {name: b, duration: 4.3s, transition: cut, prompts: [a, {text: b, weight: {bar 2: 0, bar 3: [1, step]}}],
   camera: {offset: {x: {bar 2: 0, bar 3: [1, step]}}}, hits: [{on: bar 3, flash: 1, fade: 0s}]}
- {name: c, transition: %s, prompts: [a, {text: b, weight: {bar 4: 0, bar 4 beat 3: [1, step]}}],
   hits: [{on: bar 4 beat 3, flash: 1, fade: 0s}]}
"""
BAR_3 = 0.3 + 8 * 60 / 97
BAR_4 = 0.3 + 14 * 60 / 97


def changes(film: Timeline, shot: str) -> float:
    """Seconds of the film at which the second prompt of a shot is first seen alone."""
    plans = {plan.index: plan for s in film.shots if s.name == shot for plan in s.frames}
    for number, frame in enumerate(film.edit):
        looks = [look.frame for layer in frame.layers for look in layer.looks]
        if all(look.shot == shot and len(plans[look.index].losses) == 2 for look in looks):
            return float(number / film.fps)
    raise AssertionError(shot)


def flashes(film: Timeline) -> list[int]:
    return [k for k, frame in enumerate(film.edit) if any(layer.effects for layer in frame.layers)]


@pytest.mark.parametrize("transition", ["cut", "carry"])
@pytest.mark.parametrize("rate", ["24", "12", "8", "5"])
@pytest.mark.parametrize("quality", ["normal", "draft"])
def test_what_is_on_a_beat_keeps_its_time_at_any_rate(
    quality: str, rate: str, transition: str, read: Read
) -> None:
    scene = at_quality(read(SHOTS % (rate, transition)), quality, {})
    film = compile_timeline(scene)
    half = 0.5 / float(film.rate or 24)
    assert -half <= changes(film, "b") - BAR_3 <= half + 1 / 24
    assert -half <= changes(film, "c") - BAR_4 <= half + 1 / 24
    assert flashes(film) == [round(BAR_3 * 24), round(BAR_4 * 24)]


@pytest.mark.parametrize("quality", ["normal", "draft"])
@pytest.mark.parametrize("transition", ["cut", "carry"])
def test_a_camera_jumps_with_its_beat_whatever_is_painted(transition: str, quality: str, read: Read) -> None:
    film = compile_timeline(at_quality(read(SHOTS % ("8", transition)), quality, {}))
    plans = {FrameRef(plan.shot, plan.index): plan for shot in film.shots for plan in shot.frames}

    def place(number: int) -> float:
        """Where the camera of shot b is at a film frame."""
        look = film.edit[number].layers[0].looks[0]
        steps = [plans[FrameRef("b", index)].camera.shift_x for index in range(1, look.frame.index + 1)]
        return sum(steps) + sum(move.step.shift_x * move.part for move in look.moves)

    places = [place(number) for number in range(int(BAR_3 * 24) - 3, int(BAR_3 * 24) + 4)]
    gone = [abs(after - before) > 0.4 for before, after in pairwise(places)]
    assert int(BAR_3 * 24) - 2 + gone.index(True) == math.ceil(BAR_3 * 24)


@pytest.mark.parametrize("transition", ["cut", "carry"])
def test_another_fps_asks_for_no_other_frame(transition: str, read: Read) -> None:
    text = SHOTS % ("12", transition)
    plans = compile_timeline(read(text)).shots
    for fps in ("12", "25", "60", "30000/1001"):
        assert compile_timeline(read(text.replace("fps: 24", f"fps: {fps}"))).shots == plans
    plain = text.replace("fps: 24", "fps: 12").replace("guidance: {rate: 12}", "")
    assert compile_timeline(read(plain)).shots == plans


def test_a_film_frame_shows_its_own_moment(read: Read) -> None:
    text = "fps: 24\nduration: 4s\nprompts: [a]\nguidance: {rate: 8}\ncamera: {offset: {x: t}}\n"
    film = compile_timeline(read(text + "shots: [{name: a, duration: 1.04s}, {name: b, transition: cut}]"))
    plans = {FrameRef(plan.shot, plan.index): plan for shot in film.shots for plan in shot.frames}
    for number in range(26, 70):
        looks = film.edit[number].layers[0].looks
        shown = sum(look.share * plans[look.frame].time for look in looks)
        assert shown == pytest.approx(number / 24, abs=1e-6)


def test_a_resolved_draft_is_the_same_film(read: Read, tmp_path: Path) -> None:
    scene = at_quality(read(SHOTS % ("8", "carry")), "draft", {})
    text = dump_scene(scene, {str(tmp_path / "song.mp3"): "song.mp3"})
    again = load_scene_text(text, str(tmp_path / "resolved.yaml"), tmp_path)
    assert again.shots == scene.shots
    assert compile_timeline(again).shots == compile_timeline(scene).shots
    assert [f.layers for f in compile_timeline(again).edit] == [
        f.layers for f in compile_timeline(scene).edit
    ]


def test_a_story_that_changes_at_once_is_on_its_bars(read: Read, tmp_path: Path) -> None:
    scene = read(
        "fps: 10\nduration: 9s\nshots: [{name: a, duration: 2.04s, prompts: [x]}, "
        "{name: b, story: {bar 2: one, bar 3: two}, crossfade: 0s}]"
    )
    film = compile_timeline(scene)
    said = [max(plan.losses, key=lambda term: term.weight).text for plan in film.shots[1].frames]
    assert 20 + said.index("two") == round(BAR_3 * 10)
    text = dump_scene(scene, {str(tmp_path / "song.mp3"): "song.mp3"})
    assert load_scene_text(text, str(tmp_path / "resolved.yaml"), tmp_path).shots == scene.shots


def test_lines_of_lyrics_have_offsets(read: Read, tmp_path: Path) -> None:
    (tmp_path / "song.lrc").write_text("[00:02.00]Hello\n[00:04.00]Again\n")
    scene = read(
        "duration: 9s\nlyrics: song.lrc\nprompts: [{text: a, weight: {line-1+500ms: 1, line-2-1s+250ms: 2}}]"
    )
    keys = scene.shots[0].prompts[0].weight.breakpoints
    from vqanim.scene.times import TimeBase

    assert keys(TimeBase(9.0, Fraction(12))) == pytest.approx((2.5, 3.25))
