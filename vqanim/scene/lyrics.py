"""Text files beside a song: lyrics with times (LRC, SRT, WebVTT), and beats that somebody tapped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vqanim.files import open_file
from vqanim.scene.encodings import decode
from vqanim.scene.lrc import read_lrc
from vqanim.scene.lyric_lines import Damaged, Line, Section, lines_of
from vqanim.scene.subtitles import is_subtitles, read_subtitles
from vqanim.scene.times import parse_time

MAX_BYTES = 2_000_000
MAX_LINES = 5_000
MAX_WORDS = 5_000  # with times of their own
MAX_SECTIONS = 1_000
MOST_TOLD = 4  # lines that are left out and told one by one
READS = "LRC such as [00:12.50]words, SRT and WebVTT such as 00:00:12,500 --> 00:00:14,000"
_LONGEST_NAME = 48  # characters of a marker made from a line


@dataclass(frozen=True)
class Lyrics:
    """What a file of lyrics says."""

    lines: tuple[Line, ...]  # ascending
    sections: tuple[Section, ...] = ()  # ascending
    warnings: tuple[str, ...] = ()  # what was left out, or guessed


def read_lyrics(path: Path) -> Lyrics:
    """The lines of an LRC, SRT or WebVTT file; what is damaged is left out with a warning.

    Raises ValueError with a reason for people where there is no line in it at all, and OSError.
    """
    text, guess = _text(path)
    read = read_subtitles if is_subtitles(text) else read_lrc
    lines, sections, damaged = read(text)
    if not lines:
        first = f"; {damaged[0]}" if damaged else ""
        raise ValueError(f"has no line with a time in it, allowed are {READS}{first}")
    if len(lines) > MAX_LINES:
        raise ValueError(f"has {len(lines)} lines, allowed at most {MAX_LINES}")
    if sum(len(line.words) for line in lines) > MAX_WORDS:
        lines = [Line(line.second, line.text) for line in lines]
        damaged.insert(
            0, Damaged(1, f"more than {MAX_WORDS} words have times of their own, which are left out")
        )
    told = [f"read as {guess}; if words look wrong, save it as UTF-8"] if guess else []
    told += map(str, damaged[:MOST_TOLD])
    if len(damaged) > MOST_TOLD:
        told.append(f"{len(damaged) - MOST_TOLD} more lines are left out")
    return Lyrics(
        tuple(sorted(lines, key=lambda line: line.second)),
        tuple(sorted(sections[:MAX_SECTIONS])),
        tuple(told),
    )


def read_taps(path: Path) -> list[tuple[int, float]]:
    """(line, seconds) of every beat. Raises ValueError with a reason that names the line, and OSError."""
    lines = enumerate((line.partition("#")[0].strip() for line in lines_of(_text(path)[0])), 1)
    return [(number, seconds_of(line, f"line {number}: ")) for number, line in lines if line]


def seconds_of(written: str, where: str = "") -> float:
    """Seconds from `12.5`, `12.5s` or `1:02.4`. Raises ValueError."""
    with suppress(ValueError):
        time = parse_time(written)
        if time.unit == "s" and time.value >= 0:
            return float(time.value)
    raise ValueError(f"{where}found {written[:40]!r}, allowed a time of the song such as 12.5s or 1:02.4")


def marker_names(lyrics: Lyrics) -> Iterator[tuple[str, float]]:
    """Markers for lines: `line-1`, `line-2`, ..., and each by its words where no other has them; for words
    that have times of their own `line-1-word-1`, ...; for sections their titles, `chorus`, and `chorus-2`
    where one comes again."""
    taken: set[str] = set()
    for number, line in enumerate(lyrics.lines, 1):
        yield f"line-{number}", line.second
        for place, (second, _) in enumerate(line.words, 1):
            yield f"line-{number}-word-{place}", second
    counts: dict[str, int] = {}
    for second, title in lyrics.sections:
        if name := _named(title):
            counts[name] = counts.get(name, 0) + 1
            again = f"{name}-{counts[name]}" if counts[name] > 1 else name
            if again not in taken:
                taken.add(again)
                yield again, second
    for line in lyrics.lines:
        name = _named(line.text)
        if name and name not in taken:
            taken.add(name)
            yield name, line.second


def _named(text: str) -> str:
    """A text as the name of a marker; '' where nothing of it can be one."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].strip("-")
    return name if name[:1].isalpha() else ""


def _text(path: Path) -> tuple[str, str]:
    """The text, and the encoding where it was guessed."""
    with open_file(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1_000_000} MB")
    return decode(data)


__all__ = ["Line", "Lyrics", "marker_names", "read_lyrics", "read_taps", "seconds_of"]
