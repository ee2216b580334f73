"""A page that can be watched while a film is painted: live.html, and live.js with what changes.

The page loads live.js again and again as a script, which browsers allow from a file, and changes in place
what it shows. Both are written by a thread of their own, at most once a second and never for more than a
small part of its time; an error there is reported once and ends nothing but the page.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from vqanim.engine.events import FrameDone, ModelsLoaded, RunStarted, ShotStarted, StepDone, TakesDone
from vqanim.engine.learning import device_label
from vqanim.engine.pace import Pace
from vqanim.errors import OutputError, VqanimError
from vqanim.files import Guard
from vqanim.plots.curves import plot
from vqanim.plots.svg import svg_row, svg_rows
from vqanim.report.film import Film, PaintingCurves, read_figures
from vqanim.report.page import refuse_foreign, render_page, to_json, write_page
from vqanim.takes.records import Figures
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef
from vqanim.timeline.tracks import Track

PAGE, DATA = "live.html", "live.js"
_CALL = ("vqanimLive(", ");\n")
"""What stands around the JSON in live.js."""
ENDED = ("finished", "stopped", "failed")
MAX_BYTES = 20_000_000
SECONDS_BETWEEN_WRITES = 1.0
HEARTBEAT = 10.0
"""Seconds after which live.js is written though nothing happened, so that the page tells a killed render."""
SHARE = 20
"""The thread rests so many times as long as a write took."""
STRIP = 8
"""Frames beside the newest one."""
MOST_PLOTS, COLUMNS = 24, 300
"""Of similarities and losses."""
PATIENCE = 5.0
"""Seconds that the end of a render waits for the last write."""


@dataclass(frozen=True)
class Status:
    """Where a render stands: what the page shows besides pictures and curves."""

    state: str = "starting"
    """starting, loading, painting, films, or one of ENDED."""
    message: str = ""
    shot: str = ""
    done: int = 0
    frames: int = 0
    kept: int = 0
    step: tuple[int, int] | None = None
    """Of the frame or timelapse that is being painted, and how many there are."""
    timelapse: bool = False
    pace: float | None = None
    """Seconds a frame."""
    left: float | None = None
    """Seconds."""
    device: str = ""
    weights: tuple[tuple[str, float], ...] = ()
    """Of the newest frame."""
    warnings: tuple[str, ...] = ()
    newest: FrameRef | None = None


def next_status(status: Status, event: object, pace: Pace, earlier: tuple[str, ...] = ()) -> Status:
    """The status after an event, from which `pace` learns.

    earlier: warnings of the run before, which still count when nothing is painted now.
    """
    match event:
        case RunStarted():
            whole = event.kept == event.frames
            return replace(
                status,
                state="films" if whole else "loading",
                done=event.kept,
                kept=event.kept,
                frames=event.frames,
                device=device_label(event.device, event.threads),
                warnings=tuple(dict.fromkeys((*status.warnings, *(earlier if whole else ())))),
            )
        case ModelsLoaded():
            return replace(status, state="painting", warnings=(*status.warnings, *event.warnings))
        case ShotStarted():
            return replace(status, shot=event.shot)
        case StepDone():
            pace.add_step(event)
            left = pace.seconds_left if event.timelapse else status.left
            step = event.step, event.steps
            return replace(status, step=step, timelapse=event.timelapse, left=left, shot=event.shot)
        case FrameDone():
            pace.add(event)
            return replace(
                status,
                done=event.done,
                step=None,
                pace=None if event.of_lapse else pace.seconds_a_frame,
                left=pace.seconds_left,
                weights=event.weights,
                newest=FrameRef(event.shot, event.index),
            )
        case TakesDone():
            return replace(status, state="films", left=None, step=None)
    return status


@dataclass
class _Pending:
    """What happened and is not on the page yet."""

    status: Status
    figures: dict[FrameRef, Figures] = field(default_factory=dict)
    """Of frames that are done since."""
    rescan: bool = False
    """Whether the frames on the disk are to be read."""


class LivePage:
    """Follows the events of a render."""

    def __init__(self, folder: Path, film: Film, store: TakeStore, stem: str, guard: Guard) -> None:
        self._folder, self._film, self._stem, self._guard = folder, film, stem, guard
        self._store = store
        self._pace = Pace(film.timeline)
        self._earlier = read_warnings(folder)
        self._lock = threading.Lock()
        self._pending = _Pending(Status(warnings=film.timeline.warnings))
        self._changed, self._ended = threading.Event(), threading.Event()
        self._failures: list[str] = []
        self._thread = threading.Thread(target=self._work, name="live page", daemon=True)
        # Only the thread touches these.
        self._curves = PaintingCurves(film)
        self._recent: deque[FrameRef] = deque(maxlen=STRIP + 1)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def on_event(self, event: object) -> None:
        """Take note of an event; waits for nothing."""
        with self._lock:
            pending = self._pending
            pending.status = next_status(pending.status, event, self._pace, self._earlier)
            pending.rescan |= isinstance(event, RunStarted)
            if isinstance(event, FrameDone):
                seconds = None if event.of_lapse else event.seconds
                figures = Figures(seconds, event.similarities, event.losses)
                pending.figures[FrameRef(event.shot, event.index)] = figures
        self._changed.set()

    def end(self, state: str, message: str = "") -> None:
        """Write what became of the render, and no more."""
        with self._lock:
            self._pending.status = replace(self._pending.status, state=state, message=message, left=None)
        self._ended.set()
        self._changed.set()
        self._thread.join(PATIENCE)

    def failures(self) -> Iterator[str]:
        """Why the page cannot be written, once."""
        while self._failures:
            yield self._failures.pop()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings so far."""
        with self._lock:
            return self._pending.status.warnings

    # What follows runs in the thread.

    def _work(self) -> None:
        try:
            refuse_foreign(self._folder / PAGE)
            refuse_foreign(self._folder / DATA, _CALL[0])
            self._write()
            self._put(PAGE, self._page())
            while not self._ended.is_set():
                began = time.monotonic()
                self._write()
                rest = max(SECONDS_BETWEEN_WRITES, SHARE * (time.monotonic() - began))
                self._ended.wait(rest)
                self._changed.wait(HEARTBEAT)
            self._write()
        except Exception as error:  # nothing depends on the page; the render reports it and goes on
            reason = str(error) if isinstance(error, VqanimError) else f"{type(error).__name__}: {error}"
            self._failures.append(reason)

    def _write(self) -> None:
        self._changed.clear()
        with self._lock:
            pending = self._pending
            self._pending = _Pending(pending.status)
        if pending.rescan:
            self._rescan()
        for frame, figures in pending.figures.items():
            self._curves.add(frame, figures)
        self._remember(pending.figures)
        self._put(DATA, f"{_CALL[0]}{to_json(self._document(pending.status))}{_CALL[1]}")

    def _put(self, name: str, text: str) -> None:
        self._guard()
        try:
            write_page(self._folder / name, text)
        except OutputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            # The films' writer removes temporary files that a killed writer may have left.
            write_page(self._folder / name, text)

    def _rescan(self) -> None:
        """Read the frames that an earlier run left, and how they were painted."""
        for frame, figures in read_figures(self._film.timeline, self._store).items():
            self._curves.add(frame, figures)
        saved = {shot.name: set(self._store.find_frames(shot.name)) for shot in self._film.timeline.shots}
        self._remember(frame for frame in self._film.positions if frame.index in saved[frame.shot])

    def _remember(self, frames: Iterable[FrameRef]) -> None:
        """These came last, in this order."""
        for frame in frames:
            if frame in self._recent:
                self._recent.remove(frame)
            self._recent.append(frame)

    def _document(self, status: Status) -> dict[str, Any]:
        frames = list(self._frames())
        if len(frames) < len(self._recent):  # one is still being saved
            self._changed.set()
        return {
            "written": round(time.time(), 3),
            **{name: value for name, value in vars(status).items() if name != "newest"},
            "weights": self._weights(status),
            "part": self._part(status.newest),
            "recent": frames,
            "plots": self._plots(),
            "links": [list(link) for link in self._links(status)],
        }

    def _weights(self, status: Status) -> list[tuple[str, float]]:
        """Of the newest frame; those of a text that is asked for in several areas are added."""
        weights: dict[str, float] = {}
        for text, weight in status.weights:
            name = self._film.prompt_names.get(text, text)
            weights[name] = weights.get(name, 0.0) + weight
        return list(weights.items())

    def _part(self, newest: FrameRef | None) -> float | None:
        """Where in the film the frame is that is being painted, 0..1."""
        positions = self._film.positions.get(newest) if newest is not None else None
        if positions is None:
            return None
        return round((min(positions[-1] + 1, self._film.frames - 1) + 0.5) / self._film.frames, 6)

    def _frames(self) -> Iterator[dict[str, str]]:
        """The last frames that are on the disk, the newest first."""
        for frame in reversed(self._recent):
            with suppress(OSError):
                version = self._store.find(frame).stat().st_mtime_ns // 1_000_000
                path = f"takes/{quote(frame.shot)}/{frame.index:06d}.png?v={version}"
                yield {"src": path, "name": f"{frame.shot} {frame.index}"}

    def _plots(self) -> str:
        tracks = self._curves.tracks()
        latest = _latest(tracks)
        rows = [svg_row(plot(track), COLUMNS, latest=True) for track in latest]
        more = len(tracks) - len(latest)
        return render_page("live_curves.html", rows=rows, marks=self._film.marks, more=more) if rows else ""

    def _links(self, status: Status) -> Iterator[tuple[str, str]]:
        if status.state in ENDED:
            names = [("report.html", "report"), (f"{self._stem}.mp4", "film"), (f"{self._stem}.gif", "GIF")]
        else:
            names = [(f"{self._stem}.live.mp4", "the film so far")]
        return ((quote(name), text) for name, text in names if (self._folder / name).exists())

    def _page(self) -> str:
        film, title = self._film, f"{self._film.timeline.title} - painting"
        return render_page("live.html", title=title, film=film, data=DATA, rows=svg_rows(film.tracks))


