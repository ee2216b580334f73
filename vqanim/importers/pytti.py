"""Configurations of pytti: YAML with scenes such as `a castle:1 | fog:-0.5 || a city`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import curves
from vqanim.importers.curves import number, shortened
from vqanim.importers.draft import UNKNOWN, Draft, plain
from vqanim.importers.pytti_camera import put_camera
from vqanim.importers.pytti_prompts import Film, divided, names_of, parse_formula, put_prompts
from vqanim.importers.reading import Settings, SettingsFile, parse_yaml, settings_from
from vqanim.importers.recognition import Evidence, by_names
from vqanim.importers.schedules import MAX_FRAMES, Clock
from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES

READS = "pytti settings"
KEYS = frozenset(("scenes", "steps_per_scene", "steps_per_frame", "image_model", "vqgan_model"))
"""One of them is enough where the tool was named."""
OWN = KEYS | frozenset(
    """scene_prefix scene_suffix interpolation_steps direct_image_prompts direct_init_weight
    semantic_init_weight pre_animation_steps lock_camera translate_x translate_y translate_z_3d rotate_3d
    rotate_2d zoom_x_2d zoom_y_2d field_of_view infill_mode border_mode input_audio
    input_audio_offset input_audio_filters frame_stride
    reencode_each_frame flow_long_term_samples direct_stabilization_weight semantic_stabilization_weight
    depth_stabilization_weight edge_stabilization_weight flow_stabilization_weight pixel_size smoothing_weight
    random_initial_palette palette_size palettes hdr_weight palette_normalization_weight target_palette
    lock_palette show_palette reset_lr_each_frame cutout_border file_namespace frames_per_second""".split()
)
"""What only pytti has."""
TAKEN = frozenset("cutouts learning_rate save_every animation_mode width height seed init_image".split())
MAX_SCENES = 500
MAX_STEPS = 10_000  # of a frame
PERCEPTORS = {"ViTB32": "ViT-B/32", "ViTB16": "ViT-B/16", "ViTL14": "ViT-L/14"}
PERCEPTORS |= {name: name for name in ("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64")}
GENERATORS = {"imagenet": "imagenet-16384", "coco": "coco-stuff", "wikiart": "wikiart-16384"}
GENERATORS |= {name: name for name in ("sflckr", "openimages")}
FILTERS = "input_audio_filters"
LOWEST, HIGHEST = 20.0, 16_000.0  # Hz
MAX_BANDS = 16
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_PULLS = {"direct_stabilization_weight": "latents", "edge_stabilization_weight": "content"}
_PULLS["semantic_stabilization_weight"] = "content"
"""What holds to the frame before, and in which terms."""
_REASONS: Mapping[str, str] = {
    "pixels and palettes: a VQGAN paints here": """
        pixel_size smoothing_weight random_initial_palette palette_size palettes gamma hdr_weight
        palette_normalization_weight show_palette target_palette lock_palette""",
    "how pieces are cut; guidance.cutouts says how many": "cut_pow cutout_border border_mode",
    "every frame begins afresh; memory is looked after": "reset_lr_each_frame gradient_accumulation_steps",
    "depth: the picture is moved as one plane, bicubic": "near_plane far_plane sampling_mode",
    "depth and flow: guidance.stay_near holds to the frame before": """
        depth_stabilization_weight flow_stabilization_weight flow_long_term_samples""",
    "a film cannot be painted over": "video_path frame_stride reencode_each_frame",
    "files and windows of that program: vqanim render --out": """
        file_namespace allow_overwrite display_every clear_every display_scale backups show_graphs
        approximate_vram_usage use_tensorboard models_parent_dir defaults conf device""",
}
"""What there is here instead of keys that have no equal."""
_REASON_OF = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only it has, of YAML, of JSON, or of a notebook's cells."""
    if isinstance(file.keys.get("scenes"), list | Mapping):  # of somebody else
        return Evidence(0)
    return by_names(file, "pytti", OWN.__contains__, knows)


