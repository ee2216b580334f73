"""Settings of Deforum: of the notebook, and of the extension for the web UIs (A1111, Forge)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vqanim.errors import UsageError
from vqanim.importers.clock import MAX_FRAMES, Clock
from vqanim.importers.curves import clamped, scaled
from vqanim.importers.deforum_camera import put_camera, size_of
from vqanim.importers.deforum_prompts import NEGATIVE, NEGATIVE_KEYS, POSITIVE_KEYS, clean, put_prompts
from vqanim.importers.draft import AT_REST, LIMITS, UNKNOWN, Draft, plain
from vqanim.importers.reading import Settings, SettingsFile, settings_from
from vqanim.importers.recognition import SHARED, Evidence, by_names
from vqanim.importers.schedules import read_schedules

__all__ = ["NEGATIVE", "NEGATIVE_KEYS", "POSITIVE_KEYS", "READS", "STEPS", "STRENGTH", "clean", "draft_of"]
__all__ += ["knows", "put_prompts", "read", "recognizes"]

READS = "Deforum settings"
OWN = re.compile(
    "animation_prompts.*|prompts_(?:positive|negative)|neg_prompts|.*_schedule|diffusion_cadence|color_coherence|"
    "seed_behavior|seed_iter_N|use_init|strength_0_no_init|n_batch|ddim_eta|border|flip_2d_perspective|"
    "(?:perspective_flip|enable_perspective|transform_center|parseq|hybrid|cn_\\d|freeu|kohya|deforum)_.*"
)
"""What only Deforum has."""
LEADING = (SHARED - {"seed", "width", "height", "fps", "init_image", "steps", "key_frames"}) | {
    "W",
    "H",
    "strength",
}
"""What makes sure of Deforum where no other tool has a part in it."""
SETTINGS = LEADING | {"animation_prompts", "prompts"}
"""One of them is enough where the tool was named."""
STEPS, STRENGTH = 6.0, 0.65  # our steps a frame stand for what Deforum's usual strength leaves of its own
NOISE = 0.3
"""Of Deforum's amount: half, as its pictures run from -1 to 1, and less, as Perlin noise is calmer."""
DEFAULT_FPS, DEFAULT_FRAMES = 15, 120
_ANEW = f"how much of a frame is painted anew: {STEPS:g} guidance.steps for a strength of {STRENGTH:g}"
_DOSES = (
    ("noise_schedule", "carry.noise", (NOISE, 0.0), f"carry.noise is {NOISE:g} of it: another kind of noise"),
    ("amount_schedule", "carry.sharpen", (1.0, 0.0), ""),
    ("strength_schedule", "guidance.steps", (-STEPS / (1 - STRENGTH), STEPS / (1 - STRENGTH)), _ANEW),
)
"""Of each schedule: the curve here, a factor and an offset that lead to it, and what differs."""
_OLD_DOSES = {"strength_schedule": "previous_frame_strength", "noise_schedule": "previous_frame_noise"}
"""What the first notebooks have in their place."""
_SAMPLER = "the sampler of Stable Diffusion"
_FILES = "files of that program"
_GUIDED = "prompts with {image: ...} and weights over time"
_REASONS: Mapping[str, str] = {
    f"{_SAMPLER}: guidance.steps and weights say how strongly is painted": """
        sampler scheduler scale cfg_scale_schedule distilled_cfg_scale_schedule steps_schedule steps ddim_eta
        dynamic_threshold static_threshold sampler_schedule scheduler_schedule ancestral_eta_schedule
        pix2pix_img_cfg_scale_schedule noise_multiplier_schedule clipskip_schedule sampler_name C f""",
    _SAMPLER: "ddim_eta*",
    "the model: models says which VQGAN paints and which CLIP judges": """
        checkpoint_schedule model_checkpoint model_config sd_*""",
    "depth: the picture is moved as one plane, bicubic": """
        use_depth_warping depth_algorithm midas_weight near_schedule far_schedule near_plane far_plane fov
        sampling_mode aspect_ratio_use_old_formula""",
    "contrast that builds up from frame to frame: carry.match_colors holds it; effects has contrast": """
        contrast_schedule""",
    "how sharpening looks: carry.sharpen is of 1 px, carry.match_detail holds the sharpness besides": """
        kernel_schedule sigma_schedule threshold_schedule""",
    "the kind of noise": "noise_type use_noise_mask noise_mask_schedule perlin_*",
    f"guided images: {_GUIDED}": """
        use_looper blendFactorMax blendFactorSlope tweening_frames_schedule color_correction_factor
        image_*""",
    f"guided images and latents: {_GUIDED}": "init_*",
    "optical flow and repeated painting: frames between are moved along the camera": """
        cadence_flow_factor_schedule redo_flow_factor_schedule diffusion_redo""",
    "optical flow": "optical_flow_*",
    "files and windows of that program: vqanim render --out, vqanim encode, vqanim preview": """
        batch_name outdir timestring filename_format n_batch n_samples make_grid grid_rows display_samples
        image_path mp4_path ffmpeg_location ffmpeg_crf ffmpeg_preset ffmpeg_outdir render_steps
        path_name_modifier store_frames_in_ram delete_imgs delete_input_frames make_gif show_info_on_ui
        motion_preview_mode deforum_git_commit_id show_sample_per_step max_video_frames
        log_weighted_subprompts overwrite_extracted_frames skip_video_for_run_all""",
    f"{_FILES}: frames are always kept, vqanim encode makes films of them": "save_*",
    f"{_FILES}: vqanim encode makes films": "skip_video*",
    "masks: inside and outside of a prompt": """
        full_res_mask full_res_mask_padding fill overlay_mask use_alpha_as_mask use_mask_video mask_*""",
    "details of Stable Diffusion and its extension": """
        tiling restore_faces reroll_blank_frames reroll_patience strength strength_0_no_init
        color_force_grayscale legacy_colormatch normalize_prompt_weights prompt_weighting
        bit_depth_output add_init_noise init_noise precision mean_scale var_scale exposure_scale
        exposure_target""",
    "conditioning of Stable Diffusion by other networks": """
        colormatch_* aesthetics_* clip_* blue_scale gradient_* decode_method clamp_* cond_* ignore_sat_weight
        cut_pow cutn""",
    "frames between prompts: weights are written as keyframes": """
        interpolate_key_frames interpolate_x_frames""",
    "prompts": "prompts animation_prompts prompt",
    "straight lines between the keyframes": "interp_spline key_frames",
    AT_REST: """
        zoom angle translation_x translation_y translation_z border padding_mode fov_schedule
        aspect_ratio_schedule flip_2d_perspective perspective_flip_* rotation_3d_* transform_center_*""",
    "hybrid video: a film cannot be painted over": "hybrid_*",
    "FreeU, of Stable Diffusion": "freeu_*",
    "Kohya HR fix, of Stable Diffusion": "kohya_*",
    "enlarging: vqanim encode --upscale": "r_upscale_*",
    "frames between: a higher fps with guidance.rate, and output.smooth": "frame_interpolation_*",
    "Parseq: an address is not fetched; save the manifest as a file and import that": "parseq_*",
    "color coherence with a video or picture": "color_coherence_*",
    "a switch of what is not here": "enable_*",
    "seeds over time: every frame has random numbers of its own, from seed": "subseed* seed_*",
    "going on: the same vqanim render continues": "resume_*",
    "a film as input": "video_* extract_*",
    "AnimateDiff": "animatediff_*",
    "a shaken camera: effects has shake": "shake_*",
}
"""What there is here instead of keys that have no equal; an asterisk stands for any ending."""
_REASON_OF = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}
_NO_CONTRAST = re.compile(r"\s*0\s*:\s*\(?\s*1(\.0*)?\s*\)?\s*")
# One of them switches all of these keys on.
_SWITCHES = {"hybrid_*": ("hybrid_composite", "hybrid_motion"), "freeu_*": ("freeu_enabled",)}
_SWITCHES |= {"kohya_*": ("kohya_hrfix_enabled",), "r_upscale_*": ("r_upscale_video",)}
_SWITCHES |= {"parseq_*": ("parseq_manifest",), "resume_*": ("resume_from_timestring",)}
_SWITCHES |= {"frame_interpolation_*": ("frame_interpolation_engine",)}
_SWITCHES |= {"optical_flow_*": ("optical_flow_cadence", "optical_flow_redo_generation")}


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only it has; by those that it shares where there are no others."""
    return by_names(file, "Deforum", lambda name: bool(OWN.fullmatch(name)), knows, LEADING)


def knows(name: str) -> bool:
    """Whether Deforum has a setting of this name."""
    return name in SETTINGS | SHARED or bool(OWN.fullmatch(name)) or bool(_known_reason(name))


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    settings = settings_from(_data(file), file, READS, SETTINGS)
    return draft_of(settings, file, scene_folder, READS, put_prompts)


def draft_of(
    settings: Settings,
    file: SettingsFile,
    scene_folder: Path,
    source: str,
    put_texts: Callable[[Draft, Clock], None],
) -> Draft:
    """The draft of Deforum's settings, whoever made them. put_texts: writes prompts. Raises UsageError."""
    draft = Draft(source, file.name, settings, (file.folder, scene_folder))
    draft.clock = clock = _put_clock(draft)
    width, height = size_of(settings)
    draft.put("size", f"[{width}, {height}]", "W, H; half of it is four times as fast")
    draft.take("W", "H", "width", "height")
    draft.put("models", "pocket", "come along with vqanim; large ones: see vqanim models list")
    _put_start_and_sound(draft)
    put_texts(draft, clock)
    put_camera(draft, clock)
    _put_doses(draft, clock)
    draft.leave_others(lambda key: _reason(key, settings))
    return draft


