"""What a shot starts from: a picture, colors, or something that is drawn; and areas of the same making."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from vqanim.errors import InputError, Place
from vqanim.files import no_file
from vqanim.icons import Figure, IconSpec, UnknownIcon, icon_figure, shape_figure, text_figure
from vqanim.icons import spec as icons
from vqanim.pictures import picture_trouble
from vqanim.scene import tree
from vqanim.scene.colors import Color, color_text
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.fields import base
from vqanim.scene.fields.base import SCALAR, Declared, FieldType, Flow, Quoted, Schema, Writer, option, own
from vqanim.scene.fields.context import Reader, Refused
from vqanim.scene.fields.numbers import curve, number, whole
from vqanim.scene.fields.sections import dump_part, part_schema
from vqanim.scene.fields.texts import COLOR, choice
from vqanim.scene.limits import FITS
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown

FIGURES = ("icon", "text", "shape")  # keys that say what is drawn; one of them
FORM = ("align", "scale", "stroke")
"""What of a look decides the form of a figure and not its color."""
PROBE = 64  # pixels: so large is a figure drawn to see whether it can be
MAX_COLORS = 16
PROBE_SECONDS = 2.0
"""Within which the figures of a scene are drawn to see whether they can be; of more a render tells."""
MAX_PATH = 10_000  # characters

_ANYTHING = "an icon such as twitter, a text, or a file inside the scene's folder"
_REMEDY = "others only with --allow-outside"
_FROM_ROOT = re.compile(r"[/\\~]|[A-Za-z]:")


def find_file(node: Node, allowed: str, reader: Reader, what: str) -> Path:
    """The absolute path of a file in the scene's folder; whether it is there is another question.

    Raises Refused.
    """
    written = base.text_of(node, allowed, reader, MAX_PATH)
    try:
        if reader.outside:
            return (reader.folder / written).resolve()
        inside = reader.folder.resolve()
        found = (reader.folder / written.replace("\\", "/")).resolve()
    except (OSError, RuntimeError, ValueError):  # too long a name, or a circle of links
        raise reader.refuse(node, f"the {what} {quoted(written)} is missing", about_file=True) from None
    if _FROM_ROOT.match(written):
        reason = "allowed is a path that begins in the scene's folder, such as pictures/start.png"
    elif not found.is_relative_to(inside):
        reason = "it leads out of the scene's folder, allowed are files inside it"
    else:
        return found
    raise reader.refuse(node, f"found {quoted(written)}, {reason}; {_REMEDY}")


def _missing(path: Path) -> str | None:
    return no_file(path)


@dataclass(frozen=True)
class FileType(FieldType):
    """The absolute path of a file that is there; what is in it is for others to read."""

    what: str  # what it is, for a message: `sound file`
    trouble: Callable[[Path], str | None] = _missing  # what is wrong with the file, if anything

    def parse(self, node: Node, reader: Reader) -> str:
        path = find_file(node, self.allowed, reader, self.what)
        if wrong := self.trouble(path):
            written = quoted(base.text_of(node, self.allowed, reader, MAX_PATH))
            raise reader.refuse(node, f"the {self.what} {written} {wrong}", about_file=True)
        return str(path)

    def dump(self, value: str, writer: Writer) -> Any:
        return writer.file(value)

    def schema(self) -> list[Schema]:
        return [{"type": "string"}]


PICTURE = FileType("the path of a picture in the scene's folder", "picture", picture_trouble)


@dataclass(frozen=True)
class Look(Declared):
    """How the icon, text or shape of a start is drawn."""

    color: Color = option(
        "Of the figure", COLOR.declare(icons.COLOR, default_text=color_text(icons.COLOR), example="red")
    )
    opacity: float = option("Of the figure", number(0, 1).declare(icons.OPACITY))
    background: Color = option(
        "Color of the ground", COLOR.declare(icons.BACKGROUND, default_text="white", example="black")
    )
    noise: float = option(
        "Opacity of the noise on the ground, under the figure", number(0, 1).declare(icons.NOISE)
    )
    noise_colors: Literal["gray", "rainbow"] = option(
        "Of the noise", choice(*icons.NOISE_COLORS).declare("gray")
    )
    align: Literal["center", "left", "right", "top", "bottom"] = option(
        "The border that the figure touches", choice(*icons.ALIGNS).declare("center")
    )
    scale: float = option(
        "The figure fits into this share of width and height",
        number(0.01, 1).declare(icons.SCALE, default_text="5/6", example="0.5"),
    )
    stroke: float = option(
        "How much its outline grows on every side",
        number(0, icons.MAX_STROKE).declare(icons.STROKE, f"1/{icons.STROKE_UNIT} of the shorter side"),
    )
    seed: int | None = own(
        "Of the noise", whole(0, 2**63 - 1).declare(None, default_text="the scene's", example="42")
    )


@dataclass(frozen=True)
class Start(Declared):
    """Where the first frame comes from."""

    kind: Literal["noise", "image", "color", "gradient", "icon"] = "noise"
    image: str | None = None
    """Absolute path of an existing picture inside the scene's folder."""
    colors: tuple[Color, ...] = ()
    """sRGB 0..1; one for color, two or more from top to bottom for gradient."""
    icon: IconSpec | None = None  # for icon: the icon, text or shape that is drawn
    fit: str = "cover"  # how an image becomes a frame: one of FITS
    also_target: Curve | None = own(
        "How strongly the whole shot is pulled to the icon, text, shape or image that it starts from",
        curve(0, 1000).declare(None, example="{0s: 1.5, 4s: 0}"),
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Area:
    """A part of the frame."""

    shape: Start | None = None
    """An icon or image, of which only the form counts; None: the start of the shot."""


@dataclass(frozen=True)
class StartType(FieldType):
    """noise, or a mapping with one of image, color, gradient, icon, text and shape."""

    allowed: str = "noise, {image: picture.png}, {color: navy}, {gradient: [navy, orange]} or {icon: twitter}"
    others: ClassVar[tuple[str, ...]] = ("image", "color", "gradient")

    def parse(self, node: Node, reader: Reader) -> Start:
        if isinstance(node, Scalar):
            _only_word("noise", node, self.allowed, reader)
            return Start(place=node.place)
        found = reader.mapping(node, self.allowed)
        if any(found.get(key) for key in FIGURES):
            icon = read_figure(found, reader, base.keys_of(Start))
            return Start("icon", icon=icon, place=found.place, **reader.values(Start, found))
        key, value = self._only_one(found, reader)
        if key in ("color", "gradient"):
            colors = _gradient(value, reader) if key == "gradient" else (COLOR.parse(value, reader),)
            return Start(key, colors=colors, place=value.place)  # type: ignore[arg-type]
        fit = found.get("fit")
        how = "cover" if fit is None else choice(*FITS).parse(fit, reader)
        image, values = PICTURE.parse(value, reader), reader.values(Start, found)
        return Start("image", image=image, fit=how, place=value.place, **values)

    def _only_one(self, found: Mapping, reader: Reader) -> tuple[str, Node]:
        reader.check_keys(found, (*self.others, "fit", *base.keys_of(Start), *FIGURES))
        given = [(key, value) for key in self.others if (value := found.get(key))]
        fit, also = found.get("fit"), found.get("also_target")
        if fit is not None and found.get("image") is None:
            raise reader.refuse(fit, "found fit without an image, only an image has one")
        if also is not None and given and given[0][0] != "image":
            allowed = ", ".join((*FIGURES, "image"))
            raise reader.refuse(also, f"found also_target beside {given[0][0]}, allowed beside {allowed}")
        if len(given) == 1:
            return given[0]
        if len(found.entries) == 1:
            raise Refused  # its only key was refused already
        allowed = ", ".join((*self.others, *FIGURES))
        raise reader.refuse(found, f"found {found.keys_text}, allowed one of {allowed}")

    def dump(self, start: Start, writer: Writer) -> Any:
        if start.kind == "noise":
            return "noise"
        colors = Flow([COLOR.dump(color, writer) for color in start.colors])
        if start.kind == "color":
            return {"color": colors[0]}
        if start.kind == "gradient":
            return {"gradient": colors}
        also = dump_part(start, writer)
        if start.icon is not None:
            return dump_figure(start.icon, writer) | also
        assert start.image is not None
        fit = {} if start.fit == "cover" else {"fit": start.fit}
        return {"image": writer.file(start.image)} | fit | also

    def parts(self) -> base.Parts:
        yield ".", {**base.declared_in(Look), **base.declared_in(Start)}

    def schema(self) -> list[Schema]:
        colors = {"type": "array", "items": COLOR.schema()[0], "minItems": 2}
        keys: dict[str, Schema] = {
            **part_schema(Look)["properties"],
            **part_schema(Start)["properties"],
            "image": {"type": "string", "description": "A picture in the scene's folder."},
            "fit": {"enum": list(FITS), "description": "How an image becomes a frame."},
            "gradient": {**colors, "description": "From top to bottom."},
            "font": {"type": "string", "description": "Of a text: a font file in the scene's folder."},
            **dict.fromkeys(FIGURES, SCALAR),
        }
        return [{"const": "noise"}, {"type": "object", "properties": keys, "minProperties": 1}]


def _only_word(word: str, node: Scalar, allowed: str, reader: Reader) -> None:
    """Refuse any other text."""
    if base.text_of(node, allowed, reader) != word:
        raise reader.wrong(node, allowed)


def _gradient(node: Node, reader: Reader) -> tuple[Color, ...]:
    if not isinstance(node, tree.Sequence) or not 2 <= len(node.items) <= MAX_COLORS:
        many = f"{len(node.items)} colors" if isinstance(node, tree.Sequence) else shown(node)
        raise reader.wrong(node, f"a list of 2 to {MAX_COLORS} colors from top to bottom", many)
    return tuple(COLOR.parse(item, reader) for item in node.items)


@dataclass(frozen=True)
class AreaType(FieldType):
    """start, or a mapping with one of icon, text, shape and image."""

    allowed: str = (
        "start, {icon: twitter}, {text: MORDOR}, {shape: logo.svg} or {image: mask.png}, light is inside"
    )

    def parse(self, node: Node, reader: Reader) -> Area:
        if isinstance(node, Scalar):
            _only_word("start", node, self.allowed, reader)
            return Area()
        found = reader.mapping(node, self.allowed)
        if any(found.get(key) for key in FIGURES):
            for key in base.keys_of(Look):
                if key not in FORM and (value := found.get(key)):
                    reader.refuse(value, f"found {key}, a mask has only a form: {', '.join(FORM)}")
            return Area(Start("icon", icon=read_figure(found, reader), place=found.place))
        reader.check_keys(found, ("image", *FIGURES))
        if (image := found.get("image")) is None:
            raise reader.refuse(node, f"found no shape, allowed {self.allowed}")
        return Area(Start("image", image=PICTURE.parse(image, reader), place=image.place))

    def dump(self, area: Area, writer: Writer) -> Any:
        if area.shape is None:
            return "start"
        written = StartType().dump(area.shape, writer)
        return {key: value for key, value in written.items() if key in FORM or key not in base.keys_of(Look)}

    def schema(self) -> list[Schema]:
        look = part_schema(Look)["properties"]
        image = {"type": "string", "description": "A picture; inside is where it is light."}
        form = {key: look[key] for key in FORM}
        keys = {**form, "image": image, "font": {"type": "string"}, **dict.fromkeys(FIGURES, SCALAR)}
        return [{"const": "start"}, {"type": "object", "properties": keys, "minProperties": 1}]


AREA = AreaType()


def read_figure(node: Mapping, reader: Reader, beside: Sequence[str] = ()) -> IconSpec:
    """An icon from a mapping that has at least one of FIGURES; `beside` are keys that it may have for
    others to read. Raises Refused."""
    reader.check_keys(node, (*FIGURES, "font", *base.keys_of(Look), *beside))
    look = reader.values(Look, node)
    given = [key for key in FIGURES if node.get(key)]
    if len(given) > 1:
        raise reader.wrong(node, f"one of {', '.join(FIGURES)}", ", ".join(given))
    font = node.get("font")
    if font and given != ["text"]:
        reader.refuse(font, "found a font, allowed beside a text only")
    return IconSpec(_figure(given[0], node[given[0]], font, reader), **look)


def _figure(kind: str, node: Node, font: Node | None, reader: Reader) -> Figure:
    """An icon, or a text or shape that was drawn once to see whether it can be."""
    if kind == "icon":
        try:
            return icon_figure(base.text_of(node, _ANYTHING, reader))
        except (UnknownIcon, InputError) as error:  # InputError: the package of icons is missing
            raise reader.refuse(node, str(error), about_file=isinstance(error, InputError)) from None
    text = base.text_of(node, _ANYTHING, reader) if kind == "text" else ""
    from_file = font if kind == "text" else node
    path = find_file(from_file, _ANYTHING, reader, "font" if text else "shape") if from_file else None
    try:
        figure = text_figure(text, path) if text or path is None else shape_figure(path)
        _probe(figure, reader)
    except ValueError as error:
        raise reader.refuse(node, str(error)) from None
    except InputError as error:
        reason = str(error)
        if from_file is not None:  # named as it was written
            written = base.text_of(from_file, _ANYTHING, reader)
            reason = reason.replace(f"{path}: ", f"{quoted(written)}: ", 1).replace(f"{path}: ", "")
        raise reader.refuse(from_file or node, reason, about_file=path is not None) from None
    return figure


def _probe(figure: Figure, reader: Reader) -> None:
    """Draw a figure once, unless those before took long. Raises InputError where that is not possible."""
    from vqanim.icons.draw import silhouette  # only scenes with a text or shape wait for this import

    if figure not in reader.drawn and reader.drawing < PROBE_SECONDS:
        began = time.monotonic()
        try:
            silhouette(figure, PROBE, PROBE)
            reader.drawn[figure] = ""
        except InputError as error:
            reader.drawn[figure] = str(error)
        reader.drawing += time.monotonic() - began
    if reason := reader.drawn.get(figure):
        raise InputError(reason)


def dump_figure(icon: IconSpec, writer: Writer) -> dict[str, Any]:
    """What is drawn, and how it looks."""
    figure = icon.figure
    file = {} if figure.file is None else {"font": writer.file(figure.file)}
    what = {"shape": file["font"]} if figure.kind == "shape" else {figure.kind: Quoted(figure.name), **file}
    return what | dump_part(Look(**{name: getattr(icon, name) for name in base.keys_of(Look)}), writer)
