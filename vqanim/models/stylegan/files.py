"""Files of StyleGANs, read as data: NVIDIA's network pickles and exported state dicts. Nothing runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from vqanim.errors import UsageError
from vqanim.models.checkpoint import printable, read_attributes, read_checkpoint
from vqanim.models.config_file import ConfigError, read_config, walk
from vqanim.models.entries import GeneratorEntry, LocalFile, ModelFile, file_error, read_verified
from vqanim.models.families.stylegan import StyleGANConfig, StyleGANFacts, differences, find_version
from vqanim.models.found import Found
from vqanim.models.stylegan.generator import StyleGAN, StyleGANGenerator
from vqanim.models.vqgan_files import CHECKPOINT
from vqanim.models.weights import check_fit, load_into, read_weights

REMEDY = "give a network pickle of StyleGAN2-ada-pytorch or StyleGAN3, or weights by its official names"

_CONFIG = "give the arguments that the network was made with, such as training_options.json"

_OWN = re.compile(r"(.{0,200}?)((?:mapping|synthesis)\.[^.].{0,200})")
_SECTIONS = ("init_kwargs", "_init_kwargs", "G_kwargs", "stylegan")
"""Under which the settings of a network stand in a config file, if not at its top."""


def select_stylegan(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of a checkpoint's tensors those of a StyleGAN's generator, by NVIDIA's names; of several those of the
    averaged weights, else the outermost."""
    found: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        match = _OWN.fullmatch(name)
        if match and (not match[1] or match[1].endswith(".")):
            found.setdefault(match[1], {})[match[2]] = tensor
    whole = [before for before, inside in found.items() if find_version(inside)]
    return found[min(whole, key=lambda each: ("ema" not in each.lower(), len(each)))] if whole else {}


def inspect_stylegan(
    checkpoint: Path, config: Path | None = None, note: Callable[[str], None] = lambda _: None
) -> tuple[StyleGANConfig, dict[str, Tensor]] | None:
    """The generator of a StyleGAN that a file holds, with its weights; None when it holds none.

    config: a file with the arguments that the network was made with, such as training_options.json.
    note: receives what the user should know. Raises InputError when a file cannot be used.
    """
    tensors = read_checkpoint(checkpoint, select_stylegan, CHECKPOINT)
    if not tensors:
        return None
    described = LocalFile(config or checkpoint, _CONFIG)
    attributes = _attributes_of(checkpoint)
    given = _arguments(read_verified(described), described) if config else {}
    try:
        facts = StyleGANFacts.from_mapping({**_from_attributes(attributes), **_from_arguments(given)})
    except ValueError as error:
        raise file_error(described, f"this network cannot be used: {error}") from error
    if not given and not attributes:
        note("what weights do not show is taken as usual: lr_multiplier 0.01, conv_clamp 256, lrelu")
    file = LocalFile(checkpoint, REMEDY)
    found = _settle(tensors, facts, file)
    if wrong := differences(found, given):
        raise file_error(described, f"it does not fit {checkpoint}: {'; '.join(wrong)}")
    return found, tensors


def look_for_stylegan(checkpoint: Path, config: Path | None, note: Callable[[str], None]) -> Found | None:
    """As `inspect_stylegan`, with all that is kept of it."""
    if (inspected := inspect_stylegan(checkpoint, config, note)) is None:
        return None
    found, tensors = inspected
    row = {
        "commercial": "unknown: ask whoever made it; NVIDIA's own networks are not for commercial use",
        "multiple": 2,
        "learning_rate": found.learning_rate,
    }
    kept = yaml.safe_dump(found.to_mapping(), sort_keys=False)
    return Found("stylegan", found.about, ("config.yaml", kept), tensors, (checkpoint,), row)


