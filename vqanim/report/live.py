"""A page that can be watched while a film is painted: live.html, and live.js with what changes.

The page loads live.js again and again as a script, which browsers allow from a file, and changes in place
what it shows. Both are written by a thread of their own, at most once a second and never for more than a
small part of its time; an error there is reported once and ends nothing but the page.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from vqanim.engine.events import (
    FrameDone,
    ModelsLoaded,
    PromptsRead,
    RunStarted,
    ShotStarted,
    StepDone,
    TakesDone,
)
from vqanim.engine.timings import Pace, device_label
from vqanim.errors import OutputError, VqanimError
from vqanim.files import Guard, is_there, open_file
from vqanim.own_files import Damaged, parse_json, read_bytes
from vqanim.plots.curves import svg_row, svg_rows
from vqanim.report.film import Film, painting_tracks, read_metrics
from vqanim.report.page import render_page, to_json, write_page, write_quickly
from vqanim.takes.outputs import is_sealed, move_aside
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef
from vqanim.timeline.readings import PromptReading
from vqanim.timeline.tracks import Track

PAGE, DATA = "live.html", "live.js"
_CALL = ("vqanimLive(", ");\n")  # what stands around the JSON in live.js
ENDED = ("finished", "stopped", "failed")
MAX_BYTES = 8_000_000
SECONDS_BETWEEN_WRITES = 1.0
HEARTBEAT = 10.0
"""Seconds after which live.js is written though nothing happened, so that the page tells a killed render."""
SHARE = 20  # the thread rests so many times as long as a write took
STRIP = 8  # frames beside the newest one
MOST_PROMPTS = 24  # whose readings are shown
MOST_PLOTS, COLUMNS = 24, 300  # of similarities and losses
PATIENCE = 5.0  # seconds that the end of a render waits for the last write


@dataclass
class Status:
    """Where a render stands: what the page shows besides pictures and curves."""

    warnings: tuple[str, ...]
    state: str = "starting"  # starting, loading, painting, films, or one of ENDED
    message: str = ""
    shot: str = ""
    done: int = 0
    frames: int = 0
    kept: int = 0
    step: tuple[int, int] | None = None
    """Of the frame or timelapse that is being painted, and how many there are."""
    timelapse: bool = False
    pace: float | None = None  # seconds a frame
    left: float | None = None  # seconds
    device: str = ""
    weights: tuple[tuple[str, float], ...] = ()  # of the newest frame
    newest: FrameRef | None = None

    def update(self, event: object, pace: Pace, earlier: tuple[str, ...]) -> None:
        """Follow an event, from which `pace` learns. earlier: warnings of the run before, which still count
        when nothing is painted now."""
        match event:
            case RunStarted():
                whole = event.kept == event.frames
                self.state = "films" if whole else "loading"
                self.done, self.kept, self.frames = event.kept, event.kept, event.frames
                self.device = event.label or device_label(event.device, event.threads)
                self.warnings = tuple(dict.fromkeys((*self.warnings, *(earlier if whole else ()))))
            case PromptsRead():
                self.warnings = (*self.warnings, *event.warnings)
            case ModelsLoaded():
                self.state, self.warnings = "painting", (*self.warnings, *event.warnings)
            case ShotStarted():
                self.shot = event.shot
            case StepDone():
                pace.add_step(event)
                self.shot, self.step, self.timelapse = event.shot, (event.step, event.steps), event.timelapse
                self.left = pace.seconds_left if event.timelapse else self.left
            case FrameDone():
                pace.add(event)
                self.done, self.step, self.weights = event.done, None, event.weights
                self.pace = None if event.from_timelapse else pace.seconds_a_frame
                self.left = pace.seconds_left
                self.newest = FrameRef(event.shot, event.index)
            case TakesDone():
                self.state, self.left, self.step = "films", None, None


class LivePage:
    """Follows the events of a render; a context, which says in the end how it was left."""

    def __init__(
        self,
        folder: Path,
        film: Film,
        store: TakeStore,
        stem: str,
        guard: Guard,
        readings: Sequence[PromptReading] = (),
    ) -> None:
        """folder: of the render. stem: name of its films. guard: called before each write. readings: what the
        prompts will be painted as."""
        self._readings = readings
        self._folder, self._film, self._stem, self._guard, self._store = folder, film, stem, guard, store
        self._pace, self._earlier = Pace(film.timeline), read_warnings(folder)
        self._lock = threading.Lock()
        self._status = Status(film.timeline.warnings)
        self._done: dict[FrameRef, Metrics] = {}  # frames that are not on the page yet
        self._rescan = False  # whether the frames on the disk are to be read
        self._changed, self._ended = threading.Event(), threading.Event()
        self._failures: list[str] = []
        self._moved: list[tuple[str, str]] = []
        self._thread = threading.Thread(target=self._work, name="live page", daemon=True)
        # Only the thread touches these.
        self._metrics: dict[FrameRef, Metrics] = {}
        self._recent: deque[FrameRef] = deque(maxlen=STRIP + 1)

    def __enter__(self) -> LivePage:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._lock:
            self._status.state, self._status.left = "finished" if error is None else "stopped", None
            if isinstance(error, Exception):
                self._status.state, self._status.message = "failed", _reason(error)
        self._ended.set()
        self._changed.set()
        self._thread.join(PATIENCE)

    def on_event(self, event: object) -> None:
        """Take note of an event; waits for nothing."""
        with self._lock:
            self._status.update(event, self._pace, self._earlier)
            self._rescan |= isinstance(event, RunStarted)
            if isinstance(event, FrameDone):
                seconds = None if event.from_timelapse else event.seconds
                metrics = Metrics(seconds, event.similarities, event.losses)
                self._done[FrameRef(event.shot, event.index)] = metrics
        self._changed.set()

    def failures(self) -> Iterator[str]:
        """Why the page cannot be written, once."""
        while self._failures:
            yield self._failures.pop()

    def moved(self) -> Iterator[tuple[str, str]]:
        """Files of somebody else that had to make way, and where each is now, once."""
        while self._moved:
            yield self._moved.pop(0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings so far."""
        with self._lock:
            return self._status.warnings

    # What follows runs in the thread.

    def _work(self) -> None:
        try:
            self._make_way(PAGE, is_sealed(self._folder / PAGE))
            self._make_way(DATA, _begins(self._folder / DATA, _CALL[0]))
            self._write()
            title, rows = f"{self._film.timeline.title} - painting", svg_rows(self._film.tracks)
            shown = {"readings": self._readings[:MOST_PROMPTS], "more": len(self._readings) - MOST_PROMPTS}
            self._put(
                PAGE, render_page("live.html", title=title, film=self._film, data=DATA, rows=rows, **shown)
            )
            while not self._ended.is_set():
                began = time.monotonic()
                self._write()
                rest = max(SECONDS_BETWEEN_WRITES, SHARE * (time.monotonic() - began))
                self._ended.wait(rest)
                self._changed.wait(HEARTBEAT)
            self._write()
        except Exception as error:  # nothing depends on the page; the render reports it and goes on
            if self._folder.is_dir():  # else the render itself says so
                self._failures.append(_reason(error))

    def _make_way(self, name: str, ours: bool) -> None:
        """Move a file of somebody else aside."""
        path = self._folder / name
        if is_there(path) and not ours:
            self._moved.append((str(path), str(move_aside(path, self._guard))))

    def _write(self) -> None:
        self._changed.clear()
        with self._lock:
            status, rescan, self._rescan = replace(self._status), self._rescan, False
            done, self._done = self._done, {}
        if rescan:
            # The frames that an earlier run left, and how they were painted.
            timeline = self._film.timeline
            self._metrics |= read_metrics(timeline, self._store)
            saved = {shot.name: set(self._store.find_frames(shot.name)) for shot in timeline.shots}
            self._remember(frame for frame in self._film.positions if frame.index in saved[frame.shot])
        self._metrics |= done
        self._remember(done)
        self._put(DATA, f"{_CALL[0]}{to_json(self._document(status))}{_CALL[1]}")

    def _put(self, name: str, text: str) -> None:
        self._guard()
        write = write_page if name == PAGE else write_quickly
        try:
            write(self._folder / name, text)
        except OutputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            # The films' writer removes temporary files that a killed writer may have left.
            write(self._folder / name, text)

    def _remember(self, frames: Iterable[FrameRef]) -> None:
        """These came last, in this order."""
        for frame in frames:
            with suppress(ValueError):
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
        if newest is None or newest not in self._film.positions:
            return None
        following = min(self._film.positions[newest][-1] + 1, self._film.frames - 1)
        return round((following + 0.5) / self._film.frames, 6)

    def _frames(self) -> Iterator[dict[str, str]]:
        """The last frames that are on the disk, the newest first."""
        for frame in reversed(self._recent):
            with suppress(OSError):
                version = self._store.find(frame).stat().st_mtime_ns // 1_000_000
                path = f"takes/{quote(frame.shot)}/{frame.index:06d}.png?v={version}"
                yield {"src": path, "name": f"{frame.shot} {frame.index}"}

    def _plots(self) -> str:
        tracks = painting_tracks(self._film, self._metrics)
        rows = [svg_row(track, COLUMNS, latest=True) for track in _latest(tracks)]
        shown = {"rows": rows, "marks": self._film.marks, "more": len(tracks) - len(rows)}
        return render_page("live_curves.html", **shown) if rows else ""

    def _links(self, status: Status) -> Iterator[tuple[str, str]]:
        if status.state in ENDED:
            names = [("report.html", "report"), (f"{self._stem}.mp4", "film"), (f"{self._stem}.gif", "GIF")]
        else:
            names = [(f"{self._stem}.live.mp4", "the film so far")]
        return ((quote(name), text) for name, text in names if (self._folder / name).exists())


