"""What the film shows of the takes, and when."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.films import compiled, frames_of, mistakes, path
from vqanim.camera.homography import path_matrix
from vqanim.timeline import FrameRef, Timeline
from vqanim.timeline.plan import Look, WeightedTerm

ONE = "duration: 2s\nprompts: [a]\n"
TWO = """\
fps: 10
prompts: [x]
shots:
  - {name: a, duration: 1s%s}
  - {name: b, duration: 1s%s}
"""
Seen = list[tuple[str, int, Any]]


def seen(film: Timeline, index: int) -> Seen:
    """(shot, frame, share of the picture) of all that is seen at a film frame."""
    return [
        (look.frame.shot, look.frame.index, pytest.approx(layer.share * look.share, abs=1e-9))
        for layer in film.edit[index].layers
        for look in layer.looks
    ]


def moved(look: Look) -> float:
    """How far the moves of a look bring a picture to the right, in frame widths, where it only shifts."""
    return sum(move.step.shift_x * move.part for move in look.moves)


def order(film: Timeline) -> list[Any]:
    """The saved frame of every film frame; None where there is more than one."""
    return [None if (frame := each.untouched) is None else frame.index for each in film.edit]


# Rate and fps


@pytest.mark.parametrize("fps", ["12", "24", "25", "30000/1001", "60", "8"])
def test_with_a_rate_the_plans_do_not_depend_on_fps(fps: str) -> None:
    camera = "camera: {zoom: 1.2, angle: {0s: 0, 1s: 40}}\nguidance: {rate: 12, steps: '3 + t'}\n"
    film, plain = compiled(f"fps: {fps}\n{ONE}{camera}"), compiled(f"fps: 12\n{ONE}{camera}")
    assert frames_of(film) == frames_of(plain)
    assert len(film.edit) == round(2 * film.fps)
    assert (film.rate, plain.rate) == (12, 12)


def test_without_a_rate_every_film_frame_is_painted() -> None:
    film = compiled("fps: 24\n" + ONE)
    assert order(film) == list(range(48))
    assert film.rate == film.fps


def test_between_two_painted_frames_both_are_moved_there_and_blended() -> None:
    film = compiled("fps: 48\n" + ONE + "camera: {pan: {x: 0.24}}\nguidance: {rate: 12}\n")
    assert [frame.untouched for frame in film.edit[:9:4]] == [FrameRef("main", k) for k in range(3)]
    (layer,) = film.edit[5].layers
    before, after = layer.looks
    assert (before.frame.index, before.share, after.frame.index, after.share) == (1, 0.75, 2, 0.25)
    assert moved(before) == pytest.approx(-0.02 * 0.25, abs=1e-8)
    assert moved(after) == pytest.approx(0.02 * 0.75, abs=1e-8)


def test_after_the_last_painted_frame_the_camera_goes_on() -> None:
    film = compiled("fps: 24\n" + ONE + "camera: {pan: {x: 0.24}}\nguidance: {rate: 12}\n")
    ((look,),) = (layer.looks for layer in film.edit[-1].layers)
    assert look.frame.index == 23
    assert moved(look) == pytest.approx(-0.01)


def test_the_camera_goes_on_for_one_step_at_most() -> None:
    """Nine frames are painted, and the film's last one is farther than a step from the last of these."""
    text = "fps: 24\nduration: 0.94s\nprompts: [a]\ncamera: {pan: {x: 0.24}}\nguidance: {rate: 10}\n"
    film = compiled(text)
    assert (len(film.edit), film.frame_count) == (23, 9)
    ((look,),) = (layer.looks for layer in film.edit[-1].layers)
    assert look.frame.index == 8
    assert moved(look) == pytest.approx(-0.024)


def test_a_pose_that_gathers_speed_is_where_it_is_at_that_moment() -> None:
    text = "fps: 24\nduration: 1s\nprompts: [a]\nguidance: {rate: 12}\n"
    film = compiled(text + "camera: {offset: {x: {0s: 0, 1s: [0.4, ease-in]}}}\n")
    (layer,) = film.edit[1].layers
    before, after = layer.looks
    whole = film.shots[0].frames[1].camera.shift_x
    assert moved(before) == pytest.approx(whole / 4, rel=1e-3), "a quarter of the way at half the time"
    assert moved(before) - moved(after) == pytest.approx(whole)