def _data(file: SettingsFile) -> Any:
    if file.json is None or file.is_notebook:
        names = [name for name in file.assigned.values if knows(name)]
        return file.assigned.settings(names) if file.has_fields else file.assigned.values
    if isinstance(file.json, Mapping) and SETTINGS.isdisjoint(file.json):
        # Of the web UI's API they lie in a mapping of their own.
        inside = (inner.json for inner in file.inside())
        return next((value for value in inside if not LEADING.isdisjoint(value)), file.json)
    return file.json


def _put_clock(draft: Draft) -> Clock:
    settings, seed = draft.settings, draft.settings.integer("seed") or 0
    if seed < 0:
        draft.near("seed", f"{seed} takes another one each time; here it is 0 until you change it")
        seed = 0
    elif seed:
        draft.put_seed(seed, "seed")
    draft.take("seed")
    frames, rate = settings.number("max_frames", DEFAULT_FRAMES), settings.number("fps", DEFAULT_FPS)
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"max_frames: found {frames:.12g}, allowed are 1 to {MAX_FRAMES}")
    if not 1 <= rate <= 240:
        draft.near("fps", f"{rate:g} is no frame rate; {DEFAULT_FPS} is taken")
        rate = DEFAULT_FPS
    clock = Clock(Fraction(str(rate)), int(frames), seed)
    draft.put("fps", clock.fps_text, "fps" if "fps" in settings else f"not said; {DEFAULT_FPS} is usual")
    # In seconds where that is short, else in frames.
    milliseconds = clock.second(clock.frames) * 1000
    seconds = f"{float(milliseconds / 1000):g}s" if milliseconds.denominator == 1 else f"{clock.frames}f"
    draft.put("duration", seconds, f"max_frames {clock.frames}")
    draft.take("fps", "max_frames")
    return clock


