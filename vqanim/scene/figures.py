"""The start of a scene that is drawn: an icon, a text or a shape, and how it looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vqanim.errors import InputError
from vqanim.files import picture_trouble
from vqanim.icons import Figure, IconSpec, UnknownIcon, icon_figure, shape_figure, text_figure
from vqanim.icons import spec as icons
from vqanim.scene.colors import COLOR_FORMS, Color, color_text
from vqanim.scene.options import Declared, Kind, choice, keys_of, number, option, whole
from vqanim.scene.pictures import find_named
from vqanim.scene.reader import Reader, Refused
from vqanim.scene.readers import text_of
from vqanim.scene.tree import Mapping, Node, quoted

FIGURES = ("icon", "text", "shape")
"""Keys that say what is drawn; one of them."""
PROBE = 64
"""Pixels: so large is a figure drawn to see whether it can be."""

_COLOR = Kind("color", COLOR_FORMS)
_TEXT = Kind("figure", "an icon such as twitter, a text, or a file inside the scene's folder")
Draw: TypeAlias = Callable[[Node, Mapping, Reader], Figure]


@dataclass(frozen=True)
class Look(Declared):
    """How the icon, text or shape of a start is drawn."""

    color: Color = option(
        _COLOR, "Of the figure", default=icons.COLOR, default_text=color_text(icons.COLOR), example="red"
    )
    opacity: float = option(number(0, 1), "Of the figure", default=icons.OPACITY)
    background: Color = option(
        _COLOR, "Color of the ground", default=icons.BACKGROUND, default_text="white", example="black"
    )
    noise: float = option(
        number(0, 1), "Opacity of the noise on the ground, under the figure", default=icons.NOISE
    )
    noise_colors: Literal["gray", "rainbow"] = option(
        choice(*icons.NOISE_COLORS), "Of the noise", default="gray"
    )
    align: Literal["center", "left", "right", "top", "bottom"] = option(
        choice(*icons.ALIGNS),
        "The border that the figure touches",
        default="center",
    )
    scale: float = option(
        number(0.01, 1),
        "The figure fits into this share of width and height",
        default=icons.SCALE,
        default_text="5/6",
        example="0.5",
    )
    stroke: float = option(
        number(0, icons.MAX_STROKE),
        "How much its outline grows on every side",
        unit=f"1/{icons.STROKE_UNIT} of the shorter side",
        default=icons.STROKE,
    )
    seed: int | None = option(
        whole(0, 2**63 - 1), "Of the noise", default=None, default_text="the scene's", example="42"
    )


def read_figure(node: Mapping, reader: Reader, beside: Sequence[str] = ()) -> IconSpec:
    """An icon from a mapping that has at least one of FIGURES; `beside` are keys that it may have for
    others to read. Raises Refused."""
    reader.check_keys(node, (*FIGURES, "font", *keys_of(Look), *beside))
    look = Look(**reader.values(Look, node))
    given = [key for key in FIGURES if node.get(key)]
    if len(given) > 1:
        raise reader.refuse(node.place, f"found {', '.join(given)}, allowed one of {', '.join(FIGURES)}")
    if (font := node.get("font")) and given != ["text"]:
        reader.refuse(font.place, "found a font, allowed beside a text only")
    value = node.get(given[0])
    assert value is not None
    return IconSpec(_DRAWN[given[0]](value, node, reader), **vars(look))


FORM = ("align", "scale", "stroke")
"""What of a look decides the form of a figure and not its color."""


def read_form(node: Mapping, reader: Reader) -> IconSpec:
    """The figure of a mask, whose colors nobody sees. Raises Refused."""
    colors = [key for key in keys_of(Look) if key not in FORM and node.get(key)]
    for key in colors:
        value = node.get(key)
        assert value is not None
        reader.refuse(value.place, f"found {key}, a mask has only a form: {', '.join(FORM)}")
    return read_figure(node, reader)


def find_file(node: Node, kind: Kind, reader: Reader, what: str) -> Path:
    """The absolute path of a file in the scene's folder; whether it is there is another question.

    Raises Refused.
    """
    text = text_of(node, kind, reader)
    try:
        return find_named(text, reader.folder, outside=reader.outside)
    except ValueError as error:
        raise reader.refuse(node.place, f"found {quoted(text)}, {error}") from None
    except (OSError, RuntimeError):  # too long a name, or a circle of links
        raise reader.refuse(node.place, f"the {what} {quoted(text)} is missing", about_file=True) from None


def read_image(node: Node, kind: Kind, reader: Reader) -> str:
    """The absolute path of a picture that is there, can be read, and lies in the scene's folder."""
    path = find_file(node, kind, reader, "picture")
    if wrong := picture_trouble(path):
        written = quoted(text_of(node, kind, reader))
        raise reader.refuse(node.place, f"the picture {written} {wrong}", about_file=True)
    return str(path)


def _icon(node: Node, parent: Mapping, reader: Reader) -> Figure:
    try:
        return icon_figure(text_of(node, _TEXT, reader))
    except UnknownIcon as error:
        raise reader.refuse(node.place, str(error)) from None
    except InputError as error:  # the package of icons is missing
        raise reader.refuse(node.place, str(error), about_file=True) from None


def _text(node: Node, parent: Mapping, reader: Reader) -> Figure:
    text = text_of(node, _TEXT, reader)
    font = parent.get("font")
    path = find_file(font, _TEXT, reader, "font") if font else None
    try:
        return _drawable(text_figure(text, path))
    except ValueError as error:
        raise reader.refuse(node.place, str(error)) from None
    except InputError as error:
        raise _cannot_be_drawn(font or node, error, path, reader) from None


def _shape(node: Node, parent: Mapping, reader: Reader) -> Figure:
    path = find_file(node, _TEXT, reader, "shape")
    try:
        return _drawable(shape_figure(path))
    except InputError as error:
        raise _cannot_be_drawn(node, error, path, reader) from None


def _drawable(figure: Figure) -> Figure:
    """The same figure, once it was drawn. Raises InputError."""
    from vqanim.icons.draw import silhouette  # only scenes with a text or shape wait for this import

    silhouette(figure, PROBE, PROBE)
    return figure


def _cannot_be_drawn(node: Node, error: InputError, path: Path | None, reader: Reader) -> Refused:
    """A mistake that names the file as it was written."""
    reason = str(error)
    if path is not None:
        written = text_of(node, _TEXT, reader)
        reason = reason.replace(f"{path}: ", f"{quoted(written)}: ", 1).replace(f"{path}: ", "")
    return reader.refuse(node.place, reason, about_file=path is not None)


_DRAWN: dict[str, Draw] = {"icon": _icon, "text": _text, "shape": _shape}
