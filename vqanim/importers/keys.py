"""The keys of schedules as people write them: `0:(1.02), "max_f/2": 1.05, 2s: (sin(t/10))`.

The tool splits at commas and colons and takes what comes first; so does this, but for what lies in brackets.
A key that cannot be read is left out and told, and the others stay.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from vqanim.importers.clock import Clock
from vqanim.importers.curves import Untranslatable, shortened
from vqanim.importers.evaluation import values_of

_NUMBER = re.compile(r"(?=.*\d)[+-]?\d*(?:\.\d+)?", re.ASCII)
_FRAME = re.compile(r"([+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+))\s*(s|sec|ms|f|%)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[\s('\"]*[+-]?\d+,\d+[\s)'\"]*", re.ASCII)
_LAST_KEY = re.compile(r"(.*[)\]\s\"'])\s*[\"']?(\d+)[\"']?\s*", re.DOTALL | re.ASCII)
_AS_MEANT = str.maketrans({"−": "-", "–": "-", "×": "*", "÷": "/", "“": '"', "”": '"', "‘": "'", "’": "'"})
_AS_MEANT |= str.maketrans({"\N{FULLWIDTH LEFT PARENTHESIS}": "(", "\N{FULLWIDTH RIGHT PARENTHESIS}": ")"})
_AS_MEANT |= str.maketrans(
    {"\N{FULLWIDTH COMMA}": ",", "\N{FULLWIDTH COLON}": ":", "\N{NO-BREAK SPACE}": " "}
)
_NO_SIGNS = str.maketrans(dict.fromkeys("()'\""))
_AROUND = {"{": "}", "[": "]"}


def read_keys(value: Any, clock: Clock) -> tuple[dict[int, str], list[str]]:
    """Values as they are written by the frame from which they hold, ascending, and what is not as it was
    written. Of two at one frame the last counts. Raises Untranslatable where there is no key."""
    if isinstance(value, bool) or value is None:
        raise Untranslatable(f"{value!r} is no schedule")
    if isinstance(value, int | float):
        return {0: repr(value)}, []
    remarks: list[str] = []
    keys: dict[int, str] = {}
    early: dict[int, str] = {}
    for written, text in _pairs(value, remarks):
        try:
            frame = frame_of(written, clock)
        except Untranslatable as error:
            remarks.append(f"{shortened(written)}: left out: {error}")
            continue
        (keys if frame >= 0 else early)[frame] = _meant(text, remarks)
    if early and keys:
        remarks.append("keys before frame 0 are never reached, as there")
    keys = keys or ({0: list(early.values())[-1]} if early else {})
    if not keys:
        raise Untranslatable("; ".join(remarks) or "it is empty")
    return dict(sorted(keys.items())), remarks


def frame_of(text: str, clock: Clock) -> int:
    """The frame of a key such as `30`, `"max_f/2"`, `2s` or `50%`; it may lie outside of the film. Raises
    Untranslatable."""
    written = text.translate(_AS_MEANT).strip().strip("'\"").strip()
    if match := _FRAME.fullmatch(written.strip("()")):
        number = float(match[1])
        scales = {"s": float(clock.fps), "sec": float(clock.fps), "ms": float(clock.fps) / 1000}
        scales["%"] = (clock.frames - 1) / 100
        return round(number * scales[match[2]]) if match[2] in scales else int(number)
    constants = {name: np.full(1, int(value)) for name, value in clock.constants.items()}
    found = float(values_of(balanced(written), constants, numexpr=True)[0])
    if not abs(found) < 1e9:
        raise Untranslatable(f"{shortened(written)} is no frame")
    return int(found)


def number_in(text: str) -> float | None:
    """The number that a value is, if it is one. To the tool `( 1 )` is none but a formula, which holds."""
    written = text.strip().translate(_NO_SIGNS)
    return float(written) if _NUMBER.fullmatch(written) else None


def balanced(text: str) -> str:
    """A formula without quotes, with as many brackets closed as are open."""
    written = text.translate(_AS_MEANT).replace("'", "").replace('"', "").strip()
    open_, first = 0, 0
    for sign in written:
        open_ += {"(": 1, ")": -1}.get(sign, 0)
        first = min(first, open_)
    return "(" * -first + written + ")" * (open_ - first)


def _meant(text: str, remarks: list[str]) -> str:
    """A value as it is meant."""
    written = text.translate(_AS_MEANT).strip()
    while len(written) > 1 and _AROUND.get(written[0]) == written[-1]:
        written = written[1:-1].strip()
    if _DECIMAL_COMMA.fullmatch(written):
        remarks.append(f"{shortened(text)}: its comma is taken as a decimal point")
        return written.replace(",", ".")
    return written


def _pairs(value: Any, remarks: list[str]) -> Iterator[tuple[str, str]]:
    """Frames and values as they are written."""
    if isinstance(value, Mapping):
        yield from ((str(frame), str(text)) for frame, text in value.items())
        return
    if isinstance(value, list | tuple):
        pairs = all(isinstance(item, list | tuple) and len(item) == 2 for item in value)
        yield from ((str(frame), str(text)) for frame, text in (value if pairs else enumerate(value)))
        return
    text = str(value).replace("\\n", " ").translate(_AS_MEANT).strip()  # of JSON that was escaped twice
    while len(text) > 1 and _AROUND.get(text[0]) == text[-1] and ":" in text:
        text = text[1:-1].strip()
    parts = [part for part in _parts(text) if part.strip()]
    for part in parts:
        fields = split_outside_brackets(part, ":")
        if len(fields) == 1 and (match := re.fullmatch(r"\s*(\d+)\s*=(?!=)(.*)", part, re.DOTALL)):
            fields = [match[1], match[2]]
        if len(fields) > 1:
            yield from _of_one_part(part, fields, remarks)
        elif len(parts) == 1:
            remarks.append(f"{shortened(part)} has no frame: it is taken from frame 0 on")
            yield "0", part
        else:
            remarks.append(f"{shortened(part)}: left out: it has no frame")


def _parts(text: str) -> list[str]:
    """A text at its commas; where brackets are open, at those before a key."""
    if text.count("(") == text.count(")"):
        parts = [
            part for piece in split_outside_brackets(text, ",") for part in split_outside_brackets(piece, ";")
        ]
        if all(_is_closed(part) for part in parts):
            return parts
    return re.split(r"[,;](?=\s*[\"']?[^,;:()]{1,40}[\"']?\s*:)", text)


def _is_closed(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0


def _of_one_part(part: str, fields: Sequence[str], remarks: list[str]) -> Iterator[tuple[str, str]]:
    """`0:(1)`, and `0:(1) 20:(2)` whose comma is missing; of `0: 0: (2)` the tool takes what comes first."""
    frame, *rest = fields
    for place, text in enumerate(rest[:-1]):
        match = _LAST_KEY.fullmatch(text)
        if match is None or not match[1].strip():
            remarks.append(f"{shortened(part)}: what stands behind the second colon is left out, as there")
            yield frame, text
            return
        if place == 0:
            remarks.append(f"{shortened(part)}: a comma is missing")
        yield frame, match[1]
        frame = match[2]
    yield frame, rest[-1]


def split_outside_brackets(text: str, sign: str, most: int = -1) -> list[str]:
    """The parts between signs that stand in no brackets and quotes; at most `most` cuts."""
    parts: list[str] = []
    depth, begin, quote = 0, 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth = max(0, depth - 1)
        elif letter == sign and depth == 0 and len(parts) != most:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def mapping_in(text: str) -> Mapping[Any, Any] | None:
    """The mapping that a text holds, as JSON or Python writes it, if it does."""
    written = text.strip().rstrip(",;")
    if written.startswith("{") and len(written) < 1_000_000:
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.literal_eval(written)
            return found if isinstance(found, Mapping) else None
    return None
