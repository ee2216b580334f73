"""Settings of Disco Diffusion, versions 1 to 5: the JSON that it saves, and its notebook.

Its prompts are `{"0": ["a lighthouse:2", "fog:-1"], "100": ["a castle"]}`; up to version 3 one list. Its
camera is Deforum's, which grew out of it, with square pixels in 3D and a picture that wraps around in 2D.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.deforum import STEPS, STRENGTH
from vqanim.importers.draft import AT_REST, UNKNOWN, Draft, plain, quoted
from vqanim.importers.keyframes import DEEP_MOVES, MOVES, Pull, put_moves, put_pulls
from vqanim.importers.reading import Settings, SettingsFile, settings_from
from vqanim.importers.recognition import SHARED, Evidence, by_names
from vqanim.importers.schedules import MAX_FRAMES, Clock

READS = "Disco Diffusion settings"
OWN = frozenset(
    """clip_guidance_scale tv_scale range_scale sat_scale cutn cutn_batches cut_overview cut_innercut
    cut_ic_pow cut_icgray_p image_prompts frames_scale frames_skip_steps skip_steps skip_timesteps init_scale
    skip_augs perlin_init perlin_mode randomize_class clip_denoised clamp_grad clamp_max fuzzy_prompt rand_mag
    eta diffusion_model use_secondary_model diffusion_steps diffusion_sampling_mode timestep_respacing
    use_checkpoint midas_depth_model turbo_mode turbo_steps turbo_preroll video_init_path extract_nth_frame
    video_init_seed_continuity video_init_steps video_init_clip_guidance_scale video_init_tv_scale
    video_init_range_scale video_init_sat_scale video_init_cutn_batches video_init_skip_steps
    video_init_frames_scale video_init_frames_skip_steps video_init_flow_warp video_init_flow_blend
    video_init_check_consistency video_init_blend_mode use_horizontal_symmetry use_vertical_symmetry
    transformation_percent set_seed width_height interp_spline vr_mode vr_eye_angle vr_ipd
    intermediate_saves intermediates_in_subfolder SLIPB16 SLIPL16""".split()
)
"""What only Disco Diffusion has."""
PERCEPTORS = {
    "ViTB32": "ViT-B/32",
    "ViTB16": "ViT-B/16",
    "ViTL14": "ViT-L/14",
    "ViTL14_336px": "ViT-L/14@336px",
}
PERCEPTORS |= {name: name for name in ("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64")}
FPS, STEPS_THERE = 12, 250  # of its notebook
STILL_SECONDS = 10
MAX_KEYED = 1000  # frames with prompts of their own
_WEIGHT = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?\s*", re.ASCII | re.IGNORECASE)
_BORDERS = ("border", "reflection", "zeros")
_SAMPLER = (
    "how a diffusion model is guided: weights of prompts and guidance.steps say how strongly is painted"
)
_REASONS: Mapping[str, str] = {
    _SAMPLER: """
        clip_guidance_scale steps eta clamp_grad clamp_max clip_denoised randomize_class diffusion_steps
        diffusion_sampling_mode timestep_respacing rand_mag fuzzy_prompt skip_augs use_checkpoint""",
    "the diffusion model: a VQGAN paints here, see models": """
        diffusion_model use_secondary_model diffusion_model_config custom_path SLIPB16 SLIPL16""",
    "smoothness, range and saturation: guidance.smoothing, carry.match_colors": """
        tv_scale range_scale sat_scale""",
    "how pieces are cut; guidance.cutouts says how many": """
        cutn cutn_batches cut_overview cut_innercut cut_ic_pow cut_icgray_p""",
    "holds to the frame before: guidance.stay_near": "frames_scale",
    "holds to the first picture: guidance.stay_near with to: start": "init_scale",
    "how much of a first picture stays: guidance.first_steps": "skip_steps skip_timesteps",
    "noise as the first picture: start: noise": "perlin_init perlin_mode",
    "depth: the picture is moved as one plane, bicubic": """
        midas_depth_model midas_weight near_plane far_plane sampling_mode""",
    "a film cannot be painted over": """
        video_init_path extract_nth_frame video_init_seed_continuity video_init_steps
        video_init_clip_guidance_scale video_init_tv_scale video_init_range_scale video_init_sat_scale
        video_init_cutn_batches video_init_skip_steps video_init_frames_scale video_init_frames_skip_steps
        video_init_flow_warp video_init_flow_blend video_init_check_consistency video_init_blend_mode
        persistent_frame_output_in_batch_folder force_flow_generation""",
    "a picture that mirrors itself": """
        use_horizontal_symmetry use_vertical_symmetry transformation_percent""",
    "two eyes": "vr_mode vr_eye_angle vr_ipd",
    "the first frames of turbo mode, which are all painted": "turbo_preroll",
    "files and windows of that program: vqanim render --out": """
        batch_name display_rate n_batches resume_run run_to_resume resume_from_frame retain_overwritten_frames
        intermediate_saves intermediates_in_subfolder skip_video_for_run_all check_model_SHA google_drive
        save_models_google_drive yes_please google_drive_folder simple_nvidia_smi_display skip_for_run_all
        use_google_drive force_download folder run init_frame last_frame batchNum blend view_video_in_cell""",
}
"""What there is here instead of keys that have no equal."""
_REASON_OF = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}
_TAKEN = frozenset("text_prompts image_prompts animation_mode max_frames key_frames init_image".split())


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only it has; `text_prompts` are texts by frame, or a list of texts."""
    prompts = file.keys.get("text_prompts")
    is_list = isinstance(prompts, list) and all(isinstance(text, str) for text in prompts)

    def owns(name: str) -> bool:
        return name in OWN or (name == "text_prompts" and (is_list or isinstance(prompts, Mapping)))

    return by_names(file, "Disco Diffusion", owns, knows)


