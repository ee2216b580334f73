"""A page that can be watched while a film is painted: live.html, and live.js with what changes.

The page loads live.js again and again as a script, which browsers allow from a file, and changes in place
what it shows. Both are written by a thread of their own, at most once a second and never for more than a
small part of its time; whatever goes wrong there is told once and ends nothing but the page.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vqanim.engine.events import FrameDone, RunStarted
from vqanim.engine.timings import Pace
from vqanim.errors import OutputError, VqanimError
from vqanim.files import Guard
from vqanim.pages.curves import lane, lane_rows, plots
from vqanim.pages.kit import page, plain_json, refuse_foreign, write_page
from vqanim.pages.shown import FigureRows, Shown, read_figures
from vqanim.pages.status import ENDED, Status, follow
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef
from vqanim.timeline.tracks import Track

PAGE, DATA = "live.html", "live.js"
_CALL = ("vqanimLive(", ");\n")
"""What stands around the JSON in live.js."""
MAX_BYTES = 20_000_000
SECONDS_BETWEEN_WRITES = 1.0
HEARTBEAT = 10.0
"""Seconds after which live.js is written though nothing happened, so that the page tells a killed render."""
SHARE = 20
"""The thread rests so many times as long as a write took."""
STRIP = 8
"""Frames beside the newest one."""
MOST_LANES, COLUMNS = 24, 300
"""Of similarities and losses."""
PATIENCE = 5.0
"""Seconds that the end of a render waits for the last write."""


@dataclass
class _News:
    """What was heard and is not on the page yet."""

    status: Status
    figures: dict[FrameRef, Metrics] = field(default_factory=dict)
    """Of frames that are done since."""
    look: bool = False
    """Whether the frames on the disk are to be looked at."""


class LivePage:
    """Hears the events of a render; the page follows."""

    def __init__(self, folder: Path, shown: Shown, store: TakeStore, stem: str, guard: Guard) -> None:
        self._folder, self._shown, self._stem, self._guard = folder, shown, stem, guard
        self._store = store
        self._pace = Pace(shown.timeline)
        self._earlier = read_warnings(folder)
        self._lock = threading.Lock()
        self._news = _News(Status(warnings=shown.timeline.warnings))
        self._changed, self._ended = threading.Event(), threading.Event()
        self._faults: list[str] = []
        self._thread = threading.Thread(target=self._work, name="live page", daemon=True)
        # Only the thread touches these.
        self._rows = FigureRows(shown)
        self._recent: deque[FrameRef] = deque(maxlen=STRIP + 1)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def hear(self, event: object) -> None:
        """Take note of an event; waits for nothing."""
        with self._lock:
            self._note(event)
        self._changed.set()

    def end(self, state: str, message: str = "") -> None:
        """Write what became of the render, and no more."""
        with self._lock:
            self._news.status = replace(self._news.status, state=state, message=message, left=None)
        self._ended.set()
        self._changed.set()
        self._thread.join(PATIENCE)

    def faults(self) -> Iterator[str]:
        """Why the page cannot be written, once."""
        while self._faults:
            yield self._faults.pop()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of so far."""
        with self._lock:
            return self._news.status.warnings

    def _note(self, event: object) -> None:
        news = self._news
        news.status = follow(news.status, event, self._pace, self._earlier)
        news.look |= isinstance(event, RunStarted)
        if isinstance(event, FrameDone):
            seconds = None if event.of_lapse else event.seconds
            frame = FrameRef(event.shot, event.index)
            news.figures[frame] = Metrics(seconds, event.similarities, event.losses)

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
        except Exception as error:  # of a page nobody depends on; the render tells of it and goes on
            reason = str(error) if isinstance(error, VqanimError) else f"{type(error).__name__}: {error}"
            self._faults.append(reason)

    def _write(self) -> None:
        self._changed.clear()
        with self._lock:
            news = self._news
            self._news = _News(news.status)
        if news.look:
            self._look()
        for frame, figures in news.figures.items():
            self._rows.add(frame, figures)
        self._remember(news.figures)
        self._put(DATA, plain_json(self._document(news.status)).join(_CALL))

    def _put(self, name: str, text: str) -> None:
        self._guard()
        try:
            write_page(self._folder / name, text)
        except OutputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            # Who makes the films clears away what looks as if a killed writer had left it.
            write_page(self._folder / name, text)

    def _look(self) -> None:
        """The frames that an earlier run left, and how they were painted."""
        for frame, figures in read_figures(self._shown.timeline, self._store).items():
            self._rows.add(frame, figures)
        there = {shot.name: set(self._store.find_frames(shot.name)) for shot in self._shown.timeline.shots}
        self._remember(frame for frame in self._shown.places if frame.index in there[frame.shot])

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
            "lanes": self._lanes(),
            "links": [list(link) for link in self._links(status)],
        }

    def _weights(self, status: Status) -> list[tuple[str, float]]:
        """Of the newest frame; a text that is asked for in several areas is told once."""
        weights: dict[str, float] = {}
        for text, weight in status.weights:
            name = self._shown.plain_names.get(text, text)
            weights[name] = weights.get(name, 0.0) + weight
        return list(weights.items())

    def _part(self, newest: FrameRef | None) -> float | None:
        """Where in the film the frame is that is being painted."""
        places = self._shown.places.get(newest) if newest is not None else None
        if places is None:
            return None
        return round((min(places[-1] + 1, self._shown.frames - 1) + 0.5) / self._shown.frames, 6)

    def _frames(self) -> Iterator[dict[str, str]]:
        """The last frames that are on the disk, the newest first."""
        for frame in reversed(self._recent):
            with suppress(OSError):
                version = self._store.find(frame).stat().st_mtime_ns // 1_000_000
                path = f"takes/{quote(frame.shot)}/{frame.index:06d}.png?v={version}"
                yield {"src": path, "name": f"{frame.shot} {frame.index}"}

    def _lanes(self) -> str:
        tracks = self._rows.tracks()
        latest = _latest(tracks)
        drawn = lane_rows([lane(track) for track in latest], self._shown.marks, COLUMNS, latest=True)
        more = len(tracks) - len(latest)
        return drawn + (f'<p class="more">and {more} more, which the report will show</p>' if more else "")

    def _links(self, status: Status) -> Iterator[tuple[str, str]]:
        if status.state in ENDED:
            names = [("report.html", "report"), (f"{self._stem}.mp4", "film"), (f"{self._stem}.gif", "GIF")]
        else:
            names = [(f"{self._stem}.live.mp4", "the film so far")]
        return ((quote(name), text) for name, text in names if (self._folder / name).exists())

    def _page(self) -> str:
        shown, timeline = self._shown, self._shown.timeline
        about = f"{shown.about}, {shown.models}"
        curves = plots([lane(track) for track in shown.tracks], shown.marks)
        body = _BODY.format(title=escape(timeline.title), about=escape(about), data=DATA, curves=curves)
        return page(f"{timeline.title} - painting", [body], ["curves.js", "live_page.js"], ["live.css"])


