"""The live bar of a terminal."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vqanim.cli import words
from vqanim.engine.events import FrameDone, ShotStarted, StepDone
from vqanim.engine.timings import Pace
from vqanim.timeline.plan import Timeline


class Bar:
    """One line with bar, frame, pace and time left; under it the weights of the frame just painted."""

    def __init__(self, timeline: Timeline, console: Console | None = None) -> None:
        self._frames = timeline.frame_count
        self._pace = Pace(timeline)
        self._console = console or Console()
        self._shot = ""
        self._done = 0
        self._weights = ""
        self._since = time.monotonic()
        self._live: Live | None = None
        self._step: StepDone | None = None

    def start(self, done: int) -> None:
        """Show the bar, with so many frames done already."""
        self._done = done
        self._since = time.monotonic()
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def enter(self, event: ShotStarted) -> None:
        """Show the name of a shot."""
        self._shot = event.shot

    def advance(self, event: FrameDone) -> None:
        """A frame is done."""
        self._step = None
        self._pace.add(event)
        self._done = event.done
        self._weights = "   ".join(f"{text} {weight:.2f}" for text, weight in event.weights)
        self._since = time.monotonic()

    def step(self, event: StepDone) -> None:
        """A step is done; those of later frames pass too fast to be read."""
        if not event.timelapse and self._pace.seconds_a_frame is not None:
            return
        self._pace.add_step(event)
        self._step = event
        self._since = time.monotonic()

    def end(self) -> None:
        """Take the bar away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(ratio=1, min_width=10)
        line.add_column(no_wrap=True)
        bar = ProgressBar(total=max(1, self._frames), completed=self._done)
        where = f"frame {self._done}/{self._frames}"
        if self._step is not None:
            bar = ProgressBar(total=self._step.steps, completed=self._step.step)
            where = f"step {self._step.step}/{self._step.steps}"
        line.add_row(Text(self._shot), bar, Text(f"{where}, {self._timing()}"))
        line.expand = True
        return Group(line, Text(self._weights, style="dim", no_wrap=True, overflow="ellipsis"))

    def _timing(self) -> str:
        since = time.monotonic() - self._since
        pace, left = self._pace.seconds_a_frame, self._pace.seconds_left
        if self._step is not None:
            return "" if left is None else f"{words.clock(max(0.0, left - since))} left"
        if pace is None or left is None:
            return f"painting the first for {words.clock(since)}"
        return f"{pace:.1f} s a frame, {words.clock(max(0.0, left - since))} left"
