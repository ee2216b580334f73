"""What the picture shall show: texts with weights, in the short form too, pictures, and stories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePath
from typing import Any, ClassVar

from vqanim.errors import Place
from vqanim.scene import tree
from vqanim.scene.curves import NOWHERE, Base, Curve, Key, Keyframes, Range
from vqanim.scene.fields import base
from vqanim.scene.fields.base import SCALAR, Declared, FieldType, Schema, Writer, option, own
from vqanim.scene.fields.context import Reader, Refused, nearest, read_all
from vqanim.scene.fields.foreign_prompts import file_notes, foreign_notes
from vqanim.scene.fields.numbers import CurveType, curve
from vqanim.scene.fields.sections import dump_part, part_schema
from vqanim.scene.fields.short_prompts import MOST_STOP, ShortPrompt, long_notes, parse_short, short_notes
from vqanim.scene.fields.start import AREA, PICTURE, Area
from vqanim.scene.fields.texts import choice, line_of_text
from vqanim.scene.fields.times import read_timed
from vqanim.scene.limits import THROUGH
from vqanim.scene.numbers import is_number
from vqanim.scene.times import SAME_MOMENT, Time
from vqanim.scene.tree import Mapping, Node, Scalar, is_given, quoted, shown

WEIGHT = Range(-1000, 1000)  # of a prompt
DEFAULT_CROSSFADE = 1.0  # seconds


def longest_crossfade(moments: Sequence[float]) -> float:
    """Seconds for which the fades of a story, centered on all moments but the first, do not overlap.

    The first fade begins no earlier than the first moment. Moments ascend.
    """
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return min([2 * gaps[0], *gaps[1:]]) if gaps else 0.0


def story_weights(
    moments: Sequence[float], crossfade: float, base: Base, places: Sequence[Place], said: Sequence[Time] = ()
) -> tuple[Curve, ...]:
    """Weights of texts that fade smoothly from one to the next and always add up to 1.

    moments: when each text comes, in seconds, ascending. crossfade: seconds, at most `longest_crossfade`.
    said: the moments as they are written, for changes at once on a beat.
    """
    fades = [_fade(moment, crossfade) for moment in moments]
    if said and crossfade < SAME_MOMENT:
        pairs = zip(said, fades, strict=True)
        fades = [(moment, moment) if moment.of_song else fade for moment, fade in pairs]
    rising = [[], *(_keys(fade, 0.0, 1.0) for fade in fades[1:])]
    falling = [*(_keys(fade, 1.0, 0.0) for fade in fades[1:]), []]
    return tuple(
        _weight([*rise, *fall], base, place)
        for rise, fall, place in zip(rising, falling, places, strict=True)
    )


def _fade(moment: float, crossfade: float) -> tuple[Time, Time]:
    # Rounded, so that it can be written down exactly with decimals.
    begin, end = (Fraction(round((moment + side * crossfade / 2) * 1e9), 10**9) for side in (-1, 1))
    return Time.of_seconds(begin), Time.of_seconds(end)


def _keys(fade: tuple[Time, Time], before: float, after: float) -> list[Key]:
    begin, end = fade
    if end.value - begin.value < Fraction(SAME_MOMENT):
        return [Key(Time.of_seconds(Fraction(0)), before), Key(end, after, "step")]
    return [Key(begin, before), Key(end, after, "smooth")]


def _weight(keys: Sequence[Key], base: Base, place: Place) -> Curve:
    if not keys:
        return Curve.constant(1.0, range=WEIGHT, place=place)
    by_time: dict[Time, Key] = {}  # a fade that begins where the one before ends needs no second key
    for key in sorted(keys, key=lambda key: key.time.value):
        by_time.setdefault(key.time, key)
    text = ", ".join(f"{key.time}: [{key.value:g}, {key.easing}]" for key in by_time.values())
    return Keyframes(tuple(by_time.values()), base=base, range=WEIGHT, text=f"{{{text}}}", place=place)


MAX_PROMPTS = 100
_TEXT = line_of_text(1000)
_WEIGHT: CurveType = curve(WEIGHT.minimum, WEIGHT.maximum)
_WEIGHT_OF_TEXT = "which is one text: write {text: ..., weight: 2}, or the short form without `text`"
NO_WEIGHTS_IN_STORY = (
    "since the texts of a story have none; `prompts` do, as in {text: ..., weight: {0s: 1, 2s: 0}}"
)
NOT_IN_STYLE = "since a style has none: it is added to every text"
NO_PICTURES = "`prompts`, as in {image: picture.png, weight: {0s: 1, 2s: 0}}"
_STOP: CurveType = curve(0, MOST_STOP)


@dataclass(frozen=True)
class Prompt(Declared):
    """A text or a picture that the picture shall show (or, with a negative weight, avoid)."""

    later: ClassVar[tuple[str, ...]] = ("stay_near",)

    text: str = option(
        "What to show, taken literally; the style is appended later",
        _TEXT.declare("", example="a dark castle"),
    )
    weight: Curve = option(
        "How strongly the text counts; below 0 the picture moves away from it, 0 is off",
        _WEIGHT.declare(1.0, example="{0s: 0.3, 3s: 1.5}"),
    )
    stop: Curve = option(
        "The loss of this text is not pushed below this",
        _STOP.declare(0.0, "spherical distance", example="0.4"),
    )
    image: str | None = option(
        "A picture to come near to, instead of a text", PICTURE.declare(None, example="photo.jpg")
    )
    through: str = option(
        "How a picture is compared: by what the perceptor sees in it, pixel by pixel, or by its style alone",
        choice(*THROUGH).declare("perceptor", example="pixels"),
    )
    inside: Area | None = own(
        "The part of the frame in which it pulls: where a figure is drawn, or where a picture is light",
        AREA.declare(None, default_text="everywhere", example="{icon: twitter}"),
    )
    outside: Area | None = own(
        "The part of the frame in which it does not pull",
        AREA.declare(None, default_text="nothing", example="start"),
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def area(self) -> Area | None:
        """What it is inside or outside of."""
        return self.inside or self.outside


def only_avoided(prompts: Sequence[Prompt]) -> str:
    """A line where all prompts are there to be avoided, so that nothing is asked for; else nothing."""
    weights = [prompt.weight.constant_value for prompt in prompts]
    if not weights or not all(weight is not None and weight < 0 for weight in weights):
        return ""
    what = prompts[0].text or PurePath(prompts[0].image or "").name
    found = f"{quoted(what)} is to be avoided, and nothing is asked for"
    return f'{found}: a weight below 0 counts for its whole text, so write "a castle | fog:-0.5"'


@dataclass(frozen=True)
class PromptsType(FieldType):
    """A list of texts in the short form or of mappings; a text alone is a list of one."""

    allowed: str = 'a list of texts or of {text: ..., weight: ...}, or the short form "a:3 | b:-1"'

    def parse(self, node: Node, reader: Reader) -> tuple[Prompt, ...]:
        if isinstance(node, Mapping):
            hint = ""
            if node.entries and all(reader.is_time(key.text) for key, _ in node.entries):
                hint = ", texts at times are written under `story:`"
            elif node.entries and all(isinstance(v, Scalar) and is_number(v.text) for _, v in node.entries):
                meant = ", ".join(f'"{_joined(*entry).replace(": ", ":")}"' for entry in node.entries[:3])
                hint = f", did you mean [{meant}{', ...' * (len(node.entries) > 3)}]?"
            raise reader.refuse(node, f"found a mapping, allowed {self.allowed}{hint}")
        items = node.items if isinstance(node, tree.Sequence) else [node]
        _check_count(items, node, reader)
        prompts = [prompt for each in read_all(items, lambda item: _prompt(item, reader)) for prompt in each]
        _check_count(prompts, node, reader)
        return tuple(prompts)

    def dump(self, prompts: tuple[Prompt, ...], writer: Writer) -> Any:
        return [_dump_prompt(prompt, writer) for prompt in prompts] or "none"

    def curves(self, value: tuple[Prompt, ...]) -> Iterator[Curve]:
        for prompt in value:
            yield from base.curves_of(prompt)

    def parts(self) -> base.Parts:
        yield "[].", base.declared_in(Prompt)

    def schema(self) -> list[Schema]:
        return [SCALAR, {"type": "array", "items": {"anyOf": [SCALAR, part_schema(Prompt)]}}]


def _check_count(found: Sequence[Any], node: Node, reader: Reader) -> None:
    if len(found) > MAX_PROMPTS:
        raise reader.wrong(node, f"at most {MAX_PROMPTS}", f"{len(found)} prompts")


def _dump_prompt(prompt: Prompt, writer: Writer) -> dict[str, Any]:
    written = dump_part(prompt, writer)
    what = ("text",) if prompt.image is None else ("image", "through")
    return {key: written[key] for key in (*what, "weight", "stop", "inside", "outside") if key in written}


def _prompt(node: Node, reader: Reader) -> list[Prompt]:
    if isinstance(node, Mapping):
        return [_long_prompt(node, reader)]
    try:
        parts = parse_short(base.text_of(node, "a text or {text: ..., weight: ...}", reader, tree.MAX_SCALAR))
    except ValueError as error:
        raise reader.refuse(node, f"found {shown(node)}, which has {error}") from None
    assert isinstance(node, Scalar)
    made = []
    for part in parts:
        # Through the same door as a text of the long form, for its limits.
        _TEXT.parse(node.part(part.text), reader)
        weight, stop = _WEIGHT.constant(part.weight, node, reader), _STOP.constant(part.stop, node, reader)
        made.append(Prompt(part.text, weight, stop, place=node.place))
    _warn(_short_notes(parts, node.text, reader), node, reader)
    return made


def _short_notes(parts: Sequence[ShortPrompt], text: str, reader: Reader) -> Iterator[str]:
    for part in parts:
        weight = "" if part.weight == "1" else f", weight: {part.weight}"
        yield from file_notes(part.text, reader.folder, f"{{image: {part.text}{weight}}}")
    yield from short_notes(text)


def _warn(notes: Iterable[str], node: Node, reader: Reader) -> None:
    for note in notes:
        reader.warn(node.place, note)


def check_text(node: Node | None, instead: str, reader: Reader, *, image: str = "") -> None:
    """Warn of what is only text where no short form is read. instead: how a weight is written there; empty
    where one is. image: what stands for a picture."""
    if isinstance(node, Scalar):
        picture = image or f"{{image: {node.text.strip()}}}"
        _warn(file_notes(node.text.strip(), reader.folder, picture), node, reader)
        _warn(long_notes(node.text, instead) if instead else foreign_notes(node.text), node, reader)


def _long_prompt(node: Mapping, reader: Reader) -> Prompt:
    if len(node.entries) == 1 and (meant := _unquoted(*node.entries[0])):
        raise reader.refuse(node, f"found {_joined(*node.entries[0])}, did you mean {meant}?")
    reader.check_keys(node, base.keys_of(Prompt), Prompt.later)
    values = reader.values(Prompt, node)
    given = {key for key in ("text", "image", "through", "inside", "outside") if is_given(key, node)}
    if not given & {"text", "image"}:
        place = replace(node.place, path=f"{node.path}.text")
        raise reader.refuse(place, f"is missing, allowed {_TEXT.allowed}, or an `image` instead")
    if given >= {"text", "image"}:
        raise reader.refuse(node, "found a text and an image, allowed is one: two are two prompts")
    if given >= {"text", "through"}:
        raise reader.refuse(node, "found through beside a text, only an image has it")
    if given >= {"inside", "outside"}:
        raise reader.refuse(node, "found inside and outside, allowed is one of them")
    if not (values["text"] if "text" in given else values["image"]):
        raise Refused
    check_text(node.get("text"), "" if is_given("weight", node) else _WEIGHT_OF_TEXT, reader)
    return Prompt(**values, place=node.place)


def _unquoted(key: Scalar, value: Node) -> str:
    """What was probably meant by a text with `: ` in it, which YAML takes for a key and a value."""
    known = (*base.keys_of(Prompt), *Prompt.later)
    if not isinstance(value, Scalar) or key.text in known:
        return ""
    whole = _joined(key, value)
    if is_number(value.text):
        return f'"{whole.replace(": ", ":")}" in quotes, or as a text {{text: "{whole}"}}'
    return "" if nearest(key.text, known) else f'"{whole}" in quotes'


def _joined(key: Scalar, value: Node) -> str:
    assert isinstance(value, Scalar)
    return quoted(f"{key.text}: {value.text}")[1:-1]


@dataclass(frozen=True)
class StoryType(FieldType):
    """Texts at times, ascending."""

    allowed: str = "texts at times, such as {0s: a forest, 2s: a dark city}"

    def parse(self, node: Node, reader: Reader) -> tuple[tuple[Time, str, Place], ...]:
        found = reader.mapping(node, self.allowed)

        def read(name: Scalar, time: Time, value: Node) -> tuple[Time, str, Place]:
            text = _TEXT.parse(value, reader)
            check_text(value, NO_WEIGHTS_IN_STORY, reader, image=NO_PICTURES)
            return time, text, value.place

        return tuple(read_timed(found, self.allowed, read, reader))

    def schema(self) -> list[Schema]:
        return [{"type": "object", "additionalProperties": SCALAR, "minProperties": 1}]
