"""Averages of parameters over the steps of a picture."""

from __future__ import annotations

import pytest
import torch

from tests.plans import frame_plan
from vqanim.guidance.averages import Averages
from vqanim.timeline.plan import FrameRef
from vqanim.types import Knob

KNOBS = {"z": Knob(average=0.9), "w": Knob()}
STEPS = torch.randn(400, 3, generator=torch.Generator().manual_seed(1))


def averaged(steps: int, **changes: object) -> torch.Tensor | None:
    averages = Averages(frame_plan(steps=steps, **changes), KNOBS, {})
    for number, values in enumerate(STEPS[:steps], 1):
        averages.add({"z": values, "w": values}, number)
    assert "w" not in averages.values
    return averages.values.get("z")


def test_later_steps_count_more_and_all_shares_add_up_to_one() -> None:
    weights = 0.9 ** torch.arange(399, -1, -1.0)
    expected = (weights[:, None] * STEPS).sum(0) / weights.sum()
    torch.testing.assert_close(averaged(400), expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_of_few_steps_the_last_count_most(steps: int) -> None:
    found = averaged(steps)
    if steps <= 2:
        assert found is None
        return
    keep = 1 - 2 / (0.5 * steps + 1)
    weights = keep ** torch.arange(steps - 1, -1, -1.0)
    torch.testing.assert_close(found, (weights[:, None] * STEPS[:steps]).sum(0) / weights.sum())


def test_a_frame_that_goes_on_has_none() -> None:
    assert averaged(8, previous=FrameRef("main", 3), start=None) is None


def test_they_go_on_from_where_they_were() -> None:
    plan = frame_plan(steps=40)
    whole, first = Averages(plan, KNOBS, {}), Averages(plan, KNOBS, {})
    for number in range(1, 21):
        whole.add({"z": STEPS[number]}, number)
        first.add({"z": STEPS[number]}, number)
    again = Averages(plan, KNOBS, first.values)
    for number in range(21, 41):
        whole.add({"z": STEPS[number]}, number)
        again.add({"z": STEPS[number]}, number)
    assert torch.equal(whole.values["z"], again.values["z"])
    assert not torch.equal(first.values["z"], again.values["z"])
