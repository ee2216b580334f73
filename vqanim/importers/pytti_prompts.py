"""Prompts of pytti, as in `a castle:1_[mask.png]:0.9 | [photo.jpg]:-0.5 || a city`, and its steps as time."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from vqanim.importers import curves
from vqanim.importers.curves import Curve, Point, Untranslatable, constant_of, shortened
from vqanim.importers.draft import Draft, plain, quoted
from vqanim.importers.reading import Settings
from vqanim.importers.sampling import curve_of_formula

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://\S+")
_PORT = re.compile(r":\d{1,5}(?=/)")
_FILE_NAME = re.compile(r"[^\[\]]+\.[A-Za-z]\w{2,3}")
_FILM = (".mp4", ".mov", ".avi", ".gif", ".webm", ".mkv")


class Film:
    """Steps as seconds of the film: it begins when the animation does."""

    def __init__(self, settings: Settings, scenes: int) -> None:
        whole = settings.whole
        self.moves = settings.word("animation_mode", "off") not in ("off", "False", "false", "")
        self.every = whole("steps_per_frame" if self.moves else "save_every", 50, 1)
        self.fps = Fraction(str(min(max(settings.number("frames_per_second", 12), 1), 240)))
        self.scene = whole("steps_per_scene", 100, 1)
        self.fade = whole("interpolation_steps", 0, 0)
        steps = self.scene * scenes
        before = whole("pre_animation_steps", 100, 0) if self.moves else self.every
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
        for part in filter(str.strip, (before + scene + behind).split("|")):
            found.setdefault(_text_and_pull(part), set()).add(place)
    for (text, pull), places in found.items():
        _put_prompt(draft, text, pull, _presence(places, len(scenes), film))
    for part in filter(str.strip, draft.settings.word("direct_image_prompts").split("|")):
        text, pull = _text_and_pull(part)
        _put_prompt(draft, text if text.startswith("[") else f"[{text}]", pull, 1.0, pixels=True)
    draft.take("scenes", "scene_prefix", "scene_suffix", "interpolation_steps", "direct_image_prompts")


def divided(text: str, sign: str, most: int, names: Collection[str] = ()) -> list[str]:
    """The parts between signs, at most so many cuts. Signs within [a file's name], within an address and
    within some names do not divide."""
    kept = {place for match in _ADDRESS.finditer(text) for place in _inside_address(match)}
    for name in names:
        if sign in name:
            found = re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)
            kept |= {place for match in found for place in range(*match.span())}
    inside, places = False, []
    for place in range(len(text) - 1, -1, -1):
        if text[place] in "[]":
            inside = text[place] == "]"
        elif text[place] == sign and not inside and place not in kept:
            places.append(place)
    parts, begin = [], 0
    for place in places[::-1][:most]:
        parts.append(text[begin:place])
        begin = place + 1
    return [*parts, text[begin:]]


def _inside_address(match: re.Match[str]) -> list[int]:
    """Places in an address that divide nothing: the colons of its protocol and port, and underscores."""
    begin, text = match.start(), match[0]
    scheme = text.index("://")
    port = _PORT.search(text, scheme + 3)
    is_port = port is not None and "/" not in text[scheme + 3 : port.start()]
    colons = [scheme, port.start()] if port is not None and is_port else [scheme]
    end = next((place for place, sign in enumerate(text) if sign == ":" and place not in colons), len(text))
    return [begin + place for place in colons + [place for place in range(end) if text[place] == "_"]]


def _text_and_pull(part: str) -> tuple[str, str]:
    """(text, `weight_mask:stop`)."""
    text, *rest = divided(part.strip(), ":", 1)
    return plain(text), rest[0] if rest else "1"


def _put_prompt(draft: Draft, text: str, pull: str, presence: Curve, pixels: bool = False) -> None:
    target = {"text": quoted(text)}
    key = "direct_image_prompts" if pixels else "scenes"
    if _ADDRESS.fullmatch(text):
        text = f"[{text}]"
    if text.startswith("[") and text.endswith("]"):
        path, reason = draft.find(text[1:-1].strip())
        if path is None:
            draft.leave(key, f"{shortened(text[1:-1])}: {reason}, then write {{image: ...}} into prompts")
            return
        target = {"image": quoted(path), **({"through": "pixels"} if pixels else {})}
    weight, *stop = divided(pull, ":", 1)
    strength, *mask = divided(weight, "_", 1, names_of(draft))
    target |= _mask(draft, mask[0].strip() if mask else "", text, key)
    curve = parse_formula(draft, strength, f"{text[:40]}: weight", 1.0, key)
    try:
        whole = curves.product(presence, curve, draft.signals)
    except Untranslatable as error:
        draft.near(key, f"{text[:40]}: its weight holds in all scenes: {error}")
        whole = curve
    limit = parse_formula(draft, stop[0], f"{text[:40]}: stop", 0.0, key) if stop and stop[0].strip() else 0.0
    draft.add_prompt(target, whole, constant_of(limit))


def _mask(draft: Draft, mask: str, text: str, key: str) -> dict[str, str]:
    """The part of the frame in which a prompt pulls, where a picture says it."""
    if _FILE_NAME.fullmatch(mask):  # without its brackets
        mask = f"[{mask}]"
    mask = divided(mask, "_", 1)[0].strip()
    if mask in ("", "a"):
        return {}
    found = f"{text[:40]}: the mask _{plain(mask)}"
    if not (mask.startswith("[") and mask.endswith("]")):
        draft.near(key, f"{found}; it pulls everywhere, see inside: {{image: ...}}")
        return {}
    if mask[1:-1].lower().endswith(_FILM):
        draft.near(key, f"{found} is a film; it pulls everywhere, see inside: {{image: ...}}")
        return {}
    path, reason = draft.find(mask[1:-1].lstrip("-"))
    if path is not None:
        return {"outside" if mask.startswith("[-") else "inside": f"{{image: {quoted(path)}}}"}
    draft.near(key, f"{found}: {reason}; it pulls everywhere")
    return {}


def names_of(draft: Draft) -> Mapping[str, str]:
    """What stands here for the names in pytti's formulas; what was heard a frame before is what is heard."""
    return {"t": "t", **{f"{signal}_prev": signal for signal in draft.signals}}


def parse_formula(draft: Draft, text: str, what: str, default: float, key: str = "scenes") -> Curve:
    """A number or a formula of t and of what is heard; the default, with a note, for one with no equal."""
    try:
        written = text.strip() or str(default)
        curve, remark = curve_of_formula(written, names_of(draft), draft.clock, draft.signals)
        draft.near(key if remark else (), f"{what} {shortened(text)}: {remark}")
        return curve
    except Untranslatable as error:
        draft.near(key, f"{what} {shortened(text)}: {error}; it is {default:g}")
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
    return curves.simplified({point.second: point for point in points}.values())
