"""VQGANs, of taming-transformers' kinds: what their config files say, and how they are loaded.

In a config `model.target` names the class and `model.params` its arguments; those of the VQGAN within a
transformer or a diffusion model lie deeper, in `model.params.first_stage_config`. People also have parts of
such files, or the arguments as Lightning keeps them; what is unambiguous is read. No torch until a model is
loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vqanim.lazy import LazyModule
from vqanim.models.config_file import (
    ConfigError,
    flag,
    line_of,
    number,
    numbers,
    read_config,
    shown,
    walk,
    whole,
    wrong,
)
from vqanim.models.entries import ModelFile, file_error
from vqanim.models.family import Family

vqgan = LazyModule("vqanim.models.vqgan")

PLAIN_KINDS = ("VQModel", "VQModelInterface", "VQNoDiscModel", "EMAVQ", "VQSegmentationModel")
"""Classes whose codes are the nearest vectors of the codebook, by the last part of `target`."""
KINDS = (*PLAIN_KINDS, "GumbelVQ")
"""Classes of VQGANs that are known."""
ATTENTION = ("vanilla", "linear", "none")
"""What `attn_type` may be; others of the same weights are read as `vanilla`."""

_CLASS_KEYS = ("target", "_target_", "class_path")
"""Keys that name a class beside its arguments."""
_BY_ANGLE = re.compile(r"l2_?norm|norm_?l2|cos(ine)?_?sim|cosine_codebook")
"""In names of arguments that make a codebook of another kind."""
_ARGUMENT_KEYS = ("params", "init_args", "kwargs")
_ASIDE = re.compile(r"(^|[._])(cond|loss|unet|perceptual|discriminator|teacher|ema)")
"""In keys on the way to something: a network that is not the one that paints."""
_TRAINING = frozenset(
    """ddconfig lossconfig n_embed embed_dim norm_groups target _target_ class_path ckpt_path ignore_keys
    image_key colorize_nlabels n_labels monitor remap unknown_index sane_index_shape legacy beta decay
    batch_resize_range scheduler_config lr_g_factor use_ema kl_weight temperature_scheduler_config
    straight_through learning_rate base_learning_rate lr weight_decay""".split()
)
"""Arguments of VQGANs' classes that are read, or that matter in training only."""
_IGNORED = ("ckpt_path", "ignore_keys", "use_checkpoint", "gradient_checkpointing", "dropout", "verbose")
"""Arguments of encoder and decoder that do not matter in use."""


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
    """The class that the whole checkpoint was made by, or the likeliest."""
    attn_type: str = "vanilla"
    """One of ATTENTION: how the pixels of a small picture look at each other."""
    tanh_out: bool = False
    """Whether the picture that leaves the decoder is squeezed into its range."""
    remap: bool = False
    """Whether only a part of the codes is used, which the checkpoint lists."""
    named: bool = True
    """Whether the config names a class that tells how codes are chosen."""
    unread: tuple[str, ...] = ()
    """Arguments in the config that nobody knows here, by their place."""

    @classmethod
    def from_mapping(cls, config: Any) -> VQGANConfig:
        """Read the official layout `{model: {target, params: {embed_dim, n_embed, ddconfig}}}`, or what is
        left of it, or what lies around it.

        Raises ConfigError that names the line and the field.
        """
        places = _find_places(config)
        found = []
        for place in places:
            parsed = _parse(place)
            found += [parsed] if parsed not in found else []
        if len(found) > 1:
            names = ", ".join(place.path.rstrip(".") or "the top" for place in places[:4])
            raise ConfigError(f"it describes {len(found)} VQGANs, in {names}; leave one of them")
        return found[0]

    @classmethod
    def from_bytes(cls, content: bytes) -> VQGANConfig:
        """Read a YAML or JSON file. Raises ConfigError."""
        return cls.from_mapping(read_config(content))

    def to_mapping(self) -> dict[str, Any]:
        """The same network in the official layout, and nothing else."""
        ddconfig = {**self.ddconfig, "attn_type": self.attn_type, "tanh_out": self.tanh_out}
        params = {"embed_dim": self.embed_dim, "n_embed": self.n_embed, "norm_groups": self.norm_groups}
        target = "GumbelVQ" if self.gumbel else "VQModel"
        return {"model": {"target": target, "params": {**params, "ddconfig": ddconfig}}}

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


@dataclass(frozen=True)
class _Place:
    """Where in a config the arguments of a VQGAN stand."""

    params: Mapping[str, Any]
    ddconfig: Mapping[str, Any]
    path: str
    """Of the arguments, with a dot at the end unless they are the whole file."""
    targets: tuple[str, ...]
    """Classes that are named around them, the outermost first."""
    named: str
    """The class whose arguments they are; empty where none is named."""
    named_at: str
    """Where it is named."""


