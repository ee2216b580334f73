"""Declarations of the fields of a scene: each says once what it means, takes, and is when nobody writes it.

The loader, the list of fields, and whatever is made from that list read these declarations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from vqanim.scene.curves import Curve, Range


@dataclass(frozen=True)
class Kind:
    """What a field takes."""

    name: str
    allowed: str
    """What may be written, for a message after `allowed `."""

    def default(self, value: Any) -> Any:
        """The value of a field that nobody wrote."""
        return value


@dataclass(frozen=True)
class CurveKind(Kind):
    """A number, keyframes or an expression."""

    range: Range

    def default(self, value: Any) -> Any:
        """A constant; None stays None."""
        return None if value is None else Curve.constant(value, range=self.range)


@dataclass(frozen=True)
class WholeKind(Kind):
    """A whole number."""

    low: int
    high: int


@dataclass(frozen=True)
class NumberKind(Kind):
    """A number that does not change over time."""

    low: float
    high: float


@dataclass(frozen=True)
class RatioKind(Kind):
    """A number or a ratio of whole numbers."""

    low: int
    high: int


@dataclass(frozen=True)
class TextKind(Kind):
    """A text on one line."""

    longest: int


@dataclass(frozen=True)
class TimeKind(Kind):
    """A duration."""

    zero: bool
    """True when 0 is allowed."""
    percent: bool
    """True when a part of the whole is allowed."""
    moment: bool = False
    """True for a moment of the film, which may be a bar or a marker."""
    song: bool = False
    """True when the word `soundtrack` is allowed, for the length of the song."""


@dataclass(frozen=True)
class SectionKind(Kind):
    """A mapping with fields of its own; a shot's is merged into the scene's."""

    of: type


@dataclass(frozen=True)
class ChoiceKind(Kind):
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class PairKind(Kind):
    """A mapping of two curves, x and y; a shot's is merged into the scene's."""

    each: CurveKind
    build: type
    value: float
    """Of either, when nobody writes it."""

    def default(self, value: Any) -> Any:
        """Two constants."""
        return self.build(x=self.each.default(self.value), y=self.each.default(self.value))


def curve(
    low: float | None = None, high: float | None = None, *, above: float | None = None, why: str = ""
) -> CurveKind:
    """A curve whose values lie from `low`, or above `above`, to `high`."""
    limits = Range(
        minimum=above if above is not None else -float("inf") if low is None else low,
        maximum=float("inf") if high is None else high,
        exclusive_minimum=above is not None,
        why=why,
    )
    return CurveKind("curve", f"{limits}, keyframes such as {{0s: 1, 2s: 1.5}} or an expression of t", limits)


def whole(low: int, high: int) -> WholeKind:
    """A whole number from `low` to `high`."""
    return WholeKind("whole", f"a whole number from {low} to {high}", low, high)


def number(low: float, high: float) -> NumberKind:
    """A number from `low` to `high`."""
    return NumberKind("number", f"a number from {low:g} to {high:g}", low, high)


def ratio(low: int, high: int, example: str) -> RatioKind:
    """A number from `low` to `high`, kept exactly."""
    return RatioKind("ratio", f"a number from {low} to {high}, or a ratio such as {example}", low, high)


def line_of_text(longest: int) -> TextKind:
    """A text of at most so many characters."""
    return TextKind("text", f"a text of at most {longest} characters", longest)


def time(*, zero: bool = False, percent: bool = False, moment: bool = False, song: bool = False) -> TimeKind:
    """A duration, or a moment of the film."""
    allowed = "a time " + ("from 0 up" if zero else "above 0") + " such as 2s, 500ms or 36f"
    return TimeKind("time", allowed, zero, percent, moment, song)


def section(of: type) -> SectionKind:
    """A mapping with the fields of a class."""
    return SectionKind("section", f"a mapping of {', '.join(keys_of(of))}", of)


def choice(*words: str) -> ChoiceKind:
    """One of these words."""
    return ChoiceKind("choice", " or ".join([", ".join(words[:-1]), words[-1]]), words)


def pair(each: CurveKind, build: type, value: float) -> PairKind:
    """Two curves that are `value` when nobody writes them."""
    return PairKind("pair", "a mapping such as {x: 0.1, y: 0}", each, build, value)


@dataclass(frozen=True)
class Option:
    """The declaration of one field."""

    kind: Kind
    description: str
    unit: str
    default: Any
    default_text: str
    example: str
    key: str
    """Its name in a scene file; `gif.width` for a field in a mapping of its own. Empty: the field's name."""
    required: bool
    inherited: bool
    """True when a shot takes it from the top level of the scene."""
    none: Any
    """What the word `none` means."""

    def make_default(self) -> Any:
        """The value of the field when nobody wrote it."""
        return self.kind.default(self.default)

    def make_none(self) -> Any:
        """The value of the field where somebody wrote `none`."""
        return self.kind.default(self.none)


REQUIRED: Any = object()
_SAME: Any = object()


def declare(
    kind: Kind,
    description: str,
    *,
    unit: str = "",
    default: Any = REQUIRED,
    default_text: str | None = None,
    example: str = "",
    key: str = "",
    inherited: bool = True,
    none: Any = _SAME,
) -> Option:
    """The declaration of a key. Without a default it must be written; `none` is the default unless given."""
    required = default is REQUIRED
    said = ("" if required else _written(default)) if default_text is None else default_text
    value = None if required else default
    meaning = value if none is _SAME else none
    return Option(kind, description, unit, value, said, example or said, key, required, inherited, meaning)


def option(*arguments: Any, **named: Any) -> Any:
    """A dataclass field with its declaration; takes what `declare` takes."""
    declared = declare(*arguments, **named)
    if declared.required:
        return dataclasses.field(metadata={"option": declared})
    return dataclasses.field(default_factory=declared.make_default, metadata={"option": declared})


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Declared:
    """A part of a scene whose fields are declared by `option`."""

    extra_keys: ClassVar[Mapping[str, Option]] = {}
    """Keys that are no fields because the loader turns them into others."""
    later: ClassVar[tuple[str, ...]] = ()
    """Keys of later versions."""


def options_of(part: type) -> dict[str, tuple[str, Option]]:
    """Key to (name of the field, declaration), in the order of the declarations."""
    found: dict[str, tuple[str, Option]] = {}
    for field in dataclasses.fields(part):
        if declared := field.metadata.get("option"):
            found[declared.key or field.name] = (field.name, declared)
    extra: Mapping[str, Option] = getattr(part, "extra_keys", {})
    return found | {key: (key, declared) for key, declared in extra.items()}


def keys_of(part: type) -> list[str]:
    """The keys that may be written, without those of mappings within."""
    return list(dict.fromkeys(key.partition(".")[0] for key in options_of(part)))
