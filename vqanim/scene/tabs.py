"""Tabs in YAML: refused where they indent, blanks anywhere else.

PyYAML itself refuses them within plain texts and before comments too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

_LEADING = re.compile(r"^( *)\t[ \t]*(?=(\S|$))", re.MULTILINE)


@dataclass
class Tabs:
    """The tabs of a text, while it is parsed."""

    leading: list[int]
    """Numbers, from 0, of lines that begin with a tab behind no or some blanks, but for comments."""
    _open: list[int] = field(default_factory=list)  # lines of brackets and braces that are not closed yet

    def watched(self, events: Iterable[yaml.Event]) -> Iterator[yaml.Event]:
        """The events; lines within texts and brackets, where nothing is indented, leave `leading`."""
        for event in events:
            if self.leading and event.start_mark and event.end_mark:
                first, last = event.start_mark.line, event.end_mark.line - (event.end_mark.column == 0)
                if isinstance(event, yaml.CollectionStartEvent):
                    self._open.append(first if event.flow_style else -1)
                elif isinstance(event, yaml.CollectionEndEvent) and (opened := self._open.pop()) >= 0:
                    self._forget(opened, last)
                elif isinstance(event, yaml.ScalarEvent):
                    self._forget(first, last)
            yield event

    def indenting(self, last: float = float("inf")) -> int | None:
        """The first line up to `last`, from 0, that a tab indents; None where none does."""
        opened = min((line for line in self._open if line >= 0), default=float("inf"))
        return next((line for line in self.leading if line <= min(last, opened)), None)

    def _forget(self, first: int, last: int) -> None:
        del self.leading[bisect_right(self.leading, first) : bisect_right(self.leading, last)]


def replace_tabs(text: str) -> tuple[str, Tabs]:
    """The text without tabs, line for line: none where lines begin, so that only blanks indent, and a blank
    in place of each other one."""
    if "\t" not in text:
        return text, Tabs([])
    leading, line, before = [], 0, 0
    for match in _LEADING.finditer(text):
        line, before = line + text.count("\n", before, match.start()), match.start()
        if match[2] not in ("", "#", "\r"):
            leading.append(line)
    return _LEADING.sub(r"\1", text).replace("\t", " "), Tabs(leading)
