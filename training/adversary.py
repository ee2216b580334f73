"""A patch discriminator that looks at features instead of pixels.

Small heads with spectral norms on the frozen first blocks of EfficientNet-lite0 say, patch by patch, whether
a picture is a photograph (Sauer et al. 2021, "Projected GANs Converge Faster"). Hinge losses as in VQGAN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

HEADS = {0: 16, 2: 24, 4: 40}
"""Block of EfficientNet-lite0 and its channels."""
WIDTH = 64


def head(channels: int) -> nn.Sequential:
    """Features [B, C, h, w] to one number a patch, [B, 1, h, w]."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, WIDTH, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, 1, 1)),
    )


class Adversary(nn.Module):
    """Heads over the features that `losses.FeatureDistance.features` gives, one entry a block."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({str(block): head(channels) for block, channels in HEADS.items()})

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """High for photographs, low for pictures of the model."""
        return [self.heads[str(block)](features[block].float()) for block in HEADS]

    def loss(self, real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
        """What the heads minimise; features of photographs and of pictures of the model, both detached."""
        judged = zip(self(real), self(made), strict=True)
        return torch.stack([F.relu(1 - r).mean() + F.relu(1 + m).mean() for r, m in judged]).mean()

    def deceived(self, made: Sequence[Tensor]) -> Tensor:
        """What the model minimises, given the features of its pictures."""
        return -torch.stack([m.mean() for m in self(made)]).mean()
