"""How far something is: one line that changes on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, cast

from rich import progress as bars
from rich.console import Console, RenderableType
from rich.table import Column
from rich.text import Text

from vqanim.cli.formatting import can_redraw, clock, complain, count, number, say
from vqanim.cli.terminal import ReaderGone, Screen, visible
from vqanim.engine.events import FrameDone, StepDone
from vqanim.engine.timings import Pace
from vqanim.timeline.plan import Timeline

if TYPE_CHECKING:
    from vqanim.preview.animatic import PreviewEvent

SECONDS_BETWEEN_LINES = 4.0  # of a log
MANY_PICTURES = 300  # of a preview; fewer are made so soon that nothing is said

Described = Callable[[float], str]
"""How far it is, in words; called with the seconds since it was shown, which count as well."""


class Progress:
    """Shows how far one thing at a time is, with a bar on a terminal; shows nothing when quiet."""

    def __init__(
        self, quiet: bool = False, *, on_stderr: bool = False, console: Console | None = None
    ) -> None:
        self._stream = sys.stderr if on_stderr else sys.stdout
        self._print = complain if on_stderr else say
        self._quiet = quiet
        self.redraws = not quiet and (console is not None or can_redraw(self._stream))
        """Whether there is a line that changes while one looks."""
        self._console = console
        self._screen = Screen(self._stream)
        self._live: _Live | None = None
        self.last = time.monotonic()  # when a line of a log was written, or what it is about began
        self._began: tuple[float, float] | None = None

    def show(
        self,
        done: float,
        total: float | None,
        text: Described,
        *,
        title: str = "",
        note: str = "",
        urgent: bool = False,
    ) -> None:
        """Say that so much is done of a total (None: nobody knows it).

        text: see Described. title: what it is about, before the bar. note: more, in a line of its own.
        urgent: worth a line in a log however soon it follows the last one.
        """
        if self._quiet:
            return
        title, note = visible(title), visible(note)
        if self.redraws:
            if self._screen.gone:
                raise ReaderGone
            if self._live is None:
                self._live = _Live(self._console or Console(file=cast(TextIO, self._screen)))
            task, now = self._live.task_ids[0], time.monotonic()
            self._live.update(
                task, completed=done, total=total, description=title, text=text, since=now, note=note
            )
            return
        now = time.monotonic()
        if urgent or now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            line = ": ".join(filter(None, (title, text(0.0)))) + (f"; {note}" if note else "")
            self._print(visible(line))

    def show_count(self, done: float, total: float, text: str) -> None:
        """The same with the time left, from the time that these things took since the first call."""
        self.show(done, total, with_time_left(text, self.left(done, total)))

    def left(self, done: float, total: float) -> float | None:
        """Seconds until all is done; None at the first call: some may have been done long ago."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, done
            return None
        began, first = self._began
        return (now - began) / max(1.0, done - first) * max(0.0, total - done)

    def advance(self, done: float) -> None:
        """Move the bar, where there is one; what stands beside it stays."""
        if self._live is not None:
            self._live.update(self._live.task_ids[0], completed=done)

    def close(self) -> None:
        """Take the bar away; it comes back with the next call of `show`."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Text(bars.ProgressColumn):
    def render(self, task: bars.Task) -> Text:
        text: str = task.fields["text"](time.monotonic() - task.fields["since"])
        return Text(visible(text))


class _Live(bars.Progress):
    """A bar with words on both sides, and a dim line below."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=10)),
            _Text(Column(no_wrap=True)),
            console=console,
            refresh_per_second=4,
            expand=True,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.add_task("", text=lambda since: "", since=0.0, note="")
        self.start()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["note"]:
                yield Text(task.fields["note"], style="dim", no_wrap=True, overflow="ellipsis")


def with_time_left(text: str, left: float | None) -> Described:
    """The text with `, 0:20 left`, running down; without where nobody knows how many seconds are left."""
    return lambda since: text if left is None else f"{text}, {clock(max(0.0, left - since))} left"


class RenderProgress:
    """The frames of a render, and the steps of those that take long: the first one, and timelapses."""

    def __init__(self, timeline: Timeline, console: Console | None = None) -> None:
        self._progress = Progress(console=console)
        self._pace = Pace(timeline)
        self._plans = [frame for shot in timeline.shots for frame in shot.frames]
        self.shot = ""  # that is painted
        self._done, self._frames = 0, len(self._plans)
        self._first: tuple[str, int] | None = None
        self.close = self._progress.close

    def start(self, done: int, frames: int | None = None) -> None:
        """The models are here, and so many frames. frames: of all that are painted, where only a part is."""
        self._done, self._frames = done, len(self._plans) if frames is None else frames
        frames = self._frames
        if self._progress.redraws:
            where = f"frame {done}/{frames}, painting the first for "
            self._progress.show(done, frames, lambda since: f"{where}{clock(since)}", title=self.shot)
        elif not done:
            first, *others = (plan.steps for plan in self._plans)
            longest = first > max(others, default=first)
            say("painting; the first frame takes longest" if longest else "painting")

    def frame(self, event: FrameDone) -> None:
        """A frame is done."""
        urgent = self._pace.seconds_a_frame is None or event.done == event.frames
        self._pace.add(event)
        self._done, frames = event.done, event.frames
        where = f"frame {event.done}/{frames}, {self._pace.seconds_a_frame or 0.0:.1f} s a frame"
        text, note = with_time_left(where, self._pace.seconds_left), weights(event.weights)
        self._progress.show(event.done, frames, text, title=event.shot, note=note, urgent=urgent)

    def step(self, event: StepDone) -> None:
        """A step is done. Those of later frames only move the bar: they pass too fast to be read."""
        self._pace.add_step(event)
        first, left, where = event.step == event.since + 1, None, f"step {event.step}/{event.steps}"
        if event.timelapse:
            left = self._pace.seconds_left
            if first and event.since and not self._progress.redraws:
                say(f"{event.shot}: going on after step {event.since} of {event.steps}")
        elif self._pace.seconds_a_frame is not None:
            self._progress.advance(self._done + event.step / event.steps)
            return
        else:
            self._first = self._first or (event.shot, event.index)
            if self._first != (event.shot, event.index):  # of another process
                return
            costs = [0 if plan.timelapse and plan.index else plan.steps for plan in self._plans[1:]]
            others = sum(costs) / len(costs) * (self._frames - self._done - 1) if costs else 0.0
            left = self._progress.left(event.step, event.steps + others)
            where += " of the first frame"
        text, urgent = with_time_left(where, left), first and event.timelapse
        self._progress.show(event.step, event.steps, text, title=event.shot, urgent=urgent)


def weights(pairs: Iterable[tuple[str, float]]) -> str:
    """`a castle 0.7, a volcano 0.3`; a text that is asked for in several parts of the frame comes once."""
    sums: dict[str, float] = {}
    for text, weight in pairs:
        sums[text] = sums.get(text, 0.0) + weight
    return ", ".join(f"{text} {number(round(weight, 2))}" for text, weight in sums.items())


class PictureProgress(Progress):
    """The pictures of a preview, on standard error; of few nothing is said, so soon are they made."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet, on_stderr=True)
        self.left(0, 0)

    def report(self, event: PreviewEvent) -> None:
        """Say what a person wants to know of an event."""
        from vqanim.preview.animatic import PictureDone

        if isinstance(event, PictureDone) and event.pictures >= MANY_PICTURES:
            self.show_count(event.done, event.pictures, f"{event.done} of {count(event.pictures, 'picture')}")
