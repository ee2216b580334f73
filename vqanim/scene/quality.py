"""A scene as a draft, or finer than it was written: size, rate, steps and cutouts scaled together.

The camera is in seconds and frame widths and stays as it is, so every quality moves alike. What the scene
says of doses (noise, sharpen, steps) is for a painted frame, in every quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from vqanim.errors import UsageError
from vqanim.scene.curves import Constant, Curve, Formula, Keyframes
from vqanim.scene.limits import MAX_SIDE, MAX_STEPS
from vqanim.scene.model import Guidance, Scene, Shot, Size
from vqanim.scene.still import Still

NORMAL = "normal"

FIRST_STEPS = 60
"""Steps of a first frame that grows out of noise or colors, where the scene says nothing."""
LEAST_SIDE = 64
"""Pixels; a draft has no shorter side than this, unless the scene has."""
LEAST_RATE = 4
"""Painted frames a second; a draft has no fewer, unless the scene has."""


@dataclass(frozen=True)
class Quality:
    """Factors."""

    size: Fraction  # of each side
    rate: Fraction
    """Of the painted frames a second; the film's fps stays, with frames moved along the camera between."""
    steps: Fraction
    cutouts: Fraction


_DRAFT = Quality(*[Fraction(1, 2)] * 4)
_HIGH = Quality(Fraction(2), Fraction(1), Fraction(3, 2), Fraction(3, 2))
QUALITIES = MappingProxyType({"draft": _DRAFT, NORMAL: Quality(*[Fraction(1)] * 4), "high": _HIGH})


def at_quality(scene: Scene, name: str, own_cutouts: Mapping[str, int]) -> Scene:
    """The scene at a quality; the very same one for `normal`.

    own_cutouts: by perceptor, how many it looks at where the scene says nothing.
    Raises UsageError for an unknown name.
    """
    if name not in QUALITIES:
        raise UsageError(f"there is no quality {name!r}, allowed are {', '.join(QUALITIES)}")
    if name == NORMAL:
        return scene
    quality = QUALITIES[name]
    rate = max(scene.rate * quality.rate, min(scene.rate, Fraction(LEAST_RATE)))
    own = {} if any(shot.guidance.cutouts is not None for shot in scene.shots) else own_cutouts
    uses = tuple(
        replace(use, cutouts=_cutouts(own.get(use.name) if use.cutouts is None else use.cutouts, quality))
        for use in scene.models.perceptors
    )
    return replace(
        scene,
        size=_size(scene.size, quality),
        painted_rate=scene.painted_rate if rate == scene.rate else rate,
        models=replace(scene.models, perceptors=uses),
        shots=tuple(replace(shot, guidance=_guidance(shot, quality)) for shot in scene.shots),
    )


def _size(size: Size, quality: Quality) -> Size:
    short, long = sorted((size.width, size.height))
    if quality.size < 1:
        factor = min(Fraction(1), max(quality.size, Fraction(LEAST_SIDE, short)))
    else:
        factor = max(Fraction(1), min(quality.size, Fraction(MAX_SIDE, long)))
    return Size(round(size.width * factor), round(size.height * factor))


def still_at_quality(still: Still, name: str) -> Still:
    """A single picture at a quality: its size and steps; the cutouts are always the model's own."""
    quality = QUALITIES[name]
    size = _size(Size(still.width, still.height), quality)
    steps = min(MAX_STEPS, max(1, round(still.steps * quality.steps)))
    return still if name == NORMAL else replace(still, width=size.width, height=size.height, steps=steps)


def _cutouts(cutouts: int | None, quality: Quality) -> int | None:
    return None if cutouts is None else min(256, max(1, round(cutouts * quality.cutouts)))


def _guidance(shot: Shot, quality: Quality) -> Guidance:
    guidance, first = shot.guidance, shot.guidance.first_steps
    if first is None and shot.start.kind not in ("image", "icon"):
        first = FIRST_STEPS
    return replace(
        guidance,
        steps=scaled(guidance.steps, quality.steps),
        first_steps=None if first is None else min(MAX_STEPS, round(first * quality.steps)),
        cutouts=_cutouts(guidance.cutouts, quality),
    )


def scaled(curve: Curve, factor: Fraction) -> Curve:
    """A curve of steps times a factor, written as scenes write it; none exceeds what is allowed."""
    times, most = float(factor), curve.range.maximum
    match curve:
        case Constant(value=number):
            value = min(number * times, most)
            return replace(curve, value=value, text=f"{value:.12g}")
        case Keyframes(keys=keys):
            return replace(
                curve, keys=tuple(replace(key, value=min(key.value * times, most)) for key in keys)
            )
        case Formula(expression=expression):
            expression = f"min({most:.12g}, ({expression}) * {times:.12g})"
            return replace(curve, expression=expression, text=expression)
    return curve
