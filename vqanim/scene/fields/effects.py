"""What a scene says about its film beyond the takes: effects and hits. They are never painted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from vqanim.effects import EFFECTS
from vqanim.errors import Place
from vqanim.scene import tree
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.fields.base import FieldType, Flow, Parts, Schema, Writer, text_of
from vqanim.scene.fields.context import Reader, Refused, nearest, read_all
from vqanim.scene.fields.numbers import CurveType, bounds, curve, number, ratio_text
from vqanim.scene.fields.sections import closed_schema
from vqanim.scene.fields.settings import dump_settings, read_settings, setting_options, settings_schema
from vqanim.scene.fields.times import MOMENT, read_moment, time, time_text, warn_of_late
from vqanim.scene.numbers import is_number, parse_ratio
from vqanim.scene.sound import BEAT
from vqanim.scene.times import Time
from vqanim.scene.tree import Node, Scalar, quoted, shown
from vqanim.settings import Settings

MAX_EFFECTS = 100  # effects, or hits, in one list
MAX_MOMENTS = 10_000  # moments of one hit
MOST_EVERY = 1024  # beats from one hit to the next
DEFAULT_FADE = Time(Fraction(1, 5), "s", "200ms")  # how long a hit takes to die away
DEFAULT_ABOVE = 0.5  # how high a signal must rise to be a hit

_PEAKS = tuple(name for name in EFFECTS if name != "fade")
"""Effects of hits, which have a `fade` of their own."""
_WORD = re.compile(r"[A-Za-z]", re.ASCII)
_ABOVE = number(0.01, 1)
_EVERY = re.compile(r"(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}|\d{1,10}/\d{1,10})\s*(beats?|bars?)?", re.ASCII)


@dataclass(frozen=True)
class Effect:
    """One effect, with its amount over time."""

    name: str  # one of EFFECTS
    amount: Curve
    settings: Settings = ()  # a value for each of its settings, in their order
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Each:
    """Moments that a song says: its beats, or where one of its signals rises."""

    signal: str  # `beat`, or the name of a signal
    every: Fraction = Fraction(1)  # beats from one moment to the next; for `beat` only
    above: float = DEFAULT_ABOVE  # how high a signal must rise, 0..1; not for `beat`
    start: Time | None = None
    """The first moment that counts; beats are then counted from there."""
    end: Time | None = None  # the last moment that counts


@dataclass(frozen=True)
class Hit:
    """Effects that are full at each of some moments and die away."""

    on: tuple[Time, ...]  # empty where the moments are those of a song
    peaks: tuple[Effect, ...]  # their amounts are constant: those at the moment itself
    fade: Time = DEFAULT_FADE
    each: Each | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


def amount_type(name: str) -> CurveType:
    """What may be written for the amount of an effect."""
    kind = EFFECTS[name]
    return curve(kind.low, kind.high, why=kind.meaning)


@dataclass(frozen=True)
class MappingsType(FieldType):
    """A list of mappings, each read by itself."""

    def parse(self, node: Node, reader: Reader) -> tuple[Any, ...]:
        if not isinstance(node, tree.Sequence):
            raise reader.wrong(node, self.allowed)
        if len(node.items) > MAX_EFFECTS:
            raise reader.wrong(node, f"at most {MAX_EFFECTS}", f"{len(node.items)} entries")
        entry = f"an entry as in {self.allowed}"
        return tuple(read_all(node.items, lambda item: self.one(reader.mapping(item, entry), reader)))

    def one(self, node: tree.Mapping, reader: Reader) -> Any:
        """The value of one mapping. Raises Refused."""
        raise NotImplementedError

    def list_schema(self, entry: Schema) -> list[Schema]:
        """The schema of a list of such mappings."""
        return [{"type": "array", "items": entry, "maxItems": MAX_EFFECTS}]


@dataclass(frozen=True)
class EffectsType(MappingsType):
    """A list of effects, in the order in which they are applied."""

    allowed: str = "a list such as [{flash: {1s: 1, 1.2s: 0}}, {saturation: 0.5}]"

    def one(self, node: tree.Mapping, reader: Reader) -> Effect:
        if len(node.entries) != 1:
            raise reader.wrong(node, f"one effect in each entry, as in {self.allowed}", node.keys_text)
        return _effect(*node.entries[0], CurveType.parse, reader)

    def dump(self, effects: tuple[Effect, ...], writer: Writer) -> Any:
        return [_dump_effect(effect, writer) for effect in effects]

    def curves(self, value: tuple[Effect, ...]) -> Iterator[Curve]:
        return (effect.amount for effect in value)

    def parts(self) -> Parts:
        return ((f"[].{name}.", setting_options(kind.settings)) for name, kind in EFFECTS.items())

    def schema(self) -> list[Schema]:
        effects = {name: _effect_schema(name) for name in EFFECTS}
        return self.list_schema(closed_schema(effects, minProperties=1, maxProperties=1))


def _effect(
    key: Scalar, value: Node, read_amount: Callable[[CurveType, Node, Reader], Curve], reader: Reader
) -> Effect:
    """An effect by its name: an amount, or {amount: ..., color: ..., rate: ...}."""
    name, written = key.text, value
    if name not in EFFECTS:
        near = nearest(name, EFFECTS)
        hint = f"did you mean {near!r}?" if near else f"allowed {', '.join(EFFECTS)}"
        raise reader.refuse(value, f"unknown effect {quoted(name)}, {hint}")
    declared, amount = EFFECTS[name].settings, amount_type(name)
    settings = {setting.name: setting.default for setting in declared}
    if isinstance(value, tree.Mapping) and any(value.get(part) for part in ("amount", *ALL_SETTINGS)):
        reader.check_keys(value, ("amount", *settings))
        settings |= read_settings(declared, value, reader)
        if (written := value.get("amount") or value) is value:
            raise reader.refuse(value, f"amount is missing, allowed {amount.allowed}")
    return Effect(name, read_amount(amount, written, reader), tuple(settings.items()), value.place)


ALL_SETTINGS = frozenset(setting.name for kind in EFFECTS.values() for setting in kind.settings)
"""Of any effect: where one of them is written, the mapping is no keyframes."""


def _dump_effect(effect: Effect, writer: Writer) -> dict[str, Any]:
    amount = amount_type(effect.name).dump(effect.amount, writer)
    settings = dump_settings(EFFECTS[effect.name].settings, effect.settings, writer)
    return {effect.name: {"amount": amount, **settings} if settings else amount}


def _effect_schema(name: str) -> Schema:
    kind, amount = EFFECTS[name], amount_type(name).schema()
    parts = {"amount": {"anyOf": amount}, **settings_schema(kind.settings)}
    return {"description": f"{kind.meaning}.", "anyOf": [*amount, closed_schema(parts, ["amount"])]}


@dataclass(frozen=True)
class HitsType(MappingsType):
    """A list of hits."""

    allowed: str = "a list such as [{on: [1s, 2s], flash: 0.4, punch: 1.05, fade: 150ms}]"

    def one(self, node: tree.Mapping, reader: Reader) -> Hit:
        on, fade = node.get("on"), node.get("fade")
        if on is None:
            raise reader.refuse(node, "on is missing, allowed the moments of the hit, such as [1s, 2s]")
        each = _each(on, node, reader)
        reader.check_keys(node, ("on", "fade", *(_song_schema() if each else ()), *_PEAKS))
        written = [(key, value) for key, value in node.entries if key.text in _PEAKS]
        if not written:
            raise reader.refuse(node, f"found no effect, allowed one or more of {', '.join(_PEAKS)}")
        moments = () if each else _moments(on, reader)
        peaks = read_all(written, lambda entry: _effect(*entry, _peak, reader))
        length = DEFAULT_FADE if fade is None else time(zero=True).parse(fade, reader)
        return Hit(moments, tuple(peaks), length, each, node.place)

    def dump(self, hits: tuple[Hit, ...], writer: Writer) -> Any:
        return [_dump_hit(hit, writer) for hit in hits]

    def schema(self) -> list[Schema]:
        moment: Schema = {"anyOf": list(MOMENT)}
        moments: Schema = {"anyOf": [*MOMENT, {"type": "array", "items": moment, "minItems": 1}]}
        peaks = {name: _effect_schema(name) for name in _PEAKS}
        keys = {"on": moments, "fade": moment, **_song_schema(), **peaks}
        return self.list_schema(closed_schema(keys, ["on"]))


def _song_schema() -> Mapping[str, Schema]:
    """Keys of a hit whose moments a song says."""
    moment: Schema = {"anyOf": list(MOMENT)}
    beats = [bounds(0, MOST_EVERY, above=True), {"type": "string"}]
    every = "With `on: beat`: beats from one hit to the next, or bars such as 2bars."
    above = {"description": "With a signal: how high it must rise.", "anyOf": _ABOVE.schema()}
    return {"every": {"description": every, "anyOf": beats}, "above": above, "from": moment, "to": moment}


def _each(on: Node, node: tree.Mapping, reader: Reader) -> Each | None:
    """The moments that a song says; None for moments that are written."""
    name = on.text.strip() if isinstance(on, Scalar) else ""
    if reader.song_lost and _WORD.match(name):
        raise Refused
    if reader.song is None or name in reader.song.markers or name not in {*reader.signals, BEAT, "bar"}:
        return None
    clock, every, above = reader.song.clock, node.get("every"), node.get("above")
    if name in (BEAT, "bar"):
        if clock is None:
            raise reader.refuse(on, f"found {name!r}, but {reader.song.why_no_clock}")
        if above is not None:
            raise reader.refuse(above, "found above, which a beat has not; only a signal has it")
        beats = Fraction(clock.meter if name == "bar" else 1)
        made = Each(BEAT, beats if every is None else _read_every(every, clock.meter, reader))
    elif every is not None:
        raise reader.refuse(every, f"found every, allowed for `on: beat`; {name} has `above`")
    else:
        made = Each(name, above=DEFAULT_ABOVE if above is None else reader.read(_ABOVE, above))
    edges = (node.get("from"), node.get("to"))
    start, end = (_moment(at, at, "a time such as 2s or a marker", reader) if at else None for at in edges)
    if start is not None and isinstance(edges[0], Scalar):
        warn_of_late([(edges[0], start)], edges[0], reader)
    return replace(made, start=start, end=end)


def _read_every(node: Node, meter: int, reader: Reader) -> Fraction:
    """A number of beats, or of bars as in `2bars`."""
    allowed = f"a number of beats above 0 and up to {MOST_EVERY}, or of bars such as 2bars"
    beats = Fraction(0)
    if match := _EVERY.fullmatch(text_of(node, allowed, reader)):
        with suppress(ValueError):
            beats = parse_ratio(match[1]) * (meter if (match[2] or "").startswith("bar") else 1)
    if not Fraction(1, 64) <= beats <= MOST_EVERY:
        raise reader.wrong(node, allowed)
    return beats


def _moment(node: Node, at: Node, allowed: str, reader: Reader) -> Time:
    if not isinstance(node, Scalar):
        raise reader.wrong(node, allowed)
    return read_moment(node, at, reader)


def _peak(amount: CurveType, node: Node, reader: Reader) -> Curve:
    """The amount of a hit, which dies away by itself and so is a number."""
    if not isinstance(node, Scalar) or not is_number(node.text.strip()):
        raise reader.wrong(node, f"{amount.range}: it dies away by itself, after `fade`", shown(node))
    return amount.constant(node.text.strip(), node, reader)


def _moments(node: Node, reader: Reader) -> tuple[Time, ...]:
    items = node.items if isinstance(node, tree.Sequence) else [node]
    if not 1 <= len(items) <= MAX_MOMENTS:
        raise reader.wrong(node, f"1 to {MAX_MOMENTS}, such as [1s, 2s]", f"{len(items)} moments")
    times = tuple(read_all(items, lambda item: _moment(item, node, "a time such as 2s", reader)))
    warn_of_late(
        [(item, at) for item, at in zip(items, times, strict=True) if isinstance(item, Scalar)], node, reader
    )
    return times


def _dump_hit(hit: Hit, writer: Writer) -> dict[str, Any]:
    written: dict[str, Any] = {"on": Flow(map(time_text, hit.on))}
    if each := hit.each:
        how = {"every": ratio_text(each.every)} if each.signal == BEAT else {"above": each.above}
        edges = {key: time_text(edge) for key, edge in (("from", each.start), ("to", each.end)) if edge}
        written = {"on": each.signal, **how, **edges}
    written["fade"] = time_text(hit.fade)
    for peak in hit.peaks:
        written |= _dump_effect(peak, writer)
    return written


EFFECTS_TYPE, HITS_TYPE = EffectsType(), HitsType()
