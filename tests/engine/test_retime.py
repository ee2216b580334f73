"""Films at an even pace, of pictures that change as those of an optimization do: fast, then trembling."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from vqanim.engine.retime import Pick, mix, pick_even, pick_linear, sample
from vqanim.pictures import Picture


def growing(pictures: int, trembling: float, seed: int = 0) -> list[Picture]:
    """Pictures that come near to one another fast in the beginning, and never stand still."""
    rng = np.random.default_rng(seed)
    first, last = rng.uniform(40, 210, (2, 24, 32, 3))
    shares = 1 - 0.95 ** np.arange(pictures)
    return [
        np.clip(first + share * (last - first) + trembling * rng.normal(size=first.shape), 0, 255).astype(
            np.uint8
        )
        for share in shares
    ]


def film(pictures: list[Picture], picks: list[Pick]) -> list[Picture]:
    """The frames that are shown."""
    return [
        mix(pictures[at.picture], pictures[at.picture + 1], at.share) if at.share else pictures[at.picture]
        for at in picks
    ]


def differences(frames: list[Picture]) -> list[float]:
    """Mean absolute difference of each frame to the one after it, in levels."""
    return [float(np.abs(a.astype(int) - b).mean()) for a, b in pairwise(frames)]


def test_a_linear_pace_shows_every_picture_as_long() -> None:
    assert pick_linear(5, 5) == [Pick(0), Pick(1), Pick(2), Pick(3), Pick(4)]
    assert pick_linear(5, 3) == [Pick(0), Pick(2), Pick(4)]
    assert pick_linear(3, 5) == [Pick(0), Pick(0, 0.5), Pick(1), Pick(1, 0.5), Pick(2)]


@pytest.mark.parametrize("trembling", [0.0, 1.0, 6.0])
@pytest.mark.parametrize(("pictures", "frames"), [(200, 30), (60, 60), (12, 100), (300, 9), (9, 2)])
def test_an_even_pace_makes_all_frames_differ_as_much(pictures: int, frames: int, trembling: float) -> None:
    shown = growing(pictures, trembling)
    picks = pick_even([sample(picture) for picture in shown], frames)
    assert len(picks) == frames
    assert (picks[0], picks[-1]) == (Pick(0), Pick(pictures - 1))
    assert picks == sorted(picks)
    steps = differences(film(shown, picks))
    assert max(steps) < 2 * min(steps)


def test_what_stands_still_for_long_is_passed_over() -> None:
    first, second, third = growing(3, 0)
    shown = [*[first] * 40, second, *[second] * 40, third, *[third] * 40]
    steps = differences(film(shown, pick_even([sample(picture) for picture in shown], 20)))
    assert max(steps) < 2 * min(steps)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_one_picture_and_no_change(frames: int) -> None:
    (picture,) = growing(1, 0)
    assert pick_even([sample(picture)], frames) == pick_linear(1, frames) == [Pick(0)] * frames
    assert pick_even([sample(picture)] * 3, frames) == pick_linear(3, frames)
    assert pick_linear(3, frames)[-1] == Pick(2)


def test_a_blend_of_nearly_equal_pictures_lies_between_them() -> None:
    """A difference of one level would be all there or not at all, were each pixel rounded alike."""
    dark = np.full((40, 40, 3), 100, np.uint8)
    shares = [float((mix(dark, dark + 1, share) == 101).mean()) for share in (0.1, 0.3, 0.5, 0.9)]
    assert shares == pytest.approx([0.1, 0.3, 0.5, 0.9], abs=0.02)
    assert np.array_equal(mix(dark, dark + 7, 1.0), dark + 7)
