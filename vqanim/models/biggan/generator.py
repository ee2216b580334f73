"""Painting with a BigGAN as Big Sleep does (Murdock and Wang 2021): noise and a mix of classes for each
block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vqanim.models.biggan.network import BigGAN, Block
from vqanim.models.codebook import clamp_with_grad, recomputed
from vqanim.models.covering import Cover
from vqanim.models.families.biggan import find_class
from vqanim.models.weights import freeze
from vqanim.types import Image, Knob, Params, Stage

MEAN, SPREAD = -3.9, 0.3
"""Of the numbers that shares of classes are made of, where none is named."""
LESS = 4.0
"""By how much those of classes that are not named lie lower then."""
TEMPERATURE = 2.0
"""Of shares where their number is limited."""
MOST_SHARE = 0.95
"""The most that a class which is named has of a first picture."""
PRIOR = 0.01
"""Of what Big Sleep asks of latents, whose similarity counts 100."""
OTHERS = 50.0
"""Factor on the shares of all classes but the largest."""
REACH = 5.0
"""How far numbers of the noise may go, in its spread."""
LOW, HIGH = -12.0, 12.0
"""Range of the numbers that shares of classes are made of."""


class BigGANGenerator:
    """A frozen BigGAN as a `types.Generator`. No picture can be inverted into its parameters.

    They are `z`, float32 [L + 1, z_dim], noise, and `classes`, float32 [L + 1, num_classes], whose sigmoid is
    the share of each class; a row for what the network begins with, and one for each of its L blocks.
    """

    exact = False
    invertible = False

    def __init__(
        self,
        name: str,
        multiple: int,
        network: BigGAN,
        digest: str,
        device: torch.device,
        settings: Mapping[str, Any],
    ) -> None:
        """settings: a value for each that the family declares; `classes` fits the network."""
        self.name, self.hash, self.multiple, self.device = name, digest, multiple, device
        self.network, self.config = freeze(network, device), network.config
        self.knobs = {
            key: Knob(adam="element", spatial=False, average=settings["ema"]) for key in ("z", "classes")
        }
        self._truncation: float = settings["truncation"]
        wanted = settings["classes"]
        self._most = wanted if isinstance(wanted, int) else None
        self._named = [find_class(each) for each in wanted] if isinstance(wanted, tuple) else []
        self._cover = Cover(self.config.output_dim, device)
        self._blocks = [part for part in network.modules() if isinstance(part, Block)]
        self._dtype = torch.float32

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """All steps at full size: the network paints its own size anyway."""
        return (Stage(*size, steps),)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The parameters of a seed; the engine fits them to `picture` where it is worth it."""
        return self.seeded(rng)

    def seeded(self, rng: torch.Generator) -> Params:
        """The parameters of a seed, drawn on the CPU, so that a seed is the same on all devices."""
        drawn = torch.Generator().manual_seed(
            int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
        )
        rows = self.config.latents
        z = torch.randn(rows, self.config.z_dim, generator=drawn) * self._truncation
        classes = torch.randn(rows, self.config.num_classes, generator=drawn) * SPREAD + MEAN
        if self._named:
            share = min(1 / len(self._named), MOST_SHARE)
            classes -= LESS
            classes[:, self._named] = torch.logit(torch.tensor(share)).item()
        return {"z": z.to(self.device), "classes": classes.to(self.device)}

    def between(self, first: Params, second: Params, share: float) -> Params:
        """The way between two parameters: noise on an arc, so that it stays as long, classes on a line."""
        return {
            "z": slerp(first["z"], second["z"], share),
            "classes": torch.lerp(first["classes"], second["classes"], share),
        }

    def carry(self, picture: Image, before: Params | None = None) -> Params:
        """The parameters of the frame before, which alone tell them; without them those of an average."""
        if before is not None:
            return {name: tensor.to(self.device, torch.float32) for name, tensor in before.items()}
        return self.seeded(torch.Generator().manual_seed(0))

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The network's square, enlarged to cover the frame and cropped to its middle, [1, 3, H, W]."""
        with recomputed(self._blocks if recompute else ()):
            square = self.network(params["z"], self._shares(params["classes"]), self._dtype)
        return clamp_with_grad(self._cover(square * 0.5 + 0.5, size), 0.0, 1.0)

    @torch.no_grad()
    def project(self, params: Params) -> None:
        """Keep noise and classes, in place, where training may have seen them."""
        params["z"].clamp_(-REACH, REACH)
        params["classes"].clamp_(LOW, HIGH)

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """That noise looks like noise (mean, spread, skew, kurtosis), and that few classes are mixed."""
        return {
            "noise": PRIOR * noise_loss(params["z"] / self._truncation),
            "classes": PRIOR * other_classes(self._shares(params["classes"])),
        }

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Keep and use convolutions in `dtype`."""
        self._dtype = dtype
        self.network.lower_precision(dtype)

    def _shares(self, classes: Tensor) -> Tensor:
        if self._most is None:
            return torch.sigmoid(classes)
        return few_shares(classes, self._most)


def few_shares(classes: Tensor, most: int) -> Tensor:
    """Shares of the `most` largest of classes [N, C], 0 of all others; differentiable.

    As in Big Sleep they are picked one by one, each with its share among those that are left.
    """
    ordered, places = (classes / TEMPERATURE).sort(dim=1, descending=True)
    left = ordered.flip(1).logcumsumexp(1).flip(1)
    shares = (ordered - left).exp()[:, :most]
    return torch.zeros_like(classes).scatter(1, places[:, :most], shares)


def noise_loss(z: Tensor) -> Tensor:
    """How far rows [N, D] are from noise of mean 0 and spread 1, as Big Sleep measures it; a scalar."""
    spread, mean = z.std(dim=1), z.mean(dim=1)
    scores = (z - mean[:, None]) / z.std(dim=1, correction=0, keepdim=True)
    skew, kurtosis = scores.pow(3).mean(dim=1), scores.pow(4).mean(dim=1) - 3
    length = 4 * z.square().mean().clamp(min=1)
    return (1 - spread).abs().mean() + mean.abs().mean() + skew.abs().mean() + kurtosis.abs().mean() + length


def other_classes(shares: Tensor) -> Tensor:
    """The mean square of all shares [N, C] but the largest of each row, times OTHERS; a scalar."""
    if shares.shape[1] < 2:
        return shares.sum() * 0
    squares = (OTHERS * shares).square()
    return (squares.sum() - squares.amax(dim=1).sum()) / (squares.numel() - len(squares))


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """The way between rows on an arc (Shoemake 1985), where they do not point the same way."""
    angle = torch.acos(torch.cosine_similarity(first, second, dim=1).clamp(-1, 1))[:, None]
    sine = torch.sin(angle)
    arc = (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / sine.clamp(min=1e-6)
    return torch.where(sine > 1e-3, arc, torch.lerp(first, second, share))
