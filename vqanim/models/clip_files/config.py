"""Config files of CLIPs: open_clip's and those of the transformers package, read as data. No torch.

open_clip's are `open_clip_config.json`, with the keys model_cfg and preprocess_cfg, or what its package has
of an architecture, which is a model_cfg alone. Those of transformers are the `config.json` of a `CLIPModel`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from vqanim import own_files
from vqanim.models import config_file
from vqanim.models.families.clip import DEVIATION, MAX_CONTEXT, MAX_LAYERS, MEAN, VOCABULARY, CLIPConfig

MAX_BYTES = 1_000_000
MAX_WIDTH = 65_536
END_OF_TEXT = VOCABULARY - 1

ACTIVATIONS = {"gelu": False, "quickgelu": True}
"""By the names of the command line: whether it is QuickGELU."""

_WITHOUT_EFFECT = {
    "patch_dropout", "output_tokens", "pad_id", "eos_id", "attn_pooler_queries", "attn_pooler_heads",
    "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path",
    "hf_model_pretrained", "hf_proj_type", "hf_pooler_type", "tokenizer_mode", "embed_dim",
}  # fmt: skip
"""Keys of open_clip's vision_cfg and text_cfg that matter in training only, or only beside another key."""

_ORDINARY: Mapping[str, object] = {
    "pos_embed_type": "learnable",
    "proj_type": "linear",
    "block_type": "default",
}
"""Keys of open_clip that may also say this without changing the network; all others must be off."""


_NO_TOWER: Mapping[str, Any] = {
    "vision_layers": 0, "vision_width": 0, "patch_size": None, "vision_mlp": 0,
}  # fmt: skip


class ConfigError(ValueError):
    """What is wrong with a config, without the file's name."""


@dataclass(frozen=True)
class Described:
    """What a config says about a CLIP."""

    config: CLIPConfig
    quick_gelu: bool | None
    """Whether it names QuickGELU or GELU; None where it names none, which means GELU to open_clip."""


def parse_clip_config(content: bytes, colors: Mapping[str, Any] | None = None) -> Described:
    """Read a config file. Raises ConfigError.

    colors: transformers' `preprocessor_config.json`, where there is one.
    """
    data = parse_json(content)
    if "model_cfg" in data:
        return _open_clip(_mapping(data, "model_cfg"), data.get("preprocess_cfg") or {}, "model_cfg.")
    if "vision_cfg" in data:
        return _open_clip(data, {}, "")
    if "vision_config" in data or "vision_config_dict" in data:
        return _transformers(data, colors or {})
    keys = "vision_cfg and text_cfg of open_clip, or vision_config and text_config of transformers"
    raise ConfigError(f"this is not the config of a CLIP, which has {keys}")


def parse_json(content: bytes) -> dict[str, Any]:
    """A mapping of a JSON file of limited size. Raises ConfigError."""
    if len(content) > MAX_BYTES:
        raise ConfigError(f"it has {len(content):,} bytes, allowed are {MAX_BYTES:,}")
    try:
        data = own_files.parse_json(content)
    except own_files.Damaged as error:
        data = None
        with suppress(ValueError):  # commas too many, comments, YAML
            data = config_file.read_config(content)
        if not isinstance(data, dict):
            raise ConfigError(f"it is not a JSON file, as configs of CLIPs are: it {error}") from error
    if not isinstance(data, dict):
        raise ConfigError("it is JSON, but not a mapping, as configs of CLIPs are")
    return data


