"""VQGANs, of taming-transformers' kinds: what their config files say, and how they are loaded.

In a config `model.target` names the class and `model.params` its arguments; those of a transformer's VQGAN
lie deeper, in `model.params.first_stage_config`. No torch until a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from vqanim.lazy import LazyModule
from vqanim.models.entries import PAGE, ModelFile, file_error, is_page
from vqanim.models.family import Family

vqgan = LazyModule("vqanim.models.vqgan")

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
"""Texts, lists and mappings; the longest official config has a few hundred."""
MAX_NESTING = 32

KINDS = ("VQModel", "GumbelVQ", "Net2NetTransformer")
"""Classes whose config and checkpoint can be used, by the last part of `model.target`."""


class ConfigError(ValueError):
    """What is wrong with a config, without the file's name."""


@dataclass(frozen=True)
class VQGANConfig:
    """The network of a VQGAN."""

    embed_dim: int
    """Channels of a codebook vector."""
    n_embed: int
    """Number of codebook vectors."""
    ddconfig: Mapping[str, Any]
    """Keyword arguments of taming's Encoder and Decoder."""
    norm_groups: int = 32
    """Groups of every GroupNorm; official models have 32. With as many groups as channels a norm would
    wipe out the mean of every channel, and with it the colors, so narrow models need fewer."""
    gumbel: bool = False
    """Whether the codes are chosen by a Gumbel head instead of the nearest codebook vector."""
    kind: str = "VQModel"
    """One of KINDS: the class that the whole checkpoint was made by."""

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any]) -> VQGANConfig:
        """Read the official layout `{model: {target, params: {embed_dim, n_embed, ddconfig}}}`.

        Raises ConfigError that names the field.
        """
        model = _mapping(config, "model")
        kind, place = _kind(model, "model"), "model"
        if kind == "Net2NetTransformer":
            place = "model.params.first_stage_config"
            model = _mapping(_mapping(model, "params", "model."), "first_stage_config", "model.params.")
        stage = _kind(model, place)
        if stage == "Net2NetTransformer":
            raise ConfigError(f"{place}.target: found {stage} within another, allowed are VQModel, GumbelVQ")
        params, place = _mapping(model, "params", f"{place}."), f"{place}.params."
        if params.get("remap") is not None:
            remap = str(params["remap"])[:60]
            raise ConfigError(f"{place}remap: found {remap!r}, models with remapped codes are not supported")
        result = cls(
            _number(params, "embed_dim", place, 65_536),
            _number(params, "n_embed", place, 2**24),
            _ddconfig(_mapping(params, "ddconfig", place), f"{place}ddconfig."),
            _number(params, "norm_groups", place, 1024) if "norm_groups" in params else 32,
            stage == "GumbelVQ",
            kind,
        )
        if result.gumbel and result.embed_dim != (channels := result.ddconfig["z_channels"]):
            about = f"found {result.embed_dim}, a GumbelVQ has as many as z_channels, {channels}"
            raise ConfigError(f"{place}embed_dim: {about}")
        return result

    @classmethod
    def from_bytes(cls, content: bytes) -> VQGANConfig:
        """Read a YAML file. Raises ConfigError."""
        if len(content) > MAX_BYTES:
            raise ConfigError(f"it has {len(content):,} bytes, allowed are {MAX_BYTES:,}")
        if is_page(content):
            raise ConfigError(PAGE)
        try:
            _check_events(content)
            data = yaml.safe_load(content)
        except ConfigError:
            raise
        except (yaml.YAMLError, ValueError, ArithmeticError) as error:
            raise ConfigError(f"it is no YAML ({' '.join(str(error).split())[:200]})") from error
        if not isinstance(data, Mapping):
            raise ConfigError("it is no mapping with the key `model`")
        return cls.from_mapping(data)

    @property
    def factor(self) -> int:
        """Pixels per latent along a side (f8, f16): each level after the first halves the picture."""
        return int(2 ** (len(self.ddconfig["ch_mult"]) - 1))


def parse_config(content: bytes, file: ModelFile) -> VQGANConfig:
    """The config of a YAML file. Raises InputError that names the file, the field and the remedy."""
    try:
        return VQGANConfig.from_bytes(content)
    except ConfigError as error:
        raise file_error(file, f"this config cannot be used: {error}") from error


def _check_events(content: bytes) -> None:
    """Refuse what could take forever or overflow, before anything is built."""
    nodes = depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"found the alias *{event.anchor}, aliases are not allowed")
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if nodes > MAX_NODES or depth > MAX_NESTING:
            about = f"more than {MAX_NODES:,} values, or is nested more than {MAX_NESTING} deep"
            raise ConfigError(f"it has {about}")


def _check(fits: bool, parent: Mapping[str, Any], key: str, place: str, expected: str) -> None:
    if not fits:
        shown = f"found {str(parent[key])[:60]!r}" if key in parent else "is missing"
        raise ConfigError(f"{place}{key}: {shown}, expected {expected}")


def _mapping(parent: Mapping[str, Any], key: str, place: str = "") -> Mapping[str, Any]:
    _check(isinstance(parent.get(key), Mapping), parent, key, place, "a mapping")
    return parent[key]


def _number(parent: Mapping[str, Any], key: str, place: str, most: int) -> int:
    found = parent.get(key)
    fits = type(found) is int and 1 <= found <= most
    _check(fits, parent, key, place, f"a whole number from 1 to {most:,}")
    return parent[key]


def _numbers(parent: Mapping[str, Any], key: str, place: str, most: int) -> list[int]:
    found: Any = parent.get(key)
    fits = isinstance(found, list) and all(type(n) is int and 1 <= n <= most for n in found[:11])
    _check(fits and len(found) <= 10, parent, key, place, f"at most 10 whole numbers from 1 to {most:,}")
    return parent[key]


def _kind(model: Mapping[str, Any], place: str) -> str:
    target = str(model.get("target", "VQModel"))
    kind = target.rpartition(".")[2]
    if kind not in KINDS:
        raise ConfigError(f"{place}.target: found {target[:80]!r}, allowed are {', '.join(KINDS)}")
    return kind


def _ddconfig(found: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Arguments of taming's Encoder and Decoder, those that they know."""
    if found.get("double_z"):
        about = "found true, which a model without a codebook has (AutoencoderKL)"
        raise ConfigError(f"{place}double_z: {about}")
    for key in ("in_channels", "out_ch"):
        _check(found.get(key) == 3, found, key, place, "3, the channels of a picture")
    multipliers = _numbers(found, "ch_mult", place, 64)
    if not multipliers:
        raise ConfigError(f"{place}ch_mult: found an empty list, expected one number for each level")
    return {
        "double_z": False,
        "z_channels": _number(found, "z_channels", place, 65_536),
        "resolution": _number(found, "resolution", place, 16_384),
        "in_channels": 3,
        "out_ch": 3,
        "ch": _number(found, "ch", place, 8_192),
        "ch_mult": multipliers,
        "num_res_blocks": _number(found, "num_res_blocks", place, 32),
        "attn_resolutions": _numbers(found, "attn_resolutions", place, 16_384),
        "resamp_with_conv": bool(found.get("resamp_with_conv", True)),
        "dropout": 0.0,  # matters in training only
    }


FAMILY = Family(
    "vqgan",
    "generator",
    lambda entry, device, _: vqgan.load_vqgan(entry, device),
    roles=("config", "weights"),
)
