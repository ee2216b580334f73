"""CLIP models of the open_clip project, by its names: `open_clip:ViT-B-32/laion2b_s34b_b79k`.

The package is optional: it says what the network is and where its weights are, which our own reader reads. It
imports torch, so it is imported when a model is loaded or its addresses are looked up; its architectures are
files in its folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vqanim.cache import models_folder
from vqanim.errors import InputError
from vqanim.models import entries
from vqanim.models.entries import (
    LocalFile,
    ModelFile,
    PerceptorEntry,
    UnknownModel,
    did_you_mean,
)  # fmt: skip
from vqanim.models.families.clip import DEVIATION, MEAN, VOCABULARY
from vqanim.models.family import Family
from vqanim.models.open_clip_package import INSTALL, architectures, open_clip_package

if TYPE_CHECKING:
    import torch

    from vqanim.models.clip import CLIPPerceptor

PREFIX = "open_clip:"
EXAMPLE = "open_clip:ViT-B-32/laion2b_s34b_b79k"

HUB = "https://huggingface.co"
_REMEDY = "run: vqanim models fetch "
_NAME = re.compile(re.escape(PREFIX) + r"([A-Za-z0-9][\w.+-]*)/([A-Za-z0-9][\w.+-]*)", re.ASCII)


def split_name(name: str) -> tuple[str, str]:
    """Architecture and tag of a name. Raises UnknownModel for a name of another form."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnknownModel(f"unknown perceptor {name!r}; names of open_clip are like {EXAMPLE!r}")
    return match[1], match[2]


def weights_place(name: str) -> str:
    """Where the weights of a model lie, relative to the folder of fetched models."""
    architecture, tag = split_name(name)
    return f"open_clip/{architecture}/{tag}/weights.bin"


def open_clip_entry(name: str) -> PerceptorEntry:
    """What is known about a model of open_clip; its files only once they were fetched.

    Raises UnknownModel for a name that cannot be, InputError when the package is not installed.
    """
    place = weights_place(name)
    if not (known := architectures()):
        raise InputError(f"models of open_clip need its package; install it: {INSTALL}")
    _check_architecture(split_name(name)[0], list(known))
    files: dict[str, ModelFile] = {}
    pin = entries.read_pin(place)
    if pin and "://" not in pin.address and Path(pin.address) != models_folder() / place:
        files["weights"] = LocalFile(Path(pin.address), _REMEDY + name, pin.sha256, pin.size)
    elif pin:
        files["weights"] = entries.RemoteFile(name, place, (), pin.sha256, pin.size, pinned=True)
    return PerceptorEntry(
        name=name,
        kind="perceptor",
        family="open_clip",
        files=files,
        license="as its publisher says, see its page at the model hub",
        commercial="unknown: see its page at the model hub",
        source="https://github.com/mlfoundations/open_clip",
        good_at="what its training data shows",
        unchecked="all: its first download gives the hash that holds ever after",
        cutout_noise=entries.CUTOUT_NOISE,
    )


def fetched_names() -> list[str]:
    """Names of models whose weights are in the cache."""
    found = models_folder().glob("open_clip/*/*/weights.bin")
    return sorted(f"{PREFIX}{path.parts[-3]}/{path.parts[-2]}" for path in found)


def _check_architecture(name: str, known: list[str]) -> None:
    if name not in known:
        hint = did_you_mean(name, known)
        raise UnknownModel(f"open_clip knows no model {name!r}; {hint}open_clip.list_models() names all")


def load_open_clip(entry: PerceptorEntry, device: torch.device) -> CLIPPerceptor:
    """Load a model by open_clip's name for architecture and weights; nothing in the file runs.

    Raises InputError when package or weights are missing, damaged or do not fit, or the name is unknown.
    """
    from vqanim.models.clip import CLIPPerceptor
    from vqanim.models.weights import load_into, read_weights

    model, tag = split_name(entry.name)
    package = open_clip_package()
    config = _find_config(package, model)
    about: Mapping[str, Any] = package.pretrained.get_pretrained_cfg(model, tag)
    if "weights" not in entry.files:
        raise InputError(f"the weights of {entry.name} are not on this machine; {_REMEDY}{entry.name}")
    file = entry.files["weights"]
    tensors = read_weights(file, select_open_clip)
    arguments = {**config, "quick_gelu": config.get("quick_gelu", False) or bool(about.get("quick_gelu"))}
    kind = package.CustomTextCLIP if arguments.pop("custom_text", False) else package.CLIP
    network = kind(**arguments)  # not on the meta device, because its masks are no weights
    wanted = network.state_dict()
    scalars = {n: t.reshape(wanted[n].shape) for n, t in tensors.items() if n in wanted and t.numel() == 1}
    load_into(network, {**tensors, **scalars}, file)
    size, length = config["vision_cfg"]["image_size"], config["text_cfg"].get("context_length", 77)
    inputs = {"mean": about.get("mean", MEAN), "deviation": about.get("std", DEVIATION)}
    inputs |= {"input_size": size, "context_length": length}
    return CLIPPerceptor(entry.name, network, entry.hash, device, **inputs)


def select_open_clip(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of an open_clip checkpoint the weights; those of parallel training have a prefix."""
    dropped = ("attn_mask", "position_ids")
    return {k.removeprefix("module."): v for k, v in tensors.items() if not k.endswith(dropped)}


def _find_config(package: ModuleType, model: str) -> dict[str, Any]:
    """What open_clip says about an architecture, as arguments of its network."""
    _check_architecture(model, package.list_models())
    config: dict[str, Any] = package.get_model_config(model)
    text = config["text_cfg"]
    size, vocabulary = config["vision_cfg"]["image_size"], text.get("vocab_size", VOCABULARY)
    foreign = any(key in text for key in ("hf_model_name", "hf_tokenizer_name")) or vocabulary != VOCABULARY
    if foreign or "multimodal_cfg" in config or not isinstance(size, int):
        about = (
            f"open_clip's {model!r} reads texts or images in another way than CLIP, which is not supported"
        )
        raise InputError(f"{about}; choose one like it, such as {EXAMPLE!r}")
    return config


def find_sources(name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Where the weights of a model are: on this machine, if huggingface_hub has them, and their addresses.

    Raises UnknownModel for a name that open_clip does not know, InputError when the package is missing or the
    model is not supported.
    """
    model, tag = split_name(name)
    package = open_clip_package()
    _find_config(package, model)
    from huggingface_hub import try_to_load_from_cache  # which comes with the package

    about: Mapping[str, Any] = package.pretrained.get_pretrained_cfg(model, tag)
    repository, _, file = str(about.get("hf_hub", "")).rpartition("/")
    names = (file,) if file else ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
    urls = [f"{HUB}/{repository}/resolve/main/{each}" for each in names if repository]
    if about.get("url"):
        urls.append(str(about["url"]))
    if not urls:
        tags = package.list_pretrained_tags_by_model(model)
        hint = did_you_mean(tag, tags)
        raise UnknownModel(f"open_clip has no weights {tag!r} for {model}; {hint}it has {', '.join(tags)}")
    cached = (try_to_load_from_cache(repository, each) for each in names if repository)
    return next((Path(found) for found in cached if isinstance(found, str)), None), tuple(urls)


FAMILY = Family("open_clip", "perceptor", lambda entry, device, _: load_open_clip(entry, device))
"""Without roles: files of its models are known by rule, not from a catalogue."""