def dump_clip_config(config: CLIPConfig) -> str:
    """The config as an `open_clip_config.json`, which open_clip reads as well."""
    vision: dict[str, Any] = {
        "image_size": config.input_size,
        "layers": config.vision_layers,
        "width": config.vision_width,
        "head_width": config.head_width,
        "patch_size": config.patch_size,
        "norm_kwargs": {"eps": config.vision_eps},
    }
    text = {
        "context_length": config.context_length,
        "vocab_size": config.vocabulary,
        "width": config.text_width,
        "heads": config.text_width // config.text_head_width,
        "layers": config.text_layers,
        "mlp_ratio": (config.text_mlp or 4 * config.text_width) / config.text_width,
        "norm_kwargs": {"eps": config.text_eps},
    }
    if config.patch_size is not None:
        vision["mlp_ratio"] = (config.vision_mlp or 4 * config.vision_width) / config.vision_width
    model = {
        "embed_dim": config.embed_dim,
        "quick_gelu": config.quick_gelu,
        "vision_cfg": vision,
        "text_cfg": text,
    }
    if config.package:
        model = {**config.package, "quick_gelu": config.quick_gelu}
    colors = {"mean": config.mean, "std": config.deviation}
    return json.dumps({"model_cfg": model, "preprocess_cfg": colors}, indent=1) + "\n"


def _open_clip(model: Mapping[str, Any], preprocess: Any, place: str) -> Described:
    """open_clip's way to describe a model; what is not said has the default of its package."""
    if "multimodal_cfg" in model:
        raise ConfigError(f"{place}multimodal_cfg: a CoCa, which also writes texts, cannot be used")
    vision, text = _mapping(model, "vision_cfg", place), _mapping(model, "text_cfg", place)
    seen, read = f"{place}vision_cfg.", f"{place}text_cfg."
    for key in ("hf_model_name", "hf_tokenizer_name"):
        if text.get(key):
            about = f"found {_shown(text[key])}; models with another tokenizer than CLIP's cannot be used"
            raise ConfigError(f"{read}{key}: {about}")
    _check_vocabulary(text, "vocab_size", read)
    sizes = "image_size layers width head_width mlp_ratio patch_size norm_kwargs"
    package = _for_package(model, vision, text, seen) if _odd_part(vision, sizes, "tok") else None
    sizes = "context_length vocab_size width heads layers mlp_ratio norm_kwargs"
    if odd := _odd_part(text, sizes, "argmax"):
        raise ConfigError(f"{read}{odd[:60]!r}: found {_shown(text[odd])}, which CLIP's text tower has not")
    quick = model.get("quick_gelu")
    _expect(quick is None or isinstance(quick, bool), model, "quick_gelu", place, "true or false")
    _expect(isinstance(preprocess, Mapping), {"": preprocess}, "", "preprocess_cfg", "a mapping")
    layers = vision.get("layers", 12)
    resnet = isinstance(layers, list)
    if resnet:
        fits = len(layers) == 4 and all(type(n) is int and 1 <= n <= MAX_LAYERS for n in layers)
        _expect(fits, vision, "layers", seen, "a number, or the four numbers of a ResNet")
    width, text_width = _number(vision, "width", seen, 768), _number(text, "width", read, 512)
    config = CLIPConfig(
        embed_dim=_number(model, "embed_dim", place),
        input_size=_side(vision, "image_size", seen, 224),
        vision_layers=tuple(layers) if resnet else _number(vision, "layers", seen, 12, MAX_LAYERS),
        vision_width=width,
        patch_size=None if resnet else _side(vision, "patch_size", seen, 16),
        context_length=_number(text, "context_length", read, 77, MAX_CONTEXT),
        vocabulary=VOCABULARY,
        text_width=text_width,
        text_layers=_number(text, "layers", read, 12, MAX_LAYERS),
        vision_mlp=0 if resnet else _mlp(vision, width, seen),
        text_mlp=_mlp(text, text_width, read),
        head_width=_number(vision, "head_width", seen, 64),
        text_head_width=_head_width(text, "heads", text_width, read, 8),
        quick_gelu=bool(quick),
        vision_eps=_epsilon(vision.get("norm_kwargs") or {}, "eps", f"{seen}norm_kwargs."),
        text_eps=_epsilon(text.get("norm_kwargs") or {}, "eps", f"{read}norm_kwargs."),
        mean=_color(preprocess, "mean", MEAN),
        deviation=_color(preprocess, "std", DEVIATION, 0),
        package=package,
    )
    if package:
        return Described(replace(config, **_NO_TOWER), quick)
    wide = width * (32 if resnet else 1)
    _expect(wide % config.head_width == 0, vision, "head_width", seen, f"a divisor of {wide}")
    return Described(config, quick)


