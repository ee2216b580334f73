"""What there is here instead of those of Deforum's settings that have no equal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

AT_REST = "off, empty or without effect in these settings"
UNKNOWN = "not known here"

_PREFIXES: tuple[tuple[str, str], ...] = (
    ("cn_", "ControlNet"),
    ("hybrid_", "hybrid video: a film cannot be painted over"),
    ("freeu_", "FreeU, of Stable Diffusion"),
    ("kohya_", "Kohya HR fix, of Stable Diffusion"),
    ("r_upscale_", "enlarging: vqanim encode --upscale"),
    ("frame_interpolation_", "frames between: a higher fps with guidance.rate, and output.smooth"),
    ("parseq_", "Parseq: its curves are not in the settings; write keyframes or expressions"),
    ("color_coherence_", "color coherence with a video or picture"),
    ("ddim_eta", "the sampler of Stable Diffusion"),
    ("enable_", "a switch of what is not here"),
    ("subseed", "seeds over time: every frame has random numbers of its own, from seed"),
    ("seed_", "seeds over time: every frame has random numbers of its own, from seed"),
    ("resume_", "going on: the same vqanim render continues"),
    ("mask_", "masks: inside and outside of a prompt"),
    ("video_", "a film as input"),
    ("extract_", "a film as input"),
    ("perlin_", "the kind of noise"),
    ("image_", "guided images: prompts with {image: ...} and weights over time"),
    ("save_", "files of that program: frames are always kept, vqanim encode makes films of them"),
    ("animatediff_", "AnimateDiff"),
    ("optical_flow_", "optical flow"),
    ("perspective_flip_", AT_REST),
    ("rotation_3d_", AT_REST),
    ("transform_center_", AT_REST),
    ("init_", "guided images and latents: prompts with {image: ...} and weights over time"),
    ("sd_", "the model: models says which VQGAN paints and which CLIP judges"),
    ("skip_video", "files of that program: vqanim encode makes films"),
    ("shake_", "a shaken camera: effects has shake"),
)

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "sampler scheduler scale cfg_scale_schedule distilled_cfg_scale_schedule steps_schedule steps "
        "ddim_eta dynamic_threshold static_threshold sampler_schedule scheduler_schedule "
        "ancestral_eta_schedule pix2pix_img_cfg_scale_schedule noise_multiplier_schedule clipskip_schedule "
        "precision C f",
        "the sampler of Stable Diffusion: guidance.steps and weights say how strongly is painted",
    ),
    (
        "checkpoint_schedule model_checkpoint model_config",
        "the model: models says which VQGAN paints and which CLIP judges",
    ),
    (
        "use_depth_warping depth_algorithm midas_weight near_schedule far_schedule near_plane far_plane fov "
        "sampling_mode aspect_ratio_use_old_formula",
        "depth: the picture is moved as one plane, bicubic",
    ),
    (
        "contrast_schedule",
        "contrast that builds up from frame to frame: carry.match_colors holds it; effects has contrast",
    ),
    (
        "kernel_schedule sigma_schedule threshold_schedule",
        "how sharpening looks: carry.sharpen is of 1 px, carry.match_detail holds the sharpness besides",
    ),
    ("noise_type use_noise_mask noise_mask_schedule", "the kind of noise"),
    (
        "use_looper blendFactorMax blendFactorSlope tweening_frames_schedule color_correction_factor",
        "guided images: prompts with {image: ...} and weights over time",
    ),
    (
        "cadence_flow_factor_schedule redo_flow_factor_schedule diffusion_redo",
        "optical flow and repeated painting: frames between are moved along the camera",
    ),
    (
        "batch_name outdir timestring filename_format n_batch n_samples make_grid grid_rows display_samples "
        "image_path mp4_path ffmpeg_location ffmpeg_crf ffmpeg_preset ffmpeg_outdir render_steps "
        "path_name_modifier store_frames_in_ram delete_imgs delete_input_frames make_gif "
        "show_info_on_ui motion_preview_mode deforum_git_commit_id show_sample_per_step max_video_frames "
        "log_weighted_subprompts overwrite_extracted_frames skip_video_for_run_all",
        "files and windows of that program: vqanim render --out, vqanim encode, vqanim preview",
    ),
    (
        "full_res_mask full_res_mask_padding fill overlay_mask use_alpha_as_mask use_mask_video",
        "masks: inside and outside of a prompt",
    ),
    (
        "tiling restore_faces reroll_blank_frames reroll_patience strength strength_0_no_init "
        "color_force_grayscale legacy_colormatch normalize_prompt_weights prompt prompt_weighting",
        "details of Stable Diffusion and its extension",
    ),
    (
        "interpolate_key_frames interpolate_x_frames",
        "frames between prompts: weights are written as keyframes",
    ),
    ("zoom angle translation_x translation_y translation_z border padding_mode fov_schedule", AT_REST),
    ("aspect_ratio_schedule flip_2d_perspective", AT_REST),
    ("prompts animation_prompts", "prompts"),
)
_REASONS = {key: reason for keys, reason in _GROUPS for key in keys.split()}

_OFF = ("", "none", "false", "0", "disabled", "no", "null")
_SWITCHES: Mapping[str, str] = {
    "hybrid_": "hybrid_composite hybrid_motion",
    "freeu_": "freeu_enabled",
    "kohya_": "kohya_hrfix_enabled",
    "r_upscale_": "r_upscale_video",
    "frame_interpolation_": "frame_interpolation_engine",
    "parseq_": "parseq_manifest",
    "resume_": "resume_from_timestring",
    "optical_flow_": "optical_flow_cadence optical_flow_redo_generation",
}
"""What switches the keys with a prefix on."""


def reason_for(key: str, settings: Mapping[str, Any]) -> str:
    """Why a key is left out, with what there is instead."""
    if key == "contrast_schedule" and re.fullmatch(r"\s*0\s*:\s*\(?\s*1(\.0*)?\s*\)?\s*", str(settings[key])):
        return AT_REST
    if key in _REASONS:
        return _REASONS[key] if _is_on(settings.get(key)) else AT_REST
    prefix, reason = next(
        ((start, said) for start, said in _PREFIXES if key.startswith(start)), ("", UNKNOWN)
    )
    if prefix == "cn_":
        unit = "_".join(key.split("_")[:2])
        return reason if _is_on(settings.get(f"{unit}_enabled")) else AT_REST
    switches = _SWITCHES.get(prefix, "").split()
    if prefix and not _is_on(settings.get(key)):
        return AT_REST
    if switches and not any(_is_on(settings.get(switch)) for switch in switches):
        return AT_REST
    return reason


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() not in _OFF
