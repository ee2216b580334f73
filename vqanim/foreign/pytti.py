"""Configurations of pytti: YAML with scenes such as `a castle:1 | fog:-0.5 || a city`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.foreign.deforum_values import is_on, number_of
from vqanim.foreign.draft import Draft, Field, path_of, plain, quoted
from vqanim.foreign.formulas import Untranslatable, constant, shortened, translate
from vqanim.foreign.pytti_camera import put_camera
from vqanim.foreign.pytti_keys import reason_for
from vqanim.foreign.schedules import MAX_FRAMES
from vqanim.foreign.values import Curve, Formula, Point, constant_of, number, product, simplified, time, yaml

MOST_SCENES = 500
MOST = 10_000
"""Steps of a frame."""
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
PERCEPTORS: Mapping[str, str] = {
    "ViTB32": "ViT-B/32",
    "ViTB16": "ViT-B/16",
    "ViTL14": "ViT-L/14",
    "RN50": "RN50",
    "RN101": "RN101",
    "RN50x4": "RN50x4",
    "RN50x16": "RN50x16",
    "RN50x64": "RN50x64",
}
GENERATORS: Mapping[str, str] = {
    "imagenet": "imagenet-16384",
    "coco": "coco-stuff",
    "wikiart": "wikiart-16384",
    "sflckr": "sflckr",
    "openimages": "openimages",
}
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


def convert(settings: Mapping[str, Any], name: str, folders: Sequence[Path], scene_folder: Path) -> Draft:
    """The draft of a scene. Raises UsageError for what is beyond all measure."""
    draft = Draft("a pytti configuration", name)
    scenes = [scene for scene in str(settings.get("scenes", "")).split("||") if scene.strip(" ?")]
    if not scenes:
        draft.leave("scenes", "there are none: write prompts")
    if len(scenes) > MOST_SCENES:
        raise UsageError(f"{name}: scenes: found {len(scenes)}, allowed are at most {MOST_SCENES}")
    times = Times(settings, max(1, len(scenes)))
    if times.frames > MAX_FRAMES:
        raise UsageError(f"{name}: a film of {times.frames} frames, allowed are at most {MAX_FRAMES}")
    _frame(settings, draft, times)
    _models(settings, draft)
    _start(settings, draft, folders, scene_folder)
    files = (folders, scene_folder)
    _prompts(settings, scenes, draft, times, files)
    put_camera(settings, draft, float(times.fps))
    _guidance(settings, draft, times)
    for key in settings:
        if key not in draft.known:
            draft.leave(key, reason_for(key))
    draft.notes = _together(draft)
    return draft


def _together(draft: Draft) -> list[Any]:
    """Keys that are left out for one reason in one note."""
    reasons: dict[str, list[str]] = {}
    for note in draft.notes:
        if note.fate == "left":
            reasons.setdefault(note.said, []).extend(note.keys)
    kept = [note for note in draft.notes if note.fate != "left"]
    draft.notes = kept
    for said, keys in reasons.items():
        draft.leave(keys, said)
    return draft.notes


def _frame(settings: Mapping[str, Any], draft: Draft, times: Times) -> None:
    width, height = (int(number_of(settings, key, USUAL[key])) for key in ("width", "height"))
    if min(width, height) < 1:
        draft.near([k for k in ("width", "height") if k in settings], "-1 follows a picture; write size")
        width, height = 180, 112
    draft.put("size", f"[{min(width, 4096)}, {min(height, 4096)}]", "width, height")
    draft.put("fps", number(float(times.fps)), "frames_per_second")
    seconds = Fraction(times.frames) / times.fps
    draft.put("duration", time(seconds), f"{times.frames} frames of {times.every} steps")
    if not times.moves:
        draft.put("kind", "timelapse", "animation_mode off: one picture comes into being")
        draft.put("pace", "linear")
    seed = number_of(settings, "seed", -1)
    if str(settings.get("seed", "")).lstrip("-").isdigit() and abs(seed) < 2**63:
        draft.put("seed", str(abs(int(str(settings["seed"])))), "seed, without its sign")
        draft.take("seed")
    elif "seed" in settings:
        draft.near("seed", "there another one each time; here it is 0 until you change it")
    keys = ("width", "height", "frames_per_second", "animation_mode", "steps_per_scene", "steps_per_frame")
    draft.take(*(key for key in (*keys, "pre_animation_steps", "save_every") if key in settings))


def _models(settings: Mapping[str, Any], draft: Draft) -> None:
    model = str(settings.get("vqgan_model", "sflckr"))
    generator = GENERATORS.get(model, "imagenet-16384")
    if str(settings.get("image_model", "VQGAN")) != "VQGAN":
        draft.near(
            "image_model", f"{plain(str(settings['image_model']))}: pixels and palettes; here a VQGAN paints"
        )
        generator = "imagenet-16384"
    elif "image_model" in settings:
        draft.take("image_model")
    if "vqgan_model" in settings:
        if model in GENERATORS:
            draft.take("vqgan_model")
        else:
            draft.near("vqgan_model", f"{shortened(model)}: not known; {generator} paints instead")
    chosen = [name for key, name in PERCEPTORS.items() if is_on(settings, key)] or ["ViT-B/32"]
    shown = chosen[0] if len(chosen) == 1 else f"[{', '.join(chosen)}]"
    draft.put(
        "models",
        f"{{generator: {generator}, perceptor: {shown}}}",
        "fetched with the first render; for a quick look: --models pocket",
    )
    draft.take(*(key for key in PERCEPTORS if key in settings))


def _start(settings: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path) -> None:
    name = str(settings.get("init_image", "")).strip(" '")
    path, why = path_of(name, folders, home) if name else (None, "")
    if "init_image" in settings:
        if path is None and name:
            draft.leave("init_image", f"{shortened(name)}: {why}, then write start: {{image: ...}}")
        else:
            draft.take("init_image")
    if path is not None:
        draft.put("start", f"{{image: {quoted(path)}, fit: stretch}}", "init_image")
    for key in ("direct_init_weight", "semantic_init_weight"):
        if key not in settings:
            continue
        weight = str(settings[key]).partition("_")[0].strip()
        if weight in ("", "0"):
            draft.take(key)
        else:
            draft.leave(key, "a pull to the first picture: guidance.stay_near with to: start")


def _prompts(
    settings: Mapping[str, Any],
    scenes: Sequence[str],
    draft: Draft,
    times: Times,
    files: tuple[Sequence[Path], Path],
) -> None:
    before, behind = (str(settings.get(key, "")) for key in ("scene_prefix", "scene_suffix"))
    found: dict[str, list[tuple[int, str]]] = {}
    for place, scene in enumerate(scenes):
        for part in re.split(r"\|", before + scene + behind):
            if part.strip():
                text, _, pull = _divided(part)
                found.setdefault(text, []).append((place, pull))
    for text, on in found.items():
        _prompt(text, on, len(scenes), draft, times, files)
    for part in str(settings.get("direct_image_prompts", "")).split("|"):
        if part.strip():
            text, _, pull = _divided(
                part if part.strip().startswith("[") else f"[{part.partition(':')[0].strip()}]"
            )
            _prompt(
                text, [(place, pull) for place in range(len(scenes))], len(scenes), draft, times, files, True
            )
    keys = ("scenes", "scene_prefix", "scene_suffix", "interpolation_steps", "direct_image_prompts")
    draft.take(*(key for key in keys if key in settings and key not in draft.known))


def _divided(part: str) -> tuple[str, str, str]:
    """(text, "", `weight:stop`) of `text:weight_mask:stop`."""
    text, *rest = re.split(rf":{_OUTSIDE_FILES}", part.strip(), maxsplit=1)
    return plain(text), "", rest[0] if rest else "1"


def _prompt(
    text: str,
    on: Sequence[tuple[int, str]],
    scenes: int,
    draft: Draft,
    times: Times,
    files: tuple[Sequence[Path], Path],
    pixels: bool = False,
) -> None:
    """One prompt with its weight over all scenes."""
    fields = _target(text, draft, files, pixels=pixels)
    if fields is None:
        return
    pulls = {pull for _, pull in on}
    if len(pulls) > 1:
        draft.near("scenes", f"{text[:40]}: its weight differs between scenes; that of the first is taken")
    weight, _, stop = on[0][1].partition(":")
    strength, *mask = re.split(rf"_{_OUTSIDE_FILES}", weight, maxsplit=1)
    fields |= _mask(mask[0].strip() if mask else "", text, draft, files)
    curve = _formula(strength, f"{text[:40]}: weight", draft, 1.0)
    try:
        whole = product(_presence({place for place, _ in on}, scenes, times), curve)
    except Untranslatable:
        whole = curve
    if constant_of(whole) != 1.0:
        fields["weight"] = Field(yaml(whole, "      "))
    limit = constant_of(_formula(stop, f"{text[:40]}: stop", draft, 0.0)) if stop.strip() else None
    if limit:
        fields["stop"] = Field(number(min(abs(limit), 10)))
    draft.prompts.append(fields)


def _target(
    text: str, draft: Draft, files: tuple[Sequence[Path], Path], *, pixels: bool
) -> dict[str, Field] | None:
    """What a prompt shows: a text, or a picture `[file]`."""
    if not (text.startswith("[") and text.endswith("]")):
        return {"text": Field(quoted(text))}
    path, why = path_of(text[1:-1].strip(), *files)
    if path is None:
        key = "direct_image_prompts" if pixels else "scenes"
        draft.leave(key, f"{shortened(text)}: {why}, then write {{image: ...}} into prompts")
        return None
    return {"image": Field(quoted(path))} | ({"through": Field("pixels")} if pixels else {})


def _mask(mask: str, text: str, draft: Draft, files: tuple[Sequence[Path], Path]) -> dict[str, Field]:
    mask = mask.partition("_")[0].strip()
    if not mask or mask == "a":
        return {}
    if mask.startswith("[") and mask.endswith("]"):
        turned = mask[1:-1].startswith("-")
        path, why = path_of(mask[1:-1].lstrip("-"), *files)
        if path is not None:
            return {"outside" if turned else "inside": Field(f"{{image: {quoted(path)}}}")}
        draft.near("scenes", f"{text[:40]}: the mask {shortened(mask)}: {why}; it pulls everywhere")
        return {}
    draft.near(
        "scenes", f"{text[:40]}: the mask _{plain(mask)}; it pulls everywhere, see inside: {{image: ...}}"
    )
    return {}


def _formula(text: str, what: str, draft: Draft, instead: float) -> Curve:
    """A number or a formula of t; with a note where there is none like it."""
    try:
        written = translate(text.strip() or str(instead), {"t": "t"})
        found = constant(written)
    except Untranslatable as error:
        draft.near("scenes", f"{what} {shortened(text)}: {error}; it is {instead:g}")
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


def _guidance(settings: Mapping[str, Any], draft: Draft, times: Times) -> None:
    draft.put(
        "guidance.steps", str(min(times.every, MOST)), "steps_per_frame" if times.moves else "save_every"
    )
    draft.put("guidance.first_steps", str(min(max(times.before, 1), MOST)), "pre_animation_steps")
    if number_of(settings, "learning_rate", 0) > 0:
        draft.put("guidance.learning_rate", number(number_of(settings, "learning_rate", 0)), "learning_rate")
    cuts = int(number_of(settings, "cutouts", 40))
    if "cutouts" in settings:
        draft.put("guidance.cutouts", str(min(max(cuts, 1), 256)), "cutouts")
    draft.take(*(key for key in ("learning_rate", "cutouts") if key in settings))
    _stabilize(settings, draft)


def _stabilize(settings: Mapping[str, Any], draft: Draft) -> None:
    kinds = (
        ("direct_stabilization_weight", "latents"),
        ("edge_stabilization_weight", "content"),
        ("semantic_stabilization_weight", "content"),
    )
    for key, where in kinds:
        text = str(settings.get(key, "")).partition("_")[0].strip()
        if key not in settings or text in ("", "0"):
            draft.take(*([key] if key in settings else []))
        elif "guidance.stay_near" in draft.fields:
            draft.leave(key, "a second pull to the frame before; guidance.stay_near is one")
        else:
            curve = _formula(text, key, draft, 1.0)
            draft.put("guidance.stay_near", f"{{in: {where}, weight: {yaml(curve)}}}", key)
            draft.near(key, f"guidance.stay_near, to the frame before, in {where}")
