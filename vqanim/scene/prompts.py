"""Texts with weights: the short form `a:3 | b | c:-1`, and stories, where one text follows another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from vqanim.errors import Place
from vqanim.scene.curves import Base, Curve, Key, Keyframes, Range
from vqanim.scene.times import SAME_MOMENT, Time

WEIGHT = Range(-1000, 1000)
"""Of a prompt."""
DEFAULT_CROSSFADE = 1.0
"""Seconds."""

_FINAL_NUMBER = re.compile(r"(.*):\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class ShortPrompt:
    """One part of the short form."""

    text: str
    weight: str
    """Source text of a number; `1` where none is written."""
    second_number: bool
    """True for `text:1:2`, in which only the last number is read as one."""


def parse_short(text: str) -> tuple[ShortPrompt, ...]:
    """The parts of `a:3 | b | c:-1`. Only a final `:number` is a weight.

    Raises ValueError for a part without a text.
    """
    return tuple(_parse_part(part) for part in text.split("|"))


def _parse_part(part: str) -> ShortPrompt:
    match = _FINAL_NUMBER.fullmatch(part)
    text, weight = match.groups() if match else (part, "1")
    text = " ".join(text.split())
    if not text:
        raise ValueError("a part without a text")
    return ShortPrompt(text, weight, match is not None and _FINAL_NUMBER.fullmatch(text) is not None)


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
    weights = []
    for number, place in enumerate(places):
        keys: list[Key] = []
        if number > 0:
            keys += _keys(fades[number], 0.0, 1.0)
        if number + 1 < len(fades):
            keys += _keys(fades[number + 1], 1.0, 0.0)
        weights.append(_weight(_merged(keys), base, place))
    return tuple(weights)


def _fade(moment: float, crossfade: float) -> tuple[Time, Time]:
    # Rounded, so that it can be written down exactly with decimals.
    begin, end = (Fraction(round((moment + side * crossfade / 2) * 1e9), 10**9) for side in (-1, 1))
    return Time.of_seconds(begin), Time.of_seconds(end)


def _keys(fade: tuple[Time, Time], before: float, after: float) -> list[Key]:
    begin, end = fade
    if end.value - begin.value < Fraction(SAME_MOMENT):
        return [Key(Time.of_seconds(Fraction(0)), before), Key(end, after, "step")]
    return [Key(begin, before), Key(end, after, "smooth")]


def _merged(keys: Sequence[Key]) -> tuple[Key, ...]:
    """One key for each moment: a fade that begins where the one before ends needs no second key."""
    merged: list[Key] = []
    for key in sorted(keys, key=lambda key: key.time.value):
        if not merged or merged[-1].time != key.time:
            merged.append(key)
    return tuple(merged)


def _weight(keys: tuple[Key, ...], base: Base, place: Place) -> Curve:
    if not keys:
        return Curve.constant(1.0, range=WEIGHT, place=place)
    text = ", ".join(f"{key.time}: [{key.value:g}, {key.easing}]" for key in keys)
    return Keyframes(keys, base=base, range=WEIGHT, text=f"{{{text}}}", place=place)
