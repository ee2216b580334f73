"""CLIP models of the open_clip project, by its names: `open_clip:ViT-B-32/laion2b_s34b_b79k`.

The package is optional. It says what the network is and where its weights are; they are read by our own
reader. Models with another tokenizer than CLIP's are not supported.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vqanim.errors import InputError
from vqanim.models.clip import DEVIATION, MEAN, VOCABULARY, CLIPPerceptor
from vqanim.models.convert import read_weights_file
from vqanim.models.entries import PerceptorEntry, UnknownModel
from vqanim.models.open_clip_names import EXAMPLE, INSTALL, split_name
from vqanim.models.weights import load_into

HUB = "https://huggingface.co"
CACHED_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names of weights files at the model hub, the better one first."""

Value = TypeVar("Value")


def load_open_clip(entry: PerceptorEntry, device: torch.device) -> CLIPPerceptor:
    """Load a model by open_clip's name for architecture and weights; nothing in the file runs.

    Raises InputError when the package or the weights are missing, when the name is unknown or when the file
    is damaged or does not fit.
    """
    model, tag = split_name(entry.name)
    package = open_clip_package()
    config = _find_config(package, model)
    about: Mapping[str, Any] = package.pretrained.get_pretrained_cfg(model, tag)
    if "weights" not in entry.files:
        raise InputError(
            f"the weights of {entry.name} are not on this machine; run: vqanim models fetch {entry.name}"
        )
    file = entry.files["weights"]
    path, sha256, remedy = file.locate(), file.sha256, file.remedy
    tensors = read_weights_file(path, sha256, select_open_clip, remedy)
    network = _build(package, config, quick_gelu=bool(about.get("quick_gelu")))
    _fill(network, tensors, path, remedy)
    return CLIPPerceptor(
        entry.name,
        network,
        entry.hash,
        device,
        input_size=config["vision_cfg"]["image_size"],
        context_length=config["text_cfg"].get("context_length", 77),
        mean=about.get("mean", MEAN),
        deviation=about.get("std", DEVIATION),
    )


@cache
def open_clip_package() -> ModuleType:
    """The package. Raises InputError with the command that installs it when it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import open_clip
    except ImportError as error:
        raise InputError(f"models of open_clip need its package ({error}); install it: {INSTALL}") from error
    return open_clip


def select_open_clip(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Of the tensors of an open_clip checkpoint the weights; those of parallel training have a prefix."""
    return {
        name.removeprefix("module."): value
        for name, value in tensors.items()
        if not name.endswith(("attn_mask", "position_ids"))
    }


def _find_config(package: ModuleType, model: str) -> dict[str, Any]:
    """What open_clip says about an architecture, as arguments of its network."""
    known = package.list_models()
    if model not in known:
        near = difflib.get_close_matches(model, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownModel(f"open_clip knows no model {model!r}; {hint}open_clip.list_models() names all")
    config: dict[str, Any] = package.get_model_config(model)
    text = config["text_cfg"]
    size, vocabulary = config["vision_cfg"]["image_size"], text.get("vocab_size", VOCABULARY)
    foreign = any(key in text for key in ("hf_model_name", "hf_tokenizer_name")) or vocabulary != VOCABULARY
    if foreign or "multimodal_cfg" in config or not isinstance(size, int):
        raise InputError(
            f"open_clip's {model!r} reads texts or images in another way than CLIP, which is not supported; "
            f"choose one like it, such as {EXAMPLE!r}"
        )
    return config


def find_sources(name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Where the weights of a model are: on this machine, if huggingface_hub has them, and their addresses.

    Raises UnknownModel for a name that open_clip does not know, InputError when the package is missing or the
    model is not supported.
    """
    model, tag = split_name(name)
    package = open_clip_package()
    _find_config(package, model)
    about: Mapping[str, Any] = package.pretrained.get_pretrained_cfg(model, tag)
    repository, _, file = str(about.get("hf_hub", "")).rpartition("/")
    names = (file,) if file else CACHED_NAMES
    urls = [f"{HUB}/{repository}/resolve/main/{each}" for each in names if repository]
    if about.get("url"):
        urls.append(str(about["url"]))
    if not urls:
        tags = package.list_pretrained_tags_by_model(model)
        near = difflib.get_close_matches(tag, tags, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownModel(f"open_clip has no weights {tag!r} for {model}; {hint}it has {', '.join(tags)}")
    return _find_cached(repository, names), tuple(urls)


def _find_cached(repository: str, names: Sequence[str]) -> Path | None:
    """A file of a repository in the cache of huggingface_hub."""
    from huggingface_hub import try_to_load_from_cache

    for wanted in names if repository else ():
        found = try_to_load_from_cache(repository, wanted)
        if isinstance(found, str):
            return Path(found)
    return None


def _build(package: ModuleType, config: Mapping[str, Any], quick_gelu: bool) -> nn.Module:
    """The network with random weights; its masks are no weights, so the meta device will not do."""
    arguments = {**config, "quick_gelu": config.get("quick_gelu", False) or quick_gelu}
    kind = package.CustomTextCLIP if arguments.pop("custom_text", False) else package.CLIP
    network: nn.Module = kind(**arguments)
    return network


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    wanted = network.state_dict()
    scalars = {n: t.reshape(wanted[n].shape) for n, t in tensors.items() if n in wanted and t.numel() == 1}
    load_into(network, {**tensors, **scalars}, path, remedy)
