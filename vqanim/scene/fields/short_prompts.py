"""The short form of prompts, `a castle:3 | fog:-1`: which number behind a colon is a weight.

`text:weight` is what VQGAN+CLIP notebooks write, with `text:weight:stop` as its longer form. A clock at
12:30, a picture in 16:9 and Blade Runner:2049 have a colon and a number too, so a weight is a number from
-100 to 100 directly behind the last colon, which itself stands directly behind a word that is no number.
All else stays text, and where it could have been meant as a weight a note says how one is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from vqanim.scene.fields.foreign_prompts import foreign_notes, without_foreign
from vqanim.scene.numbers import FINITE, is_number, number_hint, parse_number, parse_ratio
from vqanim.scene.tree import quoted

LARGEST = 100  # what a weight of the short form may be, above or below 0; the long form allows more
MOST_STOP = 10
LONGEST = 1000  # characters of a text that is looked at for notes; longer ones are refused elsewhere

_OPENING = re.compile("[:=(\\[{<\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb,;]")
"""What may stand before a number within a word, as in `(16:9)` or `ratio=16:9`."""
_AROUND = re.compile("[=(\\[{<\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb,;)\\]}]")
_NO_WEIGHT = re.compile(r"[+-]?0\d")
_RATIO = re.compile(
    r"\d{1,2}:[0-5]\d(?::[0-5]\d)?(?:[.,]\d+)?"  # 12:30, 7:05:30
    r"|\d:\d|(?:10|16|18|21|32):(?:9|10)|9:\d\d|\d[.,]\d+:1|1:\d+",  # 3:0, 16:9, 2.35:1, 1:100
    re.ASCII,
)
"""Times, scores, scales and shapes of pictures: nobody means a weight."""
_WORD = re.compile(r"(?:[^\s,;]|(?<=\d),(?=\d))+")
_LIKE_COLON = str.maketrans(dict.fromkeys("\u2236\ua789\u02d0\ufe55\uff1a", ":"))
_LIKE_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"))


@dataclass(frozen=True)
class ShortPrompt:
    """One part of the short form."""

    text: str
    weight: str = "1"  # source text of a number
    stop: str = "0"  # the same, from 0 to 10


@dataclass(frozen=True)
class _Split:
    """A text without its weight, or the whole of it and why a number in it is none."""

    prompt: ShortPrompt
    note: str = ""  # what was found and how a weight is written
    several: bool = False  # whether the text has weights before its end


def parse_short(text: str) -> tuple[ShortPrompt, ...]:
    """The parts of `a:3 | b | c:-1`, and of `a:3:0.5` with a stop.

    Raises ValueError for a part without a text.
    """
    return tuple(_split(part).prompt for part in _parts(text))


def short_notes(text: str) -> tuple[str, ...]:
    """What in the short form is only text though it may have been meant otherwise, a line each: numbers that
    are no weights, and what has a meaning in other programs."""
    if len(text) > LONGEST or not text.strip():
        return ()
    return (*foreign_notes(text), *(note for part in _parts(text) if (note := _split(part).note)))


def long_notes(text: str, instead: str) -> tuple[str, ...]:
    """The same of a text in which no weight is read and `|` separates nothing. instead: how a weight is
    written there, for a message."""
    if len(text) > LONGEST or not text.strip():
        return ()
    notes = list(foreign_notes(text))
    if not notes and "|" in text:
        notes.append(f'{quoted(text)} is one text here: "|" separates prompts in the short form only')
    elif not notes:
        line = " ".join(text.split())
        split = _split(line)
        if split.several or split.prompt.text != line:
            notes.append(f"no weight is read in {quoted(line)}, {instead}")
    return tuple(notes)


def _parts(text: str) -> list[str]:
    parts = [" ".join(part.split()) for part in text.split("|")]
    for part in parts:
        words, colon, number = part.partition(":")
        if not part or (not words and (not colon or is_number(number.strip()) or not number.strip())):
            scenes = "; `||` is no separator here: scenes are `shots`" if "||" in text else ""
            raise ValueError(f"a part without a text{scenes}")
    return parts


def _split(part: str) -> _Split:
    """A part on one line, of which only the last number may be a weight."""
    if len(part) > LONGEST:
        return _Split(_read(part) or ShortPrompt(part))
    plain = without_foreign(part)
    weighted = list(_weighted(plain))
    if len(weighted) > 1 or (weighted and not _ends_in_number(part)):
        note = _several(part, weighted) if plain == part else ""  # else that is what the other note is about
        return _Split(ShortPrompt(part), note, several=True)
    if ":" in part and plain[part.rfind(":")] != ":":
        return _Split(ShortPrompt(part))
    found = _read(part)
    return _Split(found) if found else _Split(ShortPrompt(part), _why_text(part))


def _read(part: str) -> ShortPrompt | None:
    """`text:weight` and `text:weight:stop`; None for all else."""
    words, _, tail = part.rpartition(":")
    if _is_weight(words, tail):
        return ShortPrompt(words, tail)
    before, _, weight = words.rpartition(":")
    if _is_weight(before, weight) and (stop := _stop(weight, tail)) is not None:
        return ShortPrompt(before, weight, stop)
    return None


def _is_weight(words: str, number: str) -> bool:
    return _is_sane(number) and _ends_in_word(words)


def _is_sane(number: str) -> bool:
    return is_number(number) and abs(parse_number(number)) <= LARGEST and not _NO_WEIGHT.match(number)


def _ends_in_word(words: str) -> bool:
    """Whether a text ends with a word that is no number: castle and R2D2, but not 12, 7.15, #1 or a URL."""
    if not words or words[-1] in " :" or "://" in (last := words.rsplit(" ", 1)[-1]):
        return False
    return not _is_numeric(_last_piece(last))


