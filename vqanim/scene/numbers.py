"""Numbers from their source text, without YAML's surprises: 010 is ten, 1e3 a thousand, 1_000 a mistake."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_ALMOST = re.compile(r"[+-]?\.?(?:\d[\w.,%'+-]*|inf|infinity|nan)", re.ASCII | re.IGNORECASE)

LONGEST = 40  # characters of a number
FINITE = "a finite number is needed"  # a hint


def is_number(text: str) -> bool:
    """True for a finite number in plain notation."""
    return bool(_NUMBER.fullmatch(text)) and len(text) <= LONGEST and math.isfinite(float(text))


def parse_number(text: str) -> float:
    """A finite number. Raises ValueError."""
    if not is_number(text):
        raise ValueError("a number")
    return float(text)


def parse_whole(text: str) -> int:
    """A whole number. Raises ValueError."""
    if not _WHOLE.fullmatch(text) or len(text) > LONGEST:
        raise ValueError("a whole number")
    return int(text)


def parse_ratio(text: str) -> Fraction:
    """A number or a ratio of whole numbers such as 30000/1001. Raises ValueError."""
    above, slash, below = (part.strip() for part in text.partition("/"))
    if slash:
        if parse_whole(below) == 0:
            raise ValueError("a ratio with something other than 0 below the line")
        return Fraction(parse_whole(above), parse_whole(below))
    if (size := abs(parse_number(text))) > 1e12 or 0 < size < 1e-12:
        raise ValueError("a number that is neither huge nor tiny")
    if size == 0:  # 0e999999999 and 1e-999999999, too, of which an exact power would fill the memory
        return Fraction(0)
    return Fraction(above)


def number_hint(text: str) -> str | None:
    """What to write instead of a text that was meant as a number; None when it was not."""
    if is_number(text) or not _ALMOST.fullmatch(text):
        return None
    if _NUMBER.fullmatch(text) or text.lower().strip("+-.") in ("inf", "infinity", "nan"):
        return FINITE
    plain = text.replace("_", "").replace("'", "")
    if plain != text and is_number(plain):
        return f"did you mean {plain}?"
    if text.count(",") == 1 and is_number(text.replace(",", ".")):
        return f"did you mean {text.replace(',', '.')}?"
    if text.endswith("%") and is_number(text[:-1]):
        return f"did you mean {float(text[:-1]) / 100:.12g}?"
    return "that is no number"
