"""How a shot begins, and when its prompts change."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from vqanim.scene.fields.base import ScalarType, Schema, Writer
from vqanim.scene.fields.context import Reader
from vqanim.scene.fields.sections import closed_schema
from vqanim.scene.fields.texts import did_you_mean
from vqanim.scene.fields.times import MOMENT, time, time_text
from vqanim.scene.times import Time
from vqanim.scene.tree import Node, Scalar

TRANSITIONS = ("carry", "cut", "dissolve")
DEFAULT_DISSOLVE = Time(Fraction(1), "s", "1s")
_LENGTH = time(zero=True, percent=True)


@dataclass(frozen=True)
class Transition:
    """How a shot begins: `carry` goes on from the last frame before it, the others from its own start.

    With `dissolve` the shot before goes on under it, and both are blended in the film.
    """

    kind: Literal["carry", "cut", "dissolve"] = "carry"
    duration: Time | None = None
    """Carry: for so long weights and camera are blended; None is 0 s. Dissolve: so long both are seen."""


@dataclass(frozen=True)
class TransitionType(ScalarType):
    """carry, cut, dissolve, {kind: dissolve, duration: 1s} or {dissolve: 1s}."""

    allowed: str = "carry, cut, dissolve or {kind: dissolve, duration: 1s}"

    def parse(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, Scalar):
            return super().parse(node, reader)
        found = reader.mapping(node, self.allowed)
        if len(found.entries) == 1 and (short := found.entries[0][0].text) in ("carry", "dissolve"):
            return Transition(short, _LENGTH.parse(found.entries[0][1], reader))  # type: ignore[arg-type]
        reader.check_keys(found, ("kind", "duration"))
        name, written = found.get("kind"), found.get("duration")
        which: Transition = super().parse(name, reader) if name else Transition()
        if written is None:
            return which
        if which.kind == "cut":
            raise reader.refuse(written, "found a duration, a cut has none: it happens at once")
        return Transition(which.kind, _LENGTH.parse(written, reader))

    def value(self, text: str) -> Transition:
        if text not in TRANSITIONS:
            raise ValueError
        return Transition(text, DEFAULT_DISSOLVE if text == "dissolve" else None)  # type: ignore[arg-type]

    def hint(self, text: str) -> str:
        return did_you_mean(text, TRANSITIONS)

    def dump(self, value: Transition, writer: Writer) -> Any:
        duration = {} if value.duration is None else {"duration": time_text(value.duration)}
        return {"kind": value.kind} | duration

    def schema(self) -> list[Schema]:
        moment: Schema = {"anyOf": list(MOMENT)}
        kinds: Schema = {"enum": list(TRANSITIONS)}
        return [
            kinds,
            closed_schema({"kind": kinds, "duration": moment, "carry": moment, "dissolve": moment}),
        ]
