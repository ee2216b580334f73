"""Files of CLIPs that people own: read, told apart, and described as far as their weights say.

Two things cannot be seen in weights: into how many heads attention is split, and whether the MLPs have GELU
or QuickGELU. They are known of OpenAI's own archives, and else only from a config or from the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath

from torch import Tensor

from vqanim.errors import InputError, UsageError
from vqanim.models.checkpoint import printable, read_checkpoint
from vqanim.models.clip_files.config import ConfigError, Described, parse_clip_config, parse_json
from vqanim.models.clip_files.layouts import MARKS, select_clip, to_openai
from vqanim.models.entries import LocalFile, ModelFile, UnknownModel, did_you_mean, file_error, read_verified
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.open_clip_package import INSTALL, architectures
from vqanim.models.pickled import Unreadable
from vqanim.own_files import Damaged, read_bytes

CLIP_FILE = "give the file of a CLIP: OpenAI's, open_clip's or a CLIPModel of transformers"
_CONFIG = "give the config that was published with the weights"
_ASK = "or give the model's config: --config open_clip_config.json, or config.json of a CLIPModel"

_IMAGE_ALONE = "it holds the image tower of a CLIP alone, without a text tower"
MAX_SHARDS = 200
_WEIGHTS = (
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors",
    "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip
"""Names of files of weights as they are published."""

_IN_SHAPES: Mapping[str, str] = {
    "embed_dim": "channels of the embedding",
    "input_size": "pixels of an image's side",
    "patch_size": "pixels of a patch's side",
    "vision_layers": "layers of the image tower",
    "vision_width": "width of the image tower",
    "vision_mlp": "width of its MLPs",
    "context_length": "tokens of a text",
    "text_layers": "layers of the text tower",
    "text_width": "width of the text tower",
    "text_mlp": "width of its MLPs",
}
"""Fields of a config that shapes of weights tell as well, in words."""

_UNUSABLE: tuple[tuple[str, str], ...] = (
    ("visual.patch_embed.", "it is an EVA-CLIP, whose image tower is another"),
    ("text_decoder.", "it is a CoCa, which also writes texts"),
    ("vision_model.head.", "it is a SigLIP, whose towers and tokenizer are others"),
    ("text.transformer.e", "its text tower has another tokenizer than CLIP's"),
    ("text_model.encoder.layer.", "its text tower has another tokenizer than CLIP's"),
    ("bert.", "its text tower has another tokenizer than CLIP's"),
)
"""How names of relatives of CLIP begin that cannot be used, and what they are."""


def read_clip(path: Path, image_alone: bool = False) -> dict[str, Tensor]:
    """Tensors of a CLIP's file, see `select_clip`; of one in parts by its index, a JSON file.

    image_alone: whether it must be an image tower without a text tower, or must not.
    Raises InputError when it cannot be read, or is a relative that cannot be used.
    """
    if path.suffix.lower() == ".json":
        tensors = _read_shards(path)
    else:
        tensors = read_checkpoint(path, select_clip, CLIP_FILE)
    if part := re.search(r"^(.*)-\d{5}-of-(?!00001)\d{5}(\.\w+)$", path.name):
        index = f"{part[1]}{part[2]}.index.json"
        raise InputError(f"{path}: this is one part of a CLIP in several; give its index, {printable(index)}")
    reason = _find_relative(tensors)
    if image_alone and reason is None:
        raise InputError(f"{path}: it holds more than an image tower; add it without --base")
    if reason == _IMAGE_ALONE:
        if not image_alone:
            about = "name the CLIP whose text tower it shall have, such as --base ViT-L/14"
            raise InputError(f"{path}: {reason}; {about}, or give the file of the whole CLIP")
    elif reason:
        raise InputError(f"{path}: {reason}; {CLIP_FILE}")
    for name, tensor in tensors.items():
        if name not in MARKS and name.rpartition(".")[2] != "num_batches_tracked":
            _check_numbers(path, name, tensor)
    return tensors


MAX_COLORS_BYTES = 1_000_000
"""Of the file about the colors."""


def find_weights(folder: Path) -> Path:
    """The weights in a folder as it is published. Raises InputError."""
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise InputError(f"{folder}: this folder has none of {', '.join(_WEIGHTS)}; give a file")
    return found


def _check_numbers(path: Path, name: str, tensor: Tensor) -> None:
    """Raise InputError unless all numbers of a weight are finite fractions."""
    if not tensor.is_floating_point():
        found = f"whole numbers ({str(tensor.dtype).removeprefix('torch.')}), as compressed weights do"
        raise InputError(f"{path}: {printable(name)} holds {found}; give them in 16 or 32 bits")
    if tensor.dtype.itemsize > 1 and not bool(tensor.isfinite().all()):
        raise InputError(
            f"{path}: {printable(name)} holds numbers that are none (NaN or infinite); get it again"
        )


def read_description(config: str) -> tuple[Described, Path]:
    """What a config says: a file, or an architecture of the installed package open_clip by its name.

    Raises InputError for a file that cannot be used, UnknownModel for a name that open_clip does not have.
    """
    path = Path(config)
    name = re.fullmatch(r"[A-Za-z0-9][\w.+-]*", config, re.ASCII)
    if name and not path.exists() and path.suffix.lower() not in (".json", ".yaml", ".yml"):
        path = _architecture(config)
    return parse_description(LocalFile(path, _CONFIG), path.with_name("preprocessor_config.json")), path


def parse_description(file: ModelFile, colors: Path | None = None) -> Described:
    """What a config file says. Raises InputError that names it.

    colors: transformers' file about the colors, if it exists.
    """
    found = {}
    content = read_verified(file)
    with suppress(ConfigError, Damaged):
        found = parse_json(read_bytes(colors, MAX_COLORS_BYTES) or b"{}") if colors else {}
    try:
        return parse_clip_config(content, found)
    except ConfigError as error:
        raise file_error(file, f"this config cannot be used: {printable(str(error))}") from error


def find_description(weights: Path, tensors: Iterable[str]) -> tuple[Described, Path] | None:
    """What the config says that lies beside weights under a name with which such are published, if one does.

    Raises InputError for one that cannot be used, but for a `config.json` of something else.
    """
    theirs = any(name.startswith("vision_model.") for name in tensors)
    expected, other = ("config.json", "open_clip_config.json")[:: 1 if theirs else -1]
    if (path := weights.with_name(expected)).is_file():
        return read_description(str(path))
    with suppress(InputError):
        return read_description(str(weights.with_name(other)))
    return None


def is_openai(tensors: Mapping[str, Tensor]) -> bool:
    """Whether selected tensors are of one of OpenAI's own archives, which have QuickGELU and heads of 64."""
    return set(MARKS) <= set(tensors)


