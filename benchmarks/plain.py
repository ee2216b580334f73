"""A step written the way that VQGAN+CLIP notebooks write it, to compare with.

The recipe is that of Katherine Crowson's notebook (2021) with the augmentations that its descendants share:
a loop of crops, each shrunk by adaptive pooling; kornia's augmentations on the batch; the nearest code as a
one-hot matrix times the codebook; stock Adam; the loss read in every step. The networks are taming's and
OpenAI's as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kornia.augmentation as K
import torch
import torch.nn.functional as F
from taming.modules.diffusionmodules import model as diffusion
from torch import Tensor, nn

from vqanim.models.clip import DEVIATION, MEAN
from vqanim.models.codebook import clamp_with_grad
from vqanim.models.vqgan import VQGAN

NOISE = 0.1


class Cutouts(nn.Module):
    """Crops at random places and of random sizes, augmented as a batch."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.count, self.size = count, size
        self.augment = nn.Sequential(
            K.RandomHorizontalFlip(p=0.5),
            K.RandomSharpness(0.3, p=0.4),
            K.RandomAffine(degrees=30, translate=(0.1, 0.1), p=0.8, padding_mode="border"),
            K.RandomPerspective(0.2, p=0.4),
            K.ColorJitter(hue=0.01, saturation=0.01, p=0.7),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Picture [1, 3, H, W] to [count, 3, size, size]."""
        height, width = image.shape[2:]
        largest, smallest = min(width, height), min(width, height, self.size)
        cutouts = []
        for _ in range(self.count):
            side = int(torch.rand([]) * (largest - smallest) + smallest)
            x = int(torch.randint(0, width - side + 1, ()))
            y = int(torch.randint(0, height - side + 1, ()))
            cutout = image[:, :, y : y + side, x : x + side]
            cutouts.append(F.adaptive_avg_pool2d(cutout, (self.size, self.size)))
        batch = self.augment(torch.cat(cutouts))
        strengths = batch.new_empty([self.count, 1, 1, 1]).uniform_(0, NOISE)
        return batch + strengths * torch.randn_like(batch)


class ReplaceGradient(torch.autograd.Function):
    """One tensor on the way there, another on the way back."""

    @staticmethod
    def forward(ctx: Any, there: Tensor, back: Tensor) -> Tensor:
        return there

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


class PlainStep:
    """The loop of a notebook: made once, then called for every step."""

    def __init__(self, network: VQGAN, clip: Any, prompt: Tensor, z: Tensor, cutouts: int, size: int) -> None:
        """`prompt` is a unit vector [1, D]; `z` latents [1, C, h, w]; `size` is the side of CLIP's images."""
        self.network, self.clip, self.prompt = network, clip, prompt
        self.cutouts = Cutouts(cutouts, size)
        self.z = z.clone().requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.z], lr=0.1)
        codebook = network.codebook
        self.low, self.high = (
            side.values[None, :, None, None] for side in (codebook.min(0), codebook.max(0))
        )
        self.mean, self.deviation = (
            torch.tensor(values, device=z.device).view(1, 3, 1, 1) for values in (MEAN, DEVIATION)
        )

    def __call__(self) -> float:
        """Do a step and give its loss."""
        with plain_nonlinearity():
            self.optimizer.zero_grad(set_to_none=True)
            image = clamp_with_grad(self.network.decode(self._quantized()), 0, 1)
            views = (self.cutouts(image) - self.mean) / self.deviation
            embeddings = F.normalize(self.clip.encode_image(views).float(), dim=-1)
            distances = (embeddings - self.prompt).norm(dim=-1).div(2).arcsin().pow(2).mul(2)
            loss = distances.mean()
            loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.z.copy_(self.z.maximum(self.low).minimum(self.high))
        return float(loss.item())

    def _quantized(self) -> Tensor:
        codebook = self.network.codebook
        x = self.z.movedim(1, 3)
        d = x.pow(2).sum(dim=-1, keepdim=True) + codebook.pow(2).sum(dim=1) - 2 * x @ codebook.T
        hot = F.one_hot(d.argmin(-1), codebook.shape[0]).to(d.dtype)
        quantized: Tensor = ReplaceGradient.apply(hot @ codebook, x)
        return quantized.movedim(3, 1)


@contextmanager
def plain_nonlinearity() -> Iterator[None]:
    """taming's own x * sigmoid(x), which vqanim replaces by one fused operation."""
    ours = diffusion.nonlinearity
    diffusion.nonlinearity = lambda x: x * torch.sigmoid(x)
    try:
        yield
    finally:
        diffusion.nonlinearity = ours
