"""Where shots begin and end, and how one goes on from another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.films import compiled, frames_of, mistakes, movement, path, weights
from vqanim.timeline import FrameRef, Timeline
from vqanim.timeline.plan import StartPlan

TWO = """\
fps: 10
start: {color: "#ff0000"}
shots:
  - {name: a, duration: 1s, prompts: [a lake]}
  - {name: b, duration: 0.5s, prompts: [a volcano]%s}
"""


def counts(timeline: Timeline) -> list[int]:
    return [len(shot.frames) for shot in timeline.shots]


def shots_of(durations: list[str], fps: str = "12") -> str:
    lines = [f"  - {{name: s{i}, duration: {d}, prompts: [a]}}\n" for i, d in enumerate(durations)]
    return f"fps: {fps}\nshots:\n" + "".join(lines)


def test_borders_round_the_cumulated_time_not_each_shot() -> None:
    # 12.48, 24.96 and 37.44 frames: each alone would be 12, three together are 37.
    assert counts(compiled(shots_of(["1.04s", "1.04s", "1.04s"]))) == [12, 13, 12]


def test_half_a_frame_counts_as_one() -> None:
    assert counts(compiled(shots_of(["0.25s", "0.1s", "0.1s"], fps="10"))) == [3, 1, 1]
    assert len(frames_of(compiled("fps: 12\nduration: 1.04s\nprompts: [a]\n"))) == 12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(500, 3000), min_size=1, max_size=6), st.sampled_from(["7", "12", "30000/1001"]))
def test_shots_fill_the_film_without_gap_or_overlap(lengths: list[int], fps: str) -> None:
    film = compiled(shots_of([f"{ms}ms" for ms in lengths], fps))
    assert abs(len(frames_of(film)) - sum(lengths) / 1000 * float(film.fps)) <= 0.5 + 1e-6
    times = [frame.time for frame in frames_of(film)]
    assert times == pytest.approx([k / float(film.fps) for k in range(len(times))], abs=1e-9)
    assert [frame.untouched for frame in film.edit] == [FrameRef(f.shot, f.index) for f in frames_of(film)]


def test_one_shot_takes_the_rest() -> None:
    film = compiled(
        "fps: 10\nduration: 3s\n"
        + shots_of(["1s", "0.5s"], "10").replace("fps: 10\n", "").replace("duration: 1s, ", "")
    )
    assert counts(film) == [25, 5]


def test_the_first_frame_of_the_film_begins_from_the_start() -> None:
    first, second = frames_of(compiled(TWO % ""))[:2]
    assert first.previous is None
    assert first.start == StartPlan("color", colors=((1.0, 0.0, 0.0),))
    assert first.camera.still
    assert (second.previous, second.start) == (FrameRef("a", 0), None)


def test_a_carried_shot_goes_on_from_the_last_frame() -> None:
    film = compiled(TWO % ", camera: {pan: {x: 0.2}}")
    first = film.shots[1].frames[0]
    assert first.previous == FrameRef("a", 9)
    assert first.start is None
    # The interval that leads to it is already its own.
    assert first.camera.shift_x == pytest.approx(-0.02)


def test_a_cut_starts_afresh_and_unmoved() -> None:
    film = compiled(TWO % ", transition: cut, start: {color: '#00ff00'}, camera: {pan: {x: 0.2}}")
    first, second = film.shots[1].frames[:2]
    assert first.previous is None
    assert first.start == StartPlan("color", colors=((0.0, 1.0, 0.0),))
    assert first.camera.still
    assert second.camera.shift_x == pytest.approx(-0.02)


def test_a_pose_that_begins_elsewhere_does_not_jump_at_the_border() -> None:
    film = compiled(TWO % ", camera: {angle: {0s: 50, 0.2s: 70}}")
    assert film.shots[1].frames[0].camera.still
    assert film.shots[1].frames[1].camera.angle == pytest.approx(10)


def test_curves_at_the_top_run_on_film_time_and_those_of_a_shot_on_shot_time() -> None:
    film = compiled(
        "fps: 10\nprompts: [{text: top, weight: 'frame'}]\nguidance: {steps: '100 * progress'}\nshots:\n"
        "  - {name: a, duration: 1s}\n"
        "  - {name: b, duration: 1s, carry: {noise: 't / 2'}}\n"
        "  - {name: c, duration: 2s, prompts: [{text: own, weight: '1 + frame + progress'}]}\n"
    )
    assert weights(film, "top") == [float(k) for k in range(20)] + [0.0] * 20
    assert weights(film, "own")[20:] == pytest.approx([1 + k + k / 20 for k in range(20)])
    assert [frame.noise for frame in film.shots[1].frames] == pytest.approx([k / 20 for k in range(10)])
    # 2.5 and 97.5 per cent among them: halves go up.
    assert [frame.steps for frame in frames_of(film)[1:]] == [math.floor(2.5 * k + 0.5) for k in range(1, 40)]


def test_a_camera_at_the_top_moves_on_across_shots_as_if_there_were_none() -> None:
    camera = "camera: {zoom: '1.2 + 0.3 * sin(5 * t)', angle: {0.3s: 0, 1.7s: 80}, pan: {x: 't / 3'}}\n"
    whole = compiled(f"fps: 10\nduration: 2s\nprompts: [a]\n{camera}")
    parts = compiled(camera + shots_of(["0.7s", "0.6s", "0.7s"], "10"))
    assert movement(parts, 0, 1.9) == pytest.approx(movement(whole, 0, 1.9), abs=1e-8)


def test_the_movement_of_a_shot_runs_on_its_own_time() -> None:
    film = compiled(TWO % ", camera: {rotate: {0s: 0, 0.2s: [100, step]}}")
    assert [f.camera.angle for f in film.shots[1].frames] == pytest.approx([0, 0, 0, 10, 10])


def test_a_step_in_a_shots_speed_falls_on_the_moment_of_its_key() -> None:
    film = compiled(TWO % ", camera: {zoom: {0s: 1, 0.2347s: [3, step]}}")
    assert abs(path(f.camera for f in film.shots[1].frames)[0]) == pytest.approx(
        3 ** (0.4 - 0.2347), abs=1e-8
    )


def test_an_expression_in_a_shot_jumps_on_its_frame() -> None:
    # 0.7 - 0.3 is less than 0.4 in floats, but frame 4 of the shot is at 0.4 s of it.
    film = compiled(
        "fps: 10\n"
        + shots_of(["0.3s"], "10").replace("fps: 10\n", "")
        + ("  - {name: b, duration: 1s, camera: {angle: '30 * step(0.4, t)'}}\n")
    )
    assert [frame.camera.angle for frame in film.shots[1].frames] == [0, 0, 0, 0, 30, 0, 0, 0, 0, 0]


def test_an_expression_is_never_asked_about_the_time_before_its_shot() -> None:
    film = compiled(TWO % ", camera: {zoom: '1 + sqrt(t)'}")
    assert film.shots[1].frames[0].camera.still
    assert film.shots[1].frames[1].camera.scale > 1


BLEND = """\
fps: 10
shots:
  - {name: a, duration: 1s, prompts: [{text: old, weight: 2, stop: 0.1}], %s}
  - name: b
    duration: 2s
    transition: {kind: carry, duration: 1s}
    prompts: [{text: new, weight: "1 + t"}]
    %s
