"""How effects and hits are read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from vqanim.effects import EFFECTS
from vqanim.scene.colors import COLOR_FORMS, Color, parse_color
from vqanim.scene.edit import (
    DEFAULT_FADE,
    EFFECTS_KIND,
    HITS_KIND,
    LEAST_RATE,
    MAX_EFFECTS,
    MAX_MOMENTS,
    MOST_RATE,
    Effect,
    Hit,
    amount_kind,
)
from vqanim.scene.numbers import is_number, parse_ratio
from vqanim.scene.options import CurveKind, Kind, time
from vqanim.scene.reader import Reader, Refused, nearest
from vqanim.scene.readers import read_constant, read_curve, read_moment, read_time, text_of
from vqanim.scene.times import Time
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown
from vqanim.scene.tree import Sequence as ListNode


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
    reader.check_keys(node, ("on", "fade", *names))
    written = [(key, value) for key, value in node.entries if key.text in names]
    if not written:
        raise reader.refuse(node.place, f"found no effect, allowed one or more of {', '.join(names)}")
    moments, peaks, refused = _moments(on, reader), [], False
    for key, value in written:
        try:
            peaks.append(_named_effect(key, value, _read_peak, reader))
        except Refused:
            refused = True
    if refused:
        raise Refused
    length = DEFAULT_FADE if fade is None else read_time(fade, time(zero=True), reader)
    return Hit(moments, tuple(peaks), length, node.place)


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
