"""Prompts of pytti: `text:weight_mask:stop`, several with | between in a scene, scenes with || between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.importers.deforum_values import number_of
from vqanim.importers.draft import Draft, Field, path_of, plain, quoted
from vqanim.importers.formulas import Untranslatable, constant, shortened, translate
from vqanim.importers.values import Curve, Formula, Point, constant_of, number, product, simplified, yaml

USUAL: Mapping[str, float] = {
    "width": 180,
    "height": 112,
    "steps_per_scene": 100,
    "steps_per_frame": 50,
    "interpolation_steps": 0,
    "pre_animation_steps": 100,
    "frames_per_second": 12,
    "save_every": 50,
}
"""What pytti takes where a configuration says nothing."""
_OUTSIDE_FILES = r"(?![^\[]*\])"
"""Signs within [a file's name] do not divide."""


class Times:
    """Steps as seconds of the film: it begins when the animation does."""

    def __init__(self, settings: Mapping[str, Any], scenes: int) -> None:
        def whole(key: str, least: int) -> int:
            return max(least, int(number_of(settings, key, USUAL[key])))

        self.moves = str(settings.get("animation_mode", "off")) not in ("off", "False", "false")
        self.every = whole("steps_per_frame" if self.moves else "save_every", 1)
        self.fps = Fraction(str(min(max(number_of(settings, "frames_per_second", 12), 1), 240)))
        self.scene = whole("steps_per_scene", 1)
        self.before = whole("pre_animation_steps", 0) if self.moves else self.every
        self.fade = whole("interpolation_steps", 0)
        steps = self.scene * scenes
        self.before = min(self.before, max(self.every, steps - self.every))
        self.frames = max(2, (steps - self.before) // self.every + 1)

    def second(self, step: int) -> Fraction:
        """When a step is seen."""
        return max(Fraction(0), Fraction(step - self.before, self.every) / self.fps)


@dataclass(frozen=True)
class Around:
    """What is needed to write a prompt."""

    draft: Draft
    times: Times
    files: tuple[Sequence[Path], Path]
    """Folders where files may lie, and that of the scene."""
    signals: frozenset[str]
    """What formulas may hear."""


def put_prompts(settings: Mapping[str, Any], scenes: Sequence[str], around: Around) -> None:
    """Write the prompts of all scenes; one that stands in several is written once."""
    before, behind = (str(settings.get(key, "")) for key in ("scene_prefix", "scene_suffix"))
    found: dict[tuple[str, str], set[int]] = {}
    for place, scene in enumerate(scenes):
        for part in (before + scene + behind).split("|"):
            if part.strip():
                found.setdefault(_divided(part), set()).add(place)
    for (text, pull), places in found.items():
        _prompt(text, pull, _presence(places, len(scenes), around.times), around)
    for part in str(settings.get("direct_image_prompts", "")).split("|"):
        if part.strip():
            text, pull = _divided(part)
            _prompt(text if text.startswith("[") else f"[{text}]", pull, 1.0, around, pixels=True)
    keys = ("scenes", "scene_prefix", "scene_suffix", "interpolation_steps", "direct_image_prompts")
    around.draft.take(*(key for key in keys if key in settings and key not in around.draft.known))


def _divided(part: str) -> tuple[str, str]:
    """(text, `weight_mask:stop`)."""
    text, *rest = re.split(rf":{_OUTSIDE_FILES}", part.strip(), maxsplit=1)
    return plain(text), rest[0] if rest else "1"


def _prompt(text: str, pull: str, presence: Curve, around: Around, pixels: bool = False) -> None:
    """One prompt with its weight over all scenes."""
    fields = _target(text, around, pixels=pixels)
    if fields is None:
        return
    weight, _, stop = pull.partition(":")
    strength, *mask = re.split(rf"_{_OUTSIDE_FILES}", weight, maxsplit=1)
    fields |= _mask(mask[0].strip() if mask else "", text, around)
    curve = formula(strength, f"{text[:40]}: weight", around, 1.0)
    try:
        whole = product(presence, curve, around.signals)
    except Untranslatable as error:
        around.draft.near("scenes", f"{text[:40]}: its weight holds in all scenes: {error}")
        whole = curve
    if constant_of(whole) != 1.0:
        fields["weight"] = Field(yaml(whole, "      "))
    limit = constant_of(formula(stop, f"{text[:40]}: stop", around, 0.0)) if stop.strip() else None
    if limit:
        fields["stop"] = Field(number(min(abs(limit), 10)))
    around.draft.prompts.append(fields)


def _target(text: str, around: Around, *, pixels: bool) -> dict[str, Field] | None:
    """What a prompt shows: a text, or a picture `[file]`."""
    if not (text.startswith("[") and text.endswith("]")):
        return {"text": Field(quoted(text))}
    path, why = path_of(text[1:-1].strip(), *around.files)
    if path is None:
        key = "direct_image_prompts" if pixels else "scenes"
        around.draft.leave(key, f"{shortened(text)}: {why}, then write {{image: ...}} into prompts")
        return None
    return {"image": Field(quoted(path))} | ({"through": Field("pixels")} if pixels else {})


def _mask(mask: str, text: str, around: Around) -> dict[str, Field]:
    """The part of the frame in which it pulls, where a picture says it."""
    mask = mask.partition("_")[0].strip() if not mask.startswith("[") else mask.strip()
    if mask in ("", "a"):
        return {}
    said = f"{text[:40]}: the mask _{plain(mask)}"
    if not (mask.startswith("[") and mask.endswith("]")):
        around.draft.near("scenes", f"{said}; it pulls everywhere, see inside: {{image: ...}}")
        return {}
    path, why = path_of(mask[1:-1].lstrip("-"), *around.files)
    if path is None:
        around.draft.near("scenes", f"{said}: {why}; it pulls everywhere")
        return {}
    return {"outside" if mask.startswith("[-") else "inside": Field(f"{{image: {quoted(path)}}}")}


def formula(text: str, what: str, around: Around, instead: float) -> Curve:
    """A number or a formula of t and of what is heard; with a note where there is none like it."""
    try:
        written = translate(text.strip() or str(instead), {"t": "t"}, around.signals)
        found = constant(written)
    except Untranslatable as error:
        around.draft.near("scenes", f"{what} {shortened(text)}: {error}; it is {instead:g}")
        return instead
    return Formula(written) if found is None else found


def _presence(places: set[int], scenes: int, times: Times) -> Curve:
    """1 in some scenes and 0 in others; with interpolation_steps in straight lines from one to the next."""
    points: list[Point] = []
    for place in range(scenes):
        begin, value = times.second(place * times.scene), 1.0 if place in places else 0.0
        if not points:
            points.append(Point(begin, value))
        elif times.fade:
            end = times.second(place * times.scene + min(times.fade, times.scene))
            points += [Point(begin, points[-1].value), Point(end, value)]
        else:
            points.append(Point(begin, value, step=True))
    return simplified(_rising(points))


def _rising(points: Sequence[Point]) -> list[Point]:
    """Of keys at one moment the last."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1].second == point.second:
            kept.pop()
        kept.append(point)
    return kept
