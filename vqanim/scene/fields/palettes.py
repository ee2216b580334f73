"""Palettes: a name, a number of colors, the colors themselves, or those of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vqanim.pictures import read_picture
from vqanim.scene import tree
from vqanim.scene.colors import color_text, parse_color
from vqanim.scene.fields import base
from vqanim.scene.fields.base import FieldType, Schema, Writer
from vqanim.scene.fields.context import Reader, read_all
from vqanim.scene.fields.numbers import whole
from vqanim.scene.fields.sections import closed_schema
from vqanim.scene.fields.start import PICTURE
from vqanim.scene.fields.texts import COLOR, did_you_mean
from vqanim.scene.tree import Node, Scalar, quoted
from vqanim.settings import LEAST_COLORS, MOST_COLORS, Colors

FREE = "free"
USUAL_COLORS = 16  # of a picture where nobody says how many
LOOKED_AT = 256  # pixels of the longer side of a picture whose colors are taken


@dataclass(frozen=True)
class PaletteType(FieldType):
    """pico-8, 8, {colors: [navy, "#ffcc00"]} or {image: picture.png, colors: 16}."""

    allowed: str = ""
    names: tuple[str, ...] = ()
    most: int = MOST_COLORS  # of colors that are found

    def parse(self, node: Node, reader: Reader) -> str | int | Colors | None:
        if isinstance(node, Scalar):
            return self._word(node, reader)
        if isinstance(node, tree.Sequence):
            return self._colors(node, reader)
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("colors", "image"))
        image, colors = found.get("image"), found.get("colors")
        if image is not None:
            most = whole(LEAST_COLORS, MOST_COLORS)
            count = USUAL_COLORS if colors is None else most.parse(colors, reader)
            found_there = colors_of(Path(PICTURE.parse(image, reader)), count)
            if len(found_there) < LEAST_COLORS:
                raise reader.wrong(image, "one with two or more", "a picture of one color")
            return found_there
        if not isinstance(colors, tree.Sequence):
            raise reader.wrong(node, self.allowed, found.keys_text)
        return self._colors(colors, reader)

    def _word(self, node: Scalar, reader: Reader) -> str | int | Colors | None:
        text = node.text.strip()
        name = text.lower().replace("_", "-").replace(" ", "-")
        if name in (FREE, "none", ""):
            return None
        if name in self.names:
            return name
        if text.isdecimal():
            some = f"a number of colors from {LEAST_COLORS} to {self.most}"
            return whole(LEAST_COLORS, self.most, some).parse(node, reader)
        if "/" in text:
            return self._colors_of([node.part(part) for part in text.split("/")], node, reader)
        hint = did_you_mean(name, self.names)
        raise reader.wrong(node, self.allowed, f"{quoted(text)}{hint}")

    def _colors(self, node: tree.Sequence, reader: Reader) -> Colors:
        return self._colors_of(node.items, node, reader)

    def _colors_of(self, items: Sequence[Node], node: Node, reader: Reader) -> Colors:
        if not LEAST_COLORS <= len(items) <= MOST_COLORS:
            allowed = f"{LEAST_COLORS} to {MOST_COLORS} colors"
            raise reader.wrong(node, allowed, f"a palette of {len(items)}")
        return tuple(read_all(items, lambda item: COLOR.parse(item, reader)))

    def dump(self, value: str | int | Colors | None, writer: Writer) -> Any:
        if isinstance(value, tuple):
            return {"colors": base.Flow([base.Quoted(color_text(color)) for color in value])}
        return FREE if value is None else value

    def schema(self) -> list[Schema]:
        color: Schema = {"type": "string"}
        colors: Schema = {
            "type": "array", "items": color, "minItems": LEAST_COLORS, "maxItems": MOST_COLORS
        }  # fmt: skip
        count: Schema = {"type": "integer", "minimum": LEAST_COLORS, "maximum": MOST_COLORS}
        taken = closed_schema({"image": {"type": "string"}, "colors": count}, ["image"])
        given = closed_schema({"colors": colors}, ["colors"])
        return [{"type": ["string", "integer"]}, colors, given, taken]


def colors_of(path: Path, count: int) -> Colors:
    """The colors that stand for those of a picture, at most so many, dark to light. Raises BadPicture."""
    from PIL import Image

    image = Image.fromarray(read_picture(path))
    image.thumbnail((LOOKED_AT, LOOKED_AT), Image.Resampling.BOX)
    few = image.quantize(count, Image.Quantize.MEDIANCUT, kmeans=8, dither=Image.Dither.NONE)
    used = np.unique(np.asarray(few.convert("RGB")).reshape(-1, 3), axis=0)
    ordered = used[np.argsort(used @ np.array([0.299, 0.587, 0.114]), kind="stable")]
    return tuple(parse_color(color_text(row)) for row in ordered / 255)
