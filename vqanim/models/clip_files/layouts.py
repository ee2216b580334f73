"""Weights of CLIPs by OpenAI's names, whatever layout their file has.

OpenAI's `clip` and open_clip have the same names, open_clip's with a text tower of its own a `text.` before
those of that tower. A `CLIPModel` of transformers has others, with queries, keys and values apart and the
projections transposed. Parallel training, compiling and larger networks put something before all names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from vqanim.models.pickled import Unreadable

MARKS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's archives hold beside the weights, and no others."""

_ANCHORS = ("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight")
"""First layers of image towers, OpenAI's and transformers', which tell what stands before all names."""

_TIMM = re.compile(r"(|[^ ]*?\.)visual\.trunk\.")
"""The same, where open_clip has an image tower of timm."""

_DROPPED = ("attn_mask", "position_ids", "logit_bias")
"""Masks and counters, which networks make themselves, and what embeddings do not depend on."""

_TRANSFORMERS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
        (r"vision_model\.embeddings\.patch_embedding\.weight", "visual.conv1.weight"),
        (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
        (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),
        (r"vision_model\.post_layernorm\.", "visual.ln_post."),
        (r"vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
        (r"visual_projection\.weight", "visual.proj"),
        (r"text_model\.embeddings\.token_embedding\.weight", "token_embedding.weight"),
        (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
        (r"text_model\.final_layer_norm\.", "ln_final."),
        (r"text_model\.encoder\.layers\.", "transformer.resblocks."),
        (r"text_projection\.weight", "text_projection"),
    )
)
"""How names of transformers begin, and OpenAI's."""

_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_SPLIT = re.compile(r"(.*\.)self_attn\.([qkv])_proj\.(weight|bias)")


def select_clip(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a CLIP file the weights and MARKS, without what stands before all names.

    An image tower alone, as `network.visual` is saved, has its names in a network. Names of no known layout
    stay as they are. Raises Unreadable when there are several CLIPs.
    """
    before = {place for anchor in _ANCHORS for place in _places(tensors, anchor)}
    before |= {match[1] for name in tensors if (match := _TIMM.match(name))}
    alone = {place for place in _places(tensors, "class_embedding") if f"{place}conv1.weight" in tensors}
    missing = "visual." if alone and not before else ""
    before = before or alone or {""}
    if len(before) > 1 and "" not in before:
        raise Unreadable(f"it holds several CLIPs ({', '.join(sorted(before))}); save one of them alone")
    prefix = min(before)
    inside = {missing + k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    own_text = "text.token_embedding.weight" in inside
    return {
        name.removeprefix("text.") if own_text else name: value
        for name, value in inside.items()
        if name.rpartition(".")[2] not in _DROPPED
    }


def _places(names: Iterable[str], last: str) -> Iterator[str]:
    """What stands before a name, wherever it ends names."""
    return (name.removesuffix(last) for name in names if f".{name}".endswith(f".{last}"))


def to_openai(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Selected tensors by OpenAI's names and in its shapes, without MARKS. Raises ValueError.

    Those that have them already are given back as they are.
    """
    state = {name: tensor for name, tensor in tensors.items() if name not in MARKS}
    if any(name.startswith("vision_model.") for name in state):
        state = _from_transformers(state)
    if state.setdefault("logit_scale", torch.ones(())).numel() == 1:  # embeddings do not depend on it
        state["logit_scale"] = state["logit_scale"].reshape(())
    return state


def _from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for stored, tensor in tensors.items():
        name = _renamed(stored)
        if match := _SPLIT.fullmatch(name):
            parts.setdefault(f"{match[1]}attn.in_proj_{match[3]}", {})[match[2]] = tensor
        else:
            turned = name in ("visual.proj", "text_projection") and tensor.ndim == 2
            state[name] = tensor.T.contiguous() if turned else tensor
    for name, three in parts.items():
        if set(three) != set("qkv"):
            raise ValueError(f"of {name} it has only {', '.join(sorted(three))} of q, k and v")
        if len({three[part].shape for part in "qkv"}) > 1 or not three["q"].ndim:
            raise ValueError(f"of {name} it has q, k and v of different sizes")
        state[name] = torch.cat([three[part] for part in "qkv"])
    return state


def _renamed(name: str) -> str:
    for pattern, official in _TRANSFORMERS:
        if match := pattern.match(name):
            name = official + name[match.end() :]
            break
    for theirs, ours in _LAYER.items():
        name = name.replace(f".{theirs}.", f".{ours}.")
    return name
