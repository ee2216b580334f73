"""The time left of single pictures."""

from __future__ import annotations

import time


class StepClock:
    """Seconds left, from the time that the steps so far took; large steps come last, so it errs a little."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._began: tuple[float, int] | None = None

    def left(self, done: int) -> float | None:
        """Seconds left after so many steps; None at the first call, which starts the clock: some of the
        steps may have been done long ago."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, done
            return None
        began, first = self._began
        return (now - began) / max(1, done - first) * (self.steps - done)
