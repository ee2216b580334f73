"""Files of BigGANs, read as data: a config and weights by the names of pytorch-pretrained-biggan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.errors import InputError, UsageError
from vqanim.files import read_bytes
from vqanim.models.biggan.generator import BigGANGenerator
from vqanim.models.biggan.network import BigGAN, at_truncation
from vqanim.models.checkpoint import printable, read_checkpoint
from vqanim.models.entries import GeneratorEntry, LocalFile, ModelFile, file_error, read_verified
from vqanim.models.families.biggan import (
    CONFIG_MARK,
    IMAGENET_CLASSES,
    BigGANConfig,
    find_prefix,
    split_name,
)
from vqanim.models.found import Found
from vqanim.models.kinds import recognize
from vqanim.models.weights import check_fit, load_into, read_weights

REMEDY = "give the weights of a BigGAN-deep, such as pytorch_model.bin of pytorch-pretrained-biggan"
CONFIG_REMEDY = "give the config.json that was published with the weights, or leave --config out"
LEARNING_RATE = 0.07
"""Of Big Sleep."""

_MOST_FILES = 200
"""Of a folder that are looked at."""
_MOST_BYTES = 100_000
"""Of a config."""
_ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".safetensors")
_ORIGINAL = ("weight_orig", "parametrizations.weight.original")
_LEFT = ("weight_u", "parametrizations.weight.0._u")
_RIGHT = ("weight_v", "parametrizations.weight.0._v")


@dataclass
class BigGANSelection:
    """Selects of the tensors of a checkpoint those of a BigGAN, by their official names."""

    names: list[str] = field(default_factory=list)
    """Names in the first place of the checkpoint that was looked at."""

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors of a BigGAN; empty when there is none."""
        self.names = self.names or list(tensors)
        prefix = find_prefix(tensors.keys())
        if prefix is None:
            return {}
        split = {name: split_name(name) for name in tensors}
        return {own[1]: tensors[name] for name, own in split.items() if own and own[0] == prefix}