def load_stylegan(
    entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]
) -> StyleGANGenerator:
    """Build a StyleGAN from its file, a network pickle or weights.

    Raises InputError when it is missing, damaged or something else, UsageError for a class that it lacks.
    """
    file = entry.files["weights"]
    tensors = read_weights(file, select_stylegan)
    if not tensors:
        raise file_error(file, "it holds no generator of a StyleGAN2 or StyleGAN3")
    if "config" in entry.files:
        described = entry.files["config"]
        known = _from_arguments(_arguments(read_verified(described), described))
    else:
        described, known = file, _from_attributes(_attributes_of(file.locate()))
    try:
        facts = StyleGANFacts.from_mapping(known)
    except ValueError as error:
        raise file_error(described, f"this network cannot be used: {error}") from error
    config = _settle(tensors, facts, file)
    if (chosen := settings["class"]) is not None and chosen >= config.mapping.c_dim:
        classes = config.mapping.c_dim
        allowed = f"it knows classes 0 to {classes - 1}" if classes else "it knows no classes; leave it out"
        raise UsageError(f"models.generator: class {chosen}: {entry.name}: {allowed}")
    with torch.device("meta"):
        network = StyleGAN(config)
    load_into(network, tensors, file)
    return StyleGANGenerator(entry.name, entry.multiple, network, entry.hash, device, settings)


def _settle(tensors: Mapping[str, Tensor], facts: StyleGANFacts, file: ModelFile) -> StyleGANConfig:
    """The network that weights are of. Raises InputError when they are not whole."""
    try:
        config = StyleGANConfig.from_shapes({name: tensor.shape for name, tensor in tensors.items()}, facts)
    except ValueError as error:
        raise file_error(file, f"this is no StyleGAN that is known: {printable(str(error))}") from error
    with torch.device("meta"):
        network = StyleGAN(config)
    check_fit(network, tensors, file)
    return config


def _attributes_of(checkpoint: Path) -> dict[str, Any]:
    """Those of the generator in a pickle; empty for a file without modules."""
    for found in read_attributes(checkpoint, REMEDY):
        for name in found:
            before, key, _ = name.partition("mapping.fc0.")
            if key:
                return {own.removeprefix(before): value for own, value in found.items()}
    return {}


def _from_attributes(found: Mapping[str, Any]) -> dict[str, Any]:
    """Facts that the modules of a network pickle hold, as they were when it was written."""
    facts: dict[str, Any] = {}
    wanted = {
        "lr_multiplier": r"mapping\.fc0\.bias_gain",
        "mapping_activation": r"mapping\.fc0\.activation",
        "activation": r"synthesis\.b4\.conv1\.activation",
        "conv_clamp": r"synthesis\.(b4\.conv1|L0_\d+_\d+)\.conv_clamp",
        "margin_size": r"synthesis\.margin_size",
        "output_scale": r"synthesis\.output_scale",
    }
    for name, value in found.items():
        for fact, pattern in wanted.items():
            if re.fullmatch(pattern, name):
                facts[fact] = value
    for name, between in found.items():
        if (match := re.fullmatch(r"(synthesis\.L0_\d+_\d+)\.tmp_sampling_rate", name)) and between:
            rates = [found.get(f"{match[1]}.{way}_sampling_rate") for way in ("in", "out")]
            if all(type(rate) is int and rate > 0 for rate in (*rates, between)):
                facts["lrelu_upsampling"] = int(between) // max(rate for rate in rates if rate)
    return facts


def _from_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts among the arguments that NVIDIA's code makes networks with, or of our own file."""
    mapping, synthesis = (given.get(f"{part}_kwargs") or {} for part in ("mapping", "synthesis"))
    facts = {**given, **synthesis} if isinstance(synthesis, Mapping) else dict(given)
    if isinstance(mapping, Mapping):
        renamed = {"lr_multiplier": "lr_multiplier", "activation": "mapping_activation"}
        facts |= {fact: mapping[name] for name, fact in renamed.items() if name in mapping}
    return facts


def _arguments(content: bytes, file: ModelFile) -> Mapping[str, Any]:
    """The arguments of a network in a config file, YAML or JSON. Raises InputError."""
    try:
        top = read_config(content)
    except ConfigError as error:
        raise file_error(file, printable(str(error))) from error
    sections = [(here, path) for here, path in walk(top) if isinstance(here, Mapping)]
    named = [here for here, path in sections if path and path[-1] in _SECTIONS]
    plain = [here for here, _ in sections if {"stylegan", "w_dim", "img_resolution"} & {*here}]
    if not (found := [*named, *plain]):
        about = "no arguments of a StyleGAN: z_dim, w_dim, mapping_kwargs and so on"
        raise file_error(file, f"this config has {about}")
    return found[0]
