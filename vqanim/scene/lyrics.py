"""Text files beside a song: lyrics with times (LRC and SRT), and beats that somebody tapped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vqanim.scene.times import parse_time

MAX_BYTES = 1_000_000
MAX_LINES = 5_000
_LONGEST_NAME = 48  # characters of a marker made from a line

_TAG = re.compile(r"\[([^\[\]]*)\]")
_LRC_TIME = re.compile(r"(\d{1,3}):(\d{2})(?:[.:](\d{1,3}))?", re.ASCII)
_LRC_WORD = re.compile(r"[A-Za-z#][\w#]*\s*:.*", re.ASCII)
_WORD_TIME = re.compile(r"<\d{1,3}:\d{2}[.:]\d{1,3}>", re.ASCII)
_SRT_TIME = re.compile(r"(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})\s*-->\s*\S+.*", re.ASCII)

Line = tuple[float, str]  # seconds of the song, and what is sung


def read_lines(path: Path) -> list[Line]:
    """The lines of an LRC or SRT file, ascending.

    Raises ValueError with a reason for people that names the line, and OSError.
    """
    text = _text(path)
    lines = list(_srt(text) if path.suffix.lower() == ".srt" else _lrc(text))
    if not lines:
        raise ValueError("has no line with a time such as [00:12.50] in it")
    if len(lines) > MAX_LINES:
        raise ValueError(f"has {len(lines)} lines, allowed at most {MAX_LINES}")
    return sorted(lines, key=lambda line: line[0])


def read_taps(path: Path) -> list[tuple[int, float]]:
    """(line, seconds) of every beat. Raises ValueError with a reason that names the line, and OSError."""
    lines = enumerate((line.partition("#")[0].strip() for line in _text(path).splitlines()), 1)
    return [(number, seconds_of(line, f"line {number}: ")) for number, line in lines if line]


def seconds_of(written: str, where: str = "") -> float:
    """Seconds from `12.5`, `12.5s` or `1:02.4`. Raises ValueError."""
    with suppress(ValueError):
        time = parse_time(written)
        if time.unit == "s" and time.value >= 0:
            return float(time.value)
    raise ValueError(f"{where}found {written[:40]!r}, allowed a time of the song such as 12.5s or 1:02.4")


def marker_names(lines: list[Line]) -> Iterator[tuple[str, float]]:
    """Markers for lines: `line-1`, `line-2`, ..., and each by its words where no other has them."""
    taken: set[str] = set()
    for number, (second, text) in enumerate(lines, 1):
        yield f"line-{number}", second
        name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_NAME].strip("-")
        if name and name[0].isalpha() and name not in taken:
            taken.add(name)
            yield name, second


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1000} kB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: found the byte 0x{data[error.start]:02x}, allowed is UTF-8") from None


def _lrc(text: str) -> Iterator[Line]:
    offset = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        rest, seconds = line.strip(), []
        while match := _TAG.match(rest):
            tag, rest = match[1].strip(), rest[match.end() :].lstrip()
            if time := _LRC_TIME.fullmatch(tag):
                if int(time[2]) >= 60:
                    raise ValueError(f"line {number}: found [{tag}], seconds are below 60")
                seconds.append(int(time[1]) * 60 + int(time[2]) + float(f"0.{time[3] or 0}"))
            elif tag.lower().startswith("offset:"):
                offset = _lrc_offset(tag, number)
            elif not _LRC_WORD.fullmatch(tag):
                raise ValueError(f"line {number}: found [{tag[:30]}], allowed a time such as [01:02.50]")
        if line.strip() and not line.strip().startswith("["):
            raise ValueError(f"line {number}: found {line.strip()[:30]!r} without a time such as [01:02.50]")
        words = " ".join(_WORD_TIME.sub(" ", rest).split())
        if words:  # a time alone says when the line before ends
            yield from ((max(0.0, second - offset), words) for second in seconds)


def _lrc_offset(tag: str, number: int) -> float:
    """Seconds by which the lines come earlier."""
    written = tag.partition(":")[2].strip()
    if not re.fullmatch(r"[+-]?\d{1,6}", written, re.ASCII):
        raise ValueError(f"line {number}: found [{tag[:30]}], allowed milliseconds such as [offset:+250]")
    return int(written) / 1000


def _srt(text: str) -> Iterator[Line]:
    """Blocks of a number, a time and some lines, with empty lines between."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        if lines[number].strip().isdecimal() and number + 1 < len(lines):
            number += 1
        match = _SRT_TIME.fullmatch(lines[number].strip())
        if match is None:
            found = lines[number].strip()[:40]
            raise ValueError(f"line {number + 1}: found {found!r}, allowed 00:01:02,500 --> 00:01:04,000")
        hours, minutes, seconds = (int(match[group]) for group in (1, 2, 3))
        if minutes >= 60 or seconds >= 60:
            raise ValueError(f"line {number + 1}: minutes and seconds are below 60")
        words = []
        number += 1
        while number < len(lines) and lines[number].strip():
            words.append(re.sub(r"<[^<>]*>", "", lines[number]).strip())
            number += 1
        if said := " ".join(" ".join(words).split()):
            yield hours * 3600 + minutes * 60 + seconds + float(f"0.{match[4]}"), said