def knows(name: str) -> bool:
    """Whether pytti has a setting of this name."""
    return name in OWN | TAKEN or name in PERCEPTORS or name in _REASON_OF


def _data(file: SettingsFile) -> Any:
    if file.has_fields:
        found = file.assigned.settings(filter(knows, file.assigned.values))
        return {"scenes" if key == "prompts" and "scenes" not in found else key: found[key] for key in found}
    if file.json is None:
        return parse_yaml(file)
    if not isinstance(file.json, Mapping):
        return file.json
    return {key: "" if value is None else value for key, value in file.json.items()}


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    settings = settings_from(_data(file), file, READS, KEYS)
    draft = Draft(READS, file.name, settings, (file.folder, scene_folder))
    scenes = [scene for scene in settings.word("scenes").split("||") if scene.strip(" ?")]
    if not scenes:
        draft.leave("scenes", "there are none: write prompts")
    if len(scenes) > MAX_SCENES:
        raise UsageError(f"{file.name}: scenes: found {len(scenes)}, allowed are at most {MAX_SCENES}")
    film = Film(settings, max(1, len(scenes)))
    if film.frames > MAX_FRAMES:
        raise UsageError(f"{file.name}: a film of {film.frames} frames, allowed are at most {MAX_FRAMES}")
    draft.clock = Clock(film.fps, film.frames)
    _put_frame(draft, film)
    _put_models(draft)
    _put_start(draft)
    _put_sound(draft)
    put_prompts(draft, film, scenes)
    put_camera(draft, float(film.fps))
    _put_guidance(draft, film)
    draft.leave_others(lambda key: _REASON_OF.get(key, UNKNOWN))
    return draft


def _put_frame(draft: Draft, film: Film) -> None:
    settings = draft.settings
    width, height = int(settings.number("width", 180)), int(settings.number("height", 112))
    if min(width, height) < 1:
        draft.near(settings.given("width", "height"), "-1 follows a picture; write size")
        width, height = 180, 112
    draft.put("size", f"[{min(width, 4096)}, {min(height, 4096)}]", "width, height")
    draft.put("fps", float(film.fps), "frames_per_second")
    seconds = Fraction(film.frames) / film.fps
    draft.put("duration", curves.time(seconds), f"{film.frames} frames of {film.every} steps")
    if not film.moves:
        draft.put("kind", "timelapse", "animation_mode off: one picture comes into being")
        draft.put("pace", "linear")
    seed = settings.integer("seed")
    if seed is not None:
        draft.put_seed(abs(seed), "seed", "seed, without its sign" if seed < 0 else "seed")
    else:
        draft.near(settings.given("seed"), "there another one each time; here it is 0 until you change it")
    draft.take("seed", "width", "height", "frames_per_second", "animation_mode", "steps_per_scene")
    draft.take("steps_per_frame", "pre_animation_steps", "save_every")


def _put_models(draft: Draft) -> None:
    settings = draft.settings
    image_model, model = settings.word("image_model", "VQGAN"), settings.word("vqgan_model", "sflckr")
    generator = GENERATORS.get(model, "imagenet-16384")
    if image_model != "VQGAN":
        draft.near("image_model", f"{plain(image_model)}: pixels and palettes; here a VQGAN paints")
        generator = "imagenet-16384"
    if model not in GENERATORS:
        draft.near("vqgan_model", f"{shortened(model)}: not known; {generator} paints instead")
    chosen = [name for key, name in PERCEPTORS.items() if settings.is_on(key)]
    draft.put_models(generator, *(chosen or ["ViT-B/32"]))
    draft.take("image_model", "vqgan_model", *PERCEPTORS)


def _put_start(draft: Draft) -> None:
    name = draft.settings.word("init_image").strip(" '")
    if name and (path := draft.file(name, "init_image", "start: {image: ...}")):
        draft.put("start", f"{{image: {path}, fit: stretch}}", "init_image")
    pulls = ("direct_init_weight", "semantic_init_weight")
    for key in pulls:
        if _weight(draft, key):
            draft.leave(key, "a pull to the first picture: guidance.stay_near with to: start")
    draft.take("init_image", *pulls)