"""


def test_a_transition_blends_the_weights_without_extra_frames() -> None:
    film = compiled(BLEND % ("style: oil", "style: ink"))
    assert counts(film) == [10, 20]
    share = [min(k / 10, 1) for k in range(20)]
    assert weights(film, "old, oil")[10:] == pytest.approx([2 * (1 - a) for a in share], abs=1e-9)
    assert weights(film, "new, ink")[10:] == pytest.approx([a * (1 + k / 10) for k, a in enumerate(share)])
    assert [t.stop for t in film.shots[1].frames[4].losses] == [0.1, 0.0]


def test_a_transition_blends_steps_rates_and_amounts() -> None:
    film = compiled(
        BLEND
        % (
            "guidance: {steps: 20, learning_rate: 0.3}, carry: {noise: 0.5, sharpen: 0, match_colors: 1}",
            "guidance: {steps: 10}\n    carry: {noise: 0.1, sharpen: 1, match_colors: 0}",
        )
    )
    frame = film.shots[1].frames[5]
    assert (frame.steps, frame.noise, frame.sharpen, frame.match_colors) == (15, 0.3, 0.5, 0.5)
    assert frame.learning_rate == pytest.approx((0.3 + 0.12) / 2)
    assert film.shots[1].frames[10].learning_rate == 0.12


def test_a_transition_blends_speeds_in_rate() -> None:
    film = compiled(BLEND % ("camera: {zoom: 2, rotate: 40}", "camera: {zoom: 1, pan: {y: 0.1}}"))
    # Over the second the outgoing rate falls to nothing: on average there is half of it.
    frames = film.shots[1].frames
    factor, _ = path(f.camera for f in frames[1:11])
    assert abs(factor) == pytest.approx(2**0.5, abs=1e-8)
    assert math.degrees(math.atan2(factor.imag, factor.real)) == pytest.approx(20, abs=1e-6)
    assert frames[0].camera.scale == pytest.approx(2**0.1, abs=1e-9)
    assert frames[11].camera.shift_y == pytest.approx(-0.01)


def test_a_transition_ends_on_its_own_moment_between_frames() -> None:
    text = (BLEND % ("camera: {zoom: 2}", "camera: {zoom: 1}")).replace("duration: 1s}", "duration: 0.7777s}")
    factor, _ = path(f.camera for f in compiled(text).shots[1].frames[1:])
    assert abs(factor) == pytest.approx(2 ** (0.7777 / 2), abs=1e-8)


def test_a_transition_moves_the_same_at_any_frame_rate() -> None:
    text = BLEND % ("camera: {zoom: 2, angle: '90 * sin(t)'}", "camera: {rotate: 40, offset: {x: 't / 2'}}")
    slow, fast = compiled(text), compiled(text.replace("fps: 10", "fps: 40"))
    assert movement(fast, 0.5, 2.5) == pytest.approx(movement(slow, 0.5, 2.5), abs=1e-6)


def test_the_outgoing_curves_go_on_past_their_end_but_not_past_the_transition() -> None:
    film = compiled(BLEND % ("camera: {zoom: '1 / (2.05 - t)'}", "camera: {zoom: 1}"))
    # At 1.5 s of its time the outgoing speed is 1 / 0.55, and half of its rate is there.
    at = film.shots[1].frames[5].camera.scale
    assert math.log(at) * 10 == pytest.approx(math.log(1 / 0.6) * 0.55, rel=0.01)
    assert film.shots[1].frames[11].camera.still


def test_a_shot_without_a_frame_is_named() -> None:
    lines = mistakes(shots_of(["1s", "0.01s", "1s"]))
    assert lines == [
        "scene.yaml:6: shots[1]: shot s1 lasts 0.01 s and shows no frame: one is 0.0833 s at 12 fps"
    ]


def test_a_transition_longer_than_its_shot_is_named() -> None:
    lines = mistakes(TWO % ", transition: {kind: carry, duration: 0.6s}")
    assert len(lines) == 1
    assert "scene.yaml:7:" in lines[0]
    assert "shot b lasts 0.5 s but its transition 0.6 s" in lines[0]
