"""How the values with a form of their own are read: size, models, start, prompts, story, transition."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from vqanim.errors import Place
from vqanim.scene.areas import read_area
from vqanim.scene.colors import Color
from vqanim.scene.edit_readers import EDIT_READERS, read_color
from vqanim.scene.figures import FIGURES, read_figure, read_image
from vqanim.scene.model import (
    AUTO,
    FITS,
    MAX_SIDE,
    Models,
    PerceptorUse,
    Prompt,
    Size,
    Start,
    StayNear,
    Transition,
)
from vqanim.scene.numbers import is_number, parse_ratio, parse_whole
from vqanim.scene.options import CurveKind, Kind, TextKind, choice, keys_of, options_of, time
from vqanim.scene.prompts import parse_short
from vqanim.scene.reader import Reader, Refused
from vqanim.scene.readers import (
    READERS,
    check_moments,
    did_you_mean,
    read_constant,
    read_moment,
    read_text,
    read_time,
    text_of,
)
from vqanim.scene.soundtrack_readers import SONG_READERS
from vqanim.scene.times import Time
from vqanim.scene.tree import Mapping, Node, Scalar, Sequence, quoted, shown

TRANSITIONS = ("carry", "cut", "dissolve")
DEFAULT_DISSOLVE = Time(Fraction(1), "s", "1s")
MAX_PROMPTS = 100
MAX_COLORS = 16
MAX_PERCEPTORS = 8

_MODEL = re.compile(r"[A-Za-z0-9][\w.:@/+-]{0,99}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_WINDOWS = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.ASCII | re.IGNORECASE)
"""Windows keeps these names to itself, so no folder can have them."""
_PERCEPTORS = "a name, {name: ..., weight: ...} or a list of these"
_ENTRY = Kind("prompt", "a text or {text: ..., weight: ...}")
_TIMES = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)


def read_size(node: Node, kind: Kind, reader: Reader) -> Size:
    """[256, 144], "256x144", {width: 256, height: 144} or {aspect: "16:9", width: 256}."""
    if isinstance(node, Sequence) and len(node.items) == 2:
        return Size(*(_side(item, kind, reader) for item in node.items))
    if isinstance(node, Scalar) and len(_TIMES.split(node.text.strip())) == 2:
        width, height = (_part(node, text) for text in _TIMES.split(node.text.strip()))
        return Size(_side(width, kind, reader), _side(height, kind, reader))
    if not isinstance(node, Mapping):
        raise reader.refuse(node.place, f"found {shown(node)}, allowed {kind.allowed}")
    reader.check_keys(node, ("width", "height", "aspect"))
    sides = {key: _side(value, kind, reader) for key in ("width", "height") if (value := node.get(key))}
    aspect = node.get("aspect")
    if aspect is None and len(sides) == 2:
        return Size(sides["width"], sides["height"])
    if aspect is None or len(sides) != 1:
        keys = ", ".join(key.text for key, _ in node.entries) or "nothing"
        raise reader.refuse(node.place, f"found {keys}, allowed two of width, height and aspect")
    return _with_aspect(aspect, sides, kind, reader)


def _with_aspect(node: Node, sides: dict[str, int], kind: Kind, reader: Reader) -> Size:
    text = text_of(node, kind, reader)
    try:
        aspect = parse_ratio(text.replace(":", "/"))
    except ValueError:
        aspect = Fraction(0)
    if not Fraction(1, 100) <= aspect <= 100:
        raise reader.refuse(node.place, f'found {quoted(text)}, allowed a ratio such as "16:9" or 1.5')
    width = sides.get("width") or round(sides["height"] * aspect)
    height = sides.get("height") or round(sides["width"] / aspect)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        said = f"found {quoted(text)}, which makes {width}x{height}, allowed sides from 1 to {MAX_SIDE}"
        raise reader.refuse(node.place, said)
    return Size(width, height)


def _side(node: Node, kind: Kind, reader: Reader) -> int:
    text = text_of(node, kind, reader)
    try:
        value = parse_whole(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MAX_SIDE:
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed sides from 1 to {MAX_SIDE} pixels")
    return value


def _part(node: Node, text: str) -> Scalar:
    """A part of a text as if it stood alone."""
    part = Scalar(node.file, node.line, text)
    part.path, part.base = node.path, node.base
    return part


def read_models(node: Node, kind: Kind, reader: Reader) -> Models:
    """A name for both, or one each. Whether they exist is the catalogue's business."""
    if isinstance(node, Scalar):
        name = read_model(node, kind, reader)
        return Models(name, (PerceptorUse(name, place=node.place),), node.place)
    found = reader.mapping(node, kind.allowed)
    reader.check_keys(found, ("generator", "perceptor"))
    models = Models(place=node.place)
    if value := found.get("generator"):
        models = replace(models, generator=read_model(value, _GENERATOR, reader))
    if value := found.get("perceptor"):
        models = replace(models, perceptors=_perceptors(value, kind, reader))
    return models