def test_a_curve_without_a_value_past_the_end_is_no_mistake() -> None:
    film = compiled("fps: 24\n" + ONE + "camera: {scale: '1 + 0.01 / (2 - t)'}\nguidance: {rate: 12}\n")
    assert film.edit[-1].layers[0].looks[0].moves == ()


def test_a_camera_at_rest_moves_nothing() -> None:
    film = compiled("fps: 24\n" + ONE + "guidance: {rate: 12}\n")
    assert all(not look.moves for frame in film.edit for layer in frame.layers for look in layer.looks)
    assert seen(film, 1) == [("main", 0, 0.5), ("main", 1, 0.5)]


def test_shots_that_carry_are_one_movement_and_a_cut_is_none() -> None:
    text = TWO.replace("fps: 10", "fps: 20\nguidance: {rate: 10}\ncamera: {pan: {x: 0.2}}")
    carried, cut = compiled(text % ("", "")), compiled(text % ("", ", transition: cut"))
    assert seen(carried, 19) == [("a", 9, 0.5), ("b", 0, 0.5)]
    assert seen(cut, 19) == [("a", 9, 1.0)]
    assert seen(cut, 20) == [("b", 0, 1.0)]
    assert cut.edit[20].untouched == FrameRef("b", 0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(300, 2000), min_size=1, max_size=4),
    st.sampled_from(["7", "12", "24", "30000/1001"]),
    st.sampled_from(["5", "12", "25/2"]),
)
def test_the_film_is_as_long_as_its_shots_at_any_fps_and_rate(ms: list[int], fps: str, rate: str) -> None:
    shots = "".join(f"  - {{name: s{i}, duration: {n}ms}}\n" for i, n in enumerate(ms))
    film = compiled(f"fps: {fps}\nguidance: {{rate: {rate}}}\nprompts: [a]\nshots:\n{shots}")
    assert abs(len(film.edit) - sum(ms) / 1000 * film.fps) <= 0.5 + 1e-6
    for frame in film.edit:
        assert sum(look.share for look in frame.layers[0].looks) == pytest.approx(1)
        place = sum(
            look.share * number
            for look in frame.layers[0].looks
            for number, plan in enumerate(frames_of(film))
            if FrameRef(plan.shot, plan.index) == look.frame
        )
        assert abs(place - frame.time * float(film.rate or 0)) <= 1.5, "the moment that the film shows"


def test_a_frame_in_a_time_is_one_of_the_film() -> None:
    text = ONE + "guidance: {rate: 12, steps: {0f: 2, 24f: [7, step]}}\n"
    film = compiled("fps: 24\n" + text)
    assert [frame.steps for frame in frames_of(film)][11:13] == [2, 7]
    assert len(compiled("fps: 24\nduration: 24f\nprompts: [a]\nguidance: {rate: 12}\n").edit) == 24


def test_a_shot_too_short_for_the_rate_or_the_film_is_named() -> None:
    short = TWO.replace("duration: 1s%s}\n  - {name: b", "duration: 0.1s%s}\n  - {name: b") % ("", "")
    assert mistakes("guidance: {rate: 2}\n" + short) == [
        "scene.yaml:7: shots[0]: shot a lasts 0.1 s and shows no frame: "
        "one is 0.5 s at 2 painted frames a second"
    ]
    assert mistakes("guidance: {rate: 20}\n" + short.replace("fps: 10", "fps: 2")) == [
        "scene.yaml:7: shots[0]: shot a lasts 0.1 s and shows no frame of the film: one is 0.5 s at 2 fps"
    ]


# Transitions


