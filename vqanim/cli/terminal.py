"""The one way of all texts to the terminal: nothing that a stranger wrote commands it, and nothing breaks
where nobody reads.

File names, settings out of pictures, records of other people's folders and what servers say are printed as
they are found. So control characters are written as escapes here, where all of it passes, and nowhere else.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

LONGEST_WORD, LONGEST_LINE = 400, 2000  # characters of an error or a warning; names may be of any length
_KEPT = 80  # characters of a word that is cut, on either side

# C0 with the tab, DEL, C1 (in which ESC and OSC have a second form), half surrogate pairs, what ends lines in
# other alphabets, and what turns the direction of writing around: a name may otherwise hide its ending.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROLS_BUT_NEWLINE = re.compile(_CONTROLS.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_GONE = (errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF, errno.ESHUTDOWN)


class ReaderGone(Exception):
    """Nobody reads what is printed any more: a pipe was closed, or a terminal went away."""


def visible(text: str) -> str:
    """A text in one line in which control characters are seen: `\\u001b`, as JSON spells them."""
    return _CONTROLS.sub(_escaped, text)


def visible_lines(text: str) -> str:
    """The same for a text whose newlines are ours."""
    return _CONTROLS_BUT_NEWLINE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def cut(line: str) -> str:
    """A line for people, whose words are not of any length."""
    if len(line) <= LONGEST_WORD:
        return line
    words = (
        word if len(word) <= LONGEST_WORD else f"{word[:_KEPT]}...{word[-_KEPT:]}" for word in line.split(" ")
    )
    shorter = " ".join(words)
    half = LONGEST_LINE // 2
    return shorter if len(shorter) <= LONGEST_LINE else f"{shorter[:half]} ... {shorter[-half:]}"


def write_line(stream: TextIO, text: str) -> None:
    """Write lines and a line end. Raises ReaderGone, and OSError of a file on a full disk."""
    try:
        print(visible_lines(text), file=stream, flush=True)
    except OSError as error:
        detach(stream)
        if error.errno in _GONE:
            raise ReaderGone from error
        raise OSError(error.errno, error.strerror, "standard output or error") from error


def open_streams() -> None:
    """Give the program the streams that it was started without (`>&-`), leading nowhere: the next file that
    is opened would else be taken for one of them."""
    with suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def detach(stream: TextIO) -> None:
    """Let what is still in a stream's buffer go nowhere; the interpreter would complain in the end."""
    with suppress(OSError, ValueError):  # what is no file has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Screen:
    """A stream on which a bar is drawn, by a thread that must not fail where the terminal has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.gone = False

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self.gone = True
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self.gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
