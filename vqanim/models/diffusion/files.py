"""Checkpoints of guided-diffusion and of the secondary model: which tensors count, and their network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from vqanim.errors import InputError
from vqanim.models.checkpoint import printable, read_checkpoint
from vqanim.models.diffusion.guided_unet import GuidedUNet
from vqanim.models.diffusion.secondary import SecondaryModel
from vqanim.models.entries import LocalFile, ModelFile, file_error, read_verified
from vqanim.models.families.diffusion import Described, SecondaryConfig, UNetConfig
from vqanim.models.weights import load_into

REMEDY = "give a checkpoint of guided-diffusion, such as 512x512_diffusion_uncond_finetune_008100.pt"
SECONDARY_REMEDY = "give the secondary model of Disco Diffusion, secondary_model_imagenet_2.pth"
_CONFIG = "give a YAML or JSON file with guided-diffusion's own names, such as num_heads: 1"

_UNET = re.compile(r"(input_blocks|middle_block|output_blocks|time_embed|label_emb|out)\.")
_FIRST = re.compile(r"((?:(?:module|model|ema|ema_model|unet|_orig_mod)\.)*)input_blocks\.0\.0\.weight")
"""A tensor that every such network has; the one within a latent diffusion model has another prefix."""
_SECONDARY = re.compile(r"(net|timestep_embed)\.")


def select_unet(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a checkpoint those of a network of guided-diffusion, without a prefix; empty when
    there is none."""
    prefixes = [match[1] for name in tensors if (match := _FIRST.fullmatch(name))]
    if not prefixes:
        return {}
    prefix = min(prefixes, key=len)
    own = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
    return {name: each for name, each in own.items() if _UNET.match(name)}


def select_secondary(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a checkpoint those of a secondary model; empty when there is none."""
    last = "timestep_embed.weight"
    prefix = next((name.removesuffix(last) for name in tensors if name.endswith(last)), None)
    if prefix is None:
        return {}
    own = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
    return {name: each for name, each in own.items() if _SECONDARY.match(name)}


def is_guided_diffusion(checkpoint: Path) -> bool:
    """Whether a checkpoint is of guided-diffusion, or near to it; not where it cannot be read."""
    found: dict[str, Any] = {}

    def look(tensors: Mapping[str, Any]) -> dict[str, Any]:
        found.update(found or select_unet(tensors))
        return {}

    with suppress(InputError):
        read_checkpoint(checkpoint, look, REMEDY)
    return bool(found)


def read_described(config: Path) -> Described:
    """What a config file, YAML or JSON, says beside the weights. Raises InputError."""
    file = LocalFile(config, _CONFIG)
    try:
        return Described.from_mapping(yaml.safe_load(read_verified(file)))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise file_error(file, f"this config cannot be used: {printable(str(error))}") from error


def inspect_unet(checkpoint: Path, config: Path | None = None) -> GuidedUNet:
    """Read a checkpoint's network. Raises InputError when there is none that can be guided."""
    described = None if config is None else read_described(config)
    file = LocalFile(checkpoint, REMEDY)
    return build_unet(read_checkpoint(checkpoint, select_unet, REMEDY), file, described)


def inspect_secondary(checkpoint: Path) -> SecondaryModel:
    """Read a checkpoint's secondary model. Raises InputError when there is none."""
    file = LocalFile(checkpoint, SECONDARY_REMEDY)
    return build_secondary(read_checkpoint(checkpoint, select_secondary, SECONDARY_REMEDY), file)


def build_unet(
    tensors: Mapping[str, Tensor], file: ModelFile, described: Described | None = None
) -> GuidedUNet:
    """The network that weights are of, with them. Raises InputError when there is none that can be guided."""
    if not tensors:
        raise file_error(file, "this is no network of guided-diffusion: no tensor is named input_blocks.0.0")
    try:
        config = UNetConfig.from_shapes({name: each.shape for name, each in tensors.items()}, described)
    except ValueError as error:
        raise file_error(file, f"this network of guided-diffusion cannot be used: {error}") from error
    with torch.device("meta"):
        network = GuidedUNet(config)
    load_into(network, tensors, file)
    return network


def build_secondary(tensors: Mapping[str, Tensor], file: ModelFile) -> SecondaryModel:
    """The secondary model that weights are of, with them. Raises InputError when there is none."""
    if not tensors:
        raise file_error(file, "this is no secondary model: no tensor is named timestep_embed")
    try:
        config = SecondaryConfig.from_shapes({name: each.shape for name, each in tensors.items()})
    except ValueError as error:
        raise file_error(file, f"this secondary model cannot be used: {error}") from error
    with torch.device("meta"):
        network = SecondaryModel(config)
    load_into(network, tensors, file)
    return network
