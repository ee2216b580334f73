from __future__ import annotations

import pytest
import torch
from taming.modules.diffusionmodules.model import AttnBlock
from torch import Tensor, nn

from vqanim.models.clip import embed_patches
from vqanim.models.vqgan import FullAttention


def both(channels: int = 64) -> tuple[nn.Module, nn.Module]:
    """taming's block with random numbers, and ours with the same."""
    torch.manual_seed(0)
    official = AttnBlock(channels).requires_grad_(False)
    for parameter in official.parameters():
        nn.init.normal_(parameter, std=0.1)
    ours = FullAttention(channels).requires_grad_(False)
    ours.load_state_dict(official.state_dict())
    return official, ours


@pytest.mark.parametrize("size", [(3, 2), (5, 9), (16, 24)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_attention_is_that_of_the_official_block_on_both_ways(
    size: tuple[int, int], layout: torch.memory_format
) -> None:
    x = torch.randn(2, 64, *size).contiguous(memory_format=layout).requires_grad_(True)
    direction = torch.randn(2, 64, *size)
    wanted, found = (block.to(memory_format=layout)(x) for block in both())
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=2e-6)
    gradients = (torch.autograd.grad(picture, x, direction)[0] for picture in (found, wanted))
    torch.testing.assert_close(*gradients, atol=2e-6, rtol=2e-6)


def test_attention_keeps_nothing_that_grows_with_the_square_of_the_pixels() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    official, ours = both(32)
    x = torch.randn(1, 32, 24, 24, requires_grad=True)
    for block, fits in ((official, False), (ours, True)):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            block(x)
        assert (max(kept) < (24 * 24) ** 2) == fits


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_patches_as_one_product_are_a_convolution_with_a_stride(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    conv = nn.Conv2d(3, 40, 8, 8, bias=False).requires_grad_(False).to(memory_format=layout)
    images = torch.rand(2, 3, 32, 32).contiguous(memory_format=layout).requires_grad_(True)
    wanted = conv(images).flatten(2).transpose(1, 2)
    found = embed_patches(images.to(dtype), conv.weight.to(dtype)).float()
    near = 1e-5 if dtype == torch.float32 else 0.02
    torch.testing.assert_close(found, wanted, atol=near, rtol=near)
    direction = torch.randn_like(wanted)
    gradients = (torch.autograd.grad(tokens, images, direction)[0] for tokens in (found, wanted))
    torch.testing.assert_close(*gradients, atol=near, rtol=near)