def settle_config(
    tensors: Mapping[str, Tensor],
    file: ModelFile,
    described: tuple[Described, Path] | None = None,
    quick_gelu: bool | None = None,
) -> CLIPConfig:
    """The config of selected tensors: what their shapes say, and what is said about them.

    quick_gelu: what the user says. Raises InputError for weights of no CLIP or a config that contradicts
    them, UsageError when something is not known.
    """
    if described is not None and described[0].config.package:
        return _with_activation(described, quick_gelu, known=False)
    if any(name.startswith("visual.trunk.") for name in tensors):
        what = "its image tower is one of timm, such as a ConvNeXt or an EVA, whose settings no weight tells"
        if described is not None:
            about = "its image tower is one of timm, which has another config (timm_model_name)"
            raise InputError(f"{described[1]}: does not describe {file.locate()}: {about}; {_CONFIG}")
        raise UsageError(f"{file.locate()}: {what}; {_ASK.removeprefix('or ')}")
    try:
        shown = CLIPConfig.from_shapes({name: tuple(t.shape) for name, t in to_openai(tensors).items()})
    except (ArithmeticError, LookupError, ValueError) as error:
        raise file_error(file, f"these weights are no CLIP ({printable(str(error))})") from error
    known = is_openai(tensors) and shown.published_head_width in (None, 64)
    if described is not None:
        return _compare(shown, known, described, file, quick_gelu)
    if known and quick_gelu is False:
        raise UsageError(f"{file.locate()}: this is a file of OpenAI's CLIP, which has QuickGELU, not GELU")
    if known or (quick_gelu is not None and shown.published_head_width):
        width = shown.published_head_width or shown.head_width
        return replace(shown, head_width=width, quick_gelu=known or bool(quick_gelu))
    raise UsageError(f"{file.locate()}: {_missing(shown, quick_gelu)}")


def _missing(shown: CLIPConfig, quick_gelu: bool | None) -> str:
    """What neither the weights nor the user say, and how to say it."""
    gelu = (
        "whether the network has QuickGELU (OpenAI's, and what was fine-tuned from them) or GELU (most of "
        "open_clip's, such as LAION's)"
    )
    heads = f"into how many heads the attention is split (an image tower {shown.vision_width} wide)"
    if shown.published_head_width:
        return (
            f"these weights of {shown.architecture} do not say {gelu}; give --activation quickgelu or "
            f"--activation gelu, {_ASK}"
        )
    what = heads if quick_gelu is not None else f"{heads}, nor {gelu}"
    return f"these weights do not say {what}; {_ASK.removeprefix('or ')}"


