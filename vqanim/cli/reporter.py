"""What a person reads of what happens: events become lines of text."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vqanim.cli import formatting, progress
from vqanim.cli.formatting import count, duration, file_size, rows, say, short_path, warn, with_reason
from vqanim.engine import events
from vqanim.models.download import FetchProgress, FetchTrouble
from vqanim.models.fetch import FetchEvent, FetchStarted, FetchWaiting, FileFetched
from vqanim.timeline.plan import Timeline

if TYPE_CHECKING:
    from vqanim.api import Prepared
    from vqanim.engine.still import StillEvent
    from vqanim.film.make import FilmDone


SECONDS_OF_PACE = 10.0  # over which the pace of a transfer is measured


class FetchReporter:
    """Says which models come, under which license, how far they are and how long it takes."""

    def __init__(self, quiet: bool = False) -> None:
        self._say: Callable[[str], None] = (lambda text: None) if quiet else say
        self._progress = progress.Progress(quiet)
        self._file: tuple[str, ...] = ()
        self._recent: deque[tuple[float, int]] = deque()
        """When how many bytes of the file were here."""

    def close(self) -> None:
        """Take the bar away; a file that comes next is another one."""
        self._progress.close()
        self._file = ()

    def report(self, event: FetchEvent) -> None:
        """Say what a person wants to know of an event; warnings also when quiet."""
        match event:
            case FetchStarted():
                size = f", {file_size(event.size)}" if event.size else ""
                self._say(f"fetching {event.model} ({event.kind}{size})")
                self._say(f"  license: {event.license}; commercial use: {with_reason(event.commercial)}")
            case FetchWaiting():
                self._say(f"another process is fetching {event.model}; waiting for it")
            case FetchProgress():
                self._show(event)
            case FetchTrouble():
                self.close()
                if event.wait is not None:  # an error names the addresses that were given up, if all were
                    again = f"trying again in {event.wait:g} s ({event.address})"
                    warn([f"{event.model}, {event.role}: {event.reason}; {again}"])
            case FileFetched():
                self.close()
                self._say(f"  {event.role}: {file_size(event.size)} from {urlsplit(event.address).netloc}")
                if event.pinned:
                    self._say("    nobody published its SHA-256; that of this file holds from now on")

    def _show(self, event: FetchProgress) -> None:
        """How much of a file is here, how fast it comes, and the time left, where its size is known."""
        file, now, left = (event.model, event.role, event.address), time.monotonic(), None
        if file != self._file:
            self._file, self._progress.last = file, now
            self._recent.clear()
        self._recent.append((now, event.done))
        while now - self._recent[0][0] > SECONDS_OF_PACE:
            self._recent.popleft()
        text = file_size(event.done) + (f" of {file_size(event.size)}" if event.size else "")
        since, before = self._recent[0]
        if now - since > 0.5 and event.done > before:
            pace = (event.done - before) / (now - since)
            text += f", {file_size(round(pace))}/s"
            left = (event.size - event.done) / pace if event.size else None
        described = progress.with_time_left(text, left)
        self._progress.show(event.done, event.size, described, title=f"  {event.role}")


def fetch(prepared: Prepared, quiet: bool) -> Prepared:
    """Bring the models of a film into the cache, and give it with the hashes of all of them known.

    Raises InputError and OutputError.
    """
    from vqanim import api

    def fetching() -> Iterator[FetchEvent]:
        nonlocal prepared
        prepared = yield from api.fetch_models(prepared)

    with closing(FetchReporter(quiet)) as reporter:
        for event in fetching():
            reporter.report(event)
    return prepared


class StillReporter:
    """Shows how far single pictures and timelapses are."""

    def __init__(self, steps: int, quiet: bool = False) -> None:
        """`steps` are those of all pictures."""
        self.saved = 0  # pictures that are saved
        self.steps = 0  # of the last of them
        self._all_steps, self._quiet = steps, quiet
        self._progress = progress.Progress(quiet)
        self.close = self._progress.close

    def report(self, event: StillEvent) -> None:
        """Say what a person wants to know of an event; warnings also when quiet."""
        match event:
            case events.PromptsRead():
                warn(event.warnings)
                if event.readings and not self._quiet:
                    say(rows(read_rows(event)))
            case events.ModelsLoaded():
                warn(event.warnings)
            case events.StepDone():
                if event.since and event.step == event.since + 1 and not self._quiet:
                    say(f"going on after step {event.since} of {event.steps}")
                done, steps = event.index * event.steps + event.step, self._all_steps
                self._progress.show_count(done, steps, f"step {done}/{steps}")
            case _:
                self.saved, self.steps = self.saved + 1, event.steps


class Reporter:
    """Says what a render will do, shows the progress, says where the films are. Quiet: only warnings."""

    def __init__(self, timeline: Timeline, quiet: bool = False) -> None:
        self._timeline, self._quiet = timeline, quiet
        self._fetching = FetchReporter(quiet)
        self._progress = progress.RenderProgress(timeline)
        self._run: events.RunStarted | None = None
        self._written = False
        self._files: list[str] = []

    def report(self, event: events.Event | FetchEvent | FilmDone) -> None:
        """Say what a person wants to know of an event. A closed pipe raises BrokenPipeError."""
        from vqanim.film.make import FilmDone

        if isinstance(event, FetchEvent):
            self._fetching.report(event)
            return
        warn(warnings_of(event))
        if self._quiet:
            return
        match event:
            case events.TrialStarted():
                say(f"measuring how soon prompts are seen ({count(event.frames, 'frame')})")
            case events.ResponseMeasured():
                say(f"prompts are seen after {count(event.frames, 'frame')}: they change so much earlier")
            case events.RunStarted():
                self._run = event
                say(before(self._timeline, event))
            case events.PromptsRead():
                say("\n".join([*filter(None, [rows(read_rows(event))]), "loading the models"]))
            case events.ModelsLoaded():
                run = self._run
                self._progress.start(run.kept if run else 0, run.frames if run else None)
            case events.ShotStarted():
                self._progress.shot = event.shot
            case events.FrameDone():
                self._progress.frame(event)
            case events.StepDone():
                self._progress.step(event)
            case events.TakesDone():
                self._progress.close()
                if event.painted:
                    painted = count(event.painted, "frame")
                    say(f"{painted} painted in {duration(event.seconds)}; making the films")
            case FilmDone():
                self._written |= event.written
                self._files.append(event.path)
            case events.PageWritten():
                self._files.append(event.path)

    def finish(self) -> None:
        """Say where the films are; called when the render has come to its end."""
        if self._quiet:
            return
        if self._run and self._run.kept == self._run.frames and not self._written:
            say(f"{short_path(self._run.folder)} is finished: nothing to do")
        say(rows([formatting.film_row(file) for file in self._files]))

    def close(self) -> None:
        """Put the screen in order."""
        self._fetching.close()
        self._progress.close()


def before(timeline: Timeline, run: events.RunStarted) -> str:
    """What will happen, in a few lines."""
    device = run.device + (f", {run.workers} processes" if run.workers > 1 else "")
    if run.device == "cpu":
        device += f", {count(run.threads, 'thread')}" + (" each" if run.workers > 1 else "")
    items = [*formatting.describe(timeline), ("device", device), ("folder", short_path(run.folder))]
    to_paint = run.frames - run.kept
    if run.frames < timeline.frame_count:
        items.append(("part", f"{run.frames} of {count(timeline.frame_count, 'painted frame')}"))
    if run.kept and to_paint:
        items.append(("frames", f"{run.kept} of {run.frames} kept, {to_paint} to paint"))
    if run.superseded:
        aside = short_path(run.superseded_to) if run.superseded_to else "superseded"
        items.append(("changed", f"{count(run.superseded, 'frame')} of an older scene moved to {aside}"))
    if run.accepted:
        items.append(("edited", f"{count(run.accepted, 'changed frame')} kept as they are now"))
    if run.repaired:
        items.append(("edited", f"{count(run.repaired, 'changed frame')} moved to superseded/"))
    if to_paint:
        items.append(("watch", short_path(Path(run.folder) / "live.html")))
    return f"{timeline.title or Path(run.folder).name}: {formatting.headline(timeline)}\n{rows(items)}"


def read_rows(read: events.PromptsRead) -> list[formatting.Row]:
    """The prompts and what they will be painted as."""
    return formatting.prompt_rows(
        list(dict.fromkeys(one.reading.text for one in read.readings)), read.readings
    )


STEP_CHANGES = {
    "chunks": "memory ran short: perceptors look at fewer cutouts at a time now, pictures stay the same",
    "checkpoint": "memory ran very short: parts of a step are computed twice now, pictures stay the same",
}


def warnings_of(event: events.Event | FilmDone) -> Sequence[str]:
    """What of an event is worth a warning, also when quiet."""
    match event:
        case events.RunStarted():
            return list(_lack_of_cores(event))
        case events.PromptsRead() | events.ModelsLoaded():
            return event.warnings
        case events.StepChanged():
            one_by_one = f"steps go on one operation at a time, not recorded as a graph: {event.reason}"
            return [STEP_CHANGES.get(event.mode, one_by_one)]
        case events.SettingsChanged():
            changes = ", ".join(f"{name} {now} (before: {before})" for name, before, now in event.changes)
            go_on = f"goes on with {changes}; new frames differ visibly from what they would have been"
            new = (f"{name} is {now} now and was {before}" for name, before, now in event.repainting)
            return [*(f"{what}; all frames are new" for what in new), *([go_on] if changes else [])]
        case events.RecordingMoved():
            where = short_path(event.moved_to)
            unfinished = f"an unfinished timelapse of {event.shot} with other settings"
            return [f"{unfinished} is in {where} now; it begins anew"]
        case events.PageFailed():
            return [f"{event.name} cannot be written: {event.reason}"]
        case events.OutputMoved():
            return [moved_line(event.path, event.moved_to)]
        case events.LiveFailed():
            return [f"the film cannot be watched while it is painted: {event.reason}"]
    return [moved_line(*pair) for pair in getattr(event, "moved", ())]  # of a film


def _lack_of_cores(run: events.RunStarted) -> Iterator[str]:
    threads = run.threads * run.workers
    if run.kept and run.kept < run.frames and run.device == "cpu" and threads > (run.cores or threads):
        going_on = f"goes on with {count(threads, 'thread')}, so that the frames to come fit those before"
        cores = f"this machine has {count(run.cores or 0, 'core')}, so it takes longer"
        yield f"{going_on}; {cores}; --threads {run.cores} is faster, and new frames differ visibly"


def moved_line(path: str, moved_to: str) -> str:
    """What to say of a file that had to make way."""
    name, where = short_path(path), short_path(moved_to)
    return f"{name} was not made here, or was changed since; it is kept as {where} now"
