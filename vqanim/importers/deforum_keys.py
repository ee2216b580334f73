"""What there is here instead of those of Deforum's settings that have no equal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vqanim.importers.draft import AT_REST, UNKNOWN

_SAMPLER = "the sampler of Stable Diffusion"
_MODEL = "the model: models says which VQGAN paints and which CLIP judges"
_SEEDS = "seeds over time: every frame has random numbers of its own, from seed"
_MASKS = "masks: inside and outside of a prompt"
_GUIDED = "prompts with {image: ...} and weights over time"

# Reason, keys (an asterisk stands for any ending), and what switches them on.
_GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        f"{_SAMPLER}: guidance.steps and weights say how strongly is painted",
        "sampler scheduler scale cfg_scale_schedule distilled_cfg_scale_schedule steps_schedule steps "
        "ddim_eta dynamic_threshold static_threshold sampler_schedule scheduler_schedule "
        "ancestral_eta_schedule pix2pix_img_cfg_scale_schedule noise_multiplier_schedule clipskip_schedule "
        "precision C f",
        "",
    ),
    (_SAMPLER, "ddim_eta*", ""),
    (_MODEL, "checkpoint_schedule model_checkpoint model_config sd_*", ""),
    (
        "depth: the picture is moved as one plane, bicubic",
        "use_depth_warping depth_algorithm midas_weight near_schedule far_schedule near_plane far_plane fov "
        "sampling_mode aspect_ratio_use_old_formula",
        "",
    ),
    (
        "contrast that builds up from frame to frame: carry.match_colors holds it; effects has contrast",
        "contrast_schedule",
        "",
    ),
    (
        "how sharpening looks: carry.sharpen is of 1 px, carry.match_detail holds the sharpness besides",
        "kernel_schedule sigma_schedule threshold_schedule",
        "",
    ),
    ("the kind of noise", "noise_type use_noise_mask noise_mask_schedule perlin_*", ""),
    (
        f"guided images: {_GUIDED}",
        "use_looper blendFactorMax blendFactorSlope tweening_frames_schedule color_correction_factor image_*",
        "",
    ),
    (f"guided images and latents: {_GUIDED}", "init_*", ""),
    (
        "optical flow and repeated painting: frames between are moved along the camera",
        "cadence_flow_factor_schedule redo_flow_factor_schedule diffusion_redo",
        "",
    ),
    ("optical flow", "optical_flow_*", "optical_flow_cadence optical_flow_redo_generation"),
    (
        "files and windows of that program: vqanim render --out, vqanim encode, vqanim preview",
        "batch_name outdir timestring filename_format n_batch n_samples make_grid grid_rows display_samples "
        "image_path mp4_path ffmpeg_location ffmpeg_crf ffmpeg_preset ffmpeg_outdir render_steps "
        "path_name_modifier store_frames_in_ram delete_imgs delete_input_frames make_gif "
        "show_info_on_ui motion_preview_mode deforum_git_commit_id show_sample_per_step max_video_frames "
        "log_weighted_subprompts overwrite_extracted_frames skip_video_for_run_all",
        "",
    ),
    ("files of that program: frames are always kept, vqanim encode makes films of them", "save_*", ""),
    ("files of that program: vqanim encode makes films", "skip_video*", ""),
    (
        _MASKS,
        "full_res_mask full_res_mask_padding fill overlay_mask use_alpha_as_mask use_mask_video mask_*",
        "",
    ),
    (
        "details of Stable Diffusion and its extension",
        "tiling restore_faces reroll_blank_frames reroll_patience strength strength_0_no_init "
        "color_force_grayscale legacy_colormatch normalize_prompt_weights prompt prompt_weighting",
        "",
    ),
    (
        "frames between prompts: weights are written as keyframes",
        "interpolate_key_frames interpolate_x_frames",
        "",
    ),
    ("prompts", "prompts animation_prompts", ""),
    (
        AT_REST,
        "zoom angle translation_x translation_y translation_z border padding_mode fov_schedule "
        "aspect_ratio_schedule flip_2d_perspective perspective_flip_* rotation_3d_* transform_center_*",
        "",
    ),
    ("hybrid video: a film cannot be painted over", "hybrid_*", "hybrid_composite hybrid_motion"),
    ("FreeU, of Stable Diffusion", "freeu_*", "freeu_enabled"),
    ("Kohya HR fix, of Stable Diffusion", "kohya_*", "kohya_hrfix_enabled"),
    ("enlarging: vqanim encode --upscale", "r_upscale_*", "r_upscale_video"),
    (
        "frames between: a higher fps with guidance.rate, and output.smooth",
        "frame_interpolation_*",
        "frame_interpolation_engine",
    ),
    (
        "Parseq: its curves are not in the settings; write keyframes or expressions",
        "parseq_*",
        "parseq_manifest",
    ),
    ("color coherence with a video or picture", "color_coherence_*", ""),
    ("a switch of what is not here", "enable_*", ""),
    (_SEEDS, "subseed* seed_*", ""),
    ("going on: the same vqanim render continues", "resume_*", "resume_from_timestring"),
    ("a film as input", "video_* extract_*", ""),
    ("AnimateDiff", "animatediff_*", ""),
    ("a shaken camera: effects has shake", "shake_*", ""),
)
_REASONS = {key: (reason, on.split()) for reason, keys, on in _GROUPS for key in keys.split()}
_PREFIXES = {key[:-1]: found for key, found in _REASONS.items() if key.endswith("*")}
_NO_CONTRAST = re.compile(r"\s*0\s*:\s*\(?\s*1(\.0*)?\s*\)?\s*")


def reason_for(key: str, settings: Mapping[str, Any]) -> str:
    """Why a key is left out, with what there is instead."""
    if key.startswith("cn_"):
        unit = "_".join(key.split("_")[:2])
        return "ControlNet" if _is_on(settings.get(f"{unit}_enabled")) else AT_REST
    if key == "contrast_schedule" and _NO_CONTRAST.fullmatch(str(settings[key])):
        return AT_REST
    by_prefix = (found for prefix, found in _PREFIXES.items() if key.startswith(prefix))
    reason, switches = _REASONS.get(key) or next(by_prefix, (UNKNOWN, []))
    on = [_is_on(settings.get(switch)) for switch in switches]
    if reason == UNKNOWN or (_is_on(settings[key]) and (not switches or any(on))):
        return reason
    return AT_REST


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() not in ("", "none", "false", "0", "disabled", "no", "null")
