"""Notebooks of the VQGAN+CLIP family: the first one, in English and Spanish, and VQGAN-CLIP-animations.

The first ones paint one picture: `texts = "a castle:1 | fog:-0.5"`. The animations add keyframes, of prompts
as `'Apple': {10: 1, 20: 0}, 'Orange': {10: 0, 20: 1}` or as `10:(Apple: 1| Orange: 0), 20:(Orange: 1)`.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import curves
from vqanim.importers.curves import Untranslatable, constant_of
from vqanim.importers.draft import AT_REST, UNKNOWN, Draft, plain, quoted
from vqanim.importers.keyframes import MOVES, Pull, curve_over, numbers_of, put_moves, put_pulls
from vqanim.importers.reading import Settings, SettingsFile, parse_yaml, settings_from
from vqanim.importers.recognition import SHARED, Evidence, by_names
from vqanim.importers.schedules import MAX_FRAMES, Clock, number_in
from vqanim.importers.vqgan_clip import GENERATORS, parts_of

READS = "a VQGAN+CLIP notebook"
_SPANISH: Mapping[str, str] = {
    "textos": "texts",
    "ancho": "width",
    "alto": "height",
    "modelo": "model",
    "intervalo_imagenes": "images_interval",
    "imagen_inicial": "init_image",
    "imagenes_objetivo": "target_images",
    "semilla": "seed",
    "max_iteraciones": "max_iterations",
}
OWN = frozenset(
    """texts target_images initial_image images_interval max_iterations iterations_per_frame
    save_all_iterations input_images""".split()
) | frozenset(_SPANISH) - {"modelo"}
"""What only these notebooks have."""
_TAKEN = frozenset("text_prompts model modelo interval key_frames".split())
MAX_PROMPTS = 1000
FPS = 12  # of the cell that makes the video
STILL_SECONDS, STILL_STEPS = 10, 500
_KEYED = re.compile(r"(?<!\d)(\d{1,12}):\s{0,99}\(([^()]*(?:\([^()]*\)[^()]*){0,40})\)", re.ASCII)
_REASONS: Mapping[str, str] = {
    "frames on the way are all kept": "images_interval intervalo_imagenes interval save_all_iterations",
    "files and windows of that program: vqanim render --out, vqanim encode": """
        google_drive working_dir init_frame last_frame folder filepath min_fps max_fps length total_frames""",
    "frames between: a higher fps with guidance.rate, and output.smooth": "SLOW_MOTION_FACTOR TARGET_FPS",
}
_REASON_OF = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only they have; `text_prompts` are a text."""

    def owns(name: str) -> bool:
        return name in OWN or (name == "text_prompts" and isinstance(file.keys[name], str | None))

    return by_names(file, "a VQGAN+CLIP notebook", owns, knows)


def knows(name: str) -> bool:
    """Whether these notebooks have a setting of this name."""
    return name in OWN | _TAKEN | SHARED or name in _REASON_OF


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    settings = settings_from(_data(file), file, READS, OWN | {"text_prompts"})
    draft = Draft(READS, file.name, settings, (file.folder, scene_folder))
    film = "max_frames" in settings
    clock = _put_clock(draft, film)
    _put_models(draft)
    _put_start(draft)
    _put_prompts(draft, clock)
    if film:
        width, height = _size(draft)
        given = {"W": width, "H": height, "border": "wrap"}
        put_moves(draft, clock, "2D", given, {"W": "", "H": "", "border": "", "animation_mode": ""})
    _put_steps(draft, clock, film)
    draft.leave_others(lambda key: _REASON_OF.get(key, AT_REST if key in MOVES else UNKNOWN))
    return draft


def _data(file: SettingsFile) -> Any:
    if file.json is not None and not file.is_notebook:
        return file.json
    if not file.has_fields and re.search(
        r"^(text_prompts|iterations_per_frame)\s*:", file.text, re.MULTILINE
    ):
        return parse_yaml(file)  # of those who made a program of the notebook
    return file.assigned.settings(filter(knows, file.assigned.values))


def _word(settings: Settings, *keys: str) -> tuple[str, str]:
    """The first of some keys that is given, and its value as a text; nothing for None."""
    key = next((key for key in keys if settings.get(key) not in (None, "")), keys[0])
    value = settings.word(key).strip()
    return key, "" if value.lower() == "none" else value


def _size(draft: Draft) -> tuple[int, int]:
    settings = draft.settings
    wide = "ancho" if "ancho" in settings else "width"
    high = "alto" if "alto" in settings else "height"
    return settings.whole(wide, 400, 16, 4096), settings.whole(high, 400, 16, 4096)


def _put_clock(draft: Draft, film: bool) -> Clock:
    settings = draft.settings
    width, height = _size(draft)
    draft.put("size", f"[{width}, {height}]", "width, height")
    draft.take("width", "height", "ancho", "alto")
    rate = settings.number("fps", FPS)
    if not 1 <= rate <= 240:
        draft.near("fps", f"{rate:g} is no frame rate; {FPS} is taken")
        rate = FPS
    fps = Fraction(str(rate))
    frames = settings.number("max_frames", float(STILL_SECONDS * fps))
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"{draft.name}: max_frames: found {frames:.12g}, allowed are 1 to {MAX_FRAMES}")
    clock = Clock(fps, int(frames))
    if not film:
        draft.put("kind", "timelapse", "one picture, filmed while it comes into being")
        draft.put("pace", "linear")
    key = "semilla" if "semilla" in settings else "seed"
    seed = settings.integer(key)
    if seed is not None and seed >= 0:
        draft.put_seed(seed, key)
        draft.take(key)
    else:
        draft.near(settings.given(key), "there another one each time; here it is 0 until you change it")
    draft.put("fps", clock.fps_text, "fps" if "fps" in settings else f"not said; {FPS} is usual there")
    draft.put("duration", f"{clock.frames}f", f"max_frames {clock.frames}" if film else "")
    draft.take("fps", "max_frames", "key_frames")
    return clock


