"""The live bar of a terminal, for the steps of single pictures."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from vqanim.cli import words
from vqanim.cli.stepclock import StepClock


class StepBar:
    """One line with bar, step and time left."""

    def __init__(self, steps: int, console: Console | None = None) -> None:
        self._clock = StepClock(steps)
        columns = (
            BarColumn(bar_width=None),
            TextColumn("step {task.completed}/{task.total}{task.fields[left]}"),
        )
        self._progress = Progress(
            *columns,
            console=console,
            expand=True,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=steps, left="")
        self._progress.start()

    def advance(self, done: int) -> None:
        """Called after every step."""
        left = self._clock.left(done)
        said = "" if left is None else f", {words.clock(left)} left"
        self._progress.update(self._task, completed=done, left=said)

    def end(self) -> None:
        """Take the bar away."""
        self._progress.stop()
