"""How fast frames are painted, and how long the rest will take."""

from __future__ import annotations

from collections import deque

from vqanim.engine.events import FrameDone
from vqanim.timeline.plan import Timeline

# Carrying, decoding and saving a frame take about as long as two steps.
STEPS_BESIDE = 2


class Pace:
    """Seconds per frame of late, and seconds left; frames count by their steps, for the first has most."""

    def __init__(self, timeline: Timeline) -> None:
        frames = [frame for shot in timeline.shots for frame in shot.frames]
        self._place = {(frame.shot, frame.index): place for place, frame in enumerate(frames)}
        self._costs = [frame.steps + STEPS_BESIDE for frame in frames]
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)
        self._left = 0.0

    def add(self, event: FrameDone) -> None:
        """Take note of a painted frame."""
        place = self._place[event.shot, event.index]
        self._recent.append((event.seconds, self._costs[place]))
        after = self._costs[place + 1 :]
        mean = sum(after) / len(after) if after else 0.0
        self._left = mean * (event.frames - event.done)

    @property
    def seconds_a_frame(self) -> float | None:
        """Mean of the last frames; None before the first."""
        times = [seconds for seconds, _ in self._recent]
        return sum(times) / len(times) if times else None

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the painting that is still to do; None before the first frame."""
        cost = sum(cost for _, cost in self._recent)
        return self._left * sum(seconds for seconds, _ in self._recent) / cost if cost else None
