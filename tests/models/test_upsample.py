from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vqanim.models.vqgan import DoublingConv


@pytest.mark.parametrize(("channels", "height", "width"), [(32, 5, 7), (8, 1, 1), (16, 8, 8)])
def test_one_small_convolution_equals_doubling_and_a_large_one(
    channels: int, height: int, width: int
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(channels, channels, 3, padding=1).requires_grad_(False)
    x = torch.randn(2, channels, height, width, requires_grad=True)
    wanted = conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
    found = DoublingConv(conv)(x)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    direction = torch.randn_like(wanted)
    torch.testing.assert_close(
        *(torch.autograd.grad(image, x, direction)[0] for image in (found, wanted)), atol=1e-5, rtol=1e-5
    )


def test_names_of_weights_stay_and_precision_follows() -> None:
    conv = nn.Conv2d(8, 8, 3, padding=1).requires_grad_(False)
    doubling = DoublingConv(conv)
    assert set(doubling.state_dict()) == {"conv.weight", "conv.bias"}
    doubling.to(torch.bfloat16)
    assert doubling(torch.randn(1, 8, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
