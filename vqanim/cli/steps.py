"""Progress of single pictures, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from vqanim.cli import words
from vqanim.cli.stepclock import StepClock


class StepProgress(Protocol):
    """Shows how many steps of all pictures are done."""

    def advance(self, done: int) -> None: ...


@contextmanager
def step_progress(steps: int, quiet: bool) -> Iterator[StepProgress]:
    """Progress for the place that standard output leads to; on leaving, the screen is in order again."""
    if quiet:
        yield Nothing()
        return
    if not words.can_redraw():
        yield StepLines(steps)
        return
    from vqanim.cli.stepbar import StepBar

    bar = StepBar(steps)
    try:
        yield bar
    finally:
        bar.end()


class Nothing:
    """Shows nothing."""

    def advance(self, done: int) -> None:
        """Nothing to say."""


class StepLines:
    """A line now and then, for a file or a pipe."""

    def __init__(self, steps: int) -> None:
        self._clock = StepClock(steps)
        self._last = time.monotonic()

    def advance(self, done: int) -> None:
        """Called after every step."""
        left, now = self._clock.left(done), time.monotonic()
        if left is not None and now - self._last >= words.SECONDS_BETWEEN_LINES:
            self._last = now
            words.say(f"step {done}/{self._clock.steps}, {words.clock(left)} left")
