"""Configurations of pytti: YAML with scenes such as `a castle:1 | fog:-0.5 || a city`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.deforum_values import is_on, number_of
from vqanim.importers.draft import Draft, path_of, plain, quoted
from vqanim.importers.formulas import shortened
from vqanim.importers.pytti_camera import put_camera
from vqanim.importers.pytti_keys import reason_for
from vqanim.importers.pytti_prompts import USUAL, Around, Times, formula, put_prompts
from vqanim.importers.pytti_sound import put_sound
from vqanim.importers.schedules import MAX_FRAMES
from vqanim.importers.values import number, time, yaml

MOST_SCENES = 500
MOST = 10_000
"""Steps of a frame."""
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
    signals = put_sound(settings, draft, folders, scene_folder)
    around = Around(draft, times, (folders, scene_folder), signals)
    put_prompts(settings, scenes, around)
    put_camera(settings, draft, float(times.fps), signals)
    _guidance(settings, around)
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


def _guidance(settings: Mapping[str, Any], around: Around) -> None:
    draft, times = around.draft, around.times
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
    _stabilize(settings, around)


def _stabilize(settings: Mapping[str, Any], around: Around) -> None:
    draft = around.draft
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
            curve = formula(text, key, around, 1.0)
            draft.put("guidance.stay_near", f"{{in: {where}, weight: {yaml(curve)}}}", key)
            draft.near(key, f"guidance.stay_near, to the frame before, in {where}")
