"""Kinds of networks, told apart by the names of their tensors, for people."""

from __future__ import annotations

from collections.abc import Iterable

from vqanim.models.checkpoint import printable
from vqanim.models.vqgan_files import GUMBEL, VQGAN

DVAE_PART = "a part of OpenAI's dVAE"
BIGGAN = "a BigGAN"
CLIP, CLIP_MODEL = "a CLIP", "a CLIP in the layout of the transformers package"

_MARKS = (
    ("model.diffusion_model.", "a diffusion model"),
    ("cond_stage_model.", "a diffusion model"),
    ("encoder.down_blocks.", "an autoencoder in the layout of the diffusers package"),
    ("decoder.up_blocks.", "an autoencoder in the layout of the diffusers package"),
    ("quantize.proj.", GUMBEL),
    ("quantize.embed", VQGAN),
    ("visual.", CLIP),
    ("text_model.", CLIP_MODEL),
    ("vision_model.", CLIP_MODEL),
    ("encoder.down.", "an autoencoder without a codebook (a KL autoencoder, as in Stable Diffusion)"),
    ("blocks.input.", DVAE_PART),
    ("input_blocks.", "a network of guided-diffusion"),
    ("generator.gen_z.", BIGGAN),
    ("synthesis.", "a StyleGAN"),
    ("discriminator.", "a discriminator"),
    ("transformer.", "a transformer without its VQGAN"),
)
"""How names of tensors begin that tell kinds of checkpoints apart, the most telling first."""


def recognize(names: Iterable[str]) -> str:
    """What kind of network has tensors of these names, in words."""
    names = list(names)
    for mark, kind in _MARKS:
        if any(name.startswith(mark) for name in names):
            return kind
    return f"something else (it begins with {printable(names[0])!r})" if names else "an empty checkpoint"