_BODY = """<header><h1>{title}</h1><p>{about}</p></header>
<noscript><p class="notes error">This page needs JavaScript to follow the render.</p></noscript>
<div id="state" class="state" data-file="{data}">waiting for the first word of the render</div>
<div class="bar"><div id="bar"></div></div>
<p id="facts"></p>
<div id="message"></div>
<div class="stage"><figure><img id="newest" alt="" hidden><figcaption id="newest-name"></figcaption></figure>
<div><section id="weights-box" hidden><h2>weights now</h2><div id="weights"></div></section></div></div>
<div id="strip" class="strip"></div>
<section id="figures" hidden><h2>how it comes out</h2><div class="plots latest" id="lanes"></div></section>
<section><h2>curves</h2>{curves}</section>
<div id="warnings"></div>
"""


def _latest(tracks: Sequence[Track]) -> list[Track]:
    """As many tracks as are shown: all losses and the pace, and of similarities those that moved last."""
    if len(tracks) <= MOST_LANES:
        return list(tracks)
    similar = [track for track in tracks if track.group == "similarity"]
    others = [track for track in tracks if track.group != "similarity"][:MOST_LANES]
    last = {track.name: int((track.values == track.values).nonzero()[0][-1]) for track in similar}
    room = MOST_LANES - len(others)
    names = sorted(last, key=last.__getitem__)[max(0, len(last) - room) :]
    return [track for track in similar if track.name in names] + others


@contextmanager
def live_page(folder: Path, shown: Shown, store: TakeStore, stem: str, guard: Guard) -> Iterator[LivePage]:
    """A page in a render's folder, which tells in the end how the block was left."""
    live = LivePage(folder, shown, store, stem, guard)
    live.start()
    try:
        yield live
    except VqanimError as error:
        live.end("failed", str(error))
        raise
    except Exception as error:
        live.end("failed", f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        live.end("stopped")
        raise
    live.end("finished")


def read_warnings(folder: Path) -> tuple[str, ...]:
    """What the last render in a folder warned of; nothing where that cannot be read."""
    path = folder / DATA
    try:
        if path.stat().st_size > MAX_BYTES:
            return ()
        text = path.read_text("utf-8")
        warnings = json.loads(text.removeprefix(_CALL[0]).removesuffix(_CALL[1]))["warnings"]
        return tuple(map(str, warnings)) if isinstance(warnings, list) else ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
