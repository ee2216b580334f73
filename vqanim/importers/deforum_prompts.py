"""Deforum's prompts: `a castle :2 AND fog --neg people`, `(cherry:`sin(t)`)`, one text from a frame on.

They are written as `{"0": text, "30": text}`; in notebooks and in older files also as a list, as a text, or
as `{text: number}`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.importers import curves
from vqanim.importers.clock import Clock, frames_text
from vqanim.importers.curves import Curve, Formula, Point, Untranslatable, shortened
from vqanim.importers.draft import Draft, Field, quoted
from vqanim.importers.keys import balanced, frame_of, mapping_in, number_in
from vqanim.importers.reading import Settings
from vqanim.importers.sampling import every_frame, says
from vqanim.importers.schedules import MOST_PIECES, chain, formula_values
from vqanim.scene.fields.prompts import MAX_PROMPTS

NEGATIVE = -0.5  # weight of what stands behind --neg, whose strength Deforum does not say
HEAVIEST = 1000.0  # weight of a prompt
POSITIVE_KEYS = ("animation_prompts_positive", "positive_prompts")
NEGATIVE_KEYS = ("animation_prompts_negative", "negative_prompts", "neg_prompts", "negative_prompt")
PROMPT_KEYS = ("prompts", "animation_prompts", "prompt")
_FORMULA = re.compile(r"\(([^()`]*?):\s*`([^`]+)`\s*\)")
_WEIGHT = re.compile(r"(.*?)(?:\s+|(?<!\d)):\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL | re.ASCII)
_WEIGHED = re.compile(r"((?:\\:|[^:`])+?)\s*:+\s*(`[^`]*`|[+-]?\d+(?:\.\d+)?)", re.ASCII)
_POSITIVE_NAMES = ("prompt", "positive", "positive_prompt", "text")
_NEGATIVE_NAMES = ("negative", "negative_prompt", "neg", "neg_prompt")


@dataclass
class _Span:
    """A text and what it weighs from some frames on: a number or a formula."""

    words: str
    negative: bool
    weights: dict[int, str] = field(default_factory=dict)


def put_prompts(draft: Draft, clock: Clock) -> None:
    """Write the prompts, with weights that are on from their frame to the next. In the mode Interpolation one
    text becomes the other in a straight line, else they change at once."""
    settings = draft.settings
    draft.clock = clock
    key = next((key for key in PROMPT_KEYS if settings.get(key)), PROMPT_KEYS[0])
    troubles: list[str] = []
    texts = prompt_texts(settings.get(key, {}), clock, troubles, settings.word("animation_mode", "None"))
    texts = _extended(texts, settings, clock, troubles)
    frames = [frame for frame in texts if frame < clock.frames] or list(texts)[:1]
    spans: dict[tuple[str, bool], _Span] = {}
    for frame in frames:
        for words, negative, weight in parts_of(texts[frame], settings.is_on("prompt_weighting")):
            span = spans.setdefault((words, negative), _Span(words, negative))
            span.weights.setdefault(frame, weight)
    mask = _mask(draft)
    fade = settings.word("animation_mode") == "Interpolation"
    for span in list(spans.values())[:MAX_PROMPTS]:
        course = _over_time(span, frames, clock, troubles, fade=fade)
        draft.add_prompt({"text": quoted(span.words)}, course).update(mask)
    if len(spans) > MAX_PROMPTS:
        late = list(spans.values())[MAX_PROMPTS]
        left = (
            f"from {shortened(late.words)} at frame {min(late.weights)} on: a scene has {MAX_PROMPTS} prompts"
        )
        draft.leave(key, f"{len(spans) - MAX_PROMPTS} texts, {left}; cut the film into several")
    if key in settings and not spans:
        draft.leave(key, "there are none: write prompts")
    draft.near(key if troubles else (), "; ".join(troubles[:5]))
    draft.take(key, *POSITIVE_KEYS, *NEGATIVE_KEYS, "prompt_weighting")
    _tell_what_differs(draft, spans, [texts[frame] for frame in frames])


def _tell_what_differs(draft: Draft, spans: Mapping[tuple[str, bool], _Span], texts: Sequence[str]) -> None:
    if any(negative for _, negative in spans):
        draft.near("--neg", f"what stands behind it weighs {NEGATIVE:g}; try others")
    if any(re.search(r"(?<!\\)[(\[]", re.sub("`[^`]*`", "", _FORMULA.sub("", text))) for text in texts):
        draft.near("(words:1.3), [words]", "words within a text cannot weigh more; the brackets are gone")
    if any(re.search(r"<\w{1,40}:[^<>]{0,500}>", text) for text in texts):
        draft.leave("<lora:...>", "networks for Stable Diffusion")


def prompt_texts(value: Any, clock: Clock, troubles: list[str], mode: str = "None") -> dict[int, str]:
    """Texts by the frame from which they hold, ascending. troubles: gets what could not be read."""
    if isinstance(value, str):
        value = mapping_in(value) or {0: value}
    if isinstance(value, list | tuple):
        # Pictures of their own there; here they share the film.
        value = _spread(list(value), clock)
    elif not isinstance(value, Mapping):
        troubles.append(f"{shortened(json.dumps(value))} are no prompts")
        return {}
    value = _turned(value, clock, mode)
    found: dict[int, str] = {}
    for key, text in value.items():
        try:
            frame = max(frame_of(str(key), clock), 0)
        except Untranslatable as error:
            troubles.append(f"{shortened(str(key))} is left out: {error}")
            continue
        found[frame] = _text_of(text)
    return {frame: found[frame] for frame in sorted(found) if found[frame].strip()}


def _spread(texts: Sequence[Any], clock: Clock) -> dict[int, Any]:
    """Texts one after another over the film; where there are more than frames, some are not seen."""
    return {place * clock.frames // len(texts): text for place, text in reversed(list(enumerate(texts)))}


def _text_of(value: Any) -> str:
    """A text, of which parts may be listed or named."""
    if isinstance(value, list | tuple):
        return " AND ".join(map(_text_of, value))
    if isinstance(value, Mapping):
        sides = (
            next((_text_of(value[name]) for name in names if value.get(name)), "")
            for names in (_POSITIVE_NAMES, _NEGATIVE_NAMES)
        )
        return " --neg ".join(sides).removesuffix(" --neg ")
    return "" if value is None else str(value)


def _turned(value: Mapping[Any, Any], clock: Clock, mode: str) -> Mapping[Any, Any]:
    """`{text: number}` as `{frame: text}`: the number is a frame, a weight, or that of a picture."""
    numbers = [number_in(str(text)) for text in value.values()]
    if not value or None in numbers or any(number_in(str(key)) is not None for key in value):
        return value
    found = [number or 0.0 for number in numbers]
    if any(number != int(number) or number < 0 for number in found) or len(set(found)) < len(found):
        weighed = (f"{_text_of(key)} :{text}" for key, text in value.items())
        return {0: " AND ".join(weighed)}
    texts = [str(key) for _, key in sorted(zip(found, value, strict=True), key=lambda pair: pair[0])]
    if sorted(found) == list(range(len(found))) and mode not in ("2D", "3D", "Video Input", "Interpolation"):
        return _spread(texts, clock)
    return dict(zip(map(int, sorted(found)), texts, strict=True))


def _extended(
    texts: Mapping[int, str], settings: Settings, clock: Clock, troubles: list[str]
) -> dict[int, str]:
    """With the texts that stand before, and behind --neg of, every prompt; unless they are there already."""
    before, against = (
        next((settings[key] for key in keys if settings.get(key)), "")
        for keys in (POSITIVE_KEYS, NEGATIVE_KEYS)
    )
    ahead = prompt_texts(before, clock, troubles) if before else {}
    behind = prompt_texts(against, clock, troubles) if against else {}
    if isinstance(against, list) and not isinstance(settings.get("prompts"), list):
        behind = dict(list(behind.items())[:1])
    full: dict[int, str] = {}
    for frame in sorted({*texts, *ahead, *behind} if texts else {0}):
        text, front, avoided = (_at(frame, given) for given in (texts, ahead, behind))
        if front and front not in text:
            text = f"{front}, {text}" if text else front
        if avoided and avoided not in text:
            text += f", {avoided}" if "--neg" in text else f" --neg {avoided.removeprefix('--neg ')}"
        if text.strip():
            full[frame] = text
    return full


def _at(frame: int, texts: Mapping[int, str]) -> str:
    """What holds at a frame; before the first text it is that."""
    keys = list(texts)
    return texts[keys[max(bisect_right(keys, frame) - 1, 0)]].strip() if keys else ""


def _mask(draft: Draft) -> dict[str, Field]:
    settings = draft.settings
    keys = settings.given("use_mask", "mask_file", "invert_mask")
    name = str(settings.get("mask_file") or "")
    is_used = settings.is_on("use_mask") and name
    if is_used and (path := draft.file(name, keys, "inside: {image: ...} into prompts")):
        draft.near(keys, "a part of the frame in which the prompts pull")
        side = "outside" if settings.is_on("invert_mask") else "inside"
        return {side: Field(f"{{image: {path}}}", "mask_file")}
    draft.take(*keys)
    return {}


def parts_of(text: str, old: bool = False) -> Iterator[tuple[str, bool, str]]:
    """(text, whether it is one to keep away from, weight) of one prompt. old: `a:2 b:-1`, the weights of the
    notebook, where all up to a colon is weighed."""
    positive, *negatives = " ".join(text.split()).split("--neg")
    pieces = [(piece, False) for piece in re.split(" AND ", positive)]
    pieces += [(piece, True) for piece in re.split(" AND ", " ".join(" ".join(negatives).split()))]
    for piece, negative in pieces:
        parts = [(words, f"`{formula}`") for words, formula in _FORMULA.findall(piece)]
        rest = _FORMULA.sub(" ", piece)
        if old or "`" in rest:
            parts += [(match[1], match[2]) for match in _WEIGHED.finditer(rest)]
            parts.append((_WEIGHED.sub(" ", rest), "1"))
        else:
            match = _WEIGHT.fullmatch(rest)
            parts.append((match[1], match[2]) if match else (rest, "1"))
        yield from ((clean(words), negative, weight) for words, weight in parts if clean(words))


def clean(text: str) -> str:
    """A text without the brackets and numbers that make words stronger, and without networks."""
    words = re.sub(r"<\w{1,40}:[^<>]{0,500}>", " ", text).replace("`", " ").replace("\\:", ":")
    words = re.sub(r":\s*[+-]?[\d.]+\s*(?=[)\]])", "", words)
    words = re.sub(r"\\([()\[\]])", r"\1", re.sub(r"(?<!\\)[()\[\]{}]", "", words))
    words = re.sub(r"\s+", " ", words)
    return re.sub(r"\s*,(\s*,)*", ",", words).strip(" ,;|")


def _over_time(span: _Span, frames: Sequence[int], clock: Clock, troubles: list[str], *, fade: bool) -> Curve:
    """The weight of a text, which has each value from its frame up to the next one."""
    sign = NEGATIVE if span.negative else 1.0
    if all(not weight.startswith("`") for weight in span.weights.values()):
        numbers = [
            sign * min(max(float(span.weights.get(frame, "0")), -HEAVIEST), HEAVIEST) for frame in frames
        ]
        return curves.simplified(
            Point(clock.second(frame if place or fade else 0), number + 0.0, step=not fade)
            for place, (frame, number) in enumerate(zip(frames, numbers, strict=True))
        )
    values = np.zeros(clock.frames)
    edges = [*frames, clock.frames]
    for place, frame in enumerate(frames):
        moments = np.arange(frame if place else 0, max(edges[place + 1], frame + 1))
        moments = moments[moments < clock.frames]
        weight = span.weights.get(frame, "0")
        if weight.startswith("`") and moments.size:
            values[moments] = _formula_weights(span, weight.strip("`"), moments, clock, troubles)
        else:
            values[moments] = float(weight.strip("`"))
    values = np.clip(sign * values, -HEAVIEST, HEAVIEST)
    with suppress(Untranslatable):
        curve = _readable(span, frames, sign, clock)
        if says(curve, values, clock):
            return curve
    return every_frame(values, clock)


def _formula_weights(
    span: _Span, text: str, frames: NDArray[np.int64], clock: Clock, troubles: list[str]
) -> NDArray[np.float64]:
    """What a formula is at frames [N]; a line leads across those at which it has no value."""
    words = shortened(span.words[:40])
    try:
        values = formula_values(text, frames.astype(np.float64), clock)
    except Untranslatable as error:
        troubles.append(f"{words}: {error}; the weight is 1")
        return np.ones(frames.size)
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        troubles.append(f"{words}: its weight has no value at any frame; it is 1")
        return np.ones(frames.size)
    if known.size < frames.size:
        holes = frames[~np.isfinite(values)].tolist()
        troubles.append(f"{words}: its weight has no value at {frames_text(holes)}: a line leads across")
    return np.interp(np.arange(frames.size), known, values[known])


def _readable(span: _Span, frames: Sequence[int], sign: float, clock: Clock) -> Curve:
    """The weight as an expression. Raises Untranslatable where there is none."""
    if len(frames) > MOST_PIECES:
        raise Untranslatable("it is too long")
    pieces = []
    for frame in frames:
        weight = span.weights.get(frame, "0")
        formula = weight.startswith("`")
        piece = curves.translate_freely(balanced(weight.strip("`")), clock.names) if formula else weight
        pieces.append(piece if sign == 1 else f"{curves.number(sign)} * ({piece})")
    return Formula(curves.tidied(chain(pieces, frames[1:], clock)))