def test_under_a_dissolve_the_outgoing_take_goes_on_and_the_middle_is_the_mean() -> None:
    film = compiled(TWO % ("", ", transition: {kind: dissolve, duration: 0.4s}"))
    assert [len(shot.frames) for shot in film.shots] == [14, 10]
    assert film.shots[0].overhang == 4
    assert len(film.edit) == 20, "as long as with a cut"
    assert seen(film, 9) == [("a", 9, 1.0)]
    assert seen(film, 10) == [("a", 10, 1.0)]
    assert seen(film, 12) == [("a", 12, 0.5), ("b", 2, 0.5)]
    assert seen(film, 14) == [("b", 4, 1.0)]
    assert film.shots[1].frames[0].previous is None


def test_a_dissolves_length_changes_no_plan_but_adds_or_drops_frames_at_the_end() -> None:
    films = [compiled(TWO % ("", f", transition: {{dissolve: {length}}}")) for length in ("0.2s", "0.8s")]
    short, long = (film.shots[0].frames for film in films)
    assert (len(short), len(long)) == (12, 18)
    assert long[:12] == short
    assert films[0].shots[1] == films[1].shots[1]


def test_a_dissolve_needs_the_same_frames_at_any_fps() -> None:
    text = TWO % ("", ", transition: dissolve")
    plans = [
        frames_of(compiled(f"guidance: {{rate: 12}}\n{text.replace('fps: 10', f'fps: {fps}')}"))
        for fps in ("10", "24", "60")
    ]
    assert plans[0] == plans[1] == plans[2]
    assert len(plans[0]) == 36


def test_a_dissolve_longer_than_its_shot_is_named() -> None:
    assert mistakes(TWO % ("", ", transition: {dissolve: 1.5s}")) == [
        "scene.yaml:7: shots[1]: shot b lasts 1 s but its dissolve 1.5 s, "
        "allowed is the shot's duration at most"
    ]


def test_effects_of_the_outgoing_shot_go_on_under_the_dissolve() -> None:
    film = compiled(TWO % (", effects: [{blur: 't / 100'}]", ", transition: {dissolve: 0.4s}"))
    assert [now.amount for now in film.edit[12].layers[0].effects] == [0.012]
    assert film.edit[12].layers[1].effects == ()


def test_a_freeze_holds_the_last_picture_and_paints_nothing() -> None:
    film, plain = compiled(TWO % (", freeze: 0.3s", "")), compiled(TWO % ("", ""))
    assert frames_of(film) == frames_of(plain)
    assert order(film) == [*range(10), 9, 9, 9, *range(10)]
    assert order(compiled("fps: 5\n" + ONE + "freeze: 0.4s\n")) == [*range(10), 9, 9]


def test_a_freeze_holds_what_was_shown_last_between_two_frames_too() -> None:
    film = compiled("fps: 24\n" + ONE + "camera: {zoom: 1.3}\nguidance: {rate: 12}\nfreeze: 0.5s\n")
    assert film.edit[47].layers == film.edit[48].layers == film.edit[-1].layers
    assert film.edit[47].layers[0].looks[0].moves


def test_repeats_and_playing_backwards_paint_nothing() -> None:
    plain = compiled(TWO % ("", ", transition: cut"))
    film = compiled(TWO % (", repeat: 2", ", transition: cut, reverse: true"))
    assert frames_of(film) == frames_of(plain)
    assert order(film) == [*range(10), *range(10), *reversed(range(10))]
    assert order(compiled("fps: 5\n" + ONE + "repeat: 2\nreverse: true\n")) == [*reversed(range(10))] * 2


def test_backwards_shows_the_same_moments_between_two_frames() -> None:
    text = "fps: 24\n" + ONE + "camera: {zoom: 1.3}\nguidance: {rate: 12}\n"
    there, back = compiled(text), compiled(text + "reverse: true\n")
    assert [frame.layers for frame in back.edit] == [frame.layers for frame in there.edit][::-1]


def test_what_carries_on_from_a_shot_played_backwards_jumps_and_it_is_said() -> None:
    (warning,) = compiled(TWO % (", reverse: true", "")).warnings
    assert "plays backwards" in warning


def test_a_held_picture_needs_no_frames_under_a_dissolve() -> None:
    film = compiled(TWO % (", freeze: 0.5s", ", transition: {dissolve: 0.4s}"))
    assert [len(shot.frames) for shot in film.shots] == [10, 10]
    assert seen(film, 17) == [("a", 9, 0.5), ("b", 2, 0.5)]


