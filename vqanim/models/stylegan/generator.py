"""Painting with a StyleGAN in W+: a latent for each layer, counted from the average picture."""

from __future__ import annotations

from collections.abc import Mapping as Named
from types import MappingProxyType
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.models.codebook import clamp_with_grad, recomputed
from vqanim.models.covering import Cover
from vqanim.models.families.stylegan import StyleGANConfig
from vqanim.models.stylegan.mapping import Mapping
from vqanim.models.stylegan.stylegan2 import Synthesis2
from vqanim.models.stylegan.stylegan3 import Synthesis3
from vqanim.models.weights import freeze
from vqanim.types import Image, Knob, Params, Stage

SAMPLES = 1024
"""Latents whose spread is the unit of W+."""
CANDIDATES = 8
"""Beginnings of which the nearest to a picture is taken."""
COARSE = 32
"""Pixels of the side at which that is looked at."""
REACH = 8.0
"""How far a number of a latent may go from the average; of the mapping's own, few go beyond 4."""
PRIOR = 0.008
"""Pull to the average for each latent, as strong as StyleCLIP (Patashnik et al. 2021) pulls to the start."""


class StyleGAN(nn.Module):
    """The generator's network; `state_dict` has NVIDIA's names."""

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.mapping, config.facts)
        self.synthesis = (Synthesis2 if config.version == 2 else Synthesis3)(config)


class StyleGANGenerator:
    """A frozen StyleGAN as a `types.Generator`.

    Its parameters are `w`, float32 [1, num_ws, w_dim]: how far each layer's latent lies from the average one,
    in the spread of the mapping's latents, number by number. So steps are as long for all models (as in
    nshepperd's StyleGAN3+CLIP notebook, 2021). No picture can be inverted into them.
    """

    exact = False
    invertible = False
    knobs: Named[str, Knob] = MappingProxyType({"w": Knob(adam="element", spatial=False)})

    def __init__(
        self, name: str, multiple: int, network: StyleGAN, digest: str, device: torch.device, settings: Any
    ) -> None:
        """settings: a value for each that the family declares; `class` fits the network."""
        self.name, self.hash, self.multiple, self.device = name, digest, multiple, device
        self.side, self.config = network.config.side, network.config
        self._truncation, self._class = settings["truncation"], settings["class"]
        self._mapping = network.mapping.eval().requires_grad_(False)
        self._average = self._mapping.w_avg.clone()
        latents = self._latents(torch.Generator().manual_seed(0), SAMPLES)
        self.spread = (latents - self._average).std(0).clamp_min(1e-6)
        self._on_device = (self._average.to(device), self.spread.to(device))
        self._synthesis = freeze(network.synthesis, device)
        self._dtype = torch.float32
        self._cover = Cover(self.side, device)

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """All steps at full size: the network paints its own size anyway."""
        return (Stage(*size, steps),)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The latents of a seed; of several, where a shot opens on a picture, the nearest to it."""
        if stage.fresh:
            return self.seeded(rng)
        found = [self.seeded(rng)["w"] for _ in range(CANDIDATES)]
        coarse = F.interpolate(picture.to(self.device, torch.float32), (COARSE, COARSE), mode="area")
        size = (picture.shape[2], picture.shape[3])
        with torch.no_grad():
            distances = [
                (F.interpolate(self.decode({"w": w}, size), (COARSE, COARSE), mode="area") - coarse)
                .square()
                .mean()
                for w in found
            ]
        return {"w": found[int(torch.stack(distances).argmin())]}

    def seeded(self, rng: torch.Generator) -> Params:
        """The latents of a seed, drawn near the average by the setting `truncation`."""
        drawn = torch.Generator().manual_seed(
            int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
        )
        w = (self._latents(drawn, 1) - self._average) / self.spread * self._truncation
        return {"w": w[:, None].repeat(1, self.config.num_ws, 1).to(self.device)}

    def between(self, first: Params, second: Params, share: float) -> Params:
        """The way between two parameters, on a line: W+ is made so that such lines look alike everywhere."""
        return {"w": torch.lerp(first["w"], second["w"], share)}

    def carry(self, picture: Image, before: Params | None = None) -> Params:
        """The parameters of the frame before; without them those of the average picture."""
        if before is not None:
            return {"w": before["w"].to(self.device, torch.float32)}
        return {"w": torch.zeros(1, self.config.num_ws, self.config.w_dim, device=self.device)}

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The network's square, enlarged to cover the frame and cropped to its middle, [1, 3, H, W]."""
        average, spread = self._on_device
        with recomputed(self._synthesis.parts if recompute else ()):
            image = self._synthesis(average + params["w"] * spread, self._dtype)
        image = image.expand(-1, 3, -1, -1) * 0.5 + 0.5
        return clamp_with_grad(self._cover(image, size), 0.0, 1.0)

    @torch.no_grad()
    def project(self, params: Params) -> None:
        """Keep each number, in place, where the mapping may have put it."""
        params["w"].clamp_(-REACH, REACH)

    def prior(self, params: Params, image: Image) -> Named[str, Tensor]:
        """The distance of the latents to the average."""
        return {"average": PRIOR * params["w"].square().mean(2).sum()}

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let convolutions compute in `dtype`; weights stay float32, as latents scale them first."""
        self._dtype = dtype

    def _latents(self, rng: torch.Generator, count: int) -> Tensor:
        """Latents of noise, float32 [count, w_dim], on the CPU, so that a seed is the same on all devices."""
        z = torch.randn(count, self.config.mapping.z_dim, generator=rng)
        label = None
        if classes := self.config.mapping.c_dim:
            label = torch.randint(classes, (count,), generator=rng)
            if self._class is not None:
                label = torch.full_like(label, self._class)
        return cast(Tensor, self._mapping(z, label))
