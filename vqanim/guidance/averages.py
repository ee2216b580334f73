"""Running averages of parameters over the steps of a picture (Polyak and Juditsky 1992), which are calmer
than what the last step left."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from vqanim.timeline.plan import FramePlan
from vqanim.types import Knob, Params

LONGEST = 0.5
"""Share of the steps of a picture that its average reaches back over, at most: the first know little yet."""


class Averages:
    """Averages of the parameters that have one (`Knob.average`), corrected for having begun with nothing (as
    the moments of Adam: Kingma and Ba 2015).

    A frame that goes on from the one before has none: an average of its few steps would pass on half of what
    they changed, and frames would fall behind.
    """

    def __init__(self, plan: FramePlan, knobs: Mapping[str, Knob], since: Params) -> None:
        """since: averages to go on from."""
        longest = 1 - 2 / (LONGEST * plan.steps + 1)
        wanted = {name: min(knob.average, longest) for name, knob in knobs.items()}
        self._keeps = {} if plan.carries_view else {name: keep for name, keep in wanted.items() if keep > 0}
        self.values: dict[str, Tensor] = {name: since[name].clone() for name in self._keeps if name in since}

    def add(self, params: Params, steps: int) -> None:
        """Take in the parameters after so many steps, counted from 1."""
        for name, keep in self._keeps.items():
            if name in self.values:
                self.values[name].lerp_(params[name], (1 - keep) / (1 - keep**steps))
            else:
                self.values[name] = params[name].clone()
