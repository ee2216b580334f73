"""The image tower of CLIP's ViTs with less work: the same embeddings, within rounding.

Only the class token of the last layer becomes the embedding, so that layer computes what the token needs and
nothing for the other tokens; QuickGELU, x * sigmoid(1.702 x), becomes one fused operation; and products on a
CPU are left to the quicker of two libraries.
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
    up, down = block.mlp.c_fc, block.mlp.c_proj
    hidden = block.mlp.gelu(linear(block.ln_2(x), up.weight, up.bias))
    return x + linear(hidden, down.weight, down.bias)


def attend(attention: nn.MultiheadAttention, x: Tensor, wanted: int) -> Tensor:
    """Attention of the first `wanted` tokens to all tokens [B, N, C]."""
    count, tokens, width = x.shape
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    if wanted == tokens:
        query, key, value = linear(x, weight, bias).view(count, tokens, 3, -1).unbind(2)
    else:
        query = linear(x[:, :wanted], weight[:width], bias[:width])
        key, value = linear(x, weight[width:], bias[width:]).view(count, tokens, 2, -1).unbind(2)
    query, key, value = (
        part.view(count, -1, attention.num_heads, attention.head_dim).transpose(1, 2)
        for part in (query, key, value)
    )
    seen = mix(query, key, value).transpose(1, 2).flatten(2)
    return linear(seen, attention.out_proj.weight, attention.out_proj.bias)


def mix(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Values [B, heads, N, c] mixed by attention, [B, heads, M, c]; queries are [B, heads, M, c].

    A CPU does so in float32, in which torch's way back is several times faster than in bfloat16.
    """
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value)
    dtype = query.dtype
    query, key, value = (part.to(torch.float32) for part in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value).to(dtype)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`F.linear` of x [..., C]; on a CPU as a 1x1 convolution, differentiable in x only.

    Torch gives products in float32 to MKL and convolutions to oneDNN, which is a sixth faster where MKL does
    not know the CPU as one of its maker's.
    """
    if x.device.type != "cpu":
        return F.linear(x, weight, bias)
    product: Tensor = _Product.apply(x, weight, bias)
    return product


class _Product(torch.autograd.Function):
    """Keeps the frozen weight for the way back, and not, as a convolution does, what came in."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return as_tokens(F.conv2d(as_columns(x), weight[:, :, None, None], bias), x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,), (weight,) = gradients, ctx.saved_tensors
        shaped = gradient.new_empty(*gradient.shape[:-1], weight.shape[1])  # only its shape is looked at
        back = torch.ops.aten.convolution_backward(
            as_columns(gradient), as_columns(shaped), weight[:, :, None, None], None,
            (1, 1), (0, 0), (1, 1), False, (0, 0), 1, (True, False, False),
        )[0]  # fmt: skip
        return as_tokens(back, gradient), None, None


def as_columns(tokens: Tensor) -> Tensor:
    """Tokens [..., C] as a picture [1, C, N, 1], channels last."""
    return tokens.reshape(1, -1, 1, tokens.shape[-1]).permute(0, 3, 1, 2)


def as_tokens(columns: Tensor, like: Tensor) -> Tensor:
    """A picture [1, D, N, 1] as tokens [..., D], in the shape of others [..., C]."""
    return columns.permute(0, 2, 3, 1).reshape(*like.shape[:-1], columns.shape[1])
