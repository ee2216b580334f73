"""Prompts of Deforum: `a castle :2 AND fog --neg people`, `(cherry:`sin(t)`)`, one text from a frame on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.curves import Curve, Formula, Point, constant_of, number, scaled, simplified
from vqanim.importers.draft import Draft, Field, quoted
from vqanim.importers.formulas import Untranslatable, translate
from vqanim.importers.reading import Settings
from vqanim.importers.schedules import Clock, chained, frame_of

NEGATIVE = -0.5
"""Weight of what stands behind --neg, whose strength Deforum does not say."""
MAX_PROMPTS = 1000
POSITIVE_KEYS = ("animation_prompts_positive", "positive_prompts")
NEGATIVE_KEYS = ("animation_prompts_negative", "negative_prompts")

_FORMULA = re.compile(r"\(([^()`]*?):\s*`([^`]+)`\s*\)")
_WEIGHT = re.compile(r"(.*?)\s*:\s*(`[^`]*`|[+-]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL | re.ASCII)
_OLD = re.compile(r"(?P<text>[^:]+)(?::(?P<weight>\s*[+-]?\d+(?:\.\d+)?))?\s*", re.ASCII)


def put_prompts(draft: Draft, clock: Clock) -> None:
    """Write the prompts, with weights that are on from their frame to the next.

    In the mode Interpolation one text becomes the other in a straight line, else they change at once.
    Raises UsageError for too many.
    """
    settings = draft.settings
    key = next((key for key in ("prompts", "animation_prompts") if settings.get(key)), "prompts")
    try:
        texts = _extended(prompt_texts(settings.get(key, {}), clock), settings)
    except Untranslatable as error:
        draft.leave(key, str(error))
        return
    frames = [frame for frame in texts if frame < clock.frames] or list(texts)[:1]
    troubles: list[str] = []
    spans: dict[tuple[str, bool], dict[int, Curve]] = {}
    for frame in frames:
        for words, negative, weight in _parts(texts[frame], settings.is_on("prompt_weighting")):
            curve = scaled(_weight(weight, words, clock, troubles), NEGATIVE if negative else 1.0)
            spans.setdefault((words, negative), {})[frame] = curve
    mask = _mask(draft)
    fade = settings.word("animation_mode") == "Interpolation"
    for (words, _), weights in spans.items():
        course: Curve = 1.0
        try:
            course = _over_time([weights.get(frame, 0.0) for frame in frames], frames, clock, fade=fade)
        except Untranslatable as error:
            troubles.append(f"{words[:40]}: {error}")
        draft.add_prompt({"text": quoted(words)}, course).update(mask)
    draft.take(key, *POSITIVE_KEYS, *NEGATIVE_KEYS, "prompt_weighting")
    if any(negative for _, negative in spans):
        draft.near("--neg", f"what stands behind it weighs {NEGATIVE:g}; try others")
    if any(re.search(r"(?<!\\)[(\[]", _FORMULA.sub("", texts[frame])) for frame in frames):
        draft.near("(words:1.3), [words]", "words within a text cannot weigh more; the brackets are gone")
    if any(re.search(r"<\w+:[^>]*>", texts[frame]) for frame in frames):
        draft.leave("<lora:...>", "networks for Stable Diffusion")
    for trouble in troubles:
        draft.near(key, f"{trouble}; the weight is 1")


def prompt_texts(value: Any, clock: Clock) -> dict[int, str]:
    """Texts by the frame from which they hold, ascending. Raises UsageError and Untranslatable."""
    if isinstance(value, str):
        value = {0: value}
    elif isinstance(value, list):
        # Pictures of their own there; here they share the film.
        value = {place * clock.frames // len(value): text for place, text in enumerate(value)}
    elif not isinstance(value, Mapping):
        raise Untranslatable(f"{type(value).__name__} are no prompts")
    if len(value) > MAX_PROMPTS:
        raise UsageError(f"found {len(value)} prompts, allowed are at most {MAX_PROMPTS}")
    found = {frame_of(str(key), clock): str(text) for key, text in value.items()}
    return {frame: found[frame] for frame in sorted(found) if found[frame].strip()}


def _extended(texts: Mapping[int, str], settings: Settings) -> dict[int, str]:
    """With the texts that stand before, and behind --neg of, every prompt; unless they are there already."""
    before, against = (
        next((str(settings[key]).strip() for key in keys if settings.get(key)), "")
        for keys in (POSITIVE_KEYS, NEGATIVE_KEYS)
    )
    extended = {}
    for frame, text in texts.items():
        full = text if before in text else f"{before}, {text}"
        if against and against not in full:
            full += f", {against}" if "--neg" in full else f" --neg {against}"
        extended[frame] = full
    return extended


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


def _parts(text: str, old: bool) -> Iterator[tuple[str, bool, str]]:
    """(text, whether it is one to keep away from, weight) of one prompt.

    old: `a:2 b:-1`, the weights of the notebook.
    """
    positive, *negatives = text.split("--neg")
    yield from ((words, False, weight) for words, weight in _weighted(positive, old))
    yield from ((words, True, weight) for words, weight in _weighted(" ".join(negatives), old))


def _weighted(text: str, old: bool) -> Iterator[tuple[str, str]]:
    """(text, weight) as they are written."""
    for piece in re.split(r"\s+AND\s+", text):
        parts = [(words, f"`{formula}`") for words, formula in _FORMULA.findall(piece)]
        rest = _FORMULA.sub(" ", piece)
        if old and ":" in rest:
            parts += [(match["text"], match["weight"] or "1") for match in _OLD.finditer(rest)]
        else:
            match = _WEIGHT.fullmatch(rest)
            parts.append((match[1], match[2]) if match else (rest, "1"))
        yield from ((clean(words), weight) for words, weight in parts if clean(words))


def _weight(text: str, words: str, clock: Clock, troubles: list[str]) -> Curve:
    if not text.startswith("`"):
        return float(text)
    try:
        return Formula(translate(text.strip("`"), clock.names))
    except Untranslatable as error:
        troubles.append(f"{words[:40]}: {error}")
        return 1.0


def clean(text: str) -> str:
    """A text without the brackets and numbers that make words stronger, and without networks."""
    plain = re.sub(r"<\w+:[^>]*>", " ", text)
    plain = re.sub(r":\s*[+-]?[\d.]+\s*(?=[)\]])", "", plain)
    plain = re.sub(r"\\([()\[\]])", r"\1", re.sub(r"(?<!\\)[()\[\]{}]", "", plain))
    plain = re.sub(r"\s+", " ", plain)
    return re.sub(r"\s*,(\s*,)*", ",", plain).strip(" ,;|")


def _over_time(course: Sequence[Curve], frames: Sequence[int], clock: Clock, *, fade: bool) -> Curve:
    """A weight that has each value from its frame up to the next one. Raises Untranslatable."""
    if len(frames) == 1:
        return course[0]
    numbers = [constant_of(weight) for weight in course]
    if all(found is not None for found in numbers):
        return simplified(
            Point(clock.second(frame if place or fade else 0), found or 0.0, step=not fade)
            for place, (frame, found) in enumerate(zip(frames, numbers, strict=True))
        )
    pieces = [
        weight.text if isinstance(weight, Formula) else number(constant_of(weight) or 0.0)
        for weight in course
    ]
    return chained(pieces, frames[1:], clock)