def _find_places(config: Any) -> list[_Place]:
    """Where the arguments of the VQGAN that paints stand; several only where that cannot be told."""
    if not isinstance(config, Mapping | list):
        raise ConfigError("it is no mapping with the key `model`")
    found = list(_all_places(config))
    if not found:
        raise ConfigError(_nothing_found(config))
    for better in (
        lambda place: not _ASIDE.search(place.path),
        lambda place: "first_stage" in place.path,
        lambda place: place.path.startswith("model."),
    ):
        found = [place for place in found if better(place)] or found
    return found


def _all_places(config: Any) -> Iterator[_Place]:
    for here, path in walk(config):
        if not isinstance(here, Mapping) or (path and path[-1] == "ddconfig"):
            continue
        inner = here.get("ddconfig")
        if isinstance(inner, Mapping):
            yield _place(config, here, inner, path)
        elif "ch_mult" in here and ("n_embed" in here or "z_channels" in here):
            yield _place(config, here, here, path)


def _place(root: Any, params: Mapping[str, Any], inner: Mapping[str, Any], path: tuple[Any, ...]) -> _Place:
    around, here = [(root, ())], root
    for depth, key in enumerate(path):
        here = here[key]
        around.append((here, path[: depth + 1]))
    targets: list[tuple[str, str]] = []
    for thing, way in around:
        for key in _CLASS_KEYS if isinstance(thing, Mapping) else ():
            if isinstance(thing.get(key), str):
                targets.append((thing[key], f"{line_of(thing, key)}{_dotted(way)}{key}"))
    near = [around[-1][0], around[-2][0] if path and path[-1] in _ARGUMENT_KEYS else None]
    named = next((t for t in reversed(targets) if any(_names(thing, t[0]) for thing in near)), ("", ""))
    return _Place(params, inner, _dotted(path), tuple(name for name, _ in targets), *named)


def _names(thing: Any, target: str) -> bool:
    return isinstance(thing, Mapping) and target in [thing.get(key) for key in _CLASS_KEYS]


def _nothing_found(config: Any) -> str:
    """Why there is no VQGAN in a config, in words."""
    for here, path in walk(config):
        if isinstance(here, Mapping) and here.get("ddconfig") is not None:
            return wrong(here, "ddconfig", _dotted(path), "a mapping")
    targets = [
        f"{line_of(here, key)}{_dotted(path)}{key}: found {here[key][:80]!r} without a ddconfig; {_allowed()}"
        for here, path in walk(config)
        for key in (_CLASS_KEYS if isinstance(here, Mapping) else ())
        if isinstance(here.get(key), str) and path[-1:] in ((), ("model",), ("first_stage_config",))
    ]
    config = config if isinstance(config, Mapping) else {}
    model = config.get("model")
    params = model.get("params") if isinstance(model, Mapping) else None
    if isinstance(params, Mapping) and "n_embed" in params:
        return wrong(params, "ddconfig", "model.params.", "a mapping")
    if isinstance(model, Mapping) and "params" in model and not isinstance(params, Mapping):
        return wrong(model, "params", "model.", "a mapping")
    if "model" in config and not isinstance(model, Mapping):
        return wrong(config, "model", "", "a mapping")
    if targets:
        return targets[-1]
    if "lightning" in config or "trainer" in config:
        beside = "the file that ends in -project.yaml beside it has the network"
        return f"it tells only how a training ran; {beside}"
    return "it describes no network: there is no ddconfig in it, and no mapping with the key `model`"


def _allowed() -> str:
    return f"allowed are {', '.join(KINDS)}, also within Net2NetTransformer or LatentDiffusion"


def _parse(place: _Place) -> VQGANConfig:
    params, path = place.params, place.path
    kind = _class(place.named)
    without_codes = "n_embed" not in params and flag(place.ddconfig, "double_z", path)
    if kind.startswith("AutoencoderKL") or without_codes:
        about = f"found {place.named[:80]!r}" if kind else "found no n_embed"
        why = "a KL autoencoder as in Stable Diffusion has no codebook"
        raise ConfigError(f"{place.named_at or path.rstrip('.')}: {about}; {why}; {_allowed()}")
    gumbel = "gumbel" in kind.lower() or (
        kind not in PLAIN_KINDS and "temperature_scheduler_config" in params
    )
    for key in params:
        if _BY_ANGLE.search(str(key)) and params[key] and params is not place.ddconfig:
            about = "codes that are compared by their angle are not supported"
            raise ConfigError(
                f"{line_of(params, key)}{path}{str(key)[:80]}: found {shown(params[key])}; {about}"
            )
    flat = params is place.ddconfig
    _check_missing(params, place.ddconfig, path, "" if flat else "ddconfig.")
    ddconfig, attn_type, tanh_out = _ddconfig(place.ddconfig, path if flat else f"{path}ddconfig.", flat)
    result = VQGANConfig(
        number(params, "embed_dim", path, 65_536),
        number(params, "n_embed", path, 2**24),
        ddconfig,
        number(params, "norm_groups", path, 1024) if "norm_groups" in params else 32,
        gumbel,
        _class(place.targets[0] if place.targets else "") or "VQModel",
        attn_type,
        tanh_out,
        gumbel and params.get("remap") is not None,
        kind in KINDS,
        tuple(_unread(place)),
    )
    if gumbel and result.embed_dim != (channels := ddconfig["z_channels"]):
        about = f"found {result.embed_dim}, a GumbelVQ has as many as z_channels, {channels}"
        raise ConfigError(f"{line_of(params, 'embed_dim')}{path}embed_dim: {about}")
    return result


