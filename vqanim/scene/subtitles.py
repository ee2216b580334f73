"""SRT and WebVTT, `00:00:12,500 --> 00:00:14,000`, as they are found: with empty lines within a caption or
none between two, without numbers, with styles."""

from __future__ import annotations

import html
import re

from vqanim.scene.lyric_lines import Chunk, Damaged, Line, Read, line_of, lines_of, shown

_CLOCK = r"(?:(\d{1,3})\s*:\s*)?(\d{1,3})\s*:\s*(\d{1,2})(?:\s*[,.:]\s*(\d{1,3}))?"
_ARROW = re.compile(r"-{1,2}\s?>|[—–→]>?")
_TIMES = re.compile(rf"\s*{_CLOCK}\s*(?:-{{1,2}}\s?>|[—–→]>?)\s*(.*)", re.ASCII | re.DOTALL)
_ANY_TIMES = re.compile(
    r"(?:\A|[\r\n])[ \t\ufeff]*(?:\d{1,3}\s*:\s*)?\d{1,3}\s*:\s*\d{1,2}[^\r\n\[\]]{0,12}?(?:-{1,2}\s?>)",
    re.MULTILINE,
)
_SBV = re.compile(
    r"^[ \t]*(\d{1,2}:\d\d:\d\d\.\d{3}),(\d{1,2}:\d\d:\d\d\.\d{3})[ \t]*(?=\r|$)", re.ASCII | re.MULTILINE
)
"""Times of YouTube's own form of captions."""
_END = re.compile(rf"^\s*{_CLOCK}", re.ASCII)
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9]*:\S+|[\d:.,]+", re.ASCII)  # as in `align:start X1:40`
_WORD_TIME = re.compile(rf"<{_CLOCK}>", re.ASCII)
_STYLES = re.compile(r"\{\\[^{}]*\}|</?[A-Za-z][^<>]*>|</?>")
_BREAKS = re.compile(r"\\[Nnh]")
_NOT_SUNG = re.compile(r"(NOTE|STYLE|REGION)\b")


def is_subtitles(text: str) -> bool:
    """Whether a text is SRT or WebVTT."""
    text = _SBV.sub(r"\1 --> \2", text)
    return text.lstrip("\ufeff \r\n").startswith("WEBVTT") or bool(_ANY_TIMES.search(text))


def read_subtitles(text: str) -> Read:
    """Lines, no sections, and what is damaged."""
    text = _SBV.sub(r"\1 --> \2", text)
    lines = [line.strip(" \t\v\f\ufeff\u200b\0") for line in lines_of(text)]
    is_web = text.lstrip("\ufeff \r\n").startswith("WEBVTT")
    reader = _Reader(lines, is_web)
    for number in range(len(lines)):
        reader.take(number)
    reader.end_caption()
    return reader.found, [], reader.damaged


class _Reader:
    """Knows to which caption the next line belongs."""

    def __init__(self, lines: list[str], is_web: bool) -> None:
        self.found: list[Line] = []
        self.damaged: list[Damaged] = []
        self._lines = lines
        self._is_web = is_web
        times = [place for place, line in enumerate(lines) if _TIMES.fullmatch(line)]
        numbers = sum(place > 0 and lines[place - 1].isdecimal() for place in times)
        self._is_numbered = numbers > 0.8 * len(times)
        self._caption: list[str] | None = None  # None where lines belong to none
        self._second = 0.0
        self._count = 0  # of the caption at hand
        self._skipped = is_web  # whether what follows belongs to a header, or to what is damaged

    def take(self, place: int) -> None:
        """The next line."""
        line = self._lines[place]
        follows_empty = place == 0 or not self._lines[place - 1]
        if match := _TIMES.fullmatch(line):
            self.end_caption()
            self._begin(match, place)
        elif _ARROW.search(line) and re.match(r"[\d:.,\s-]+(?:-{1,2}\s?>)", line):
            self._damage(place, f"found {shown(line)}, allowed 00:01:02,500 --> 00:01:04,000; it is left out")
        elif not line:
            self._skipped = self._skipped and not self._is_web
        elif self._names_next(place, follows_empty) or self._skipped:
            return
        elif self._is_web and follows_empty and _NOT_SUNG.match(line):
            self.end_caption()
            self._skipped = True
        elif (
            follows_empty
            and line.isdecimal()
            and int(line[:9]) == self._count + 1
            and self._text_follows(place)
        ):
            self._damage(place + 1, f"found {shown(self._lines[place + 1])}, allowed 00:01:02,500 --> "
                         "00:01:04,000; the caption is left out")  # fmt: skip
            self._count += 1
        elif self._caption is not None:
            self._caption.append(line)
        elif not line.isdecimal():
            self._damage(place, f"{shown(line)} has no time and is left out")

    def end_caption(self) -> None:
        """Keep the caption at hand."""
        if self._caption is not None:
            begin, chunks = _chunks(self._caption)
            if (line := line_of(self._second, begin, chunks)).text:
                self.found.append(line)
        self._caption = None
        self._skipped = False

    def _begin(self, match: re.Match[str], place: int) -> None:
        try:
            self._second = _second(*match.groups()[:4])
        except ValueError as error:
            self._damage(place, f"{error}; the caption is left out")
            return
        before = self._lines[place - 1] if place else ""
        self._count = int(before[:9]) if before.isdecimal() else self._count + 1
        # Some write the words behind the times, on the same line.
        behind = _END.sub("", match[5])
        is_setting = all(map(_SETTING.fullmatch, behind.split()))
        self._caption = [] if is_setting else [behind]

    def _damage(self, place: int, reason: str) -> None:
        self.end_caption()
        self._skipped = True
        if not self.damaged or self.damaged[-1].number != place + 1:
            self.damaged.append(Damaged(place + 1, reason))

    def _names_next(self, place: int, follows_empty: bool) -> bool:
        """Whether a line is the number, in WebVTT the name, of the caption behind it."""
        if place + 1 >= len(self._lines) or not _TIMES.fullmatch(self._lines[place + 1]):
            return False
        line = self._lines[place]
        if not line.isdecimal():
            return self._is_web and follows_empty
        # In a file without numbers, a number that does not go on counting is what is sung.
        return self._is_numbered or int(line[:9]) == self._count + 1

    def _text_follows(self, place: int) -> bool:
        return place + 1 < len(self._lines) and bool(self._lines[place + 1])


def _second(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    """Raises ValueError."""
    if int(seconds) >= 60 or (hours and int(minutes) >= 60):
        raise ValueError("minutes and seconds are below 60")
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")


def _chunks(caption: list[str]) -> tuple[str, list[Chunk]]:
    """What stands before the first time within a caption, and behind each of them."""
    text = _BREAKS.sub(" ", _STYLES.sub("", " ".join(caption)))
    places = list(_WORD_TIME.finditer(text))
    ends = [match.start() for match in places] + [len(text)]
    chunks: list[Chunk] = []
    for match, end in zip(places, ends[1:], strict=True):
        try:
            chunks.append((_second(*match.groups()[:4]), html.unescape(text[match.end() : end])))
        except ValueError:
            return html.unescape(_WORD_TIME.sub("", text)), []
    return html.unescape(text[: ends[0]]), chunks