def _put_models(draft: Draft) -> None:
    key, model = _word(draft.settings, "model", "modelo")
    generator = next((name for part, name in GENERATORS.items() if part in model.lower()), None)
    if model and generator is None:
        draft.near(key, f"{curves.shortened(model)}: not known; imagenet-16384 paints instead")
    draft.put_models(generator or "imagenet-16384", "ViT-B/32")
    draft.take("model", "modelo")


def _put_start(draft: Draft) -> None:
    key, name = _word(draft.settings, "initial_image", "init_image", "imagen_inicial")
    if name and (path := draft.file(name, key, "start: {image: ...}")):
        draft.put("start", f"{{image: {path}, fit: stretch}}", key)
    draft.take("initial_image", "init_image", "imagen_inicial")


def _put_prompts(draft: Draft, clock: Clock) -> None:
    for keys in (("text_prompts", "texts", "textos"), ("target_images", "imagenes_objetivo")):
        key, text = _word(draft.settings, *keys)
        moments = _moments(text)
        if tracks := _tracks(draft.settings.get(key)) or _weighted(moments):
            if len(tracks) > MAX_PROMPTS:
                found = f"{draft.name}: {key}: found {len(tracks)} prompts"
                raise UsageError(f"{found}, allowed are at most {MAX_PROMPTS}")
            for words, weights in tracks.items():
                for target in _targets(draft, key, words):
                    try:
                        draft.add_prompt(dict(target), curve_over(weights, clock))
                    except Untranslatable as error:
                        draft.refuse(key, f"{plain(words)[:40]}: {error}")
        elif text:
            pulls = {frame: list(_pulls(draft, key, part)) for frame, part in moments.items()}
            put_pulls(draft, pulls, clock)
        draft.take(*keys)


def _tracks(value: Any) -> dict[str, Any]:
    """The weights of each text by frame, where they are written so: `'Apple': {10: 1, 20: 0}`."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            value = ast.literal_eval("{" + value + "}")
    if isinstance(value, list) and all(isinstance(part, Mapping) and "prompt" in part for part in value):
        value = {str(part["prompt"]): part.get("keyframes", {0: 1}) for part in value}
    if not isinstance(value, Mapping) or not all(isinstance(weights, Mapping) for weights in value.values()):
        return {}
    return {str(words): weights for words, weights in value.items()}


def _weighted(moments: Mapping[int, str]) -> dict[str, dict[int, str]]:
    """The same of `10:(Apple: 1| Orange: 0), 20:(Orange: 1)`, if every text has a weight."""
    tracks: dict[str, dict[int, str]] = {}
    for frame, text in moments.items() if len(moments) > 1 else ():
        for part in text.split("|"):
            words, _, weight = part.rpartition(":")
            if not words.strip() or number_in(weight) is None or not weight.strip():
                return {}
            tracks.setdefault(words.strip(), {})[frame] = weight
    return tracks


def _moments(text: str) -> dict[int, str]:
    """What stands at each frame; a text without frames holds from the first."""
    found = {int(frame): part for frame, part in _KEYED.findall(text)}
    if not found:
        with contextlib.suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            given = ast.literal_eval("{" + text + "}")
            if isinstance(given, Mapping):
                found = {int(frame): str(part) for frame, part in given.items() if str(frame).isdecimal()}
    if len(found) > MAX_PROMPTS:
        raise UsageError(f"found {len(found)} frames with prompts, allowed are at most {MAX_PROMPTS}")
    return dict(sorted(found.items())) or {0: text.strip("'\"")}


def _pulls(draft: Draft, key: str, text: str) -> Iterable[Pull]:
    for words, weight, stop in parts_of(text):
        yield from (Pull(target, weight, stop) for target in _targets(draft, key, words))


def _targets(draft: Draft, key: str, words: str) -> Iterable[tuple[tuple[str, str], ...]]:
    if key in ("target_images", "imagenes_objetivo"):
        if path := draft.file(words, key, "{image: ...} into prompts"):
            yield (("image", path),)
    elif plain(words):
        yield (("text", quoted(words)),)


def _put_steps(draft: Draft, clock: Clock, film: bool) -> None:
    settings = draft.settings
    if not film:
        key = "max_iteraciones" if "max_iteraciones" in settings else "max_iterations"
        steps = settings.integer(key) or -1
        shown = steps if 0 < steps <= 10_000 else STILL_STEPS
        draft.put("guidance.first_steps", shown, f"{key}: all of them" if steps == shown else "")
        draft.put("guidance.steps", 0)
        draft.take(*([key] if steps == shown else []))
        draft.near(settings.given(key), f"without end there; {STILL_STEPS} here")
        return
    key = "iterations_per_frame"
    try:
        steps_ = curve_over(settings.get(key) or 10, clock)
        first = int(next(iter(numbers_of(settings.get(key) or 10, clock).values())))
    except Untranslatable as error:
        draft.refuse(key, str(error))
        return
    whole = constant_of(steps_)
    draft.put("guidance.steps", int(whole) if whole is not None else steps_, key)
    draft.put("guidance.first_steps", max(first, 1), key)
    draft.take(key)
