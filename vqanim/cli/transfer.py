"""What a person sees while models are fetched."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from urllib.parse import urlsplit

from vqanim.cli import words
from vqanim.models.download import FetchProgress, FetchTrouble
from vqanim.models.fetch import FetchEvent, FetchStarted, FetchWaiting, FileFetched

WINDOW = 10.0
"""Seconds over which the pace is measured."""


class Transfer:
    """A listener of fetch events: what comes, under which license, how far it is and how long it takes.

    On a terminal one line changes while one looks; elsewhere a line comes now and then.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = not quiet and words.can_redraw()
        self._recent: deque[tuple[float, int]] = deque()
        self._current: tuple[str, str, str] | None = None
        self._last = 0.0
        self._drawn = 0

    def hear(self, event: FetchEvent) -> None:
        """Take note of an event, and say what a person wants to know of it."""
        match event:
            case FetchStarted():
                size = f", {words.file_size(event.size)}" if event.size else ""
                self._say(f"fetching {event.model} ({event.kind}{size})")
                self._say(
                    f"  license: {event.license}; commercial use: {words.with_reason(event.commercial)}"
                )
            case FetchWaiting():
                self._say(f"another process is fetching {event.model}; waiting for it")
            case FetchProgress():
                self._advance(event)
            case FetchTrouble():
                self.end()
                if event.wait is not None:  # an error names the addresses that were given up, if all were
                    words.warn([_trouble(event, event.wait)])
            case FileFetched():
                self.end()
                host = urlsplit(event.address).netloc
                self._say(f"  {event.role}: {words.file_size(event.size)} from {host}")
                if event.pinned:
                    self._say("    nobody published its SHA-256; that of this file holds from now on")

    def end(self) -> None:
        """Take the changing line away."""
        if self._drawn:
            sys.stdout.write(f"\r{' ' * self._drawn}\r")
            sys.stdout.flush()
        self._drawn, self._current = 0, None

    def _advance(self, event: FetchProgress) -> None:
        now = time.monotonic()
        here = (event.model, event.role, event.address)
        if here != self._current:
            self._current = here
            self._recent.clear()
            self._last = now
        self._recent.append((now, event.done))
        while now - self._recent[0][0] > WINDOW:
            self._recent.popleft()
        line = f"  {event.role}: {self._describe(event)}"
        if self._live:
            self._draw(line)
        elif now - self._last >= words.SECONDS_BETWEEN_LINES:
            self._last = now
            self._say(line)

    def _describe(self, event: FetchProgress) -> str:
        """`120.3 MB of 980.1 MB, 12.3 MB/s, 1:10 left`."""
        parts = [words.file_size(event.done)]
        if event.size:
            parts[0] += f" of {words.file_size(event.size)}"
        (since, before), (now, done) = self._recent[0], self._recent[-1]
        if now - since > 0.5 and done > before:
            pace = (done - before) / (now - since)
            parts.append(f"{words.file_size(round(pace))}/s")
            if event.size:
                parts.append(f"{words.clock((event.size - done) / pace)} left")
        return ", ".join(parts)

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size()[0] - 1]
        sys.stdout.write(f"\r{line:<{self._drawn}}")
        sys.stdout.flush()
        self._drawn = len(line)

    def _say(self, text: str) -> None:
        if not self._quiet:
            words.say(text)


def _trouble(event: FetchTrouble, wait: float) -> str:
    return f"{event.model}, {event.role}: {event.reason}; trying again in {wait:g} s ({event.address})"
