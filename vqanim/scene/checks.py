"""What the shots of a scene must agree on, which no field can tell by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vqanim.scene.fields.context import Reader
from vqanim.scene.fields.start import AREA
from vqanim.scene.model import Shot
from vqanim.scene.tree import Mapping, is_given, place_of

DARK = 26  # of 255: below this a picture that is a mask is dark


def check_shots(shots: Sequence[Shot], nodes: Sequence[Mapping], reader: Reader) -> None:
    """Note what is wrong with each shot, which was read from the node beside it."""
    for shot, node in zip(shots, nodes, strict=True):
        if shot.kind != "timelapse" and is_given("pace", node):
            said = "found a pace, only a shot with `kind: timelapse` has one"
            reader.refuse(place_of("pace", node), said)
        _check_areas(shot, reader)


def check_loops(film: bool, shots: Sequence[Shot], root: Mapping, reader: Reader) -> None:
    """What is held at its end does not lead back to its start."""
    said = "found loop and freeze, allowed is one of them: what is held does not lead back to its start"
    for shot in shots:
        if shot.loop and shot.freeze:
            reader.refuse(shot.loop_place, said)
    if film and len(shots) == 1 and shots[0].freeze:
        reader.refuse(place_of("loop", root), said)


def check_names(shots: Sequence[Shot], nodes: Sequence[Mapping], reader: Reader) -> None:
    """Names become folders, and on many systems Day and day are one folder."""
    seen: dict[str, Mapping] = {}
    for shot, node in zip(shots, nodes, strict=True):
        first = seen.setdefault(shot.name.lower(), node)
        if shot.name and first is not node:
            where = f"the first is in line {first.line}: capitals make no difference"
            reader.refuse(place_of("name", node), f"found {shot.name!r} twice, {where}")


def _check_areas(shot: Shot, reader: Reader) -> None:
    """Refuse areas in which nothing can lie: no text of the shot would be seen there."""
    for prompt in shot.prompts:
        for key, area in (("inside", prompt.inside), ("outside", prompt.outside)):
            if area is None or (area.shape is None and "start" in reader.lost):
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
