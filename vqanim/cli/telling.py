"""What a person sees of a render: a listener of the engine's events that writes text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from vqanim.cli import summary, words
from vqanim.cli.transfer import Transfer
from vqanim.engine.events import (
    Event,
    FrameDone,
    LiveFailed,
    ModelsLoaded,
    PageFailed,
    PageWritten,
    RecordingMoved,
    ResponseMeasured,
    RunStarted,
    SettingsChanged,
    ShotStarted,
    StepChanged,
    StepDone,
    TakesDone,
    TrialStarted,
)
from vqanim.engine.timings import Pace
from vqanim.film import FilmDone
from vqanim.models.fetch import FetchEvent
from vqanim.timeline.plan import Timeline


class Report(Protocol):
    """Hears every event of a render, in order, and then that it came to its end."""

    def hear(self, event: Event | FetchEvent | FilmDone) -> None: ...
    def finish(self) -> None: ...


class Progress(Protocol):
    """Shows how far the painting is."""

    def start(self, done: int) -> None: ...
    def enter(self, event: ShotStarted) -> None: ...
    def advance(self, event: FrameDone) -> None: ...
    def step(self, event: StepDone) -> None: ...
    def end(self) -> None: ...


@contextmanager
def report_to(timeline: Timeline, quiet: bool) -> Iterator[Report]:
    """A report for the place that standard output leads to; on leaving, the screen is in order again."""
    if quiet:
        yield Quiet()
        return
    progress, transfer = _progress(timeline), Transfer()
    try:
        yield Talk(timeline, progress, transfer)
    finally:
        transfer.end()
        progress.end()


def _progress(timeline: Timeline) -> Progress:
    if words.can_redraw():
        from vqanim.cli.bar import Bar

        return Bar(timeline)
    return Lines(timeline)


class Quiet:
    """Passes on warnings and nothing else."""

    def __init__(self) -> None:
        self._transfer = Transfer(quiet=True)

    def hear(self, event: Event | FetchEvent | FilmDone) -> None:
        if isinstance(event, FetchEvent):
            self._transfer.hear(event)
        else:
            words.warn(warnings_of(event))

    def finish(self) -> None:
        """Nothing to say."""


class Talk:
    """Says what will happen, shows the progress, says where the films are."""

    def __init__(self, timeline: Timeline, progress: Progress, transfer: Transfer) -> None:
        self._timeline = timeline
        self._progress = progress
        self._transfer = transfer
        self._kept = 0
        self._to_paint = 0
        self._folder = ""
        self._films: list[FilmDone] = []
        self._pages: list[str] = []

    def hear(self, event: Event | FetchEvent | FilmDone) -> None:
        """Raises nothing of its own; a closed pipe raises BrokenPipeError."""
        if isinstance(event, FetchEvent):
            self._transfer.hear(event)
            return
        words.warn(warnings_of(event))
        match event:
            case TrialStarted():
                words.say(f"measuring how soon prompts are seen ({words.count(event.frames, 'frame')})")
            case ResponseMeasured():
                frames = words.count(event.frames, "frame")
                words.say(f"prompts are seen after {frames}: they change so much earlier")
            case RunStarted():
                self._folder = words.short_path(event.folder)
                self._to_paint = event.frames - event.kept
                self._kept = event.kept
                words.say(before(self._timeline, event))
                if self._to_paint:
                    words.say("loading the models")
            case ModelsLoaded():
                self._progress.start(self._kept)
            case ShotStarted():
                self._progress.enter(event)
            case FrameDone():
                self._progress.advance(event)
            case StepDone():
                self._progress.step(event)
            case TakesDone():
                self._progress.end()
                if event.painted:
                    painted = words.count(event.painted, "frame")
                    words.say(f"{painted} painted in {words.duration(event.seconds)}; making the films")
            case FilmDone():
                self._films.append(event)
            case PageWritten():
                self._pages.append(event.path)

    def finish(self) -> None:
        """Say where the films are; called when the render has come to its end."""
        written = any(film.written for film in self._films)
        if not self._to_paint and not written:
            words.say(f"{self._folder} is finished: nothing to do")
        files = [*(film.path for film in self._films), *self._pages]
        words.say(words.rows([words.film_row(file) for file in files]))


def before(timeline: Timeline, run: RunStarted) -> str:
    """What will happen, in a few lines."""
    threads = f", {words.count(run.threads, 'thread')}" if run.device == "cpu" else ""
    items = [
        *summary.describe(timeline),
        ("device", f"{run.device}{threads}"),
        ("folder", words.short_path(run.folder)),
    ]
    to_paint = run.frames - run.kept
    if run.kept and to_paint:
        items.append(("frames", f"{run.kept} of {run.frames} kept, {to_paint} to paint"))
    if run.superseded:
        aside = words.short_path(run.superseded_to) if run.superseded_to else "superseded"
        items.append(
            ("changed", f"{words.count(run.superseded, 'frame')} of an older scene moved to {aside}")
        )
    if run.accepted:
        items.append(("edited", f"{words.count(run.accepted, 'changed frame')} kept as they are now"))
    if run.repaired:
        items.append(("edited", f"{words.count(run.repaired, 'changed frame')} moved to superseded/"))
    if to_paint:
        items.append(("watch", words.short_path(Path(run.folder) / "live.html")))
    return f"{timeline.title or Path(run.folder).name}: {summary.headline(timeline)}\n{words.rows(items)}"


def warnings_of(event: Event | FilmDone) -> Sequence[str]:
    """What of an event is worth a warning, also to who wants to hear nothing else."""
    match event:
        case ModelsLoaded():
            return event.warnings
        case StepChanged():
            return [changed(event)]
        case SettingsChanged():
            return other_settings(event)
        case RecordingMoved():
            return [moved(event)]
        case PageFailed():
            return [f"{event.name} cannot be written: {event.reason}"]
        case LiveFailed():
            return [f"the film cannot be watched while it is painted: {event.reason}"]
    return ()


def other_settings(event: SettingsChanged) -> list[str]:
    """What another run in this folder had otherwise."""
    warnings = [
        f"{name} is {now} now and was {before}; all frames are new" for name, before, now in event.repainting
    ]
    if event.changes:
        told = ", ".join(f"{name} {now} (before: {before})" for name, before, now in event.changes)
        warnings.append(f"goes on with {told}; new frames may differ a little from those before")
    return warnings


def changed(event: StepChanged) -> str:
    """In what way the steps go on, and why."""
    return {
        "chunks": "memory ran short: perceptors look at fewer cutouts at a time now, pictures stay the same",
        "checkpoint": "memory ran very short: parts of a step are computed twice now, pictures stay the same",
    }.get(event.mode, f"steps go on one operation at a time, not recorded as a graph: {event.reason}")


def moved(event: RecordingMoved) -> str:
    """Where an older recording went."""
    where = words.short_path(event.moved_to)
    return f"an unfinished timelapse of {event.shot} with other settings is in {where} now; it begins anew"


def weights(pairs: Iterable[tuple[str, float]]) -> str:
    """`a castle 0.7, a volcano 0.3`; a text that is asked for in several parts of the frame is told once."""
    told: dict[str, float] = {}
    for text, weight in pairs:
        told[text] = told.get(text, 0.0) + weight
    return ", ".join(f"{text} {words.number(round(weight, 2))}" for text, weight in told.items())


class Lines:
    """Progress for a file or a pipe: a line now and then."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._pace = Pace(timeline)
        self._last = float("-inf")

    def start(self, done: int) -> None:
        """Further lines come with finished frames, and often the first frame has the most steps."""
        if done:
            return
        first, *others = (frame.steps for shot in self._timeline.shots for frame in shot.frames)
        longest = first > max(others, default=first)
        words.say("painting; the first frame takes longest" if longest else "painting")

    def enter(self, event: ShotStarted) -> None:
        """The name of the shot stands in each line."""

    def advance(self, event: FrameDone) -> None:
        self._pace.add(event)
        now = time.monotonic()
        if now - self._last < words.SECONDS_BETWEEN_LINES and event.done < event.frames:
            return
        self._last = now
        pace, left = self._pace.seconds_a_frame or 0.0, self._pace.seconds_left
        rest = "" if left is None else f", {words.clock(left)} left"
        words.say(
            f"{event.shot}: frame {event.done}/{event.frames}, {pace:.1f} s a frame{rest}; "
            f"{weights(event.weights)}"
        )

    def step(self, event: StepDone) -> None:
        """A line now and then; and where an earlier run went on to."""
        if not event.timelapse:
            return
        self._pace.add_step(event)
        if event.since and event.step == event.since + 1:
            words.say(f"{event.shot}: going on after step {event.since} of {event.steps}")
        left, now = self._pace.seconds_left, time.monotonic()
        if left is not None and now - self._last >= words.SECONDS_BETWEEN_LINES:
            self._last = now
            words.say(f"{event.shot}: step {event.step}/{event.steps}, {words.clock(left)} left")

    def end(self) -> None:
        """Nothing to put in order."""
