"""A CLIP written down once more, after the paper and with open_clip's names, as a reference.

It is made of torch's own modules and shares no code with vqanim, nor with the package `clip`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Sizes:
    """A tiny CLIP whose head width no shape tells."""

    width: int = 160
    heads: int = 2
    mlp: int = 320
    layers: int = 2
    text_width: int = 48
    text_heads: int = 3
    text_mlp: int = 200
    embed_dim: int = 24
    size: int = 64
    patch: int = 16
    quick_gelu: bool = False
    eps: float = 1e-5


class Layer(nn.Module):
    """A transformer's layer, with norms before its parts."""

    def __init__(self, width: int, heads: int, mlp: int, quick_gelu: bool, eps: float) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width, eps), nn.LayerNorm(width, eps)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, mlp), "c_proj": nn.Linear(mlp, width)})
        self.quick_gelu = quick_gelu

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        y = y * torch.sigmoid(1.702 * y) if self.quick_gelu else F.gelu(y)
        return x + self.mlp["c_proj"](y)


class Transformer(nn.Module):
    """Layers under the name `resblocks`."""

    def __init__(self, layers: int, *layer: Any) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Layer(*layer) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class Visual(nn.Module):
    """The image tower."""

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, s.width, s.patch, s.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(s.width))
        self.positional_embedding = nn.Parameter(torch.randn((s.size // s.patch) ** 2 + 1, s.width))
        self.ln_pre, self.ln_post = nn.LayerNorm(s.width, s.eps), nn.LayerNorm(s.width, s.eps)
        self.transformer = Transformer(s.layers, s.width, s.heads, s.mlp, s.quick_gelu, s.eps)
        self.proj = nn.Parameter(torch.randn(s.width, s.embed_dim))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], 1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x))[:, 0]) @ self.proj


class ReferenceCLIP(nn.Module):
    """Both towers. Its state has open_clip's names."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = s = sizes
        self.visual = Visual(s)
        self.token_embedding = nn.Embedding(49_408, s.text_width)
        self.positional_embedding = nn.Parameter(torch.randn(77, s.text_width))
        self.transformer = Transformer(s.layers, s.text_width, s.text_heads, s.text_mlp, s.quick_gelu, s.eps)
        self.ln_final = nn.LayerNorm(s.text_width, s.eps)
        self.text_projection = nn.Parameter(torch.randn(s.text_width, s.embed_dim))
        self.logit_scale = nn.Parameter(torch.ones([]))

    def encode_image(self, images: Tensor) -> Tensor:
        """Normalized images [N, 3, S, S] to unit vectors."""
        return F.normalize(self.visual(images), dim=1)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Tokens [N, 77] to unit vectors; the end of a text has the highest number."""
        mask = torch.full((77, 77), -torch.inf).triu(1)
        x = self.transformer(self.token_embedding(tokens) + self.positional_embedding, mask)
        ends = self.ln_final(x)[torch.arange(len(x)), tokens.argmax(1)]
        return F.normalize(ends @ self.text_projection, dim=1)

    def open_clip_config(self) -> dict[str, Any]:
        """What open_clip's package would have of its architecture."""
        s = self.sizes
        vision = {"image_size": s.size, "layers": s.layers, "width": s.width, "patch_size": s.patch}
        text = {"context_length": 77, "vocab_size": 49_408, "width": s.text_width, "layers": s.layers}
        vision |= {"head_width": s.width // s.heads, "mlp_ratio": s.mlp / s.width}  # type: ignore[dict-item]
        text |= {"heads": s.text_heads, "mlp_ratio": s.text_mlp / s.text_width}  # type: ignore[dict-item]
        quick = {"quick_gelu": True} if s.quick_gelu else {}
        return {"embed_dim": s.embed_dim, **quick, "vision_cfg": vision, "text_cfg": text}

    def transformers_config(self) -> dict[str, Any]:
        """The `config.json` of the same network as a `CLIPModel`."""
        s = self.sizes

        def tower(width: int, heads: int, mlp: int) -> dict[str, Any]:
            act = "quick_gelu" if s.quick_gelu else "gelu"
            return {
                "hidden_size": width, "num_attention_heads": heads, "intermediate_size": mlp,
                "num_hidden_layers": s.layers, "hidden_act": act, "layer_norm_eps": s.eps,
            }  # fmt: skip

        image = {"image_size": s.size, "patch_size": s.patch}
        return {
            "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": s.embed_dim,
            "text_config": tower(s.text_width, s.text_heads, s.text_mlp),
            "vision_config": tower(s.width, s.heads, s.mlp) | image,
        }  # fmt: skip

    def transformers_state(self) -> dict[str, Tensor]:
        """Its weights as those of a `CLIPModel`."""
        state: dict[str, Tensor] = {"logit_scale": self.logit_scale.data}
        towers: Mapping[str, tuple[Any, int]] = {
            "vision_model": (self.visual.transformer, self.sizes.width),
            "text_model": (self.transformer, self.sizes.text_width),
        }
        for tower, (transformer, width) in towers.items():
            for number, block in enumerate(transformer.resblocks):
                place = f"{tower}.encoder.layers.{number}"
                for i, part in enumerate("qkv"):
                    rows = slice(i * width, (i + 1) * width)
                    state[f"{place}.self_attn.{part}_proj.weight"] = block.attn.in_proj_weight[rows]
                    state[f"{place}.self_attn.{part}_proj.bias"] = block.attn.in_proj_bias[rows]
                modules = {
                    "self_attn.out_proj": block.attn.out_proj, "mlp.fc1": block.mlp["c_fc"],
                    "mlp.fc2": block.mlp["c_proj"], "layer_norm1": block.ln_1, "layer_norm2": block.ln_2,
                }  # fmt: skip
                for name, module in modules.items():
                    state |= {f"{place}.{name}.{kind}": p for kind, p in module.named_parameters()}
        norms = {
            "vision_model.pre_layrnorm": self.visual.ln_pre,
            "vision_model.post_layernorm": self.visual.ln_post,
            "text_model.final_layer_norm": self.ln_final,
        }  # fmt: skip
        for name, module in norms.items():
            state |= {f"{name}.{kind}": p for kind, p in module.named_parameters()}
        state |= {
            "vision_model.embeddings.class_embedding": self.visual.class_embedding,
            "vision_model.embeddings.patch_embedding.weight": self.visual.conv1.weight,
            "vision_model.embeddings.position_embedding.weight": self.visual.positional_embedding,
            "text_model.embeddings.token_embedding.weight": self.token_embedding.weight,
            "text_model.embeddings.position_embedding.weight": self.positional_embedding,
            "visual_projection.weight": self.visual.proj.T,
            "text_projection.weight": self.text_projection.T,
            "text_model.embeddings.position_ids": torch.arange(77)[None],
        }
        return {name: tensor.detach().contiguous() for name, tensor in state.items()}


@cache
def reference_clip(seed: int = 0, **sizes: Any) -> ReferenceCLIP:
    """One with random weights, large enough that activations and heads matter; always the same one."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ReferenceCLIP(Sizes(**sizes))
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.2)
    return network.eval().requires_grad_(False)


def write_json(path: Path, content: object) -> Path:
    """A config as a file."""
    path.write_text(json.dumps(content))
    return path