def _last_piece(word: str) -> str:
    pieces = [piece for piece in _OPENING.split(word) if piece]
    return pieces[-1] if pieces else word


def _is_numeric(word: str) -> bool:
    return any(map(str.isnumeric, word)) and not any(letter.isalpha() for letter in word)


def _stop(weight: str, stop: str) -> str | None:
    """The stop of `text:weight:stop`, None for none; where a text is avoided it is written with a sign."""
    if stop == "-inf":
        return "0"
    if not is_number(stop) or abs(parse_number(stop)) > MOST_STOP or _NO_WEIGHT.match(stop):
        return None
    if parse_number(weight) < 0:
        return stop.lstrip("+-")
    return "0" if stop.startswith("-") else stop


def _weighted(text: str) -> Iterator[tuple[str, str]]:
    """Texts with a weight of their own within a text, each with its weight, and with its stop behind that."""
    begin = 0
    for match in _WORD.finditer(text):
        if found := _read(match.group()):
            weighted = text[begin : match.end()].strip(" ,;")
            cut = len(found.text) - len(match.group())
            yield weighted[:cut], weighted[cut:]
            begin = match.end()


def _ends_in_number(part: str) -> bool:
    words = _WORD.findall(part)
    return part.endswith(words[-1]) and _read(words[-1]) is not None


def _several(part: str, weighted: list[tuple[str, str]]) -> str:
    """How a text with weights in the middle is written."""
    last = weighted[-1][1]
    rest = part[part.rindex(last) + len(last) :].strip(" ,;.")
    prompts = [f"{words.strip() or '...'}{weight}" for words, weight in weighted] + [rest] * bool(rest)
    is_one = f"{quoted(part)} is one text, in which no weight is read"
    return f'{is_one}; a weight ends a text, and "|" separates texts: "{_cut(" | ".join(prompts))}"'


def _why_text(part: str) -> str:
    """Why a colon and a number at the end of a text are no weight; empty where they look like none."""
    words, colon, tail = part.rpartition(":")
    number, spaced = tail.strip(), words.endswith(" ") or tail.startswith(" ")
    base = words.rstrip(" ")
    if not colon or not base or base.endswith(":") or "://" in base.rsplit(" ", 1)[-1]:
        return _folded(part)
    piece = _last_piece(base.rsplit(" ", 1)[-1])
    limits = f"since a weight behind a colon is a number from -{LARGEST} to {LARGEST}"
    if not is_number(number):
        meant = _meant(number)
        if number_hint(number) == FINITE and not spaced:
            return _note(part, tail, limits, _long(base, "..."))
        if meant is None or _is_numeric(piece):
            return _folded(part)
        return _note(part, tail, "which is no number", f'"{_cut(base)}:{meant}"')
    if _is_numeric(piece) and (spaced or _RATIO.fullmatch(f"{_digits(base)}:{number}")):
        return ""
    if _is_numeric(piece):
        return _note(part, tail, "as behind any number", _long(base, number))
    if spaced:
        return _note(part, tail, "because of the space", f'"{_cut(base)}:{number}"')
    in_range = abs(parse_number(number)) <= 1000 and not _NO_WEIGHT.match(number)
    return _note(part, tail, limits, _long(base, number if in_range else "..."))


def _note(part: str, tail: str, why: str, instead: str) -> str:
    return f"{quoted(':' + tail)} in {quoted(part)} is text, {why}; as a weight it is written {instead}"


def _long(text: str, weight: str) -> str:
    mark = "'" if '"' in text else '"'
    return f"{{text: {mark}{_cut(text)}{mark}, weight: {weight}}} in a scene"


def _cut(text: str) -> str:
    """A text in a message, without quotes; long ones are cut, and odd characters are escaped."""
    return quoted(text)[1:-1]


def _digits(words: str) -> str:
    """The numbers and colons with which a text ends, with all that belongs to the same word."""
    pieces = [piece for piece in _AROUND.split(words.rsplit(" ", 1)[-1]) if piece]
    return pieces[-1] if pieces else ""


def _meant(number: str) -> str | None:
    """The weight that was meant by something that is no number."""
    if (hint := number_hint(number)) and hint.startswith("did you mean "):
        return hint.removeprefix("did you mean ").rstrip("?")
    bare = number.strip("()[]`'\" ")
    if bare != number and is_number(bare):
        return bare
    if "/" in number:
        try:
            return f"{float(parse_ratio(number)):.4g}"
        except ValueError:
            return None
    return None


def _folded(part: str) -> str:
    """A note where a weight is written in characters that only look like a colon, a minus or digits."""
    plain = unicodedata.normalize("NFKC", part).translate(_LIKE_COLON).translate(_LIKE_MINUS)
    plain = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in plain
        if unicodedata.category(letter) != "Cf"
    )
    if plain == part:
        return ""
    words, colon, tail = plain.rpartition(":")
    if not colon or not _is_weight(words.rstrip(" "), tail.strip()):
        return ""
    about = f"the number at the end of {quoted(part)} is text, since a weight needs plain characters"
    return f'{about}: "{_cut(words.rstrip(" "))}:{tail.strip()}"'