def _perceptors(node: Node, kind: Kind, reader: Reader) -> tuple[PerceptorUse, ...]:
    """A name, a mapping, or a list of these; one of them at least counts."""
    items = node.items if isinstance(node, Sequence) else [node]
    if not 1 <= len(items) <= MAX_PERCEPTORS:
        said = f"found {len(items)} perceptors, allowed 1 to {MAX_PERCEPTORS}"
        raise reader.refuse(node.place, said)
    uses, refused = [], False
    for item in items:
        try:
            uses.append(_perceptor(item, kind, reader))
        except Refused:
            refused = True
    if refused:
        raise Refused
    if not any(use.weight for use in uses):
        raise reader.refuse(node.place, "found no perceptor with a weight above 0, allowed is at least one")
    return tuple(uses)


def _perceptor(node: Node, kind: Kind, reader: Reader) -> PerceptorUse:
    if isinstance(node, Scalar):
        return PerceptorUse(read_model(node, _PERCEPTOR, reader), place=node.place)
    found = reader.mapping(node, _PERCEPTORS)
    use: PerceptorUse = reader.section(PerceptorUse, found, _PERCEPTORS)
    return replace(use, place=node.place)


_GENERATOR, _PERCEPTOR = (
    Kind("model", f"the name of a {what} such as pocket: letters, digits and any of . _ : @ / + -")
    for what in ("generator", "perceptor")
)


def read_model(node: Node, kind: Kind, reader: Reader) -> str:
    """The name of a model."""
    text = text_of(node, kind, reader)
    if not _MODEL.fullmatch(text):
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {kind.allowed}")
    return text


def read_start(node: Node, kind: Kind, reader: Reader) -> Start:
    """noise, or a mapping with one of image, color, gradient, icon, text and shape."""
    if isinstance(node, Scalar):
        if text_of(node, kind, reader) != "noise":
            raise reader.refuse(node.place, f"found {quoted(node.text)}, allowed {kind.allowed}")
        return Start(place=node.place)
    found = reader.mapping(node, kind.allowed)
    if any(found.get(key) for key in FIGURES):
        icon = read_figure(found, reader, keys_of(Start))
        return Start("icon", icon=icon, place=found.place, **reader.values(Start, found))
    reader.check_keys(found, ("image", "color", "gradient", "fit", *keys_of(Start), *FIGURES))
    given = [(key, value) for key in ("image", "color", "gradient") if (value := found.get(key))]
    fit = found.get("fit")
    if fit is not None and found.get("image") is None:
        raise reader.refuse(fit.place, "found fit without an image, only an image has one")
    also = found.get("also_target")
    if also is not None and given and given[0][0] != "image":
        allowed = ", ".join((*FIGURES, "image"))
        raise reader.refuse(also.place, f"found also_target beside {given[0][0]}, allowed beside {allowed}")
    if len(given) != 1:
        if len(found.entries) == 1:
            raise Refused  # its only key was refused already
        keys = ", ".join(key.text for key, _ in found.entries) or "nothing"
        raise reader.refuse(
            node.place, f"found {keys}, allowed one of image, color, gradient, {', '.join(FIGURES)}"
        )
    key, value = given[0]
    if key == "image":
        how = "cover" if fit is None else reader.read(choice(*FITS), fit)
        image, values = read_image(value, kind, reader), reader.values(Start, found)
        return Start("image", image=image, fit=how, place=value.place, **values)
    if key == "color":
        return Start("color", colors=(read_color(value, reader),), place=value.place)
    return Start("gradient", colors=_gradient(value, reader), place=value.place)


