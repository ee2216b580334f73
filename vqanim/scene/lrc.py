"""LRC, `[00:12.50]words`, as it is found: several times on a line, times of words, titles of sections, and
headers of players."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vqanim.scene.lyric_lines import Chunk, Damaged, Line, Read, Section, line_of, lines_of, shown

_TIME = r"\s*(\d{1,3}(?::\d{1,2}){1,2}(?:[.,]\d{1,3})?|\d{1,9},\d{1,9})\s*"
_TAG = re.compile(r"\[([^\[\]]*)\]")
_FULL_TIME = re.compile(_TIME, re.ASCII)
_WITHIN = re.compile(rf"\[{_TIME}\]|<{_TIME}>|[(<](\d{{1,9}}),(\d{{1,9}})(?:,\d{{1,9}})?[)>]", re.ASCII)
_HEADER = re.compile(r"\[\s*([A-Za-z#][\w #-]{0,30}?)\s*:(.*)\]?\s*", re.ASCII)
_PLAYERS = re.compile(r"\{\s*\"")  # NetEase writes who made the song as JSON, a line each
_BLANK = re.compile(r"\s*")
_SECTIONS = frozenset(
    """verse chorus bridge intro outro hook refrain prechorus pre-chorus postchorus post-chorus interlude solo
    drop part break breakdown instrumental couplet strophe strofa estribillo coro ponte""".split()
)
_OFFSET = re.compile(r"[+-]?\d{1,7}(?:\.\d{1,6})?", re.ASCII)
_WIDE = re.compile(r"^(?:[\[\uff3b\u3010][^\[\]\uff3b\uff3d\u3010\u3011]{1,40}[\]\uff3d\u3011])+")
_NARROW = str.maketrans("\uff3b\uff3d\u3010\u3011\uff1a\uff0e", "[][]:.")
_VOICE = re.compile(r"\s*(?:v\d|[FMD])\s*:", re.ASCII)
"""Who sings, as Walaoke and Apple's lyrics say it."""
MAX_TIMES = 100  # of one line


def read_lrc(text: str) -> Read:
    """Lines, sections and what is damaged."""
    lines: list[Line] = []
    sections: list[Section] = []
    damaged: list[Damaged] = []
    below: list[Line] = []  # where words stand on the line below their time
    offset, titles, alone = 0.0, list[str](), list[float]()
    for number, written in enumerate(lines_of(text), 1):
        rest = _WIDE.sub(_narrow, written.strip(" \t\v\f\ufeff\u200b\0"))
        if not rest or _PLAYERS.match(rest):
            continue
        try:
            seconds, rest = _times(rest)
            if seconds and (title := _TAG.fullmatch(rest.strip())) and _is_section(title[1]):
                sections += [(second, title[1]) for second in seconds]
            elif seconds:
                found = list(_sung(seconds, rest))
                sections += [(found[0].second if found else seconds[0], title) for title in titles]
                titles.clear()
                lines += found
                alone = [] if found else seconds
            elif (header := _HEADER.fullmatch(rest)) and header[1].lower() == "offset":
                offset = _offset(header[2].rstrip("]").strip())
            elif header and _is_section(header[1]):
                titles.append(header[1])
            elif header is None and (tag := _TAG.fullmatch(rest)) and _is_title(tag[1]):
                titles.append(tag[1])
            elif header is None:
                below += _sung(alone, rest)
                alone = []
                raise ValueError(f"{shown(rest)} has no time such as [01:02.50] and is left out")
        except ValueError as error:
            damaged.append(Damaged(number, str(error)))
    if not lines and below:
        lines, damaged = below, []
    moved = [_earlier(line, offset) for line in lines]
    return moved, [(max(0.0, second - offset), title) for second, title in sections], damaged


def _narrow(match: re.Match[str]) -> str:
    """Tags that a Chinese keyboard wrote, in ASCII's brackets."""
    return match[0].translate(_NARROW)


def _is_section(title: str) -> bool:
    return (title.lower().split() or [""])[0] in _SECTIONS


def _times(rest: str) -> tuple[list[float], str]:
    """The times at the begin of a line, and what stands behind them. Raises ValueError."""
    seconds: list[float] = []
    place = 0
    while (match := _TAG.match(rest, place)) and (time := _FULL_TIME.fullmatch(match[1])):
        seconds.append(_second(time[1]))
        if len(seconds) > MAX_TIMES:
            raise ValueError(f"has more than {MAX_TIMES} times and is left out")
        place = match.end()
        # Spaces belong to the words, except between two times.
        if (blank := _BLANK.match(rest, place)) and rest.startswith("[", blank.end()):
            place = blank.end()
    return seconds, rest[place:]


def _second(written: str) -> float:
    """Seconds from `mm:ss.xx`, `mm:ss`, `mm:ss:xx`, `hh:mm:ss.xx`, or `milliseconds,duration`. Raises
    ValueError."""
    if ":" not in written:
        return int(written.partition(",")[0]) / 1000
    clock, _, fraction = written.replace(",", ".").partition(".")
    parts = [int(part) for part in clock.split(":")]
    if len(parts) == 3 and not fraction:
        fraction = clock.rpartition(":")[2]
        parts.pop()
    hours, minutes, seconds = ([0, *parts])[-3:]
    if seconds >= 60 or (hours and minutes >= 60):
        raise ValueError(f"found [{written}], seconds are below 60; it is left out")
    return hours * 3600 + minutes * 60 + seconds + float(f"0.{fraction or 0}")


def _sung(seconds: list[float], rest: str) -> Iterator[Line]:
    """The line at each of its times; none for a time alone, which says when the line before ends."""
    rest = _VOICE.sub("", rest, count=1) if _VOICE.match(rest) else rest
    begin, chunks = rest, list[Chunk]()
    places = list(_WITHIN.finditer(rest))
    if places:
        begin = rest[: places[0].start()]
        ends = [match.start() for match in places[1:]] + [len(rest)]
        behind = [rest[match.end() : end] for match, end in zip(places, ends, strict=True)]
        if places[0][3] and begin.strip() and not behind[-1].strip():
            behind, begin = [begin, *behind[:-1]], ""  # QQ Music writes a time behind its word
        chunks = [(_moment(match), chunk) for match, chunk in zip(places, behind, strict=True)]
        if seconds and places[0][3] and chunks[-1][0] < seconds[0]:  # KuGou counts from the line's begin
            chunks = [(seconds[0] + moment, chunk) for moment, chunk in chunks]
    for second in dict.fromkeys(seconds):
        # Times of words are those of the first time that a line is sung.
        line = line_of(second, begin, [(moment + second - seconds[0], chunk) for moment, chunk in chunks])
        if line.text:
            yield line


def _moment(match: re.Match[str]) -> float:
    return int(match[3]) / 1000 if match[3] else _second(match[1] or match[2])


def _is_title(text: str) -> bool:
    """Whether a text in brackets is the title of a section, and no damaged time."""
    return bool(re.search(r"[^\W\d_]", text)) and not re.match(r"\s*\d+\s*[:.]", text)


def _offset(written: str) -> float:
    """Seconds by which all lines come earlier. Raises ValueError."""
    if written and not _OFFSET.fullmatch(written):
        raise ValueError(
            f"found [offset:{written[:20]}], allowed milliseconds such as [offset:+250]; it is left out"
        )
    return float(written or 0) / 1000


def _earlier(line: Line, offset: float) -> Line:
    words = tuple((max(0.0, second - offset), word) for second, word in line.words)
    return Line(max(0.0, line.second - offset), line.text, words)
