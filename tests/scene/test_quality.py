"""Qualities scale size, rate, steps and cutouts, and nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vqanim.errors import UsageError
from vqanim.scene.loader import load_scene_text
from vqanim.scene.quality import at_quality, still_at_quality
from vqanim.scene.still import Still
from vqanim.timeline import Limits, ViewLimits, compile_timeline

LIMITS = Limits(views={"pocket": ViewLimits(12)})
SCENE = """\
size: [256, 144]
fps: 12
duration: 2s
prompts: [a castle]
camera: {zoom: 1.3, rotate: "10 * t"}
guidance: {steps: STEPS}
"""


def steps_of(text: str, quality: str) -> list[int]:
    scene = at_quality(load_scene_text(text), quality, {"pocket": 12})
    return [plan.steps for plan in compile_timeline(scene, limits=LIMITS).shots[0].frames]


@pytest.mark.parametrize("steps", ["8", "{0s: 4, 2s: [20, smooth]}", '"6 + 4 * sin(t)"'])
def test_a_draft_has_half_of_everything(steps: str) -> None:
    text = SCENE.replace("STEPS", steps)
    scene = load_scene_text(text)
    draft = at_quality(scene, "draft", {"pocket": 12})
    assert (draft.size.width, draft.size.height) == (128, 72)
    assert (draft.rate, draft.fps) == (6, 12)
    assert draft.shots[0].camera == scene.shots[0].camera
    plans = compile_timeline(draft, limits=LIMITS).shots[0].frames
    assert {plan.cutouts for plan in plans} == {(6,)}
    normal, halved = steps_of(text, "normal"), steps_of(text, "draft")
    assert normal[0] == 60
    assert halved[0] == 30
    assert halved[1:] == pytest.approx([count / 2 for count in normal[2::2]], abs=0.76)
    assert steps_of(text, "high")[1:] == pytest.approx([count * 1.5 for count in normal[1:]], abs=1.26)


def test_a_single_picture_has_half_the_size_and_steps() -> None:
    still = Still("a castle", width=256, height=192, steps=301)
    draft = still_at_quality(still, "draft")
    assert (draft.width, draft.height, draft.steps) == (128, 96, 150)
    assert still_at_quality(still, "normal") is still


def test_bounds_are_kept() -> None:
    small = load_scene_text("size: [80, 48]\nfps: 5\nduration: 1s\nprompts: [a]\nguidance: {steps: 10000}")
    draft = at_quality(small, "draft", {})
    assert (draft.size.width, draft.size.height) == (80, 48)  # smaller, nothing could be seen
    assert draft.rate == Fraction(4)
    large = load_scene_text(
        "size: [4000, 1000]\nduration: 1s\nprompts: [a]\nguidance: {steps: 9000, cutouts: 200}"
    )
    high = at_quality(large, "high", {})
    assert (high.size.width, high.size.height) == (4096, 1024)
    assert high.shots[0].guidance.cutouts == 256
    assert compile_timeline(high).shots[0].frames[1].steps == 10_000


def test_normal_is_the_very_scene_and_others_are_refused() -> None:
    scene = load_scene_text("duration: 1s\nprompts: [a]")
    assert at_quality(scene, "normal", {}) is scene
    with pytest.raises(UsageError, match="allowed are draft, normal, high"):
        at_quality(scene, "best", {})


def test_a_picture_at_the_start_stays_as_it_is() -> None:
    text = "duration: 1s\nprompts: [a]\nstart: {icon: robot}"
    assert steps_of(text, "draft")[0] == 0