def _latest(tracks: Sequence[Track]) -> list[Track]:
    """As many tracks as are shown: all losses and the pace, and of similarities those that moved last."""
    similar = [track for track in tracks if track.group == "similarity"]
    others = [track for track in tracks if track.group != "similarity"][:MOST_PLOTS]
    last = [int(np.flatnonzero(~np.isnan(track.values))[-1]) for track in similar]
    newest = sorted(range(len(similar)), key=last.__getitem__)[max(0, len(tracks) - MOST_PLOTS) :]
    return [similar[number] for number in sorted(newest)] + others


def _begins(path: Path, mark: str) -> bool:
    """Whether a file begins with a mark."""
    with suppress(OSError), open_file(path) as file:
        return file.read(len(mark)) == mark.encode("ascii")
    return False


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, VqanimError) else f"{type(error).__name__}: {error}"


def read_warnings(folder: Path) -> tuple[str, ...]:
    """The warnings of the last render in a folder; nothing where they cannot be read."""
    with suppress(Damaged):
        content = read_bytes(folder / DATA, MAX_BYTES) or b""
        inside = content.removeprefix(_CALL[0].encode()).removesuffix(_CALL[1].encode())
        return tuple(parse_json(inside, {"warnings": [str]}, MAX_BYTES)["warnings"])
    return ()