def select_biggan(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a checkpoint those of a BigGAN."""
    return BigGANSelection()(tensors)


def look_for_biggan(checkpoint: Path, config: Path | None, note: Callable[[str], None]) -> Found | None:
    """The BigGAN that a file or a folder holds; None when it holds none.

    config: its config file; where None is given, the one beside the weights is taken, or else what they show.
    note: receives what the user should know. Raises InputError when files cannot be used.
    """
    if checkpoint.is_dir():
        if (inside := _weights_in(checkpoint)) is None:
            return None
        checkpoint = inside
    selection = BigGANSelection()
    tensors = read_checkpoint(checkpoint, selection, REMEDY)
    described = None if config is None else _read_if_biggan(config)
    if not tensors:
        if described is None:
            return None
        kind = recognize(selection.names)
        raise InputError(f"{checkpoint}: this is {kind}, but {config} describes a BigGAN; {REMEDY}")
    if config is not None and described is None:
        about = f"this config is not of a BigGAN, but {checkpoint} is one"
        raise InputError(f"{config}: {about}; {CONFIG_REMEDY}")
    file = LocalFile(checkpoint, REMEDY)
    shown = _shown(tensors, file)
    beside = None if described else next(_configs_beside(checkpoint, shown), None)
    if beside:
        config, described = beside
    if config and described and (wrong := _differences(described, shown)):
        raise InputError(f"{config}: it does not fit {checkpoint}: {'; '.join(wrong)}; {CONFIG_REMEDY}")
    if described is None:
        note("what weights do not show is taken as usual: every second block doubles the picture, eps 0.0001")
    found = described or shown
    with torch.device("meta"):
        network = BigGAN(found)
    check_fit(network, at_truncation(folded(tensors), 1.0), file)
    row = {"multiple": 2, "learning_rate": LEARNING_RATE, "side": found.output_dim}
    read = (config, checkpoint) if config else (checkpoint,)
    return Found("biggan", found.about, ("config.json", found.dump()), tensors, read, row)


def load_biggan(entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> BigGANGenerator:
    """Build a BigGAN from its config and its weights, a checkpoint of any kind.

    Raises InputError when a file is missing, damaged or something else, UsageError for classes that it lacks.
    """
    described, file = entry.files["config"], entry.files["weights"]
    try:
        config = BigGANConfig.from_bytes(read_verified(described))
    except ValueError as error:
        raise file_error(described, f"this config cannot be used: {printable(str(error))}") from error
    _check_classes(entry.name, config, settings["classes"])
    if entry.side and entry.side != config.output_dim:
        about = f"it is of {config.output_dim} pixels a side, the catalogue says {entry.side}"
        raise file_error(described, about)
    selection = BigGANSelection()
    tensors = read_weights(file, selection)
    if not tensors:
        kind = recognize(selection.names) if selection.names else "something else"
        raise file_error(file, f"this is {kind}, not a BigGAN")
    if wrong := _differences(config, _shown(tensors, file)):
        raise file_error(file, f"it does not fit {described.locate()}: {'; '.join(wrong)}")
    with torch.device("meta"):
        network = BigGAN(config)
    load_into(network, at_truncation(folded(tensors), settings["truncation"]), file)
    return BigGANGenerator(entry.name, entry.multiple, network, entry.hash, device, settings)


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with spectral norms folded into weights: each is divided by its largest singular value, as
    training last knew it (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks").

    Names are those of torch's older and newer norms, of which nothing runs; weights without one stay.
    """
    found, layers = {}, {}
    for name, tensor in tensors.items():
        ending = next((end for end in (*_ORIGINAL, *_LEFT, *_RIGHT) if name.endswith(f".{end}")), None)
        if ending is None:
            found[name] = tensor
        elif ending in _ORIGINAL:
            layers[name.removesuffix(ending)] = tensor
    for layer, original in layers.items():
        left, right = (
            next((tensors[f"{layer}{end}"] for end in ends if f"{layer}{end}" in tensors), None)
            for ends in (_LEFT, _RIGHT)
        )
        matrix = original.float().flatten(1)
        if left is None or left.shape != matrix.shape[:1]:
            continue  # told as missing, by the name of the weight
        # torch before 1.1 kept one of the two vectors; the other follows from it.
        right = F.normalize(matrix.T @ left.float(), dim=0) if right is None else right
        if right.shape == matrix.shape[1:]:
            found[f"{layer}weight"] = original.float() / (left.float() @ matrix @ right.float())
    return found


def _shown(tensors: Mapping[str, Tensor], file: ModelFile) -> BigGANConfig:
    """The network that weights show. Raises InputError when they are not whole."""
    try:
        return BigGANConfig.from_shapes({name: tensor.shape for name, tensor in tensors.items()})
    except ValueError as error:
        raise file_error(file, f"this is no BigGAN that is known: {printable(str(error))}") from error


def _differences(config: BigGANConfig, shown: BigGANConfig) -> list[str]:
    """Where a config contradicts the weights."""
    seen = {
        "z_dim": (config.z_dim, shown.z_dim),
        "num_classes": (config.num_classes, shown.num_classes),
        "channel_width": (config.channel_width, shown.channel_width),
        "layers": (_widths(config), _widths(shown)),
        "attention_layer_position": (_attention(config), _attention(shown)),
        "n_stats": (config.n_stats, shown.n_stats),
    }
    return [
        f"{key} is {str(given)[:80]} in the config and {str(found)[:80]} in the weights"
        for key, (given, found) in seen.items()
        if given != found
    ]


def _widths(config: BigGANConfig) -> list[tuple[int, int]]:
    return [(inside, outside) for _, inside, outside in config.layers]


def _attention(config: BigGANConfig) -> int | None:
    place = config.attention_layer_position
    return place if place < len(config.layers) else None


def _read_if_biggan(config: Path) -> BigGANConfig | None:
    """The network that a config describes; None for a config of something else. Raises InputError."""
    file = LocalFile(config, CONFIG_REMEDY)
    content = read_verified(file)
    if CONFIG_MARK not in content:
        return None
    try:
        return BigGANConfig.from_bytes(content)
    except ValueError as error:
        raise file_error(file, f"this config cannot be used: {printable(str(error))}") from error


def _configs_beside(weights: Path, shown: BigGANConfig) -> Iterator[tuple[Path, BigGANConfig]]:
    """Configs in the folder of weights that fit them."""
    for path in sorted(weights.parent.glob("*.json"))[:_MOST_FILES]:
        with suppress(OSError, InputError, ValueError):
            if (content := _small(path)) and not _differences(
                found := BigGANConfig.from_bytes(content), shown
            ):
                yield path, found


def _small(path: Path) -> bytes | None:
    """The bytes of a file that may be a BigGAN's config. Raises OSError and InputError."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return None
    content = read_bytes(path)
    return content if CONFIG_MARK in content else None


def _weights_in(folder: Path) -> Path | None:
    """The weights in a folder that was published with a BigGAN's config; None for a folder of something else.

    Raises InputError when there are several or none.
    """
    files = [path for path in sorted(folder.iterdir())[:_MOST_FILES] if path.is_file()]
    with suppress(OSError):
        if not any(path.suffix == ".json" and _small(path) for path in files):
            return None
    weights = [path for path in files if path.suffix in _ENDINGS]
    if len(weights) == 1:
        return weights[0]
    found = f"the weights {', '.join(path.name for path in weights[:4])}" if weights else "no weights"
    raise InputError(f"{folder}: beside a BigGAN's config it has {printable(found)}; give one file with them")


def _check_classes(name: str, config: BigGANConfig, classes: int | tuple[str, ...] | None) -> None:
    known = config.num_classes
    if isinstance(classes, int) and classes > known:
        raise UsageError(f"models.generator: classes {classes}: {name} knows {known}; give at most so many")
    if isinstance(classes, tuple) and known != IMAGENET_CLASSES:
        about = f"{name} knows {known} classes, which have no names"
        raise UsageError(f"models.generator: classes {', '.join(classes)}: {about}; give a number of them")
