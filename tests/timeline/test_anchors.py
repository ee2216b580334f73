"""Anchors: the earlier frame whose look a frame holds to."""

from __future__ import annotations

import pytest

from tests.timeline.films import compiled, frames_of
from vqanim.timeline.frames import find_anchors, similarity
from vqanim.timeline.plan import FrameRef, WeightedTerm


def mix(**weights: float) -> tuple[WeightedTerm, ...]:
    return tuple(WeightedTerm("prompt", text, weight) for text, weight in weights.items())


def test_steady_prompts_hold_to_the_first_frame() -> None:
    assert find_anchors([mix(a=1.0)] * 30, fresh=True, fps=10) == (None, *[0] * 29)


def test_a_carried_shot_finds_its_anchor_after_a_second() -> None:
    found = find_anchors([mix(a=1.0)] * 15, fresh=False, fps=10)
    assert found[:11] == (None,) * 11
    assert found[11:] == (10,) * 4


def test_a_change_of_prompts_gives_the_anchor_up_until_they_are_steady_again() -> None:
    change = [mix(a=1 - i / 10, b=i / 10) for i in range(1, 10)]
    found = find_anchors([mix(a=1.0)] * 5 + change + [mix(b=1.0)] * 20, fresh=True, fps=10)
    assert found[4] == 0
    assert found[8:20] == (None,) * 12
    assert found[-1] is not None
    assert 20 <= found[-1] < 28


def test_louder_prompts_are_the_same_prompts() -> None:
    assert find_anchors([mix(a=1.0, b=0.5), mix(a=0.5, b=0.25), mix(a=2, b=1)], True, 10) == (None, 0, 0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [({"x": 1.0}, {"x": 3.0}, 1), ({"x": 1.0}, {"y": 1.0}, 0), ({"x": 1.0}, {"x": -1.0}, -1), ({}, {}, 1)],
)
def test_similarity_of_mixes(a: dict[str, float], b: dict[str, float], expected: float) -> None:
    assert similarity(a, b) == pytest.approx(expected)


def test_a_plan_names_its_anchor() -> None:
    frames = frames_of(compiled("duration: 5f\nprompts: [a castle]"))
    main = FrameRef("main", 0)
    assert [frame.anchor for frame in frames] == [None, main, main, main, main]
