"""What is done to a picture on its way to the next frame, against drift, blur and standstill.

Before the warped picture is encoded: sharpen and noise; without an anchor also match_colors and match_detail,
which then undo what warping did. With an anchor these come last, on the painted picture: guidance makes every
frame a little more colorful, and held only before it, a film would settle far from its anchor. All pictures
are float [1, 3, H, W], sRGB in 0..1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.oklab import from_oklab, to_oklab
from vqanim.timeline.plan import FramePlan

SHARPEN_SIGMA = 1.0
"""Pixels; standard deviation of the blur that unsharp masking subtracts."""
LEAST_SPREAD = 1e-3
"""Channels flatter than this are moved but not stretched."""


def feed_back(warped: Tensor, reference: Tensor | None, plan: FramePlan, rng: torch.Generator) -> Tensor:
    """The warped picture as the generator takes it up.

    reference: what its colors and detail are held to, as it was saved and not warped; None where that comes
    after painting. rng: a CPU generator for the noise.
    """
    image = warped if reference is None else hold(warped, reference, plan)
    image = sharpen(image, plan.sharpen)
    return add_noise(image, plan.noise, rng)


def hold(image: Tensor, reference: Tensor, plan: FramePlan) -> Tensor:
    """The picture with colors and detail held to those of the reference, as far as the plan says."""
    return match_detail(match_colors(image, reference, plan.match_colors), reference, plan.match_detail)


def match_colors(image: Tensor, reference: Tensor, amount: float) -> Tensor:
    """Move mean and spread of the Oklab channels towards the reference's, by an amount in 0..1.

    After Reinhard et al. 2001, in Oklab; matching whole histograms would posterize.
    """
    if amount == 0:
        return image
    lab, target = to_oklab(image), to_oklab(reference)
    mean, spread = lab.mean((2, 3), keepdim=True), lab.std((2, 3), keepdim=True)
    stretch = target.std((2, 3), keepdim=True) / spread.clamp(min=LEAST_SPREAD)
    stretch = torch.where(spread > LEAST_SPREAD, stretch, torch.ones_like(stretch))
    matched = (lab - mean) * stretch + target.mean((2, 3), keepdim=True)
    return from_oklab(torch.lerp(lab, matched, amount))


def match_detail(image: Tensor, reference: Tensor, amount: float) -> Tensor:
    """Sharpen or soften so that edges are as steep, on average, as the reference's, by an amount in 0..1.

    Moving a picture blurs it and guidance roughens it; a fixed sharpening balances them in one film only.
    """
    if amount == 0:
        return image
    detail = image - blur(image, SHARPEN_SIGMA)
    now, target, more = steepness(image), steepness(reference), steepness(image + detail)
    strength = amount * (target - now) / (more - now).clamp(min=LEAST_SPREAD)
    return (image + strength.clamp(-0.5, 1.0) * detail).clamp(0, 1)


def steepness(image: Tensor) -> Tensor:
    """Mean absolute difference of neighboring pixels' brightness, a scalar in 0..1."""
    gray = image.mean(1)
    return gray.diff(dim=1).abs().mean() + gray.diff(dim=2).abs().mean()


def sharpen(image: Tensor, amount: float) -> Tensor:
    """Unsharp masking: the picture plus `amount` times its difference to a blurred copy."""
    if amount == 0:
        return image
    return (image + amount * (image - blur(image, SHARPEN_SIGMA))).clamp(0, 1)


def add_noise(image: Tensor, amount: float, rng: torch.Generator) -> Tensor:
    """Add Gaussian noise with a standard deviation of `amount`: texture for the optimization to grow from."""
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
