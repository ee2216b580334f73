"""Settings of Deforum in the ways of its versions, written after its documentation: what each of them names.

Of every version its own keys and its own ways; the schedules are of the kinds that people share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Settings = dict[str, Any]

PULSE = "0: ((-0.17 * cos((120 / 120 * 3.141 * (t + 8) / 15))**0.90 + 0.42))"
SWAY = "0: ((1.5 * sin((140 / 60 * 3.141 * (t + 0) / 30))**1 + 0))"
BEATS = ", ".join(f"{frame}:({1 if frame % 4 else 6})" for frame in range(0, 120, 2))
LAYERS = "0:(" + "+".join(f"{1 / n:.3f}*sin(2*3.14159*t/{7 * n + 3}+{n})" for n in range(1, 14)) + ")"

NOTEBOOK_STILLS: Settings = {
    "W": 512, "H": 768, "seed": 42, "sampler": "klms", "steps": 50, "scale": 7, "ddim_eta": 0.0,
    "dynamic_threshold": None, "static_threshold": None, "save_samples": True, "save_settings": True,
    "display_samples": True, "n_batch": 2, "batch_name": "Still", "filename_format": "{index}.png",
    "seed_behavior": "iter", "make_grid": False, "grid_rows": 2, "use_init": False, "strength": 0.0,
    "init_image": "", "use_mask": False, "mask_file": "", "invert_mask": False, "n_samples": 1,
    "precision": "autocast", "C": 4, "f": 8, "prompt": "", "timestring": "", "init_latent": None,
    "init_sample": None, "init_c": None, "prompts": ["a lake by a painter", "a portrait by a painter"],
}  # fmt: skip
NOTEBOOK_01: Settings = {
    **NOTEBOOK_STILLS, "animation_mode": "2D", "max_frames": 100, "border": "wrap", "key_frames": True,
    "interp_spline": "Linear", "angle": "0:(0)", "zoom": "0: (1.04)", "translation_x": "0: (0)",
    "translation_y": "0: (0)", "color_coherence": "MatchFrame0", "previous_frame_noise": 0.02,
    "previous_frame_strength": 0.6, "prompts": {0: "a lake", 20: "a portrait"}, "interpolate_x_frames": 100,
}  # fmt: skip
NOTEBOOK_04: Settings = {
    **NOTEBOOK_STILLS, "animation_mode": "2D", "max_frames": 120, "border": "wrap", "angle": "0:(0)",
    "zoom": "0:(1.04)", "translation_x": "0:(10*sin(2*3.14*t/10))", "translation_y": "0:(0)",
    "translation_z": "0:(10)", "rotation_3d_x": "0:(0)", "rotation_3d_y": "0:(0)", "rotation_3d_z": "0:(0)",
    "flip_2d_perspective": False, "perspective_flip_theta": "0:(0)", "perspective_flip_phi": "0:(t%15)",
    "perspective_flip_gamma": "0:(0)", "perspective_flip_fv": "0:(53)", "noise_schedule": "0: (0.02)",
    "strength_schedule": "0: (0.65)", "contrast_schedule": "0: (1.0)",
    "color_coherence": "Match Frame 0 LAB", "diffusion_cadence": "1", "use_depth_warping": True,
    "midas_weight": 0.3, "near_plane": 200, "far_plane": 10000, "fov": 40, "padding_mode": "border",
    "sampling_mode": "bicubic", "save_depth_maps": False, "video_init_path": "video_in.mp4",
    "extract_nth_frame": 1, "interpolate_key_frames": False, "interpolate_x_frames": 4,
    "resume_from_timestring": False, "resume_timestring": "20220829210106",
    "prompts": {"a lake": 0, "a portrait": 20, "coconut": 30},
}  # fmt: skip
NOTEBOOK_07: Settings = {
    **NOTEBOOK_04, "kernel_schedule": "0: (5)", "sigma_schedule": "0: (1.0)", "amount_schedule": "0: (0.2)",
    "threshold_schedule": "0: (0.0)", "seed_iter_N": 1, "bit_depth_output": 8, "prompt_weighting": True,
    "normalize_prompt_weights": True, "log_weighted_subprompts": False, "mean_scale": 0, "var_scale": 0,
    "exposure_scale": 0, "exposure_target": 0.5, "colormatch_scale": 0, "clip_scale": 0, "cutn": 1,
    "add_init_noise": False, "init_noise": 0.01, "sampler_schedule": "0:('euler'),10:('dpm2')",
    "enable_schedule_samplers": False, "hybrid_motion": "None", "hybrid_comp_alpha_schedule": "0:(1)",
    "color_coherence_video_every_N_frames": 1, "color_force_grayscale": False, "use_mask_video": False,
    "animation_prompts": {"0": "apple:2 banana:-1", "60": "pear:`cos(6.28*t/30)` snow"},
    "neg_prompts": {"0": "mountain", "30": "fog"}, "prompts": {},
}  # fmt: skip
WEBUI: Settings = {
    "W": 640, "H": 384, "show_info_on_ui": True, "tiling": False, "restore_faces": False,
    "seed_resize_from_w": 0, "seed": -1, "sampler": "Euler a", "steps": 25, "batch_name": "Deforum",
    "seed_behavior": "iter", "seed_iter_N": 1, "use_init": False, "strength": 0.8, "strength_0_no_init": True,
    "init_image": "https://example.org/I1.png", "use_mask": False, "mask_file": "https://example.org/M1.jpg",
    "mask_overlay_blur": 4, "fill": 1, "full_res_mask": True, "reroll_blank_frames": "ignore",
    "prompts": {"0": "a bunny --neg nsfw", "30": "(a cat:1.3), fractals", "max_f/2": "a coconut --neg photo"},
    "animation_prompts_positive": "", "animation_prompts_negative": "nsfw, nude", "animation_mode": "2D",
    "max_frames": 120, "border": "replicate", "angle": "0:(0)",
    "zoom": "0:(1.0025+0.002*sin(1.25*3.14*t/30))", "translation_x": "0:(0)", "translation_y": "0:(0)",
    "translation_z": "0:(1.75)",
    "transform_center_x": "0:(0.5)", "transform_center_y": "0:(0.5)", "rotation_3d_x": "0:(0)",
    "rotation_3d_y": "0:(0)", "rotation_3d_z": "0:(0)", "enable_perspective_flip": False,
    "perspective_flip_theta": "0:(0)", "perspective_flip_phi": "0:(0)", "perspective_flip_gamma": "0:(0)",
    "perspective_flip_fv": "0:(53)", "noise_schedule": "0:(0.065)", "strength_schedule": "0:(0.65)",
    "contrast_schedule": "0:(1.0)", "cfg_scale_schedule": "0:(7)", "enable_steps_scheduling": False,
    "steps_schedule": "0:(25)", "fov_schedule": "0:(70)", "aspect_ratio_schedule": "0:(1)",
    "aspect_ratio_use_old_formula": False, "near_schedule": "0:(200)", "far_schedule": "0:(10000)",
    "seed_schedule": '0:(s), 1:(-1), "max_f-2":(-1), "max_f-1":(s)', "enable_subseed_scheduling": False,
    "subseed_schedule": "0:(1)", "subseed_strength_schedule": "0:(0)", "sampler_schedule": '0:("Euler a")',
    "mask_schedule": '0:("{video_mask}")', "checkpoint_schedule": '0:("a.ckpt"), 100:("b.safetensors")',
    "clipskip_schedule": "0:(2)", "noise_multiplier_schedule": "0:(1.05)", "kernel_schedule": "0:(5)",
    "sigma_schedule": "0:(1)", "amount_schedule": "0:(0.1)", "threshold_schedule": "0:(0)",
    "color_coherence": "LAB", "diffusion_cadence": 2, "optical_flow_cadence": "None", "noise_type": "perlin",
    "perlin_octaves": 4, "use_depth_warping": True, "padding_mode": "border", "hybrid_motion": "None",
    "hybrid_composite": "None", "hybrid_comp_alpha_schedule": "0:(0.5)", "parseq_manifest": "",
    "use_looper": False, "init_images": '{"0": "https://example.org/1.png"}', "cn_1_enabled": False,
    "cn_1_weight": "0:(1)", "image_strength_schedule": "0:(0.75)", "fps": 15, "add_soundtrack": "None",
    "frame_interpolation_engine": "None", "sd_model_name": "model.safetensors", "deforum_git_commit_id": "1",
}  # fmt: skip
STUDIO: Settings = {
    **{key: value for key, value in WEBUI.items() if key not in ("W", "H")},
    "width": 1024, "height": 576, "animation_mode": "3D", "max_frames": 181, "fps": 12, "zoom": "0: (0)",
    "transform_center_x": "0: (0)", "prompts": {"0": ""}, "sampler_name": "dpmpp_2m_sde_gpu",
    "strength_schedule": PULSE, "translation_z": "0: ((4 * cos((120 / 60* 3.141 * (t + 0) / 12))**1 + 0))",
    "rotation_3d_y": "0: ((1 * cos((120 / 240* 3.141 * t / 24))**1 + 0)*(1 * cos((3.141 * (t + 9) / 12 ))))",
    "noise_schedule": "0: (0.0), 5: (0.02), 178:(0.02), 176: (0)", "rotation_3d_z": SWAY,
    "translation_x": "0: (0), 90:((-2 * sin((120 / 240 * 3.141 * (t + 90) / 24))**1 + 0)), 150: (0)",
}  # fmt: skip


def corpus() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, settings) of every version, in its modes."""
    yield "notebook stills", NOTEBOOK_STILLS
    yield "notebook 0.1 2D", NOTEBOOK_01
    yield "notebook 0.4 2D", NOTEBOOK_04
    yield "notebook 0.4 3D", {**NOTEBOOK_04, "animation_mode": "3D", "max_frames": 61}
    yield "notebook 0.5 video", {**NOTEBOOK_04, "animation_mode": "Video Input"}
    yield "notebook 0.5 interpolation", {**NOTEBOOK_04, "animation_mode": "Interpolation"}
    yield "notebook 0.5 flip", {**NOTEBOOK_04, "flip_2d_perspective": True}
    yield "notebook 0.7 2D", NOTEBOOK_07
    yield "notebook 0.7 3D", {**NOTEBOOK_07, "animation_mode": "3D", "translation_z": LAYERS}
    yield "web ui 2D", WEBUI
    yield "web ui 3D", {**WEBUI, "animation_mode": "3D", "fov_schedule": "0:(70), 60:(110), 119:(30)"}
    yield "web ui 3D flip", {**WEBUI, "animation_mode": "3D", "enable_perspective_flip": True,
                             "perspective_flip_gamma": "0:(0), 60:(2)"}  # fmt: skip
    yield "web ui beats", {**WEBUI, "animation_mode": "3D", "translation_z": BEATS, "zoom": BEATS}
    yield "web ui interpolation", {**WEBUI, "animation_mode": "Interpolation"}
    yield "web ui video", {**WEBUI, "animation_mode": "Video Input"}
    yield "web ui layers", {**WEBUI, "translation_x": LAYERS, "angle": LAYERS, "strength_schedule": LAYERS}
    apple = "(apple:`where(cos(6.28*t/10)>0, 1.8*cos(6.28*t/10), 0.001)`)"
    yield "web ui weights", {**WEBUI, "prompts": {"0": f"{apple}, snow, (pear:`cos(t)**0.5`) --neg `x`"}}
    yield "studio 3D", STUDIO
    yield (
        "studio peaks",
        {**STUDIO, "translation_z": "0:(-8), 160:(-8), 161:(180), 179:(0)", "fov_schedule": "0:(40)"},
    )
    yield "studio wild", {**STUDIO, "rotation_3d_x": "0:(tan(t/20))", "translation_y": "0:(1/t)", "fps": 60}
    yield (
        "studio 2D",
        {**STUDIO, "animation_mode": "2D", "zoom": "0:(1.0), 90:(1.1), 91:(0.9)", "angle": SWAY},
    )
    yield "api", {"deforum_settings": WEBUI, "options_overrides": {}}