def _put_start_and_sound(draft: Draft) -> None:
    name = str(draft.settings.get("init_image") or "None")
    keys = draft.settings.given("use_init", "init_image")
    used = draft.settings.is_on("use_init") and name != "None"
    if used and (path := draft.file(name, keys, "start: {image: ...}")):
        draft.put("start", f"{{image: {path}}}", "init_image")
        strength = draft.settings.given("strength")
        draft.near(strength, "an image is the first frame as it is; guidance.first_steps paints on it")
    draft.take(*keys)
    name = str(draft.settings.get("soundtrack_path") or "")
    keys = draft.settings.given("add_soundtrack", "soundtrack_path")
    used = bool(name) and draft.settings.word("add_soundtrack", "None") != "None"
    if used and (path := draft.file(name, keys, "soundtrack: song.mp3")):
        draft.put("soundtrack", path, "soundtrack_path")
    draft.take(*keys)


def _put_doses(draft: Draft, clock: Clock) -> None:
    coherence = draft.settings.word("color_coherence")
    if coherence == "None":
        draft.put("carry.match_colors", 0, "color_coherence None")
    elif coherence:
        differs = "carry.match_colors holds colors to an earlier frame with the same prompts"
        draft.near("color_coherence", f"{plain(coherence)}: {differs}")
    draft.take("color_coherence")
    keys = {key: key for key, *_ in _DOSES}
    keys |= {key: old for key, old in _OLD_DOSES.items() if key not in draft.settings}
    found = read_schedules(draft, list(keys.values()), clock)
    for key, path, (factor, offset), differs in _DOSES:
        key = keys[key]
        if key in found:
            weaker = factor < 0
            low, high = LIMITS[path]
            values = np.clip(found[key].values, 0, 1) if weaker else found[key].values
            readable = clamped(scaled(found[key].curve, factor, offset), low, high)
            origin = f"{key}: weaker is more steps" if weaker else key
            draft.put_values(path, values * factor + offset, origin, readable)
            draft.near(key if differs else (), differs)
            draft.take(key)
    cadence, fps = draft.settings.number("diffusion_cadence", 1), draft.settings.number("fps", DEFAULT_FPS)
    if cadence > 1 and fps / cadence >= 1 and 1 <= fps <= 240:
        draft.put("guidance.rate", str(Fraction(str(fps)) / int(cadence)), "diffusion_cadence")
    draft.take("diffusion_cadence")


def _reason(key: str, settings: Settings) -> str:
    if key.startswith("cn_"):
        unit = "_".join(key.split("_")[:2])
        return "ControlNet" if _is_on(settings.get(f"{unit}_enabled")) else AT_REST
    if key == "contrast_schedule" and _NO_CONTRAST.fullmatch(settings.word(key)):
        return AT_REST
    family = _family(key)
    reason = _known_reason(key) or UNKNOWN
    on = [_is_on(settings.get(switch)) for switch in _SWITCHES.get(family, [key])]
    return reason if reason == UNKNOWN or (_is_on(settings[key]) and any(on)) else AT_REST


def _family(key: str) -> str:
    return next((name for name in _REASON_OF if name[-1] == "*" and key.startswith(name[:-1])), "")


def _known_reason(key: str) -> str:
    return _REASON_OF.get(key) or _REASON_OF.get(_family(key), "")


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() not in ("", "none", "false", "0", "disabled", "no", "null")