def knows(name: str) -> bool:
    """Whether Disco Diffusion has a setting of this name."""
    return name in OWN | _TAKEN | SHARED or name in PERCEPTORS or name in _REASON_OF or "laion" in name


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    settings = settings_from(_data(file), file, READS, OWN | {"text_prompts"})
    draft = Draft(READS, file.name, settings, (file.folder, scene_folder))
    mode = settings.word("animation_mode", "None")
    clock = _put_clock(draft, mode)
    _put_models(draft)
    _put_start(draft)
    _put_prompts(draft, clock)
    _put_camera(draft, clock, mode)
    _put_guidance(draft, clock, mode)
    draft.leave_others(lambda key: _reason(key, settings))
    return draft


def _data(file: SettingsFile) -> Any:
    data = file.json
    if data is None or file.has_fields:
        data = file.assigned.settings([*filter(knows, file.assigned.values), "prompts"])
    if not isinstance(data, Mapping):
        return data
    if "text_prompts" not in data and isinstance(data.get("prompts"), list):  # of the notebooks before it
        return {"text_prompts" if key == "prompts" else key: value for key, value in data.items()}
    return data


def _reason(key: str, settings: Settings) -> str:
    if key in (*MOVES, *DEEP_MOVES, "fov", "padding_mode", "interp_spline", "frames_skip_steps"):
        return AT_REST
    if key.startswith(("ViT", "RN50_", "RN101_", "RN50x")):
        return AT_REST if not settings.is_on(key) else "a CLIP that is not known here; see models.perceptor"
    return _REASON_OF.get(key, UNKNOWN)