def _gradient(node: Node, reader: Reader) -> tuple[Color, ...]:
    if not isinstance(node, Sequence) or not 2 <= len(node.items) <= MAX_COLORS:
        many = f"{len(node.items)} colors" if isinstance(node, Sequence) else shown(node)
        raise reader.refuse(
            node.place, f"found {many}, allowed a list of 2 to {MAX_COLORS} colors from top to bottom"
        )
    return tuple(read_color(item, reader) for item in node.items)


def read_prompts(node: Node, kind: Kind, reader: Reader) -> tuple[Prompt, ...]:
    """A list of texts in the short form or of mappings; a text alone is a list of one."""
    if isinstance(node, Mapping):
        hint = ""
        if node.entries and all(_is_time(key.text, reader) for key, _ in node.entries):
            hint = ", texts at times are written under `story:`"
        raise reader.refuse(node.place, f"found a mapping, allowed {kind.allowed}{hint}")
    items = node.items if isinstance(node, Sequence) else [node]
    if len(items) > MAX_PROMPTS:
        raise reader.refuse(node.place, f"found {len(items)} prompts, allowed at most {MAX_PROMPTS}")
    prompts: list[Prompt] = []
    refused = False
    for item in items:
        try:
            prompts += _read_prompt(item, reader)
        except Refused:
            refused = True
    if len(prompts) > MAX_PROMPTS:
        raise reader.refuse(node.place, f"found {len(prompts)} prompts, allowed at most {MAX_PROMPTS}")
    if refused:
        raise Refused
    return tuple(prompts)


def _read_prompt(node: Node, reader: Reader) -> list[Prompt]:
    if isinstance(node, Mapping):
        return [_read_long(node, reader)]
    try:
        parts = parse_short(text_of(node, _ENTRY, reader))
    except ValueError as error:
        raise reader.refuse(node.place, f"found {shown(node)}, which has {error}") from None
    made = []
    for part in parts:
        if part.second_number:
            message = f"only the last number of {quoted(part.text + ':' + part.weight)} is a weight"
            reader.warn(node.place, f"{message}; `stop` is written {{text: ..., weight: ..., stop: ...}}")
        weight = read_constant(part.weight, node, _weight_kind(), reader)
        # Through the same door as a text of the long form, for its limits.
        read_text(_part(node, part.text), _text_kind(), reader)
        made.append(Prompt(part.text, weight, place=node.place))
    return made


def _read_long(node: Mapping, reader: Reader) -> Prompt:
    if len(node.entries) == 1 and node.entries[0][0].text not in (*keys_of(Prompt), *Prompt.later):
        key, value = node.entries[0]
        if isinstance(value, Scalar) and is_number(value.text):
            meant = f'"{key.text}:{value.text}"'
            raise reader.refuse(
                node.place, f"found {key.text}: {value.text}, did you mean {meant} in quotes?"
            )
    reader.check_keys(node, keys_of(Prompt), Prompt.later)
    values = reader.values(Prompt, node)
    written = [key for key in ("text", "image") if _says(node.get(key))]
    if not written:
        place = Place(node.file, node.line, f"{node.path}.text")
        raise reader.refuse(place, f"is missing, allowed {_text_kind().allowed}, or an `image` instead")
    if len(written) > 1:
        raise reader.refuse(node.place, "found a text and an image, allowed is one: two are two prompts")
    if written == ["text"] and _says(node.get("through")):
        raise reader.refuse(node.place, "found through beside a text, only an image has it")
    if _says(node.get("inside")) and _says(node.get("outside")):
        raise reader.refuse(node.place, "found inside and outside, allowed is one of them")
    if not values[written[0]]:
        raise Refused
    return Prompt(**values, place=node.place)


def _says(node: Node | None) -> bool:
    """True for a value that was written and is not `none`."""
    return node is not None and not (isinstance(node, Scalar) and node.is_none)


def read_stay_near(node: Node, kind: Kind, reader: Reader) -> StayNear:
    """A curve, which is the weight, or a mapping of to, in and weight."""
    weight = options_of(StayNear)["weight"][1].kind
    if isinstance(node, Mapping) and any(not _is_time(key.text, reader) for key, _ in node.entries):
        made: StayNear = reader.section(StayNear, node, kind.allowed)
        return made
    return StayNear(reader.read(weight, node))


