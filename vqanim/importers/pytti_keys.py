"""What there is here instead of those of pytti's settings that have no equal."""

from __future__ import annotations

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "pixel_size smoothing_weight random_initial_palette palette_size palettes gamma hdr_weight "
        "palette_normalization_weight show_palette target_palette lock_palette",
        "pixels and palettes: a VQGAN paints here",
    ),
    ("cut_pow cutout_border border_mode", "how pieces are cut; guidance.cutouts says how many"),
    ("reset_lr_each_frame gradient_accumulation_steps", "every frame begins afresh; memory is looked after"),
    ("near_plane far_plane sampling_mode", "depth: the picture is moved as one plane, bicubic"),
    (
        "depth_stabilization_weight flow_stabilization_weight flow_long_term_samples",
        "depth and flow: guidance.stay_near holds to the frame before",
    ),
    ("video_path frame_stride reencode_each_frame", "a film cannot be painted over"),
    (
        "file_namespace allow_overwrite display_every clear_every display_scale backups show_graphs "
        "approximate_vram_usage use_tensorboard models_parent_dir defaults conf device",
        "files and windows of that program: vqanim render --out",
    ),
)
_REASONS = {key: reason for keys, reason in _GROUPS for key in keys.split()}


def reason_for(key: str) -> str:
    """Why a key is left out, with what there is instead."""
    return _REASONS.get(key, "not known here")
