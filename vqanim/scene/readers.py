"""How each simple kind of value is read: texts, numbers, times, curves, and mappings of those."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from vqanim.errors import CurveError, Place
from vqanim.scene.colors import color_text, parse_color
from vqanim.scene.curves import Constant, Curve, Formula, Key, Keyframes
from vqanim.scene.easings import EASINGS
from vqanim.scene.expressions import ADD_SOUNDTRACK, ExpressionError, names_used, parse_expression
from vqanim.scene.model import BORDERS, VERSION
from vqanim.scene.musical import exact
from vqanim.scene.numbers import is_number, number_hint, parse_number, parse_ratio, parse_whole
from vqanim.scene.options import (
    ChoiceKind,
    CurveKind,
    Kind,
    NumberKind,
    PairKind,
    RatioKind,
    SectionKind,
    TextKind,
    TimeKind,
    WholeKind,
    declare,
)
from vqanim.scene.reader import Reader, Refused
from vqanim.scene.times import MUSICAL, SAME_MOMENT, Time, TimeBase, is_plain_number
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown
from vqanim.scene.tree import Sequence as ListNode

_WORD = re.compile(r"[^\W\d]\w*")
_SECONDS = TimeBase(1.0, Fraction(1))


def text_of(node: Node, kind: Kind, reader: Reader) -> str:
    """The text of a scalar. Raises Refused for lists, mappings and nothing at all."""
    if not isinstance(node, Scalar) or not node.text.strip():
        raise reader.refuse(node.place, f"found {shown(node)}, allowed {kind.allowed}")
    return node.text.strip()


def scalar(parse: Callable[[str, Any], Any]) -> Callable[[Node, Any, Reader], Any]:
    """A reader from a parser of texts that raises ValueError."""

    def read(node: Node, kind: Kind, reader: Reader) -> Any:
        text = text_of(node, kind, reader)
        try:
            return parse(text, kind)
        except ValueError as error:
            hint = number_hint(text) if isinstance(kind, WholeKind | RatioKind | NumberKind) else None
            said = f"found {quoted(text)}, allowed {kind.allowed}" + (f", {hint}" if hint else "")
            raise reader.refuse(node.place, str(error) if str(error).startswith("found") else said) from None

    return read


def read_text(node: Node, kind: TextKind, reader: Reader) -> str:
    """A text on one line: white space of any kind becomes one space."""
    text = " ".join(text_of(node, kind, reader).split())
    if len(text) > kind.longest:
        raise reader.refuse(node.place, f"found {len(text)} characters, allowed {kind.allowed}")
    return text


def parse_limited_whole(text: str, kind: WholeKind) -> int:
    """A whole number in the limits of its kind. Raises ValueError."""
    value = parse_whole(text)
    if not kind.low <= value <= kind.high:
        raise ValueError
    return value


def parse_limited_ratio(text: str, kind: RatioKind) -> Fraction:
    """A ratio in the limits of its kind. Raises ValueError."""
    value = parse_ratio(text)
    if not kind.low <= value <= kind.high:
        raise ValueError
    return value


def parse_limited_number(text: str, kind: NumberKind) -> float:
    """A number in the limits of its kind. Raises ValueError."""
    value = parse_number(text)
    if not kind.low <= value <= kind.high:
        raise ValueError
    return value


def parse_border(text: str, kind: Kind) -> str:
    """A border by name, or a color as `#rrggbb`. Raises ValueError."""
    if text in BORDERS:
        return text
    try:
        return color_text(parse_color(text))
    except ValueError:
        hint = did_you_mean(text, BORDERS)
        raise ValueError(f"found {quoted(text)}, allowed {kind.allowed}{hint}") from None


def parse_flag(text: str, kind: Kind) -> bool:
    """A yes or no. Raises ValueError."""
    if text not in ("true", "false"):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower(), text.lower())
        hint = f", did you mean {meant}?" if meant in ("true", "false") else ""
        raise ValueError(f"found {quoted(text)}, allowed {kind.allowed}{hint}")
    return text == "true"


def parse_choice(text: str, kind: ChoiceKind) -> str:
    """One of the words of a kind. Raises ValueError."""
    if text in kind.words:
        return text
    raise ValueError(f"found {quoted(text)}, allowed {kind.allowed}{did_you_mean(text, kind.words)}")


def did_you_mean(text: str, words: Sequence[str]) -> str:
    """`, did you mean 'reflect'?`, or nothing where no word is near."""
    near = difflib.get_close_matches(text.lower(), words, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def parse_smooth(text: str, kind: Kind) -> str:
    """A way to make the frames between the painted ones. Raises ValueError."""
    if text != "minterpolate":
        raise ValueError
    return text


def parse_version(text: str, kind: Kind) -> int:
    """The version of the language. Raises ValueError."""
    version = parse_whole(text)
    if version != VERSION:
        newer = ", a newer vqanim may know it" if version > VERSION else ""
        raise ValueError(f"found version {version} of the scene language, allowed {kind.allowed}{newer}")
    return version


def read_time(node: Node, kind: TimeKind, reader: Reader) -> Time:
    """A duration in its limits."""
    text = text_of(node, kind, reader)
    if kind.song and text == "soundtrack":
        return _length_of_song(node, reader)
    try:
        value = reader.moment(text, "film") if kind.moment else reader.length(text, node.base)
    except ValueError as error:
        musical = str(error) == MUSICAL or (reader.song is not None and reader.song.has_form(text))
        reason = str(error) if musical else f"allowed {kind.allowed}"
        raise reader.refuse(node.place, f"found {quoted(text)}, {reason}") from None
    too_small = value.value < 0 or (value.value == 0 and not kind.zero)
    if too_small or (value.unit == "%" and not kind.percent):
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {kind.allowed}")
    return value


def _length_of_song(node: Node, reader: Reader) -> Time:
    if reader.song is None and reader.song_lost:
        raise Refused
    if reader.song is None:
        raise reader.refuse(node.place, f"found 'soundtrack', but there is none: {ADD_SOUNDTRACK}")
    if reader.song.end <= 0 or reader.song.end == math.inf:
        raise Refused  # the song could not be read, which is noted already
    return exact(reader.song.end, "soundtrack")


def read_curve(node: Node, kind: CurveKind, reader: Reader) -> Curve:
    """A number, keyframes or an expression."""
    if isinstance(node, Mapping):
        return _read_keyframes(node, kind, reader)
    text = " ".join(text_of(node, kind, reader).split())
    if not is_number(text):
        return _read_formula(node, text, kind, reader)
    return read_constant(text, node, kind, reader)


def read_constant(text: str, node: Node, kind: CurveKind, reader: Reader) -> Constant:
    """A number, written at a node."""
    return Constant(_checked(text, node.place, kind, reader), **_common(node, kind, text))


def _common(node: Node, kind: CurveKind, text: str) -> dict[str, Any]:
    # The base of a constant would mean nothing, and would make equal curves unequal.
    return {"range": kind.range, "text": text, "place": node.place}


def _checked(text: str, place: Place, kind: CurveKind, reader: Reader, when: str = "") -> float:
    """A finite number in the range of a curve."""
    if not is_number(text):
        hint = number_hint(text)
        said = f"{when}found {quoted(text)}, allowed {kind.range}"
        raise reader.refuse(place, said + (f", {hint}" if hint else ""))
    value = parse_number(text)
    if value not in kind.range:
        raise reader.refuse(place, when + kind.range.refuse(value))
    return value


def _read_formula(node: Node, text: str, kind: CurveKind, reader: Reader) -> Formula:
    try:
        parse_expression(text, reader.signals)
    except ExpressionError as error:
        if reader.song_lost and any(said in str(error) for said in ("soundtrack", "stem", "unknown name")):
            raise Refused from None
        raise reader.refuse(node.place, f"found {quoted(text)}, {_why_no_curve(text, error, kind)}") from None
    names = names_used(text, reader.signals)
    made = Formula(text, names & reader.signals, base=node.base, **_common(node, kind, text))
    if not names:
        _try_once(made, reader)
    return made


def _why_no_curve(text: str, error: ExpressionError, kind: CurveKind) -> str:
    """What was probably meant: a number, something that is no curve at all, or an expression."""
    if hint := number_hint(text):
        return f"allowed {kind.allowed}, {hint}"
    if _WORD.fullmatch(text) and "unknown name" in str(error) and "did you mean" not in str(error):
        return f"allowed {kind.allowed}"
    return f"which is no expression: {error}"


def _try_once(made: Formula, reader: Reader) -> None:
    """What never changes can be checked at once."""
    try:
        made.sample(np.zeros(1), _SECONDS)
    except CurveError as error:
        raise reader.refuse(made.place, f"found {quoted(made.text)}: {error.reason}") from None


def _read_keyframes(node: Mapping, kind: CurveKind, reader: Reader) -> Keyframes:
    if not node.entries:
        raise reader.refuse(node.place, f"found an empty mapping, allowed {kind.allowed}")
    made: list[tuple[Scalar, Key]] = []
    refused = False
    for name, value in node.entries:
        try:
            time = read_moment(name, node, reader)
            made.append((name, _read_key(time, name, value, node.path, kind, reader)))
        except Refused:
            refused = True
    if not check_moments([(name, key.time) for name, key in made], node, reader) or refused:
        raise Refused
    text = ", ".join(f"{name.text}: {key.value:.12g}" for name, key in made)
    keys = sorted((key for _, key in made), key=lambda key: key.time.seconds(reader.base_of(node)))
    return Keyframes(tuple(keys), base=node.base, **_common(node, kind, f"{{{text}}}"))


def _read_key(time: Time, name: Scalar, value: Node, path: str, kind: CurveKind, reader: Reader) -> Key:
    place = Place(value.file, value.line, path)
    when = f"at {name.text}: "
    parts: Sequence[Node] = value.items if isinstance(value, ListNode) else [value]
    texts = [part.text.strip() if isinstance(part, Scalar) else None for part in parts]
    number, easing = texts[0] if texts else None, texts[1] if len(texts) == 2 else "linear"
    if not number or easing is None or len(texts) > 2:
        raise reader.refuse(place, f"{when}found {shown(value)}, allowed a number or [number, easing]")
    checked = _checked(number, place, kind, reader, when)
    if easing not in EASINGS:
        near = difflib.get_close_matches(easing.lower().replace("_", "-"), EASINGS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise reader.refuse(
            place, f"{when}found the easing {quoted(easing)}, allowed {', '.join(EASINGS)}{hint}"
        )
    return Key(time, checked, easing)


def read_moment(name: Scalar, node: Mapping, reader: Reader) -> Time:
    """The time that is a key of a mapping. Raises Refused."""
    place = Place(name.file, name.line, node.path)
    try:
        time = reader.moment(name.text.strip(), node.base)
    except ValueError as error:
        raise reader.refuse(place, f"found the key {quoted(name.text)}, {error}") from None
    if time.value < 0:
        raise reader.refuse(place, f"found the key {quoted(name.text)}, allowed a time from 0s up")
    base = reader.bases.get(node.base)
    if base is not None and is_plain_number(name.text) and time.value > Fraction(base.duration):
        whole = "the film" if node.base == "film" else "the shot"
        where = f"lies past the end of {whole} ({base.duration:.6g} s)"
        reader.warn(
            place, f"the key {name.text} means {name.text} s, which {where}: did you mean {name.text}f?"
        )
    return time


def check_moments(moments: Sequence[tuple[Scalar, Time]], node: Mapping, reader: Reader) -> bool:
    """False, and a mistake noted, where two keys are the same moment in different words."""
    base = reader.base_of(node)
    placed = sorted(moments, key=lambda moment: moment[1].seconds(base))
    good = True
    for (first, earlier), (second, later) in pairwise(placed):
        # Without a known duration only what does not depend on it can be compared.
        comparable = reader.bases.get(node.base) is not None or "%" not in (earlier.unit, later.unit)
        if comparable and later.seconds(base) - earlier.seconds(base) < SAME_MOMENT:
            place = Place(second.file, max(first.line, second.line), node.path)
            reader.refuse(
                place,
                f"found {first.text} and {second.text}, which are the same moment "
                f"({round(later.seconds(base), 6):.12g} s), allowed is one value for it",
            )
            good = False
    return good


def read_pair(node: Node, kind: PairKind, reader: Reader) -> Any:
    """Two curves from {x: ..., y: ...}."""
    if isinstance(node, ListNode) and len(node.items) == 2:
        raise reader.refuse(node.place, f"found a list, allowed {kind.allowed}: each of the two is a curve")
    found = reader.mapping(node, kind.allowed)
    reader.check_keys(found, ("x", "y"))
    axis = declare(kind.each, "", default=kind.value)
    return kind.build(*(reader.field(name, axis, found) for name in ("x", "y")))


def read_section(node: Node, kind: SectionKind, reader: Reader) -> Any:
    """A mapping with declared fields."""
    return reader.section(kind.of, node, kind.allowed)


READERS: dict[type[Kind] | str, Callable[[Node, Any, Reader], Any]] = {
    ChoiceKind: scalar(parse_choice),
    CurveKind: read_curve,
    NumberKind: scalar(parse_limited_number),
    PairKind: read_pair,
    RatioKind: scalar(parse_limited_ratio),
    SectionKind: read_section,
    TextKind: read_text,
    TimeKind: read_time,
    WholeKind: scalar(parse_limited_whole),
    "border": scalar(parse_border),
    "color": scalar(lambda text, _: parse_color(text)),
    "flag": scalar(parse_flag),
    "smooth": scalar(parse_smooth),
    "version": scalar(parse_version),
}
"""By class, or by name where a kind has no class of its own."""