def _put_clock(draft: Draft, mode: str) -> Clock:
    settings = draft.settings
    sides = settings.get("width_height") or _native_size(settings)
    if isinstance(sides, list | tuple) and len(sides) == 2:
        settings = Settings({**settings, "width": sides[0], "height": sides[1]})
    width, height = settings.whole("width", 1280, 16, 4096), settings.whole("height", 768, 16, 4096)
    origin = "width_height" if "width_height" in draft.settings else "width, height"
    draft.put("size", f"[{width}, {height}]", f"{origin}; half of it is four times as fast")
    draft.take("width", "height", "width_height")
    draft.take("width_height_for_512x512_models", "width_height_for_256x256_models")
    rate = settings.number("fps", FPS)
    if not 1 <= rate <= 240:
        draft.near("fps", f"{rate:g} is no frame rate; {FPS} is taken")
        rate = FPS
    frames = settings.number("max_frames", 10_000)
    fps = Fraction(str(rate))
    if mode not in ("2D", "3D", "Video Input"):
        frames = float(STILL_SECONDS * fps)
        draft.put("kind", "timelapse", f"animation_mode {plain(mode)}: one picture comes into being")
        draft.leave(settings.given("max_frames"), f"does nothing with animation_mode {plain(mode)}")
    elif not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"{draft.name}: max_frames: found {frames:.12g}, allowed are 1 to {MAX_FRAMES}")
    seed = next((found for key in ("seed", "set_seed") if (found := settings.integer(key)) is not None), None)
    if seed is not None and seed >= 0:
        draft.put_seed(seed, "seed" if "seed" in settings else "set_seed")
        draft.take("seed", "set_seed")
    else:
        draft.near(settings.given("seed", "set_seed"), "there another one each time; here it is 0")
    clock = Clock(fps, int(frames), seed or 0)
    draft.put(
        "fps", clock.fps_text, "fps" if "fps" in settings else f"not saved there; {FPS} is its notebook's"
    )
    draft.put(
        "duration", f"{clock.frames}f", f"max_frames {clock.frames}" if "kind" not in draft.fields else ""
    )
    draft.take("fps", "max_frames", "key_frames")
    return clock


def _native_size(settings: Settings) -> Any:
    """What later notebooks ask for by the size of the diffusion model."""
    side = "256x256" if "256" in settings.word("diffusion_model") else "512x512"
    return settings.get(f"width_height_for_{side}_models")


def _put_models(draft: Draft) -> None:
    chosen = [name for key, name in PERCEPTORS.items() if draft.settings.is_on(key)]
    draft.put_models("imagenet-16384", *(chosen or ["ViT-B/32"]))
    draft.take(*PERCEPTORS)


def _put_start(draft: Draft) -> None:
    name = str(draft.settings.get("init_image") or "None")
    if name.lower() != "none" and (path := draft.file(name, "init_image", "start: {image: ...}")):
        draft.put("start", f"{{image: {path}, fit: stretch}}", "init_image")
        keys = draft.settings.given("skip_steps", "skip_timesteps")
        draft.near(keys, "an image is the first frame as it is; guidance.first_steps paints on it")
    draft.take("init_image")


def _put_prompts(draft: Draft, clock: Clock) -> None:
    for key in ("text_prompts", "image_prompts"):
        frames = dict(_lists(draft, key))
        if len(frames) > MAX_KEYED:
            raise UsageError(
                f"{draft.name}: {key}: found {len(frames)} frames, allowed are at most {MAX_KEYED}"
            )
        pulls = {
            frame: [pull for text in texts for pull in _pull(draft, key, text)]
            for frame, texts in frames.items()
        }
        if any(pulls.values()) and "kind" in draft.fields:  # one picture, whose frame is the first
            put_pulls(draft, pulls, Clock(clock.fps, 1))
            draft.near(key if len(pulls) > 1 else (), "a single picture has the prompts of its first frame")
        elif any(pulls.values()):
            put_pulls(draft, pulls, clock)
        draft.take(key)


