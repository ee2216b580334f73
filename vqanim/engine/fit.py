"""Fits the parameters of a generator that is not invertible to a picture, by descent on what differs.

So a zoom or a turn reaches painters whose parameters have no places (compare the inversion of GANs by
optimization: Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold"). Nothing here
is random.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.guidance.adam import make_adam
from vqanim.types import Generator, Image, Params

FIRST_FIT = 100
"""Steps where a shot opens on a picture, or goes on from a frame beside which nothing is kept."""
COARSE = (4, 16)
"""How many times smaller the pictures are that are compared besides those at full size: they pull parameters
to where fine differences can act."""
SHARE = 0.5
"""Of the learning rate of the plan; it falls to nothing, so that a fit ends at rest."""


def fit(
    generator: Generator,
    params: Params,
    picture: Image,
    size: tuple[int, int],
    valid: Tensor | None,
    steps: int,
    learning_rate: float,
) -> Params:
    """Parameters whose picture is near `picture` [1, 3, H, W] in 0..1, found from `params`.

    size: height and width in pixels. valid: [1, 1, H, W], what counts; None: everything. steps: at least 1.
    """
    moving = {name: tensor.detach().clone().requires_grad_(True) for name, tensor in params.items()}
    optimizers = {name: make_adam(tensor.data, generator.knobs[name]) for name, tensor in moving.items()}
    weight = torch.ones_like(picture[:, :1]) if valid is None else valid
    best, least = {name: tensor.detach().clone() for name, tensor in moving.items()}, None
    for step in range(steps + 1):
        loss = difference(generator.decode(moving, size), picture, weight)
        error = loss.detach()
        better = torch.ones((), dtype=torch.bool, device=error.device) if least is None else error < least
        least = error if least is None else torch.minimum(error, least)
        best = {name: torch.where(better, tensor.detach(), best[name]) for name, tensor in moving.items()}
        if step == steps:
            break
        gradients = torch.autograd.grad(loss, list(moving.values()))
        rate = SHARE * learning_rate * (1 - step / steps)
        for (name, optimizer), gradient in zip(optimizers.items(), gradients, strict=True):
            optimizer.step(gradient, rate * generator.knobs[name].rate)
        generator.project({name: tensor.detach() for name, tensor in moving.items()})
    return best


def difference(made: Image, wanted: Image, weight: Tensor) -> Tensor:
    """Mean square difference of two pictures [1, 3, H, W] at full size and at smaller ones, where `weight`
    [1, 1, H, W] is not 0; a scalar."""
    off = (made - wanted) * weight
    total = off.square().mean()
    for times in COARSE:
        if min(off.shape[2:]) >= 2 * times:
            total = total + F.avg_pool2d(off, times).square().mean()
    return total / weight.mean().clamp(min=1e-3)
