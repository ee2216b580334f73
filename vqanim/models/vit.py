"""The image tower of CLIP's ViTs with less work: the same embeddings, within rounding.

Only the class token of the last layer becomes the embedding, so that layer computes what the token needs and
nothing for the other tokens; and QuickGELU, x * sigmoid(1.702 x), becomes one fused operation.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

QUICK = 1.702
"""Factor of QuickGELU (Hendrycks and Gimpel 2016)."""


@torch.no_grad()
def fold_gelus(tower: Any) -> None:
    """Change a tower's layers, in place, to use SiLU: quick_gelu(x) = silu(1.702 x) / 1.702.

    The factors go into the weights around it. `tower` is a `clip.model.VisionTransformer`.
    """
    for block in tower.transformer.resblocks:
        block.mlp.c_fc.weight.mul_(QUICK)
        block.mlp.c_fc.bias.mul_(QUICK)
        block.mlp.c_proj.weight.div_(QUICK)
        block.mlp.gelu = nn.SiLU()


def embed_images(tower: Any, images: Tensor) -> Tensor:
    """Normalised images [B, 3, S, S] to embeddings [B, D], not yet unit vectors, as the tower gives them."""
    patches = tower.conv1(images).flatten(2).transpose(1, 2)
    first = tower.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
    x = torch.cat([first, patches], 1) + tower.positional_embedding.to(patches.dtype)
    x = tower.ln_pre(x)
    *blocks, last = tower.transformer.resblocks
    for block in blocks:
        x = run_block(block, x, x.shape[1])
    x = tower.ln_post(run_block(last, x, 1)[:, 0])
    embeddings: Tensor = x @ tower.proj
    return embeddings


def run_block(block: Any, x: Tensor, wanted: int) -> Tensor:
    """A layer: tokens [B, N, C] to the first `wanted` of the tokens after it, [B, wanted, C]."""
    x = x[:, :wanted] + attend(block.attn, block.ln_1(x), wanted)
    after: Tensor = x + block.mlp(block.ln_2(x))
    return after


def attend(attention: nn.MultiheadAttention, x: Tensor, wanted: int) -> Tensor:
    """Attention of the first `wanted` tokens to all tokens [B, N, C]."""
    count, tokens, width = x.shape
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    if wanted == tokens:
        query, key, value = F.linear(x, weight, bias).view(count, tokens, 3, -1).unbind(2)
    else:
        query = F.linear(x[:, :wanted], weight[:width], bias[:width])
        key, value = F.linear(x, weight[width:], bias[width:]).view(count, tokens, 2, -1).unbind(2)
    query, key, value = (
        part.view(count, -1, attention.num_heads, attention.head_dim).transpose(1, 2)
        for part in (query, key, value)
    )
    seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    projected: Tensor = attention.out_proj(seen)
    return projected
