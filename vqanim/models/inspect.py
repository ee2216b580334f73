"""What a user's own model files are, before they get a name. Nothing in them runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vqanim.errors import InputError
from vqanim.models.checkpoint import read_checkpoint
from vqanim.models.clip import select_clip
from vqanim.models.families.clip import make_clip
from vqanim.models.families.vqgan import parse_config
from vqanim.models.vqgan import build_vqgan, select_first_stage
from vqanim.models.weights import check_fit, printable, read_verified

_CONFIG = "give the config that was published with this checkpoint"
_CHECKPOINT = "give the checkpoint of a VQGAN, and the config that was published with it"
_PERCEPTOR = "give a file of OpenAI's CLIP (an archive or a state dict)"


@dataclass(frozen=True)
class GeneratorFacts:
    """What a config and a checkpoint say about a generator."""

    kind: str
    """VQModel, GumbelVQ or Net2NetTransformer."""
    multiple: int
    """Width and height of its pictures are multiples of this, in pixels."""
    embed_dim: int
    """Channels of a codebook vector."""
    n_embed: int
    """Number of codebook vectors."""


@dataclass(frozen=True)
class PerceptorFacts:
    """What a CLIP file says about a perceptor."""

    architecture: str
    """Such as `ViT-B/32`."""
    input_size: int
    """Side of its images, in pixels."""
    embed_dim: int


def inspect_generator(config: Path, checkpoint: Path) -> GeneratorFacts:
    """Read a VQGAN's config and checkpoint and see whether they fit.

    Raises InputError, in one message, when one cannot be read or they do not belong together.
    """
    found = parse_config(read_verified(config, None, _CONFIG), config, _CONFIG)
    network = build_vqgan(found, config, _CONFIG)
    tensors = read_checkpoint(checkpoint, select_first_stage, _CHECKPOINT)
    kind = recognise(tensors)
    if kind != _VQGAN and kind != _GUMBEL:
        raise InputError(f"{checkpoint}: this is {kind}, not a VQGAN; {_CHECKPOINT}")
    if (kind == _GUMBEL) != found.gumbel:
        expected = _GUMBEL if found.gumbel else _VQGAN
        raise InputError(f"{checkpoint}: this is {kind}, but {config} describes {expected}; {_CONFIG}")
    check_fit(network, tensors, checkpoint, _CONFIG)
    return GeneratorFacts(found.kind, found.factor, found.embed_dim, found.n_embed)


def inspect_perceptor(weights: Path) -> PerceptorFacts:
    """Read a CLIP file and see whether it is whole.

    Raises InputError, in one message, when it cannot be read or is something else.
    """
    tensors = read_checkpoint(weights, select_clip, _PERCEPTOR)
    kind = recognise(tensors)
    if kind != _CLIP:
        raise InputError(f"{weights}: this is {kind}, not a CLIP; {_PERCEPTOR}")
    config, network = make_clip(tensors, weights, _PERCEPTOR)
    check_fit(network, tensors, weights, _PERCEPTOR)
    return PerceptorFacts(config.architecture, config.input_size, config.embed_dim)


_VQGAN, _GUMBEL, _CLIP = "a VQGAN with a codebook", "a VQGAN with a Gumbel head", "a CLIP"

_MARKS = (
    ("model.diffusion_model.", "a diffusion model"),
    ("cond_stage_model.", "a diffusion model"),
    ("quantize.proj.", _GUMBEL),
    ("quantize.embed", _VQGAN),
    ("visual.", _CLIP),
    ("text_model.", "a CLIP in the layout of the transformers package"),
    ("vision_model.", "a CLIP in the layout of the transformers package"),
    ("encoder.down.", "an autoencoder without a codebook"),
    ("discriminator.", "a discriminator"),
    ("transformer.", "a transformer without its VQGAN"),
)
"""How names of tensors begin that tell kinds of checkpoints apart, the most telling first."""


def recognise(names: Iterable[str]) -> str:
    """What kind of network has tensors of these names, in words."""
    names = list(names)
    for mark, kind in _MARKS:
        if any(name.startswith(mark) for name in names):
            return kind
    return f"something else (it begins with {printable(names[0])!r})" if names else "an empty checkpoint"
