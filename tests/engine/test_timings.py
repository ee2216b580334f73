"""Estimates add up what was measured: sketches, carried and moved frames, films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vqanim.engine.timings import Measurements, Timings, estimate, read_timings, save_timings
from vqanim.models.family import halved_stages
from vqanim.scene.loader import load_scene_text
from vqanim.timeline import Limits, Timeline, ViewLimits, compile_timeline

TIMINGS = Timings(
    "pocket + pocket x12",
    "cpu, 2 threads",
    start=3.0,
    memory=10**9,
    memory_size=(256, 144),
    seconds={
        "step": {(128, 72): 0.1, (256, 144): 0.3},
        "carry": {(256, 144): 0.5},
        "move": {(256, 144): 0.05},
        "begin": {(256, 144): 0.7},
        "film": {(256, 144): 0.02},
    },
)


def timeline_of(text: str) -> Timeline:
    return compile_timeline(load_scene_text(text), limits=Limits(8, views={"pocket": ViewLimits(12)}))


SCENE = "size: [256, 144]\nfps: 10\nduration: 1s\nprompts: [a]\nguidance: {steps: {0s: 4, 0.5s: [0, step]}}"


def test_a_film_costs_the_sum_of_its_frames() -> None:
    found = estimate(timeline_of(SCENE), [TIMINGS])
    assert found is not None
    small, full = halved_stages(60, 144, 256, 8)
    first = 0.7 + small.steps * 0.1 + full.steps * 0.3
    assert found.painting == pytest.approx(first + 4 * (0.5 + 4 * 0.3) + 5 * 0.05)
    assert (found.start, found.films) == (3.0, pytest.approx(10 * 0.02))
    assert found.total == pytest.approx(found.painting + 3.2)
    assert (found.step, found.guessed, found.memory) == (0.3, False, 10**9)


def test_other_sizes_are_guessed_from_those_that_were_measured() -> None:
    found = estimate(timeline_of(SCENE.replace("[256, 144]", "[512, 288]")), [TIMINGS])
    assert found is not None
    assert found.guessed
    assert found.memory is None
    assert found.step == pytest.approx(0.3 * 4)
    assert TIMINGS.at("step", (192, 108))[0] == pytest.approx(0.1 + 0.2 * (192 * 108 - 9216) / (36864 - 9216))


def test_what_was_not_measured_is_not_guessed() -> None:
    timeline = timeline_of(SCENE)
    assert estimate(timeline, []) is None
    assert estimate(timeline, [replace(TIMINGS, models="pocket + pocket x11")]) is None
    assert estimate(timeline, [replace(TIMINGS, seconds={"carry": {(256, 144): 0.5}})]) is None
    assert estimate(timeline, [TIMINGS], "cuda") is None
    fast = replace(TIMINGS, device="cuda, Some GPU", start=1.0)
    found = [estimate(timeline, [fast, TIMINGS], device) for device in (None, "cpu", "cuda")]
    assert [each and each.device for each in found] == ["cuda, Some GPU", "cpu, 2 threads", "cuda, Some GPU"]


def test_several_perceptors_and_cutouts_are_told_apart() -> None:
    text = (
        "size: [256, 144]\nfps: 10\nprompts: [a]\nguidance: {steps: 1}\nshots:\n"
        "  - {name: one, duration: 1s}\n  - {name: two, duration: 1s, guidance: {cutouts: 24}}\n"
    )
    slow = replace(
        TIMINGS, models="pocket + pocket x24", seconds={**TIMINGS.seconds, "step": {(256, 144): 0.6}}
    )
    assert estimate(timeline_of(text), [TIMINGS]) is None
    found = estimate(timeline_of(text), [TIMINGS, slow])
    alone = estimate(timeline_of(text.replace(", guidance: {cutouts: 24}", "")), [TIMINGS])
    assert found is not None
    assert alone is not None
    assert found.painting == pytest.approx(alone.painting + 10 * 0.3)


def test_what_is_learned_is_read_again_and_the_middle_counts(tmp_path: Path) -> None:
    samples = Measurements(
        "a + b x3", "cpu, 1 thread", start=2.0, memory=5, memory_size=(64, 48), png=[1.0, 3.0]
    )
    for seconds in (0.1, 0.2, 9.0):
        samples.add("step", (64, 48), seconds)
    save_timings(tmp_path / "cache", [samples])
    more = Measurements("a + b x3", "cpu, 1 thread")
    more.add("carry", (64, 48), 0.5)
    save_timings(tmp_path / "cache", [more])
    (speed,) = read_timings(tmp_path / "cache")
    assert speed.seconds == {"step": {(64, 48): 0.2}, "carry": {(64, 48): 0.5}}
    assert (speed.start, speed.memory, speed.memory_size, speed.png) == (2.0, 5, (64, 48), 2.0)
