"""Prompts of Deforum: `a castle :2 AND fog --neg people`, `(cherry:`sin(t)`)`, one text from a frame on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.formulas import Untranslatable, translate
from vqanim.importers.schedules import Clock, chained, frame_of
from vqanim.importers.values import Curve, Formula, Point, constant_of, line, number, simplified

NEGATIVE = -0.5
"""Weight of what stands behind --neg, whose strength Deforum does not say."""
MAX_PROMPTS = 1000

_FORMULA = re.compile(r"\(([^()`]*?):\s*`([^`]+)`\s*\)")
_WEIGHT = re.compile(r"(.*?)\s*:\s*(`[^`]*`|[+-]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL | re.ASCII)
_OLD = re.compile(r"(?P<text>[^:]+)(?::(?P<weight>\s*[+-]?\d+(?:\.\d+)?))?\s*", re.ASCII)


@dataclass(frozen=True)
class Part:
    """A text and how strongly it counts while its prompt is on."""

    text: str
    weight: Curve


@dataclass(frozen=True)
class Told:
    """Prompts over time, and what could not be kept of them."""

    prompts: tuple[Part, ...]
    emphasis: bool
    """Whether some words stood in brackets that make them stronger."""
    networks: bool
    """Whether there was a `<lora:...>`."""
    negative: bool
    troubles: tuple[str, ...]


def prompt_keys(value: Any, clock: Clock) -> dict[int, str]:
    """Texts by the frame from which they hold, ascending. Raises UsageError and Untranslatable."""
    if isinstance(value, str):
        pairs: Mapping[Any, Any] = {0: value}
    elif isinstance(value, list):
        # Pictures of their own there; here they share the film.
        pairs = {place * clock.frames // len(value): text for place, text in enumerate(value)}
    elif isinstance(value, Mapping):
        pairs = value
    else:
        raise Untranslatable(f"{type(value).__name__} are no prompts")
    if len(pairs) > MAX_PROMPTS:
        raise UsageError(f"found {len(pairs)} prompts, allowed are at most {MAX_PROMPTS}")
    found = {frame_of(str(key), clock): str(text) for key, text in pairs.items()}
    return {frame: found[frame] for frame in sorted(found) if found[frame].strip()}


def tell(keys: Mapping[int, str], clock: Clock, *, fade: bool, old: bool) -> Told:
    """Prompts with weights that are on from their frame to the next.

    fade: between two frames one text becomes the other in a straight line, as in the mode Interpolation; else
    they change at once. old: `a:2 b:-1`, the weights of the notebook.
    """
    spans: dict[tuple[str, bool], list[tuple[int, Curve]]] = {}
    troubles: list[str] = []
    frames = [frame for frame in keys if frame < clock.frames] or list(keys)[:1]
    for frame in frames:
        for part, negative in _parts(keys[frame], clock, old, troubles):
            spans.setdefault((part.text, negative), []).append((frame, part.weight))
    prompts = []
    for (text, _), on in spans.items():
        try:
            prompts.append(Part(text, _over_time(on, frames, clock, fade=fade)))
        except Untranslatable as error:
            troubles.append(f"{text[:40]}: {error}")
            prompts.append(Part(text, 1.0))
    written = [keys[frame] for frame in frames]
    return Told(
        tuple(prompts),
        emphasis=any(re.search(r"(?<!\\)[(\[]", _FORMULA.sub("", text)) for text in written),
        networks=any(re.search(r"<\w+:[^>]*>", text) for text in written),
        negative=any(negative for _, negative in spans),
        troubles=tuple(troubles),
    )


def _parts(text: str, clock: Clock, old: bool, troubles: list[str]) -> list[tuple[Part, bool]]:
    """The texts of one prompt, and whether each is one to keep away from."""
    positive, *negatives = text.split("--neg")
    found = [(part, False) for part in _weighted(positive, clock, old, troubles)]
    for part in _weighted(" ".join(negatives), clock, old, troubles):
        found.append((Part(part.text, line(part.weight, NEGATIVE)), True))
    return found


def _weighted(text: str, clock: Clock, old: bool, troubles: list[str]) -> list[Part]:
    parts = []
    for piece in re.split(r"\s+AND\s+", text):
        for words, formula in _FORMULA.findall(piece):
            parts.append((words, f"`{formula}`"))
        rest = _FORMULA.sub(" ", piece)
        if old and ":" in rest:
            parts += [(match["text"], match["weight"] or "1") for match in _OLD.finditer(rest)]
        else:
            match = _WEIGHT.fullmatch(rest)
            parts.append((match[1], match[2]) if match else (rest, "1"))
    cleaned = [(clean(words), weight) for words, weight in parts]
    return [Part(words, _weight(weight, words, clock, troubles)) for words, weight in cleaned if words]


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


def _digits(weight: Curve) -> str:
    return number(constant_of(weight) or 0.0)


def _over_time(on: Sequence[tuple[int, Curve]], frames: Sequence[int], clock: Clock, *, fade: bool) -> Curve:
    """A weight that holds from each of its frames up to the next prompt's frame, and is 0 elsewhere."""
    weights = dict(on)
    course = [weights.get(frame, 0.0) for frame in frames]
    if len(frames) == 1:
        return course[0]
    numbers = [constant_of(weight) for weight in course]
    if all(found is not None for found in numbers):
        if fade:
            points = zip(frames, numbers, strict=True)
            return simplified(Point(clock.second(frame), found or 0.0) for frame, found in points)
        return simplified(
            Point(clock.second(0 if not place else frame), found or 0.0, step=True)
            for place, (frame, found) in enumerate(zip(frames, numbers, strict=True))
        )
    pieces = [weight.text if isinstance(weight, Formula) else _digits(weight) for weight in course]
    return chained(pieces, frames[1:], clock)
