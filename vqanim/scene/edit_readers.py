"""How effects and hits are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from vqanim.effects import EFFECTS
from vqanim.scene.colors import COLOR_FORMS, Color, parse_color
from vqanim.scene.edit import (
    DEFAULT_ABOVE,
    DEFAULT_FADE,
    EFFECTS_KIND,
    HITS_KIND,
    LEAST_RATE,
    MAX_EFFECTS,
    MAX_MOMENTS,
    MOST_EVERY,
    MOST_RATE,
    Each,
    Effect,
    Hit,
    amount_kind,
)
from vqanim.scene.numbers import is_number, parse_ratio
from vqanim.scene.options import CurveKind, Kind, number, time
from vqanim.scene.reader import Reader, Refused, nearest
from vqanim.scene.readers import read_constant, read_curve, read_moment, read_time, text_of
from vqanim.scene.sound import BEAT
from vqanim.scene.times import Time
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown
from vqanim.scene.tree import Sequence as ListNode

_SONG_KEYS = ("every", "above", "from", "to")
"""Keys of a hit whose moments a song says."""
_WORD = re.compile(r"[A-Za-z]", re.ASCII)
_ABOVE = number(0.01, 1)
_EVERY = re.compile(r"(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}|\d{1,10}/\d{1,10})\s*(beats?|bars?)?", re.ASCII)


def read_effects(node: Node, kind: Kind, reader: Reader) -> tuple[Effect, ...]:
    """A list of effects, in the order in which they are applied."""
    return tuple(_each(node, EFFECTS_KIND, _read_effect, reader))


def read_hits(node: Node, kind: Kind, reader: Reader) -> tuple[Hit, ...]:
    """A list of hits."""
    return tuple(_each(node, HITS_KIND, _read_hit, reader))


def _each(node: Node, kind: Kind, read: Callable[[Mapping, Reader], Any], reader: Reader) -> list[Any]:
    """Every mapping of a list, all mistakes noted."""
    if not isinstance(node, ListNode):
        raise reader.refuse(node.place, f"found {shown(node)}, allowed {kind.allowed}")
    if len(node.items) > MAX_EFFECTS:
        raise reader.refuse(node.place, f"found {len(node.items)} entries, allowed at most {MAX_EFFECTS}")
    made, refused = [], False
    for item in node.items:
        try:
            made.append(read(reader.mapping(item, f"an entry as in {kind.allowed}"), reader))
        except Refused:
            refused = True
    if refused:
        raise Refused
    return made


def _read_effect(node: Mapping, reader: Reader) -> Effect:
    if len(node.entries) != 1:
        keys = ", ".join(key.text for key, _ in node.entries) or "nothing"
        raise reader.refuse(
            node.place, f"found {keys}, allowed one effect in each entry, as in {EFFECTS_KIND.allowed}"
        )
    key, value = node.entries[0]
    return _named_effect(key, value, read_curve, reader)


def _named_effect(
    key: Scalar, value: Node, read_amount: Callable[[Node, CurveKind, Reader], Any], reader: Reader
) -> Effect:
    """An effect by its name: an amount, or {amount: ..., color: ..., rate: ...}."""
    name = key.text
    if name not in EFFECTS:
        near = nearest(name, EFFECTS)
        hint = f"did you mean {near!r}?" if near else f"allowed {', '.join(EFFECTS)}"
        raise reader.refuse(value.place, f"unknown effect {quoted(name)}, {hint}")
    kind, amount = EFFECTS[name], amount_kind(name)
    if not isinstance(value, Mapping) or not any(value.get(part) for part in ("amount", "color", "rate")):
        return Effect(name, read_amount(value, amount, reader), kind.color, kind.rate, value.place)
    parts = ["amount", *(["color"] if kind.color else []), *(["rate"] if kind.rate else [])]
    reader.check_keys(value, parts)
    written = value.get("amount")
    if written is None:
        raise reader.refuse(value.place, f"amount is missing, allowed {amount.allowed}")
    color, rate = kind.color, kind.rate
    if color is not None and (node := value.get("color")):
        color = read_color(node, reader)
    if rate is not None and (node := value.get("rate")):
        rate = _read_rate(node, reader)
    return Effect(name, read_amount(written, amount, reader), color, rate, value.place)


def read_color(node: Node, reader: Reader) -> Color:
    """A color. Raises Refused."""
    text = node.text.strip() if isinstance(node, Scalar) else ""
    try:
        return parse_color(text)
    except ValueError:
        raise reader.refuse(node.place, f"found {shown(node)}, allowed {COLOR_FORMS}") from None


def _read_rate(node: Node, reader: Reader) -> float:
    allowed = f"a number of times per second from {float(LEAST_RATE):g} to {MOST_RATE}"
    text = text_of(node, Kind("rate", allowed), reader)
    try:
        rate = parse_ratio(text)
    except ValueError:
        rate = Fraction(0)
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {allowed}")
    return float(rate)


def _read_hit(node: Mapping, reader: Reader) -> Hit:
    on, fade = node.get("on"), node.get("fade")
    if on is None:
        raise reader.refuse(node.place, "on is missing, allowed the moments of the hit, such as [1s, 2s]")
    names = [name for name in EFFECTS if name != "fade"]
    each = _read_each(on, node, reader)
    reader.check_keys(node, ("on", "fade", *(_SONG_KEYS if each else ()), *names))
    written = [(key, value) for key, value in node.entries if key.text in names]
    if not written:
        raise reader.refuse(node.place, f"found no effect, allowed one or more of {', '.join(names)}")
    moments, peaks, refused = () if each else _moments(on, reader), [], False
    for key, value in written:
        try:
            peaks.append(_named_effect(key, value, _read_peak, reader))
        except Refused:
            refused = True
    if refused:
        raise Refused
    length = DEFAULT_FADE if fade is None else read_time(fade, time(zero=True), reader)
    return Hit(moments, tuple(peaks), length, each, node.place)


def _read_each(on: Node, node: Mapping, reader: Reader) -> Each | None:
    """The moments that a song says; None for moments that are written."""
    name = on.text.strip() if isinstance(on, Scalar) else ""
    if reader.song_lost and _WORD.match(name):
        raise Refused
    if reader.song is None or name in reader.song.markers or name not in {*reader.signals, BEAT, "bar"}:
        return None
    clock = reader.song.clock
    if name in (BEAT, "bar") and clock is None:
        raise reader.refuse(on.place, f"found {name!r}, but {reader.song.why_no_clock}")
    if name in (BEAT, "bar"):
        meter = clock.meter if clock else 1
        if (above := node.get("above")) is not None:
            raise reader.refuse(above.place, "found above, which a beat has not; only a signal has it")
        every = _read_every(node.get("every"), meter, Fraction(meter if name == "bar" else 1), reader)
        return Each(BEAT, every, start=_edge("from", node, reader), end=_edge("to", node, reader))
    if (written := node.get("every")) is not None:
        raise reader.refuse(written.place, f"found every, allowed for `on: beat`; {name} has `above`")
    above = node.get("above")
    height = DEFAULT_ABOVE if above is None else reader.read(_ABOVE, above)
    return Each(name, above=height, start=_edge("from", node, reader), end=_edge("to", node, reader))


def _read_every(node: Node | None, meter: int, default: Fraction, reader: Reader) -> Fraction:
    """A number of beats, or of bars as in `2bars`."""
    if node is None:
        return default
    allowed = f"a number of beats above 0 and up to {MOST_EVERY}, or of bars such as 2bars"
    text = text_of(node, Kind("every", allowed), reader)
    match = _EVERY.fullmatch(text)
    try:
        beats = parse_ratio(match[1]) if match else Fraction(0)
    except ValueError:
        beats = Fraction(0)
    if match and (match[2] or "").startswith("bar"):
        beats *= meter
    if not Fraction(1, 64) <= beats <= MOST_EVERY:
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {allowed}")
    return beats


def _edge(key: str, node: Mapping, reader: Reader) -> Time | None:
    """The moment at which hits begin or end."""
    value = node.get(key)
    if value is None:
        return None
    if not isinstance(value, Scalar):
        raise reader.refuse(value.place, f"found {shown(value)}, allowed a time such as 2s or a marker")
    return _moment(value, reader)


def _moment(item: Scalar, reader: Reader) -> Time:
    holder = Mapping(item.file, item.line, [])
    holder.path, holder.base = item.path, item.base
    return read_moment(item, holder, reader)


def _read_peak(node: Node, kind: CurveKind, reader: Reader) -> Any:
    """The amount of a hit, which dies away by itself and so is a number."""
    if not isinstance(node, Scalar) or not is_number(node.text.strip()):
        raise reader.refuse(
            node.place, f"found {shown(node)}, allowed {kind.range}: it dies away by itself, after `fade`"
        )
    return read_constant(node.text.strip(), node, kind, reader)


def _moments(node: Node, reader: Reader) -> tuple[Time, ...]:
    items = node.items if isinstance(node, ListNode) else [node]
    if not 1 <= len(items) <= MAX_MOMENTS:
        raise reader.refuse(
            node.place, f"found {len(items)} moments, allowed 1 to {MAX_MOMENTS}, such as [1s, 2s]"
        )
    found, refused = [], False
    for item in items:
        try:
            if not isinstance(item, Scalar):
                raise reader.refuse(item.place, f"found {shown(item)}, allowed a time such as 2s")
            holder = Mapping(item.file, item.line, [])
            holder.path, holder.base = node.path, node.base
            found.append(read_moment(item, holder, reader))
        except Refused:
            refused = True
    if refused:
        raise Refused
    return tuple(found)


EDIT_READERS: dict[type[Kind] | str, Callable[[Node, Any, Reader], Any]] = {
    "effects": read_effects,
    "hits": read_hits,
}
"""By the names of the kinds."""
