"""How far something is that takes longer than one likes to wait in silence, on standard error."""

from __future__ import annotations

import os
import sys
import time

from vqanim.cli import words

LONG = 300
"""Pictures; fewer are made so soon that nothing is said."""
BETWEEN = 0.25
"""Seconds between two looks of a line that is drawn again."""


class Ticker:
    """Counts pictures: in one line that is drawn again on a terminal, else in a line every few seconds."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._redraws = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._began = self._said = time.monotonic()
        self._drawn = 0

    def tick(self, done: int, pictures: int) -> None:
        """So many are made, of so many."""
        now = time.monotonic()
        between = BETWEEN if self._redraws else words.SECONDS_BETWEEN_LINES
        if self._quiet or pictures < LONG or now - self._said < between:
            return
        self._said = now
        left = words.clock((now - self._began) / done * max(0, pictures - done))
        text = f"{done} of {words.count(pictures, 'picture')}, {left} left"
        if not self._redraws:
            words.complain(text)
            return
        self._write(f"\r{text:<{self._drawn}}")
        self._drawn = len(text)

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._write(f"\r{'':<{self._drawn}}\r")
            self._drawn = 0

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # a terminal that is gone is no trouble
            pass
