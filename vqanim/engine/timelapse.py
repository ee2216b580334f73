"""A timelapse: one long optimization, its pictures recorded, and what of them each frame shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import torch

from vqanim.engine.events import StepDone
from vqanim.engine.frame import NO_INPUTS, FrameResult, Inputs, Painter, Progress
from vqanim.engine.pictures import to_bytes
from vqanim.engine.retime import mix, pick_even, pick_linear, sample
from vqanim.guidance.descent import OptimizerState
from vqanim.takes.params import Arrays
from vqanim.takes.recording import Recording, State
from vqanim.timeline.plan import FramePlan

RECORDED = 4
"""Pictures that are recorded for each one that is shown, at most one a step."""
FARTHEST = 10
"""Steps from one picture to the next, at most, so that little is lost when a run is stopped."""
PICTURES_A_STATE = 4
"""From one saved state to the next."""
PARAMS, FIRST, SECOND, AVERAGES, OPENING = "params.", "first.", "second.", "averages.", "opening"


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
        assert plan.timelapse is not None
        every = min(plan.steps // (RECORDED * plan.timelapse.frames), FARTHEST)
        return cls(plan.steps, max(1, every), plan.opens_on_picture)

    def records(self, step: int) -> bool:
        """Whether the picture after a step is recorded."""
        return step == self.steps or (step % self.every == 0 and (step > 0 or self.opens))

    def until(self, step: int) -> list[int]:
        """The recorded steps up to one, that one included."""
        return [each for each in range(min(step, self.steps) + 1) if self.records(each)]


def record(
    painter: Painter,
    plan: FramePlan,
    recording: Recording,
    inputs: Inputs = NO_INPUTS,
    params: Arrays = MappingProxyType({}),
) -> Iterator[StepDone | Timelapse]:
    """Optimize all of a take, from the last state that was saved, and record the pictures on the way.

    An event after every step, then what its frames show. Raises as `Painter.paint` does, and OutputError.
    """
    schedule = Schedule.of(plan)
    since = _resume(recording, schedule, painter.device)
    if since is None and schedule.opens and plan.steps:
        recording.add(0, to_bytes(painter.opening(plan, inputs)))
    first = since.steps if since else 0
    number = len(schedule.until(first))
    started = time.monotonic()
    for event in painter.paint(plan, inputs, since, params):
        if isinstance(event, FrameResult):
            recording.add(plan.steps, event.picture)
            yield Timelapse(recording, plan, event)
            return
        if event.steps < plan.steps and schedule.records(event.steps):
            recording.add(event.steps, painter.look(event))
            number += 1
            if number % PICTURES_A_STATE == 0:
                recording.save_state(to_state(event))
        seconds = time.monotonic() - started
        look = partial(painter.look, event)
        yield StepDone(
            plan.shot, plan.index, event.steps, plan.steps, seconds, first, timelapse=True, look=look
        )
        started = time.monotonic()


def _resume(recording: Recording, schedule: Schedule, device: torch.device) -> Progress | None:
    """Where the last state leads on from, if it and the pictures before it are there."""
    state = recording.read_state()
    progress = None if state is None else from_state(state, device)
    if progress is None or not 0 < progress.steps < schedule.steps:
        return None
    there = {step for step, _ in recording.pictures()}
    return progress if there.issuperset(schedule.until(progress.steps)) else None


def to_state(progress: Progress) -> State:
    """Progress as arrays, which on a CPU go on changing."""
    tensors = {OPENING: progress.opening}
    optimizer = progress.optimizer
    parts = {PARAMS: optimizer.params, FIRST: optimizer.first, SECOND: optimizer.second}
    parts |= {AVERAGES: optimizer.averages}
    for prefix, named in parts.items():
        tensors |= {prefix + name: tensor for name, tensor in named.items()}
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    counts = {"steps": progress.steps, "stage": progress.stage, "stage_steps": optimizer.steps}
    return State(arrays, counts)


def from_state(state: State, device: torch.device) -> Progress | None:
    """The progress again, to the bit; None where the state is not one of these."""
    tensors = {name: torch.from_numpy(np.array(array)).to(device) for name, array in state.arrays.items()}

    def named(prefix: str) -> dict[str, torch.Tensor]:
        return {name[len(prefix) :]: each for name, each in tensors.items() if name.startswith(prefix)}

    params, first, second, averages = map(named, (PARAMS, FIRST, SECOND, AVERAGES))
    counts = state.counts
    if OPENING not in tensors or not params or first.keys() != params.keys():
        return None
    if second and second.keys() != params.keys():  # a method may need no second moments
        return None
    if not counts.keys() >= {"steps", "stage", "stage_steps"}:
        return None
    optimizer = OptimizerState(counts["stage_steps"], params, first, second, averages)
    return Progress(counts["steps"], counts["stage"], optimizer, tensors[OPENING])


class Timelapse:
    """A timelapse that was recorded, or as much of it as is: what each of its frames shows."""

    def __init__(self, recording: Recording, plan: FramePlan, result: FrameResult | None = None) -> None:
        """result: of the last step, where that was made. Raises InputError when a picture is missing or
        broken."""
        assert plan.timelapse is not None
        self._recording, self._result = recording, result
        self._steps = [step for step, _ in recording.pictures()]
        # The picture of the frame before is not shown again.
        self._skipped = 0 if plan.previous is None else 1
        count = plan.timelapse.frames + self._skipped
        if plan.timelapse.even:
            pictures = map(recording.load, self._steps)
            self._picks = pick_even([sample(one, len(self._steps)) for one in pictures], count)
        else:
            self._picks = pick_linear(len(self._steps), count)

    @property
    def steps(self) -> int:
        """The last recorded step."""
        return self._steps[-1]

    def frame(self, index: int) -> FrameResult:
        """A frame; those after the last show how the picture came out. Raises InputError."""
        at = self._picks[min(index + self._skipped, len(self._picks) - 1)]
        picture = self._recording.load(self._steps[at.picture])
        if at.share:
            picture = mix(picture, self._recording.load(self._steps[at.picture + 1]), at.share)
        if self._result is None:
            return FrameResult(picture)
        return FrameResult(picture, self._result.similarities, losses=self._result.losses)
