"""Effects and hits of the scene at the frames of the film."""

from __future__ import annotations

import pytest

from tests.timeline.films import compiled, frames_of, mistakes
from vqanim.effects import EffectNow
from vqanim.timeline import Timeline

FILM = "duration: 3s\nprompts: [a]\n"


def amounts(film: Timeline, name: str) -> list[float | None]:
    """Amount of an effect of the film at every frame; None where it is not there."""
    return [next((now.amount for now in frame.effects if now.name == name), None) for frame in film.edit]


@pytest.mark.parametrize("fps", ["12", "24", "25", "30000/1001", "7"])
def test_a_hit_is_full_on_the_frame_of_its_moment_at_any_fps(fps: str) -> None:
    film = compiled(f"fps: {fps}\n{FILM}hits: [{{on: [1s, 1.51s], flash: 0.8, fade: 100ms}}]\n")
    seen = amounts(film, "flash")
    for moment in (1.0, 1.51):
        nearest = min(range(len(seen)), key=lambda k: abs(float(k / film.fps) - moment))
        assert seen[nearest] == 0.8
        assert seen[nearest - 1] is None
        after = seen[nearest + 1]
        assert after is None or after < 0.8


def test_a_hit_dies_away_in_a_straight_line() -> None:
    film = compiled("fps: 20\n" + FILM + "hits: [{on: 1s, flash: 0.8, punch: 1.2, fade: 200ms}]\n")
    assert amounts(film, "flash")[19:25] == [None, 0.8, 0.6, 0.4, 0.2, None]
    assert amounts(film, "punch")[19:25] == [None, 1.2, 1.15, 1.1, 1.05, None]


def test_of_hits_that_overlap_the_latest_counts() -> None:
    film = compiled("fps: 10\n" + FILM + "hits: [{on: [1s, 1.2s], flash: 1, fade: 1s}]\n")
    assert amounts(film, "flash")[10:14] == [1.0, 0.9, 1.0, 0.9]


def test_effects_are_in_the_order_of_writing_and_hits_come_after() -> None:
    text = "effects: [{vignette: 0.5}, {flash: {amount: 't / 10', color: red}}]\nhits: [{on: 1s, flash: 1}]\n"
    film = compiled("fps: 10\n" + FILM + text)
    assert film.edit[10].effects == (
        EffectNow("vignette", 0.5),
        EffectNow("flash", 0.1, (("color", (1.0, 0.0, 0.0)),)),
        EffectNow("flash", 1.0, (("color", (1.0, 1.0, 1.0)),)),
    )
    assert film.edit[0].effects == (EffectNow("vignette", 0.5),), "an amount of 0 is no effect"


def test_effects_of_a_shot_run_on_its_time_and_lie_on_its_pictures() -> None:
    film = compiled(
        "fps: 10\nprompts: [a]\neffects: [{brightness: {100%: 2, 0s: 1}}]\nshots:\n"
        "  - {name: a, duration: 1s}\n"
        "  - {name: b, duration: 1s, effects: [{blur: 't / 10'}], hits: [{on: 0.5s, grain: 0.2, fade: 0s}]}\n"
    )
    blur = [[now.amount for now in frame.layers[0].effects if now.name == "blur"] for frame in film.edit]
    assert blur == [[]] * 11 + [[pytest.approx(k / 100)] for k in range(1, 10)]
    grain = [any(now.name == "grain" for now in frame.layers[0].effects) for frame in film.edit]
    assert [k for k, there in enumerate(grain) if there] == [15]
    assert amounts(film, "brightness")[10] == 1.5, "half of the film"


def test_effects_reach_no_plan() -> None:
    plain = compiled(FILM)
    film = compiled(FILM + "effects: [{flash: 0.5}, {grain: t / 10}]\nhits: [{on: 1s, punch: 2}]\n")
    assert frames_of(film) == frames_of(plain)
    assert [f.layers for f in film.edit] == [f.layers for f in plain.edit]


def test_an_amount_out_of_range_is_named_with_its_frame() -> None:
    lines = mistakes(FILM + "effects: [{flash: 't'}]\n")
    assert lines == [
        "scene.yaml:5: effects[0].flash: found 1.08333333333, allowed a number from 0 to 1: "
        "flash is how much of the color is mixed in (0: as it is) at frame 13 (1.083 s)"
    ]