def _lists(draft: Draft, key: str) -> Iterator[tuple[int, list[str]]]:
    """The prompts of each frame, ascending; a list alone is for all of them."""
    value = draft.settings.get(key) or {}
    given = value if isinstance(value, Mapping) else {0: value}
    for frame, texts in sorted(given.items(), key=lambda item: str(item[0]).zfill(12)):
        if not str(frame).strip().isdecimal():
            draft.leave(key, f"{plain(str(frame))[:40]} is no frame: allowed are whole numbers from 0")
            continue
        found = texts if isinstance(texts, list | tuple) else [texts]
        yield int(str(frame)), [str(text) for text in found if str(text).strip()]


def _pull(draft: Draft, key: str, text: str) -> Iterator[Pull]:
    """`a castle:2`; a colon without a number behind it is part of the text, or of an address."""
    words, weight = text, 1.0
    head, colon, tail = text.rpartition(":")
    if colon and _WEIGHT.fullmatch(tail):
        words, weight = head, float(tail)
    if key == "text_prompts":
        if plain(words):
            yield Pull((("text", quoted(words)),), weight)
    elif path := draft.file(words.strip(), key, "{image: ...} into prompts"):
        yield Pull((("image", path),), weight)


def _put_camera(draft: Draft, clock: Clock, mode: str) -> None:
    settings = draft.settings
    spline = settings.word("interp_spline", "Linear")
    if spline != "Linear":
        draft.near("interp_spline", f"{plain(spline)}: here straight lines lead from key to key")
    if mode == "Video Input":
        draft.leave("animation_mode", f"{mode}: a film cannot be painted over; its prompts are here alone")
        return
    if mode not in ("2D", "3D"):
        still = "a single picture; vqanim image paints it without the film"
        draft.near("animation_mode" if "animation_mode" in settings else "one picture", still)
        return
    width, height = draft.fields["size"].yaml.strip("[]").split(", ")
    given: dict[str, Any] = {"W": width, "H": height, "border": "wrap"}
    names = {"W": "", "H": "", "border": ""}
    if mode == "3D":
        padding = settings.word("padding_mode", "border")
        given = {"W": width, "H": height, "padding_mode": padding if padding in _BORDERS else "border"}
        given |= {"fov_schedule": settings.number("fov", 40), "aspect_ratio_schedule": 1}
        given |= {"aspect_ratio_use_old_formula": False}
        names = {"W": "", "H": "", "fov_schedule": "fov", "aspect_ratio_schedule": ""}
        names |= {"aspect_ratio_use_old_formula": ""}
    put_moves(draft, clock, mode, given, names)
    draft.take("interp_spline")


def _put_guidance(draft: Draft, clock: Clock, mode: str) -> None:
    settings = draft.settings
    steps = settings.whole("steps", STEPS_THERE, 1, 10_000)
    if mode not in ("2D", "3D", "Video Input"):
        draft.put("guidance.first_steps", steps, "steps: all of them")
        draft.put("guidance.steps", 0)
        draft.take("steps")
        draft.leave(settings.given("frames_skip_steps", "turbo_mode", "turbo_steps"), AT_REST)
        return
    draft.put("guidance.first_steps", steps, "steps")
    draft.take("steps")
    key = "video_init_frames_skip_steps" if mode == "Video Input" else "frames_skip_steps"
    skipped = Settings({key: settings.word(key, "60%").strip().rstrip("%")}).number(key, 60) / 100
    kept = round(min(max(1 - skipped, 0.0), 1.0) * STEPS / (1 - STRENGTH))
    draft.put("guidance.steps", kept, f"{key}: more is skipped, less is painted")
    draft.near(settings.given(key), f"how much of a frame is painted anew: {kept} guidance.steps")
    every = settings.whole("turbo_steps", 3, 1, 100)
    if settings.is_on("turbo_mode") and mode == "3D" and every > 1 and clock.fps / every >= 1:
        draft.put("guidance.rate", str(clock.fps / every), "turbo_steps")
        draft.near(settings.given("turbo_mode", "turbo_steps"), "frames between are moved along the camera")
    else:
        draft.leave(settings.given("turbo_mode", "turbo_steps"), AT_REST)
