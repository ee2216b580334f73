"""Prompts of pytti: `text:weight_mask:stop`, several with | between in a scene, scenes with || between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from vqanim.importers.curves import Curve, Point, constant_of, parse_curve, product, simplified
from vqanim.importers.draft import Draft, plain, quoted
from vqanim.importers.formulas import Untranslatable, shortened
from vqanim.importers.reading import Settings

DEFAULTS: Mapping[str, float] = {
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


class Film:
    """Steps as seconds of the film: it begins when the animation does."""

    def __init__(self, settings: Settings, scenes: int) -> None:
        def whole(key: str, least: int) -> int:
            return max(least, int(settings.number(key, DEFAULTS[key])))

        self.moves = settings.word("animation_mode", "off") not in ("off", "False", "false")
        self.every = whole("steps_per_frame" if self.moves else "save_every", 1)
        self.fps = Fraction(str(min(max(settings.number("frames_per_second", 12), 1), 240)))
        self.scene = whole("steps_per_scene", 1)
        self.fade = whole("interpolation_steps", 0)
        steps = self.scene * scenes
        before = whole("pre_animation_steps", 0) if self.moves else self.every
        self.before = min(before, max(self.every, steps - self.every))
        self.frames = max(2, (steps - self.before) // self.every + 1)

    def second(self, step: int) -> Fraction:
        """When a step is seen."""
        return max(Fraction(0), Fraction(step - self.before, self.every) / self.fps)


def put_prompts(draft: Draft, film: Film, scenes: Sequence[str]) -> None:
    """Write the prompts of all scenes; one that stands in several is written once."""
    before, behind = (draft.settings.word(key) for key in ("scene_prefix", "scene_suffix"))
    found: dict[tuple[str, str], set[int]] = {}
    for place, scene in enumerate(scenes):
        for part in (before + scene + behind).split("|"):
            if part.strip():
                found.setdefault(_divided(part), set()).add(place)
    for (text, pull), places in found.items():
        _put_prompt(draft, text, pull, _presence(places, len(scenes), film))
    for part in draft.settings.word("direct_image_prompts").split("|"):
        if part.strip():
            text, pull = _divided(part)
            _put_prompt(draft, text if text.startswith("[") else f"[{text}]", pull, 1.0, pixels=True)
    keys = ("scenes", "scene_prefix", "scene_suffix", "interpolation_steps", "direct_image_prompts")
    draft.take(*(key for key in keys if key not in draft.known))


def _divided(part: str) -> tuple[str, str]:
    """(text, `weight_mask:stop`)."""
    text, *rest = re.split(rf":{_OUTSIDE_FILES}", part.strip(), maxsplit=1)
    return plain(text), rest[0] if rest else "1"


def _put_prompt(draft: Draft, text: str, pull: str, presence: Curve, pixels: bool = False) -> None:
    """One prompt with its weight over all scenes."""
    target = {"text": quoted(text)}
    if text.startswith("[") and text.endswith("]"):
        key = "direct_image_prompts" if pixels else "scenes"
        path, reason = draft.find(text[1:-1].strip())
        if path is None:
            draft.leave(key, f"{shortened(text)}: {reason}, then write {{image: ...}} into prompts")
            return
        target = {"image": quoted(path), **({"through": "pixels"} if pixels else {})}
    weight, _, stop = pull.partition(":")
    strength, *mask = re.split(rf"_{_OUTSIDE_FILES}", weight, maxsplit=1)
    target |= _mask(draft, mask[0].strip() if mask else "", text)
    curve = parse_formula(draft, strength, f"{text[:40]}: weight", 1.0)
    try:
        whole = product(presence, curve, draft.signals)
    except Untranslatable as error:
        draft.near("scenes", f"{text[:40]}: its weight holds in all scenes: {error}")
        whole = curve
    limit = parse_formula(draft, stop, f"{text[:40]}: stop", 0.0) if stop.strip() else 0.0
    draft.add_prompt(target, whole, constant_of(limit))


def _mask(draft: Draft, mask: str, text: str) -> dict[str, str]:
    """The part of the frame in which a prompt pulls, where a picture says it."""
    mask = mask.partition("_")[0].strip() if not mask.startswith("[") else mask.strip()
    if mask in ("", "a"):
        return {}
    found = f"{text[:40]}: the mask _{plain(mask)}"
    if not (mask.startswith("[") and mask.endswith("]")):
        draft.near("scenes", f"{found}; it pulls everywhere, see inside: {{image: ...}}")
        return {}
    path, reason = draft.find(mask[1:-1].lstrip("-"))
    if path is None:
        draft.near("scenes", f"{found}: {reason}; it pulls everywhere")
        return {}
    return {"outside" if mask.startswith("[-") else "inside": f"{{image: {quoted(path)}}}"}


def parse_formula(draft: Draft, text: str, what: str, default: float) -> Curve:
    """A number or a formula of t and of what is heard; the default, with a note, for one with no equal."""
    try:
        return parse_curve(text.strip() or str(default), {"t": "t"}, draft.signals)
    except Untranslatable as error:
        draft.near("scenes", f"{what} {shortened(text)}: {error}; it is {default:g}")
        return default


def _presence(places: set[int], scenes: int, film: Film) -> Curve:
    """1 in some scenes and 0 in others; with interpolation_steps in straight lines from one to the next."""
    points: list[Point] = []
    for place in range(scenes):
        begin, value = film.second(place * film.scene), 1.0 if place in places else 0.0
        if points and film.fade:
            end = film.second(place * film.scene + min(film.fade, film.scene))
            points += [Point(begin, points[-1].value), Point(end, value)]
        else:
            points.append(Point(begin, value, step=bool(points)))
    return simplified({point.second: point for point in points}.values())