def _is_time(text: str, reader: Reader) -> bool:
    try:
        reader.moment(text, "film")
    except ValueError:
        return False
    return True


def read_story(node: Node, kind: Kind, reader: Reader) -> tuple[tuple[Time, str, Place], ...]:
    """Texts at times, ascending."""
    found = reader.mapping(node, kind.allowed)
    if not found.entries:
        raise reader.refuse(node.place, f"found an empty mapping, allowed {kind.allowed}")
    told: list[tuple[Scalar, Time, str, Place]] = []
    refused = False
    for name, value in found.entries:
        try:
            moment = read_moment(name, found, reader)
            told.append((name, moment, read_text(value, _text_kind(), reader), value.place))
        except Refused:
            refused = True
    if not check_moments([(name, moment) for name, moment, _, _ in told], found, reader) or refused:
        raise Refused
    base = reader.base_of(node)
    told.sort(key=lambda one: one[1].seconds(base))
    return tuple((moment, text, place) for _, moment, text, place in told)


def read_transition(node: Node, kind: Kind, reader: Reader) -> Transition:
    """carry, cut, dissolve, {kind: dissolve, duration: 1s} or {dissolve: 1s}."""
    if isinstance(node, Scalar):
        return _transition(_transition_kind(node, kind, reader), None)
    found = reader.mapping(node, kind.allowed)
    length = time(zero=True, percent=True)
    if len(found.entries) == 1 and (short := found.entries[0][0].text) in ("carry", "dissolve"):
        return _transition(short, read_time(found.entries[0][1], length, reader))
    reader.check_keys(found, ("kind", "duration"))
    name, written = found.get("kind"), found.get("duration")
    which = _transition_kind(name, kind, reader) if name else "carry"
    if written is None:
        return _transition(which, None)
    if which == "cut":
        raise reader.refuse(written.place, "found a duration, a cut has none: it happens at once")
    return _transition(which, read_time(written, length, reader))


def _transition(kind: str, duration: Time | None) -> Transition:
    if kind == "dissolve":
        return Transition("dissolve", duration or DEFAULT_DISSOLVE)
    return Transition("cut") if kind == "cut" else Transition("carry", duration)


def _transition_kind(node: Node, kind: Kind, reader: Reader) -> str:
    text = text_of(node, kind, reader)
    if text not in TRANSITIONS:
        hint = did_you_mean(text, TRANSITIONS)
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {kind.allowed}{hint}")
    return text


def read_name(node: Node, kind: Kind, reader: Reader) -> str:
    """The name of a shot, which becomes the name of a folder on any system."""
    text = text_of(node, kind, reader)
    if not _NAME.fullmatch(text):
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {kind.allowed}")
    if _WINDOWS.fullmatch(text):
        raise reader.refuse(node.place, f"found {quoted(text)}, a name that Windows keeps to itself")
    return text


def _weight_kind() -> CurveKind:
    kind = options_of(Prompt)["weight"][1].kind
    assert isinstance(kind, CurveKind)
    return kind


def _text_kind() -> TextKind:
    kind = options_of(Prompt)["text"][1].kind
    assert isinstance(kind, TextKind)
    return kind


def read_lead(node: Node, kind: Kind, reader: Reader) -> Time | Literal["auto"]:
    """How much earlier prompts change."""
    if isinstance(node, Scalar) and node.text.strip() == AUTO:
        return AUTO
    return read_time(node, replace(time(zero=True), allowed=kind.allowed), reader)


ALL_READERS: dict[type[Kind] | str, Callable[[Node, Any, Reader], Any]] = {
    **READERS,
    **EDIT_READERS,
    **SONG_READERS,
    "area": read_area,
    "lead": read_lead,
    "model": read_model,
    "models": read_models,
    "name": read_name,
    "prompts": read_prompts,
    "picture": read_image,
    "size": read_size,
    "start": read_start,
    "stay_near": read_stay_near,
    "story": read_story,
    "transition": read_transition,
}
"""How every kind but the list of shots is read."""