def test_at_says_when_a_shot_begins() -> None:
    by_at = compiled(
        TWO.replace("duration: 1s%s", "%s", 1).replace("{name: b", "{at: 1s, name: b") % ("", "")
    )
    assert by_at.edit == compiled(TWO % ("", "")).edit
    assert frames_of(by_at) == frames_of(compiled(TWO % ("", "")))
    text = "fps: 10\nprompts: [x]\nduration: 3s\nshots:\n"
    text += "  - {name: a, repeat: 2, freeze: 0.4s}\n  - {name: b, at: 2s}\n"
    film = compiled(text)
    assert [len(shot.frames) for shot in film.shots] == [8, 10]
    assert [(chapter.name, chapter.first) for chapter in film.chapters] == [("a", 0), ("b", 20)]


# Loops

SWAY = "camera: {angle: {0s: 0, 50%: 20, 100%: 0}, offset: {x: '0.1 * sin(tau * progress)'}}\n"


def test_a_loop_is_led_back_to_its_first_picture_over_its_last_second() -> None:
    film = compiled("fps: 10\nduration: 3s\nprompts: [a]\nloop: true\n" + SWAY)
    assert order(film)[:21] == list(range(21))
    assert seen(film, 25) == [("main", 25, 0.5), ("main", 0, 0.5)]
    assert seen(film, 29) == [("main", 29, 0.028), ("main", 0, 0.972)], "nearly there"


def test_the_first_picture_is_moved_back_along_the_camera() -> None:
    film = compiled("fps: 10\nduration: 3s\nprompts: [a]\nloop: true\n" + SWAY)
    moves = film.edit[27].layers[0].looks[1].moves
    assert [move.part for move in moves] == [-1.0] * 3
    assert moves[0].step == film.shots[0].after
    assert [move.step for move in moves[1:]] == [film.shots[0].frames[k].camera for k in (29, 28)]


def test_a_loop_between_painted_frames_leads_from_the_last_to_the_first() -> None:
    film = compiled("fps: 20\nduration: 3s\nprompts: [a]\nloop: true\nguidance: {rate: 10}\n" + SWAY)
    assert seen(film, 59) == [("main", 29, 0.003625), ("main", 0, 0.003625), ("main", 0, 0.99275)]
    (move,) = film.edit[59].layers[0].looks[2].moves
    (there,) = film.edit[59].layers[0].looks[0].moves
    assert move.part == -1
    both = path([there.step, move.step])
    assert both == pytest.approx(path([film.shots[0].after]), abs=1e-8), "two parts of the same way"


def test_a_loop_whose_camera_does_not_close_is_named() -> None:
    assert mistakes("duration: 2s\nprompts: [a]\nloop: true\ncamera: {zoom: 1.1}\n") == [
        "scene.yaml:5: loop: the camera ends elsewhere than it began, up to 0.117 frame widths off: allowed "
        "in a loop is a camera that comes back, with poses such as angle: {0s: 0, 50%: 20, 100%: 0}"
    ]
    (line,) = mistakes(TWO % (", loop: true, camera: {pan: {x: 0.1}}", ""))
    assert line.startswith("scene.yaml:6: shots[0].loop: the camera ends elsewhere")


def back_terms(film: Timeline) -> list[WeightedTerm | None]:
    """The term of every frame that leads it to the first one."""
    return [
        next((term for term in frame.losses if term.target and term.target.kind == "frame"), None)
        for frame in frames_of(film)
    ]


def test_the_last_second_of_a_loop_is_painted_towards_its_first_frame() -> None:
    terms = back_terms(compiled("fps: 10\nduration: 3s\nprompts: [a]\nloop: true\n" + SWAY))
    assert terms[:21] == [None] * 21
    weights = [term.weight for term in terms[21:] if term]
    assert len(weights) == 9
    assert weights == sorted(weights)
    assert weights[4] == pytest.approx(weights[-1] / 8 / 0.972**3)
    assert {term.target.frame for term in terms[21:] if term and term.target} == {FrameRef("main", 0)}
    plain = compiled("fps: 10\nduration: 3s\nprompts: [a]\n" + SWAY)
    assert back_terms(plain) == [None] * 30