def _compare(
    shown: CLIPConfig,
    known: bool,
    described: tuple[Described, Path],
    file: ModelFile,
    quick_gelu: bool | None,
) -> CLIPConfig:
    """The described config. Raises InputError when it contradicts the weights, or what else is known."""
    config, path = described[0].config, described[1]
    fields = {**_IN_SHAPES, "head_width": "channels of a head"} if known else _IN_SHAPES
    differing = [
        f"{words} {_plain(getattr(config, name))}, of the weights {_plain(getattr(shown, name))}"
        for name, words in fields.items()
        if getattr(config, name) != getattr(shown, name)
    ]
    if differing:
        raise InputError(f"{path}: does not describe {file.locate()}: {'; '.join(differing)}; {_CONFIG}")
    if known and quick_gelu is False:
        raise UsageError(f"{file.locate()}: this is a file of OpenAI's CLIP, which has QuickGELU, not GELU")
    return _with_activation(described, quick_gelu, known)


def _with_activation(described: tuple[Described, Path], quick_gelu: bool | None, known: bool) -> CLIPConfig:
    """The described config with the activation that is known or said. Raises InputError for two of them."""
    found, path = described
    wanted = True if known else quick_gelu
    if None not in (wanted, found.quick_gelu) and wanted != found.quick_gelu:
        says, other = ("QuickGELU", "GELU") if found.quick_gelu else ("GELU", "QuickGELU")
        whose = "the weights are OpenAI's, with" if known else "--activation says"
        raise InputError(f"{path}: says {says}, but {whose} {other}; leave out what is wrong")
    return replace(found.config, quick_gelu=found.config.quick_gelu if wanted is None else wanted)


def _plain(value: object) -> str:
    return "none" if value is None else str(value)


def _find_relative(names: Iterable[str]) -> str | None:
    """Why tensors of these names cannot be used, if they are near to a CLIP."""
    names = [re.sub(r"^(?:module\.|model\.|_orig_mod\.)+", "", name) for name in names]
    for mark, reason in _UNUSABLE:
        if any(name.startswith(mark) for name in names):
            return reason
    beginnings = {name.partition(".")[0] for name in names}
    image = beginnings & {"visual", "vision_model"}
    text = beginnings & {"token_embedding", "text_model"}
    if image and not text:
        return _IMAGE_ALONE
    if text and not image and ("visual_projection.weight" in names or "text_model" in text):
        return "it holds the text tower of a CLIP alone, such as that of a Stable Diffusion model"
    return None


def _architecture(name: str) -> Path:
    """open_clip's config of an architecture."""
    known = architectures()
    if not known:
        about = f"is no file, and names of open_clip's architectures need its package ({INSTALL})"
        raise InputError(f"{printable(name)}: {about}; {_CONFIG}")
    if name not in known:
        hint = did_you_mean(name, known)
        raise UnknownModel(
            f"--config {name}: no file, and open_clip has no such architecture; {hint}{_CONFIG}"
        )
    return known[name]


def _read_shards(index: Path) -> dict[str, Tensor]:
    """All tensors of a model in several files beside their index (`model.safetensors.index.json`)."""
    file = LocalFile(index, CLIP_FILE)
    try:
        places = parse_json(read_verified(file)).get("weight_map")
    except ConfigError as error:
        raise file_error(file, str(error)) from error
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise file_error(
            file, "this is neither weights nor the index of weights in several files (weight_map)"
        )
    parts = sorted(set(places.values()))
    if strange := [part for part in parts if PurePath(part).name != part or part != printable(part)]:
        raise file_error(file, f"it names {printable(repr(strange[0]))}, allowed are files beside it")
    if len(parts) > MAX_SHARDS:
        raise file_error(file, f"it names {len(parts):,} files, allowed are {MAX_SHARDS}")
    tensors: dict[str, Tensor] = {}
    for part in parts:
        tensors |= read_checkpoint(index.with_name(part), dict, CLIP_FILE)
    if missing := sorted(set(places) - set(tensors)):
        raise file_error(file, f"its files lack {printable(missing[0])}; get them again")
    try:
        return select_clip(tensors)
    except Unreadable as error:
        raise file_error(file, printable(str(error))) from error