def _check_missing(params: Mapping[str, Any], inner: Mapping[str, Any], path: str, way: str) -> None:
    """Where several arguments are missing, name them all."""
    missing = [key for key in ("embed_dim", "n_embed") if key not in params]
    missing += [
        way + key for key in ("z_channels", "ch", "num_res_blocks", "attn_resolutions") if key not in inner
    ]
    if len(missing) > 1:
        place = f"{path.rstrip('.')}: " if path else ""
        raise ConfigError(f"{line_of(params, '')}{place}{', '.join(missing)} are missing")


def _unread(place: _Place) -> Iterator[str]:
    if place.named and _class(place.named) not in KINDS:
        yield f"{place.named_at} ({place.named[:80]})"
    for key, value in place.params.items() if place.params is not place.ddconfig else ():
        if key not in _TRAINING and value and not isinstance(value, Mapping | list):
            yield f"{line_of(place.params, key)}{place.path}{str(key)[:80]}"


def _ddconfig(found: Mapping[str, Any], path: str, flat: bool) -> tuple[dict[str, Any], str, bool]:
    """Arguments of taming's Encoder and Decoder, how they attend, and whether they end in a tanh.

    flat: whether others stand among them.
    """
    if flag(found, "double_z", path):
        about = "found true, which a model without a codebook has (AutoencoderKL)"
        raise ConfigError(f"{line_of(found, 'double_z')}{path}double_z: {about}")
    if flag(found, "give_pre_end", path):
        about = "found true, with which the decoder ends before the picture; allowed is false"
        raise ConfigError(f"{line_of(found, 'give_pre_end')}{path}give_pre_end: {about}")
    for key in ("in_channels", "out_ch"):
        if key in found and whole(found[key]) != 3:
            raise ConfigError(wrong(found, key, path, "3, the channels of a picture"))
    multipliers = numbers(found, "ch_mult", path, 64) if "ch_mult" in found else [1, 2, 4, 8]
    if not multipliers:
        about = "found an empty list, expected one number for each level"
        raise ConfigError(f"{line_of(found, 'ch_mult')}{path}ch_mult: {about}")
    attention = numbers(found, "attn_resolutions", path, 16_384)
    somewhere = bool(attention) or "resolution" in found
    arguments = {
        "double_z": False,
        "z_channels": number(found, "z_channels", path, 65_536),
        "resolution": number(found, "resolution", path, 16_384) if somewhere else 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": number(found, "ch", path, 8_192),
        "ch_mult": multipliers,
        "num_res_blocks": number(found, "num_res_blocks", path, 32),
        "attn_resolutions": attention,
        "resamp_with_conv": flag(found, "resamp_with_conv", path, True),
        "dropout": 0.0,  # matters in training only
    }
    known = {*arguments, *_IGNORED, "attn_type", "use_linear_attn", "tanh_out", "give_pre_end", "target"}
    for key, value in found.items():
        if key not in known and not flat and value not in (None, False):
            about = f"found {shown(value)}, which may change the network; remove the line if it does not"
            allowed = f"allowed are {', '.join(sorted(known - {'target'}))}"
            raise ConfigError(f"{line_of(found, key)}{path}{str(key)[:80]}: {about}; {allowed}")
    said = found.get("attn_type", "vanilla")
    attn_type = said.strip().lower() if isinstance(said, str) else ""
    if flag(found, "use_linear_attn", path):
        attn_type = "linear"
    elif attn_type.startswith("vanilla"):
        attn_type = "vanilla"
    if attn_type not in ATTENTION:
        raise ConfigError(wrong(found, "attn_type", path, f"one of {', '.join(ATTENTION)}"))
    return arguments, attn_type, flag(found, "tanh_out", path)


def _class(target: str) -> str:
    return re.split(r"[.:/]", target.strip())[-1]


def _dotted(path: tuple[Any, ...]) -> str:
    return "".join(f"{str(key)[:80]}." for key in path)


FAMILY = Family(
    "vqgan",
    "generator",
    lambda entry, device, _: vqgan.load_vqgan(entry, device),
    roles=("config", "weights"),
)
