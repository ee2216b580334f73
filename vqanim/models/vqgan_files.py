"""A user's checkpoint of a VQGAN, with a config or without one: what network it is, and its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vqanim.errors import InputError
from vqanim.models.checkpoint import printable, read_settings
from vqanim.models.config_file import ConfigError, resolve
from vqanim.models.entries import LocalFile, file_error, read_verified
from vqanim.models.families.vqgan import VQGANConfig, parse_config
from vqanim.models.vqgan import build_vqgan
from vqanim.models.vqgan_weights import VQGANSelection, differences, infer_config, keep_used_codes
from vqanim.models.weights import check_fit

VQGAN, GUMBEL = "a VQGAN with a codebook", "a VQGAN with a Gumbel head"
CHECKPOINT = "give the checkpoint of a VQGAN or StyleGAN"
_CONFIG = "give the config that was published with this checkpoint, or leave --config out: weights show much"
_NO_CONFIG = "give the config that was published with this checkpoint by --config"

Note = Callable[[str], None]
"""Receives what a user should know about files that can be used, a line at a time."""


def read_vqgan_config(config: Path, note: Note) -> VQGANConfig:
    """The network that a config file describes. Raises InputError."""
    file = LocalFile(config, _CONFIG)
    found = parse_config(read_verified(file), file)
    if found.unread:
        note(f"not known in the config, so not used: {printable(', '.join(found.unread))}")
    return found


def settle_vqgan(
    tensors: Mapping[str, Tensor],
    kind: str,
    checkpoint: Path,
    config: Path | None,
    described: VQGANConfig | None,
    note: Note,
) -> tuple[VQGANConfig, dict[str, Tensor]]:
    """The network that a checkpoint's weights are of, and those of them that it needs.

    tensors: those of a VQGANSelection; kind: VQGAN or GUMBEL, as their names show; described: what the config
    file says, if there is one. Raises InputError when the weights do not fit.
    """
    inferred = infer_config({name: tensor.shape for name, tensor in tensors.items()})
    found = described or _find_settings(checkpoint, note) or _take(inferred, tensors, checkpoint, note)
    file = LocalFile(config or checkpoint, _CONFIG if config else _NO_CONFIG)
    expected = GUMBEL if found.gumbel else VQGAN
    if found.named and kind != expected:
        about = f"but {config or 'the settings in it'} describes {expected}"
        raise InputError(f"{checkpoint}: this is {kind}, {about}; {file.remedy}")
    found = replace(found, gumbel=kind == GUMBEL)
    differing = differences(found, inferred)
    weights = LocalFile(checkpoint, f"{differing}; {file.remedy}" if differing else file.remedy)
    found, needed = keep_used_codes(found, tensors, weights)
    check_fit(build_vqgan(found, file), needed, weights)
    return found, needed


def note_left_out(selection: VQGANSelection, note: Note, most: int = 6) -> None:
    """Say which tensors of a checkpoint are not used."""
    if selection.left_out:
        names = [f"{printable(name, 60)} ({n:,})" for name, n in selection.left_out.most_common(most)]
        more = len(selection.left_out) - len(names)
        note(f"left out of the weights: {', '.join(names)}{f' and {more} more' if more else ''}")


def _find_settings(checkpoint: Path, note: Note) -> VQGANConfig | None:
    """The network that the settings in a checkpoint describe, if they do."""
    for settings in read_settings(checkpoint, CHECKPOINT):
        with suppress(ConfigError):
            found = VQGANConfig.from_mapping(resolve(settings))
            note("the network is described by settings in the checkpoint")
            return found
    return None


_TELLING = (
    "encoder.conv_in.weight", "encoder.down.0.block.0.conv1.weight", "decoder.conv_out.weight",
    "quantize.embedding.weight",
)  # fmt: skip
"""Tensors without which a network cannot be told, with a Gumbel head all but the last."""


def _take(
    inferred: VQGANConfig | None, tensors: Mapping[str, Tensor], checkpoint: Path, note: Note
) -> VQGANConfig:
    """The network that weights show. Raises InputError when they do not."""
    if inferred is None:
        missing = [name for name in _TELLING if name not in tensors]
        about = f"its weights do not tell the network: missing: {', '.join(missing) or 'something'}"
        raise file_error(LocalFile(checkpoint, "give a checkpoint that is whole"), about)
    for key in ("in_channels", "out_ch"):
        if (channels := inferred.ddconfig[key]) != 3:
            raise InputError(f"{checkpoint}: its pictures have {channels} channels, expected 3 for RGB")
    keys = ("ch", "ch_mult", "num_res_blocks", "z_channels")
    about = ", ".join(f"{key} {inferred.ddconfig[key]}" for key in keys)
    note(f"the network is taken from the weights: {about}, attn_type {inferred.attn_type}")
    note("what weights do not show is taken as usual: norms of 32 groups, no tanh_out")
    return inferred
