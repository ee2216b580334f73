"""A timelapse: one long optimisation, its pictures recorded, and what of them each frame shows."""

from __future__ import annotations

import time
from collections.abc import Generator as Going
from dataclasses import dataclass

import numpy as np
import torch

from vqanim.engine.events import LapseStep
from vqanim.engine.painter import Grown, Painted, Painter, resize
from vqanim.engine.pick import mix, pick_even, pick_linear, sample
from vqanim.engine.start import to_bytes
from vqanim.files import Picture
from vqanim.guidance.guide import Reached, Verdict
from vqanim.takes.recording import Recording, State
from vqanim.timeline.plan import FramePlan

RECORDED = 4
"""Pictures that are recorded for each one that is shown, at most one a step."""
FARTHEST = 10
"""Steps from one picture to the next, at most, so that little is lost when a run is stopped."""
PICTURES_A_STATE = 4
"""From one saved state to the next."""
LATENTS, FIRST, SECOND, OPENING = "latents.", "first.", "second.", "opening"


@dataclass(frozen=True)
class Schedule:
    """Which steps of a timelapse are recorded."""

    steps: int
    """Of all."""
    every: int
    opens: bool
    """Whether there is a picture before the first step."""

    @classmethod
    def of(cls, plan: FramePlan) -> Schedule:
        """That of a frame of a timelapse."""
        assert plan.lapse is not None
        every = min(plan.steps // (RECORDED * plan.lapse.frames), FARTHEST)
        return cls(plan.steps, max(1, every), plan.opens_on_picture)

    def holds(self, step: int) -> bool:
        """Whether the picture after a step is recorded."""
        return step == self.steps or (step % self.every == 0 and (step > 0 or self.opens))

    def until(self, step: int) -> list[int]:
        """The recorded steps up to one, that one included."""
        return [each for each in range(min(step, self.steps) + 1) if self.holds(each)]


def record(
    painter: Painter, plan: FramePlan, previous: Picture | None, recording: Recording
) -> Going[LapseStep, None, Verdict]:
    """Optimise all of a take, from the last state that was saved, and record the pictures on the way.

    Gives what the last step saw. Raises as `Painter.paint` does, and OutputError.
    """
    schedule = Schedule.of(plan)
    begin = _resume(recording, schedule, painter.device)
    if begin is None and schedule.opens and plan.steps:
        recording.add(0, to_bytes(painter.opening(plan, previous)))
    growing = painter.grow(plan, previous, begin)
    began = begin.steps if begin else 0
    number = len(schedule.until(began))
    while True:
        started = time.monotonic()
        try:
            grown = next(growing)
        except StopIteration as end:
            recording.add(plan.steps, end.value.picture)
            return Verdict(end.value.similarities, end.value.losses)
        if grown.steps < plan.steps and schedule.holds(grown.steps):
            recording.add(grown.steps, look(painter, grown))
            number += 1
            if number % PICTURES_A_STATE == 0:
                recording.save_state(to_state(grown))
        yield LapseStep(plan.shot, grown.steps, plan.steps, began, time.monotonic() - started)


def look(painter: Painter, grown: Grown) -> Picture:
    """The picture after a step, uint8 [H, W, 3] at full size."""
    with torch.no_grad():
        return to_bytes(resize(painter.generator.decode(grown.reached.latents), *painter.size))


def _resume(recording: Recording, schedule: Schedule, device: torch.device) -> Grown | None:
    """Where the last state leads on from, if it and the pictures before it are there."""
    state = recording.read_state()
    grown = None if state is None else from_state(state, device)
    if grown is None or not 0 < grown.steps < schedule.steps:
        return None
    there = {step for step, _ in recording.pictures()}
    return grown if there.issuperset(schedule.until(grown.steps)) else None


def to_state(grown: Grown) -> State:
    """A moment as arrays, which on a CPU go on changing."""
    tensors = {OPENING: grown.opening}
    parts = {LATENTS: grown.reached.latents, FIRST: grown.reached.first, SECOND: grown.reached.second}
    for prefix, named in parts.items():
        tensors |= {prefix + name: tensor for name, tensor in named.items()}
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    counts = {"steps": grown.steps, "part": grown.part, "part_steps": grown.reached.steps}
    return State(arrays, counts)


def from_state(state: State, device: torch.device) -> Grown | None:
    """The moment again, to the bit; None where the state is not one of these."""
    tensors = {name: torch.from_numpy(np.array(array)).to(device) for name, array in state.arrays.items()}

    def named(prefix: str) -> dict[str, torch.Tensor]:
        return {name[len(prefix) :]: each for name, each in tensors.items() if name.startswith(prefix)}

    latents, first, second = map(named, (LATENTS, FIRST, SECOND))
    counts = state.counts
    if OPENING not in tensors or not latents or not latents.keys() == first.keys() == second.keys():
        return None
    if not counts.keys() >= {"steps", "part", "part_steps"}:
        return None
    reached = Reached(counts["part_steps"], latents, first, second)
    return Grown(counts["steps"], counts["part"], reached, tensors[OPENING])


class Lapse:
    """A timelapse that was recorded, or as much of it as is: what each of its frames shows."""

    def __init__(self, recording: Recording, plan: FramePlan, verdict: Verdict = Verdict()) -> None:
        """Raises InputError when a picture is missing or broken."""
        assert plan.lapse is not None
        self._recording, self._verdict = recording, verdict
        self._steps = [step for step, _ in recording.pictures()]
        # The picture of the frame before is not shown again.
        self._skipped = 0 if plan.previous is None else 1
        count = plan.lapse.frames + self._skipped
        if plan.lapse.even:
            pictures = map(recording.load, self._steps)
            self._picks = pick_even([sample(one, len(self._steps)) for one in pictures], count)
        else:
            self._picks = pick_linear(len(self._steps), count)

    @property
    def steps(self) -> int:
        """The last recorded step."""
        return self._steps[-1]

    def frame(self, index: int) -> Painted:
        """A frame; those after the last show how the picture came out. Raises InputError."""
        at = self._picks[min(index + self._skipped, len(self._picks) - 1)]
        picture = self._recording.load(self._steps[at.picture])
        if at.share:
            picture = mix(picture, self._recording.load(self._steps[at.picture + 1]), at.share)
        return Painted(picture, self._verdict.similarities, losses=self._verdict.losses)
