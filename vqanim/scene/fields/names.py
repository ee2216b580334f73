"""How many of some things, or which of them by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vqanim.scene import tree
from vqanim.scene.fields import base
from vqanim.scene.fields.base import FieldType, Schema, Writer
from vqanim.scene.fields.context import Reader, read_all
from vqanim.scene.fields.numbers import whole
from vqanim.scene.fields.texts import line_of_text
from vqanim.scene.tree import Node, Scalar
from vqanim.settings import MOST_NAMES

LONGEST = 100  # characters of a name
NAME = line_of_text(LONGEST, f"a name of at most {LONGEST} characters")


@dataclass(frozen=True)
class NamesType(FieldType):
    """8, castle, "castle, lakeside" or [castle, lakeside]."""

    allowed: str = ""
    most: int = 1  # when they are counted

    def parse(self, node: Node, reader: Reader) -> int | tuple[str, ...]:
        if isinstance(node, tree.Sequence):
            return self._names(node.items, node, reader)
        if not isinstance(node, Scalar):
            raise reader.wrong(node, self.allowed, "keys and values")
        text = node.text.strip()
        if text.lstrip("+-").replace(".", "", 1).isdecimal():
            return whole(1, self.most, self.allowed).parse(node, reader)
        return self._names([node.part(part.strip()) for part in text.split(",")], node, reader)

    def _names(self, items: Sequence[Node], node: Node, reader: Reader) -> tuple[str, ...]:
        if not 1 <= len(items) <= MOST_NAMES:
            raise reader.wrong(node, self.allowed, f"{len(items)} names")
        return tuple(read_all(items, lambda item: NAME.parse(item, reader)))

    def dump(self, value: int | tuple[str, ...], writer: Writer) -> Any:
        return value if isinstance(value, int) else base.Flow([base.Quoted(name) for name in value])

    def schema(self) -> list[Schema]:
        name: Schema = {"type": "string", "maxLength": LONGEST}
        several: Schema = {"type": "array", "items": name, "minItems": 1, "maxItems": MOST_NAMES}
        return [{"type": "integer", "minimum": 1, "maximum": self.most}, {"type": "string"}, several]