def _latest(tracks: Sequence[Track]) -> list[Track]:
    """As many tracks as are shown: all losses and the pace, and of similarities those that moved last."""
    similar = [track for track in tracks if track.group == "similarity"]
    others = [track for track in tracks if track.group != "similarity"][:MOST_PLOTS]
    last = [int(np.flatnonzero(~np.isnan(track.values))[-1]) for track in similar]
    newest = sorted(range(len(similar)), key=last.__getitem__)[max(0, len(tracks) - MOST_PLOTS) :]
    return [similar[number] for number in sorted(newest)] + others


@contextmanager
def live_page(folder: Path, film: Film, store: TakeStore, stem: str, guard: Guard) -> Iterator[LivePage]:
    """A page in a render's folder, which says in the end how the block was left."""
    live = LivePage(folder, film, store, stem, guard)
    live.start()
    try:
        yield live
    except BaseException as error:
        if isinstance(error, VqanimError):
            live.end("failed", str(error))
        elif isinstance(error, Exception):
            live.end("failed", f"{type(error).__name__}: {error}")
        else:
            live.end("stopped")
        raise
    live.end("finished")


def read_warnings(folder: Path) -> tuple[str, ...]:
    """The warnings of the last render in a folder; nothing where they cannot be read."""
    path = folder / DATA
    try:
        if path.stat().st_size > MAX_BYTES:
            return ()
        text = path.read_text("utf-8")
        warnings = json.loads(text.removeprefix(_CALL[0]).removesuffix(_CALL[1]))["warnings"]
        return tuple(map(str, warnings)) if isinstance(warnings, list) else ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
