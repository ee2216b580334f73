import numpy as np
import pytest

from vqanim.engine.timelapse import change, pick


def test_a_linear_pace_shows_every_picture_as_long() -> None:
    assert pick([9.0, 1.0, 1.0, 1.0], 5, even=False) == [0, 1, 2, 3, 4]
    assert pick([9.0, 1.0, 1.0, 1.0], 3, even=False) == [0, 2, 4]


def test_an_even_pace_spreads_the_change() -> None:
    """Pictures change fast in the beginning; the film does not."""
    changes = [8.0 * 0.97**k + 0.2 for k in range(200)]
    reached = np.concatenate([[0.0], np.cumsum(changes)])
    shown = pick(changes, 30, even=True)
    assert (shown[0], shown[-1]) == (0, 200)
    assert shown == sorted(shown)
    steps = np.diff(reached[shown])[6:]
    assert steps.max() / steps.min() < 3


@pytest.mark.parametrize("even", [True, False])
def test_few_pictures_and_no_change(even: bool) -> None:
    assert pick([], 3, even) == [0, 0, 0]
    assert pick([0.0, 0.0], 3, even) == [0, 1, 2]
    assert pick([1.0], 1, even) == [1]


def test_change_is_the_mean_difference() -> None:
    a = np.zeros((2, 2, 3), np.uint8)
    assert change(a, a + 200) == change(a + 200, a) == 200