def _transformers(data: Mapping[str, Any], colors: Mapping[str, Any]) -> Described:
    """The config of a `CLIPModel`; what is not said has the default of its package.

    Old files have the towers twice, also as text_config_dict; those, with defaults, count then.
    """
    kind = data.get("model_type", "clip")
    if kind != "clip":
        raise ConfigError(f"model_type: found {_shown(kind)}, allowed is 'clip'")
    text, vision = _tower(data, "text_config"), _tower(data, "vision_config")
    acts = [tower.get("hidden_act", "quick_gelu") for tower in (text, vision)]
    if acts not in (["gelu"] * 2, ["quick_gelu"] * 2):
        found = " and ".join(map(_shown, acts))
        raise ConfigError(
            f"hidden_act: found {found}, allowed is gelu or quick_gelu, the same in both towers"
        )
    quick = acts[0] == "quick_gelu"
    _check_vocabulary(text, "vocab_size", "text_config.")
    end = text.get("eos_token_id", END_OF_TEXT)
    if end not in (
        2,
        END_OF_TEXT,
    ):  # 2 is a slip of old files, which transformers takes as the highest number
        about = f"found {_shown(end)}, with CLIP's tokenizer it is {END_OF_TEXT:,} (or, in old files, 2)"
        raise ConfigError(f"text_config.eos_token_id: {about}")
    channels = vision.get("num_channels", 3)
    _expect(channels == 3, vision, "num_channels", "vision_config.", "3, the channels of a picture")
    width = _number(vision, "hidden_size", "vision_config.", 768)
    text_width = _number(text, "hidden_size", "text_config.", 512)
    config = CLIPConfig(
        embed_dim=_number(data, "projection_dim", "", 512),
        input_size=_side(vision, "image_size", "vision_config.", 224),
        vision_layers=_number(vision, "num_hidden_layers", "vision_config.", 12, MAX_LAYERS),
        vision_width=width,
        patch_size=_side(vision, "patch_size", "vision_config.", 32),
        context_length=_number(text, "max_position_embeddings", "text_config.", 77, MAX_CONTEXT),
        vocabulary=VOCABULARY,
        text_width=text_width,
        text_layers=_number(text, "num_hidden_layers", "text_config.", 12, MAX_LAYERS),
        vision_mlp=_number(vision, "intermediate_size", "vision_config.", 3072),
        text_mlp=_number(text, "intermediate_size", "text_config.", 2048),
        head_width=_head_width(vision, "num_attention_heads", width, "vision_config.", 12),
        text_head_width=_head_width(text, "num_attention_heads", text_width, "text_config.", 8),
        quick_gelu=quick,
        vision_eps=_epsilon(vision, "layer_norm_eps", "vision_config."),
        text_eps=_epsilon(text, "layer_norm_eps", "text_config."),
        mean=_color(colors, "image_mean", MEAN),
        deviation=_color(colors, "image_std", DEVIATION, 0),
    )
    return Described(config, quick)