def _weight(draft: Draft, key: str) -> str:
    """A weight without its mask; nothing for 0."""
    text = divided(draft.settings.word(key), "_", 1, names_of(draft))[0].strip()
    return "" if text == "0" else text


def _put_sound(draft: Draft) -> None:
    settings = draft.settings
    name = settings.word("input_audio").strip(" '")
    keys = [key for key in settings if key.startswith("input_audio")]
    if name and (path := draft.file(name, keys, "soundtrack: song.mp3 and signals")):
        start = max(0.0, settings.number("input_audio_offset", 0.0))
        draft.put("soundtrack", f"{{file: {path}, start: {number(start)}s}}", "input_audio")
        bands = dict(_bands(settings))
        shown = [f"{key}: {{band: [{number(low)}, {number(high)}]}}" for key, (low, high) in bands.items()]
        if shown:
            origin = FILTERS if FILTERS in settings else "the bands of input_audio"
            draft.put("signals", f"{{{', '.join(shown)}}}", origin)
        draft.signals = frozenset(bands)
        draft.near(keys, "bands are filtered over the whole song, and 1 where each is loudest")
        earlier = re.compile(rf"\b({'|'.join(map(re.escape, bands))})_prev\b" if bands else "(?!)")
        late = [key for key, value in settings.items() if earlier.search(str(value))]
        draft.near(late, "what ends in _prev is heard a frame before there, and at the same moment here")
    draft.take(*keys)


def _bands(settings: Settings) -> Iterator[tuple[str, tuple[float, float]]]:
    """Names and their lowest and highest pitch in Hz: around centers, or what two borders divide."""
    filters = settings.get(FILTERS)
    if isinstance(filters, list):
        for band in (Settings(found) for found in filters[:MAX_BANDS] if isinstance(found, Mapping)):
            name = band.word("variable_name")
            if _NAME.fullmatch(name) and name not in {*VARIABLES, *CONSTANTS, *FUNCTIONS, *SIGNALS}:
                center, width = band.number("f_center", 100), abs(band.number("f_width", 50))
                low = min(max(center - width / 2, LOWEST), HIGHEST - 1)
                yield name, (low, min(max(center + width / 2, low + 1), HIGHEST))
        return
    low = settings.number("input_audio_band_split_low_medium", 500.0)
    low = min(max(low, LOWEST + 1), HIGHEST - 2)
    high = min(max(settings.number("input_audio_band_split_medium_high", 3500.0), low + 1), HIGHEST - 1)
    yield from {"fLo": (LOWEST, low), "fMid": (low, high), "fHi": (high, HIGHEST)}.items()


def _put_guidance(draft: Draft, film: Film) -> None:
    settings = draft.settings
    steps, first_steps = min(film.every, MAX_STEPS), min(max(film.before, 1), MAX_STEPS)
    draft.put("guidance.steps", steps, "steps_per_frame" if film.moves else "save_every")
    draft.put("guidance.first_steps", first_steps, "pre_animation_steps")
    if (rate := settings.number("learning_rate", 0)) > 0:
        draft.put("guidance.learning_rate", rate, "learning_rate")
    if "cutouts" in settings:
        draft.put("guidance.cutouts", settings.whole("cutouts", 40, 1, 256), "cutouts")
    for key, where in _PULLS.items():
        text = _weight(draft, key)
        if text and "guidance.stay_near" in draft.fields:
            draft.leave(key, "a second pull to the frame before; guidance.stay_near is one")
        elif text:
            weight = curves.to_yaml(parse_formula(draft, text, key, 1.0))
            draft.put("guidance.stay_near", f"{{in: {where}, weight: {weight}}}", key)
            draft.near(key, f"guidance.stay_near, to the frame before, in {where}")
    draft.take("learning_rate", "cutouts", *_PULLS)
