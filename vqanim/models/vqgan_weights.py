"""Weights of VQGANs as people keep them: under prefixes, with leftovers of a training, without a config.

The parts of a VQGAN have the same names everywhere since taming-transformers; what lies around them differs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from vqanim.models.entries import ModelFile, file_error
from vqanim.models.families.vqgan import VQGANConfig

PARTS = ("encoder.", "decoder.", "quantize.", "quant_conv.", "post_quant_conv.")
"""How names of the network's tensors begin; all others are of something else."""
USED_CODES = "quantize.used"
"""Numbers of the codes that are used, where not all are."""

_ANCHOR = "decoder.conv_in.weight"
"""A tensor that every VQGAN has."""
_WRAPPERS = re.compile(r"(?<![^.])(module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Steps that wrappers for several devices, or compilers, put into names."""
_ASIDE = re.compile(r"(^|[._])(cond_stage_model|ema|model_ema|ema_model|shadow|teacher|loss|discriminator)\.")
"""In a prefix: a network that is not the one that paints, if there is another."""
_LEARNED = ("weight", "bias", "weight_g", "weight_v", "kernel")
"""How names of what a network learns end. The rest in a codebook are counts that its training kept."""


@dataclass
class VQGANSelection:
    """Selects of the tensors of a checkpoint those of its VQGAN, by their names in a `VQModel`.

    The names may have any prefix, as within a transformer or a diffusion model. What only a training needed
    is left out.
    """

    names: list[str] = field(default_factory=list)
    """Names in the first place of the checkpoint that was looked at."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many tensors were left out, by the first steps of their names."""

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The VQGAN's tensors by their new names; empty when there is no VQGAN."""
        self.names = self.names or list(tensors)
        named = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
        prefixes = [name.removesuffix(_ANCHOR) for name in named if _ends_with(name, _ANCHOR)]
        if not prefixes:
            return {}
        names = set(named)
        prefix = min(prefixes, key=lambda each: _rank(each, names))
        chosen = {}
        for name, value in named.items():
            own = name.removeprefix(prefix)
            if name.startswith(prefix) and own.startswith(PARTS) and not _is_count(own):
                chosen[own] = value
            else:
                within = name.startswith(prefix) and own.startswith(PARTS)
                self.left_out[own if within else name.partition(".")[0]] += 1
        return chosen


def _ends_with(name: str, ending: str) -> bool:
    return name == ending or name.endswith("." + ending)


def _rank(prefix: str, names: set[str]) -> tuple[bool, bool, bool, int]:
    """The lower, the likelier is the network with this prefix the one that paints."""
    codebook = any(prefix + name in names for name in ("quantize.embedding.weight", "quantize.embed.weight"))
    return bool(_ASIDE.search(prefix)), not codebook, "first_stage" not in prefix, len(prefix)


def _is_count(name: str) -> bool:
    """Whether a tensor of a codebook only helped its training."""
    last = name.rpartition(".")[2]
    return name.startswith("quantize.") and name != USED_CODES and last not in _LEARNED


def select_vqgan(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a checkpoint those of its VQGAN, by their names in a `VQModel`."""
    return VQGANSelection()(tensors)


def keep_used_codes(
    config: VQGANConfig, tensors: Mapping[str, Tensor], file: ModelFile
) -> tuple[VQGANConfig, dict[str, Tensor]]:
    """A network that knows only the codes which it uses.

    Where codes are the nearest ones, a list of used codes only numbers them; a Gumbel head chooses among
    those alone, so the others are cut away. Raises InputError when the list is missing, or is none.
    """
    result = dict(tensors)
    used = result.pop(USED_CODES, None)
    if not config.gumbel or (used is None and not config.remap):
        return config, result
    if used is None:
        raise file_error(file, f"the config says that codes are remapped, but {USED_CODES!r} is missing")
    rows = used.flatten().long()
    if not len(rows) or int(rows.min()) < 0 or int(rows.max()) >= config.n_embed:
        raise file_error(file, f"{USED_CODES!r} does not list codes from 0 to {config.n_embed - 1:,}")
    for name in ("quantize.embed.weight", "quantize.proj.weight", "quantize.proj.bias"):
        if name in result and len(result[name]) == config.n_embed:
            result[name] = result[name][rows].contiguous()
    return replace(config, n_embed=len(rows), remap=False), result


def infer_config(shapes: Mapping[str, Iterable[int]]) -> VQGANConfig | None:
    """The network that has tensors of these names and shapes; None when they do not tell.

    A resolution is not in the weights and not needed: it only says at which levels there is attention, and
    that is seen. Taken for granted is what does not show: 32 groups in each norm, and no tanh at the end.
    """
    sizes = {name: tuple(shape) for name, shape in shapes.items()}
    try:
        return _infer(sizes)
    except (KeyError, IndexError, ZeroDivisionError, ValueError):
        return None


def _infer(sizes: Mapping[str, tuple[int, ...]]) -> VQGANConfig:
    gumbel = "quantize.embed.weight" in sizes
    n_embed, embed_dim = sizes["quantize.embed.weight" if gumbel else "quantize.embedding.weight"]
    ch = sizes["encoder.conv_in.weight"][0]
    levels = _count(sizes, r"encoder\.down\.(\d+)\.")
    resolution = max(256, 2 ** (levels + 1))
    attends = [level for level in range(levels) if _has(sizes, f"encoder.down.{level}.attn.")]
    kinds = {"to_qkv": "linear", "q": "vanilla"}
    marks = [kind for key, kind in kinds.items() if f"decoder.mid.attn_1.{key}.weight" in sizes]
    return VQGANConfig(
        embed_dim,
        n_embed,
        {
            "double_z": False,
            "z_channels": sizes["decoder.conv_in.weight"][1],
            "resolution": resolution,
            "in_channels": sizes["encoder.conv_in.weight"][1],
            "out_ch": sizes["decoder.conv_out.weight"][0],
            "ch": ch,
            "ch_mult": [
                sizes[f"encoder.down.{level}.block.0.conv1.weight"][0] // ch for level in range(levels)
            ],
            "num_res_blocks": _count(sizes, r"encoder\.down\.0\.block\.(\d+)\."),
            "attn_resolutions": [resolution // 2**level for level in attends],
            "resamp_with_conv": levels < 2 or _has(sizes, "encoder.down.0.downsample."),
            "dropout": 0.0,
        },
        gumbel=gumbel,
        kind="GumbelVQ" if gumbel else "VQModel",
        attn_type=(marks or ["none"])[0],
    )


def _count(names: Iterable[str], pattern: str) -> int:
    return len({found[1] for name in names if (found := re.match(pattern, name))})


def _has(names: Iterable[str], start: str) -> bool:
    return any(name.startswith(start) for name in names)


def differences(config: VQGANConfig, inferred: VQGANConfig | None) -> str:
    """Where a config and what its weights show differ, in words; empty where nothing is seen."""
    if inferred is None:
        return ""
    pairs = [
        (name, getattr(config, name), getattr(inferred, name))
        for name in ("embed_dim", "n_embed", "attn_type")
    ]
    keys = ("z_channels", "ch", "ch_mult", "num_res_blocks", "resamp_with_conv")
    pairs += [(key, config.ddconfig[key], inferred.ddconfig[key]) for key in keys]
    if config.ddconfig["ch_mult"] == inferred.ddconfig["ch_mult"]:
        pairs.append(("attn_resolutions", _attention(config), _attention(inferred, config)))
    found = [
        f"{name} {says} in the config, {shows} in the weights" for name, says, shows in pairs if says != shows
    ]
    return ", ".join(found)


def _attention(config: VQGANConfig, scale: VQGANConfig | None = None) -> list[int]:
    """The resolutions at which there is attention, as another config would call them."""
    if config.attn_type == "none":
        return []
    dd, top = config.ddconfig, (scale or config).ddconfig["resolution"]
    sizes = [dd["resolution"] // 2**level for level in range(len(dd["ch_mult"]))]
    return [top // 2**level for level, size in enumerate(sizes) if size in dd["attn_resolutions"]]
