"""How fast frames are painted, and how long the rest will take."""

from __future__ import annotations

from collections import deque

from vqanim.engine.events import FrameDone, StepDone
from vqanim.timeline.plan import FramePlan, Timeline

# Carrying, decoding and saving a frame take about as long as two steps.
STEPS_BESIDE = 2


class Pace:
    """Seconds per frame of late, and seconds left; frames count by their steps, for the first has most."""

    def __init__(self, timeline: Timeline) -> None:
        frames = [frame for shot in timeline.shots for frame in shot.frames]
        self._place = {(frame.shot, frame.index): place for place, frame in enumerate(frames)}
        self._costs = [cost(frame) for frame in frames]
        self._has_steps = any(frame.steps for frame in frames)
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)
        self._seconds: deque[float] = deque(maxlen=20)
        self._left = 0.0

    def add(self, event: FrameDone) -> None:
        """Take note of a painted frame."""
        place = self._place[event.shot, event.index]
        self._seconds.append(event.seconds)
        # A frame that is only moved says nothing about those that are painted.
        if self._costs[place] and not event.of_lapse and (event.steps or not self._has_steps):
            self._recent.append((event.seconds, self._costs[place]))
        after = self._costs[place + 1 :]
        mean = sum(after) / len(after) if after else 0.0
        self._left = mean * (event.frames - event.done)

    def add_step(self, event: StepDone) -> None:
        """Take note of a step; only those of a timelapse say how long the rest takes."""
        if not event.timelapse:
            return
        self._recent.append((event.seconds, 1))
        place = self._place[event.shot, 0]
        self._left = event.steps - event.step + sum(self._costs[place + 1 :])

    @property
    def seconds_a_frame(self) -> float | None:
        """Mean of the last frames; None before the first."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else None

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the painting that is still to do; None before the first frame or step."""
        done = sum(cost for _, cost in self._recent)
        return self._left * sum(seconds for seconds, _ in self._recent) / done if done else None


def cost(frame: FramePlan) -> int:
    """Of a frame, in steps; the first one of a timelapse costs as much as all of it."""
    if frame.lapse is not None:
        return 0 if frame.index else frame.steps
    return frame.steps + STEPS_BESIDE
