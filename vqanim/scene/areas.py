"""The areas in which prompts pull: the start's own shape, a figure, or the light parts of a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vqanim.scene.figures import FIGURES, read_form, read_image
from vqanim.scene.model import AREA, Area, Shot, Start
from vqanim.scene.options import Kind
from vqanim.scene.reader import Reader
from vqanim.scene.readers import text_of
from vqanim.scene.tree import Node, Scalar, quoted

DARK = 26
"""Of 255: below this a picture that is a mask is dark."""


def read_area(node: Node, kind: Kind, reader: Reader) -> Area:
    """start, or a mapping with one of icon, text, shape and image."""
    if isinstance(node, Scalar):
        if text_of(node, kind, reader) != "start":
            raise reader.refuse(node.place, f"found {quoted(node.text)}, allowed {kind.allowed}")
        return Area()
    found = reader.mapping(node, kind.allowed)
    if any(found.get(key) for key in FIGURES):
        return Area(Start("icon", icon=read_form(found, reader), place=found.place))
    reader.check_keys(found, ("image", *FIGURES))
    image = found.get("image")
    if image is None:
        raise reader.refuse(node.place, f"found no shape, allowed {kind.allowed}")
    return Area(Start("image", image=read_image(image, kind, reader), place=image.place))


def check_areas(shot: Shot, reader: Reader) -> None:
    """Refuse areas in which nothing can lie: no text of the shot would be seen there."""
    for prompt in shot.prompts:
        for key, area in (("inside", prompt.inside), ("outside", prompt.outside)):
            if area is None:
                continue
            shape = area.shape or shot.start
            place = replace(prompt.place, path=f"{prompt.place.path}.{key}")
            if shape.kind not in ("icon", "image"):
                said = f"found start, which is {shape.kind} and has no shape, allowed {AREA.allowed}"
                reader.refuse(place, said)
            elif shape.image is not None and (wrong := _empty(Path(shape.image), key)):
                reader.refuse(place, f"in the picture {Path(shape.image).name} {wrong}", about_file=True)


def _empty(path: Path, side: str) -> str:
    """What is wrong with a picture as a mask; empty for nothing."""
    from vqanim.icons.draw import lightness  # only scenes with such a mask wait for this import

    light = lightness(path)
    if side == "inside" and light.max() < DARK:
        return "nothing is light, so that nothing lies inside"
    if side == "outside" and light.min() > 255 - DARK:
        return "all is light, so that nothing lies outside"
    return ""