@pytest.mark.parametrize("fps", ["7", "24", "30000/1001"])
def test_the_way_back_does_not_depend_on_fps(fps: str) -> None:
    one = "duration: 3.1s\nprompts: [a]\nloop: true\nguidance: {rate: 10}\n" + SWAY
    two = "loop: true\nguidance: {rate: 10}\n" + TWO.replace("1s", "0.77s") % ("", ", transition: cut")
    two = two.replace("fps: 10\n", "")
    for text in (one, two):
        film = compiled(f"fps: {fps}\n{text}")
        assert any(back_terms(film))
        assert frames_of(film) == frames_of(compiled(f"fps: 10\n{text}"))


def test_a_loop_looks_at_its_first_frame_from_where_the_camera_is() -> None:
    film = compiled("fps: 10\nduration: 3s\nprompts: [a]\nloop: true\n" + SWAY)
    for index in (22, 29):
        (term,) = back_terms(film)[index : index + 1]
        assert term is not None
        assert term.target is not None
        there = path_matrix(frame.camera for frame in film.shots[0].frames[1 : index + 1])
        assert np.reshape(term.target.view, (3, 3)) == pytest.approx(there, abs=1e-6)


def test_a_frame_that_nothing_pulls_at_is_only_moved_in_a_loop_too() -> None:
    film = compiled("fps: 10\nduration: 3s\nprompts: [{text: a, weight: {2.7s: 1, 2.8s: 0}}]\nloop: true\n")
    assert [term is not None for term in back_terms(film)[26:]] == [True, True, False, False]
    assert frames_of(film)[28].steps == 0


def test_the_last_shot_of_a_looping_film_is_painted_towards_its_first_picture() -> None:
    film = compiled("loop: true\n" + TWO % ("", ", transition: cut, camera: {zoom: 2}"))
    assert [number for number, term in enumerate(back_terms(film)) if term] == list(range(11, 20))
    assert FrameRef("a", 0) in film.shots[1].frames[-1].input_frames
    backwards = compiled("loop: true\n" + TWO % ("", ", transition: cut, reverse: true"))
    assert back_terms(backwards) == [None] * 20, "its end in the film is the start of its take"


def test_a_camera_that_turns_once_round_closes() -> None:
    assert mistakes("duration: 2s\nprompts: [a]\nloop: true\ncamera: {rotate: 180}\n") == []


def test_a_loop_in_a_film_repeats_without_a_seam() -> None:
    film = compiled(TWO % (", loop: true, repeat: 2", ", transition: cut"))
    assert len(film.edit) == 30
    assert [frame.layers for frame in film.edit[:10]] == [frame.layers for frame in film.edit[10:20]]
    assert seen(film, 9) == [("a", 9, 0.104), ("a", 0, 0.896)], (
        "half of it, for it is shorter than two seconds"
    )


def test_a_film_of_several_shots_dissolves_into_its_first_picture() -> None:
    film = compiled("loop: true\n" + TWO % ("", ", transition: cut, camera: {zoom: 2}"))
    assert seen(film, 15) == [("b", 5, 0.5), ("a", 0, 0.5)]
    assert seen(film, 19) == [("b", 9, 0.028), ("a", 0, 0.972)]
    assert Fraction(len(film.edit), 1) == 20


def test_per_cent_of_a_film_that_repeats_are_the_same_where_it_is_read_and_where_it_is_cut() -> None:
    # Ten times 11 frames are 11 s, so that 10.6 s, ten times the duration as written, is not its end.
    film = compiled(
        "fps: 10\nprompts: a\neffects: [{blur: {0s: 0, 10.6s: 0.01, 100%: 0}}]\n"
        "shots: [{name: a, duration: 1.06s, repeat: 10}]"
    )
    assert len(film.edit) == 110
    assert film.edit[106].effects[0].amount == 0.01
    assert film.edit[108].effects[0].amount == 0.005