def _tower(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    old = f"{key}_dict"
    return _mapping(data, old if data.get(old) is not None else key)


def _check_vocabulary(text: Mapping[str, Any], key: str, place: str) -> None:
    if text.get(key, VOCABULARY) != VOCABULARY:
        about = f"found {_shown(text[key])}, CLIP's tokenizer has {VOCABULARY:,} tokens"
        raise ConfigError(f"{place}{key}: {about}; models with another tokenizer cannot be used")


def _odd_part(tower: Mapping[str, Any], sizes: str, pool: str) -> str | None:
    """The key of the first part of a tower that OpenAI's has not; None when there is none."""
    usual = {**_ORDINARY, "pool_type": pool}
    for key, value in tower.items():
        if key not in sizes.split() and key not in _WITHOUT_EFFECT and value and usual.get(key) != value:
            return str(key)
    norm = tower.get("norm_kwargs") or {}
    return None if isinstance(norm, Mapping) and set(norm) <= {"eps"} else "norm_kwargs"


def _for_package(
    model: Mapping[str, Any], vision: Mapping[str, Any], text: Mapping[str, Any], place: str
) -> Mapping[str, Any]:
    """Arguments of open_clip's `CLIP`, of plain values; nothing is downloaded for it."""
    name = vision.get("timm_model_name")
    fits = name is None or (
        isinstance(name, str) and re.fullmatch(r"[a-z0-9_]{1,80}(\.[a-z0-9_]{1,80})?", name)
    )
    _expect(bool(fits), vision, "timm_model_name", place, "the name of one of timm's networks")
    for key, value in vision.items():
        items = [value]
        if isinstance(value, Mapping | list):
            items = list(value.values() if isinstance(value, Mapping) else value)
        plain = all(each is None or isinstance(each, str | int | float) for each in items)
        small = all(
            isinstance(each, str) or -MAX_WIDTH <= (each or 0) <= MAX_WIDTH for each in items if plain
        )
        _expect(plain and small and len(items) <= 8, vision, key, place, "a value, or a few")
    quiet = {"timm_model_pretrained": False, "output_tokens": False}
    return {
        "embed_dim": model.get("embed_dim"),
        "vision_cfg": {**vision, **(quiet if name else {"output_tokens": False})},
        "text_cfg": {**text, "output_tokens": False},
    }


def _shown(value: object) -> str:
    return repr(str(value)[:60])


def _expect(fits: bool, parent: Mapping[str, Any], key: str, place: str, expected: str) -> None:
    if not fits:
        found = f"found {_shown(parent[key])}" if key in parent else "is missing"
        raise ConfigError(f"{place}{key}: {found}, expected {expected}")


def _mapping(parent: Mapping[str, Any], key: str, place: str = "") -> Mapping[str, Any]:
    _expect(isinstance(parent.get(key), Mapping), parent, key, place, "a mapping")
    return parent[key]


def _number(
    parent: Mapping[str, Any], key: str, place: str, default: int | None = None, most: int = MAX_WIDTH
) -> int:
    found = config_file.whole(parent.get(key, default))
    fits = found is not None and 1 <= found <= most
    _expect(fits, parent, key, place, f"a whole number from 1 to {most:,}")
    return found or 0


def _side(parent: Mapping[str, Any], key: str, place: str, default: int) -> int:
    """A side of a square, which may stand there twice."""
    found = parent.get(key, default)
    if isinstance(found, list) and len(found) == 2 and found[0] == found[1]:
        return _number({key: found[0]}, key, place, most=16_384)
    _expect(not isinstance(found, list), parent, key, place, "a square, one number")
    return _number(parent, key, place, default, most=16_384)


def _head_width(parent: Mapping[str, Any], key: str, width: int, place: str, default: int) -> int:
    heads = _number(parent, key, place, default)
    _expect(width % heads == 0, {key: heads}, key, place, f"a divisor of the width, {width}")
    return width // heads


def _mlp(tower: Mapping[str, Any], width: int, place: str) -> int:
    ratio = tower.get("mlp_ratio", 4.0)
    fits = type(ratio) in (int, float) and 0 < ratio <= 100
    _expect(fits, tower, "mlp_ratio", place, "a number from 0 to 100")
    return max(1, int(width * float(ratio) + 1e-6))  # as open_clip, but for a quotient that came out smaller


def _epsilon(parent: Mapping[str, Any], key: str, place: str) -> float:
    found = parent.get(key, 1e-5)
    if isinstance(found, str) and re.fullmatch(r"\d(\.\d{1,9})?e-\d{1,2}", found):  # no number to YAML
        found = float(found)
    fits = type(found) is float and 0 < found < 0.1
    _expect(fits, parent, key, place, "a number above 0 and below 0.1")
    return float(found)


def _color(
    parent: Mapping[str, Any], key: str, default: tuple[float, ...], least: float = -10
) -> tuple[float, ...]:
    found: Any = parent.get(key, default)
    fits = isinstance(found, (list, tuple)) and len(found) == 3
    fits = fits and all(type(n) in (int, float) and least < n < 10 for n in found)
    _expect(fits, parent, key, "", f"three numbers above {least} and below 10")
    return tuple(float(n) for n in found)
