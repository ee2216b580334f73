"""What is done to the warped picture before it is encoded, against drift, blur and standstill.

The order is match_colors, sharpen, noise. All pictures are float [1, 3, H, W], sRGB in 0..1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.timeline.plan import FramePlan

SHARPEN_SIGMA = 1.0
"""Pixels; standard deviation of the blur that unsharp masking subtracts."""
LEAST_SPREAD = 1e-3
"""Channels flatter than this are moved but not stretched."""


def condition(warped: Tensor, before: Tensor, plan: FramePlan, rng: torch.Generator) -> Tensor:
    """Condition the warped picture for the encoder.

    `before` is the frame before as it was saved, not warped; rng is a CPU generator for the noise.
    """
    image = match_colors(warped, before, plan.match_colors)
    image = sharpen(image, plan.sharpen)
    return add_noise(image, plan.noise, rng)


def match_colors(image: Tensor, reference: Tensor, amount: float) -> Tensor:
    """Move mean and spread of the Oklab channels towards the reference's, by an amount in 0..1.

    After Reinhard et al. 2001, in Oklab; matching whole histograms would posterise.
    """
    if amount == 0:
        return image
    lab, wanted = to_oklab(image), to_oklab(reference)
    mean, spread = lab.mean((2, 3), keepdim=True), lab.std((2, 3), keepdim=True)
    stretch = wanted.std((2, 3), keepdim=True) / spread.clamp(min=LEAST_SPREAD)
    stretch = torch.where(spread > LEAST_SPREAD, stretch, torch.ones_like(stretch))
    matched = (lab - mean) * stretch + wanted.mean((2, 3), keepdim=True)
    return from_oklab(torch.lerp(lab, matched, amount))


def sharpen(image: Tensor, amount: float) -> Tensor:
    """Unsharp masking: the picture plus `amount` times its difference to a blurred copy."""
    if amount == 0:
        return image
    return (image + amount * (image - blur(image, SHARPEN_SIGMA))).clamp(0, 1)


def add_noise(image: Tensor, amount: float, rng: torch.Generator) -> Tensor:
    """Add Gaussian noise with a standard deviation of `amount`: texture for the optimisation to grow from."""
    if amount == 0:
        return image
    noise = torch.randn(image.shape, generator=rng).to(image.device)
    return (image + amount * noise).clamp(0, 1)


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with mirrored borders; sigma in pixels."""
    radius = int(3 * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-offset.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = F.pad(image, (radius,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)


# Oklab (Bjoern Ottosson 2020): linear sRGB to cone responses, and their cube roots to lightness and colors.
_CONES = ((0.4122214708, 0.5363325363, 0.0514459929),
          (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix, image)


def to_oklab(image: Tensor) -> Tensor:
    """sRGB in 0..1 to Oklab: lightness in 0..1, then green-red and blue-yellow around 0."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    cones = _mix(torch.tensor(_CONES, device=image.device), linear)
    return _mix(torch.tensor(_LAB, device=image.device), cones.clamp(min=0) ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """Oklab to sRGB, clipped to 0..1."""
    inverse_lab = torch.linalg.inv(torch.tensor(_LAB, dtype=torch.float64)).float().to(lab.device)
    inverse_cones = torch.linalg.inv(torch.tensor(_CONES, dtype=torch.float64)).float().to(lab.device)
    linear = _mix(inverse_cones, _mix(inverse_lab, lab) ** 3).clamp(0, 1)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )
