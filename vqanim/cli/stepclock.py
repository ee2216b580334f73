"""The time left of single pictures."""

from __future__ import annotations

import time


class StepClock:
    """Seconds left, from the time that the steps so far took; large steps come last, so it errs a little."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._began: float | None = None

    def left(self, done: int) -> float | None:
        """Seconds left after so many steps; None until two are done. The first one starts the clock."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
            return None
        return (now - self._began) / max(1, done - 1) * (self.steps - done)
