"""A frozen diffusion network as a `types.Generator`: its parameters are the picture itself, and what it is
asked for, step by step, is the noise in one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from vqanim.errors import InputError
from vqanim.models.codebook import clamp_with_grad, recomputed
from vqanim.models.diffusion.files import build_secondary, build_unet, select_secondary, select_unet
from vqanim.models.diffusion.guided_unet import GuidedUNet
from vqanim.models.diffusion.secondary import SecondaryModel
from vqanim.models.entries import GeneratorEntry, file_error, read_verified
from vqanim.models.families.diffusion import Described, Sampling, alphabars, one_stage
from vqanim.models.weights import freeze, read_weights
from vqanim.types import Image, Knob, Params, Stage


class DiffusionGenerator:
    """A `guidance.denoise.Denoiser`. Its parameters are `x`, the picture float32 [B, 3, H, W] in -1..1."""

    invertible = True
    exact = False
    knobs: Mapping[str, Knob] = MappingProxyType({"x": Knob()})

    def __init__(
        self,
        entry: GeneratorEntry,
        unet: GuidedUNet,
        secondary: SecondaryModel | None,
        sampling: Sampling,
        device: torch.device,
    ) -> None:
        self.name, self.hash, self.multiple, self.device = entry.name, entry.hash, entry.multiple, device
        self.sampling = sampling
        self.unet = freeze(unet, device)
        self.secondary = None if secondary is None else freeze(secondary, device)
        self.alphabars = alphabars(unet.config.described)

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """A single one: noise is coarse and fine at once."""
        return one_stage(steps, size, {})

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The picture that a shot begins with; `rng` is not needed here."""
        return self.carry(picture)

    def carry(self, picture: Image) -> Params:
        """A picture [B, 3, H, W] in 0..1."""
        return {"x": picture.to(self.device, torch.float32) * 2 - 1}

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The picture [B, 3, H, W] in 0..1."""
        return clamp_with_grad((params["x"] + 1) / 2, 0.0, 1.0)

    @torch.no_grad()
    def project(self, params: Params) -> None:
        """Clamp the picture, in place."""
        params["x"].clamp_(-1, 1)

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """Empty: the network itself is the prior."""
        return {}

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the convolutions of both networks compute in `dtype`."""
        self.unet.lower_precision(dtype)
        if self.secondary is not None:
            self.secondary.net.to(dtype)

    def find_noise(self, x: Tensor, index: int, recompute: bool = False) -> tuple[Tensor, Tensor | None]:
        """The noise of unit spread in x [1, 3, H, W] at a step of the noising, and how much to add again,
        from the least (-1) to the most (1), where the network tells."""
        time = torch.full((len(x),), index * 1000.0 / len(self.alphabars), device=x.device)
        with recomputed(self.unet.blocks if recompute else ()):
            found = self.unet(x, time)
        return found[:, :3], found[:, 3:] if self.unet.config.learn_sigma else None

    def guess_picture(self, x: Tensor, alpha: float, sigma: float) -> Tensor | None:
        """The secondary model's guess of the picture in x, in -1..1; None where there is no such model."""
        return None if self.secondary is None else self.secondary(x, alpha, sigma)


def load_diffusion(
    entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]
) -> DiffusionGenerator:
    """Build a network from its files, checkpoints of any kind.

    Raises InputError when a file is missing, damaged or of another kind, or when the scene asks for a
    secondary model that there is not.
    """
    described = None
    if file := entry.files.get("config"):
        try:
            described = Described.from_bytes(read_verified(file))
        except ValueError as error:
            raise file_error(file, f"this config cannot be used: {error}") from error
    unet = build_unet(read_weights(entry.files["weights"], select_unet), entry.files["weights"], described)
    wanted, beside = settings["secondary"], entry.files.get("secondary")
    if wanted and beside is None:
        about = f"{entry.name} has no secondary model, which models.generator.secondary asks for"
        add = f"vqanim models add {entry.name} --force --checkpoint ... --secondary ..."
        remedy = f"leave that out, or add both files: {add}"
        raise InputError(f"{about}; {remedy}")
    secondary = None
    if beside is not None and wanted is not False:
        secondary = build_secondary(read_weights(beside, select_secondary), beside)
    values = {name: settings[name] for name in Sampling.__dataclass_fields__}
    return DiffusionGenerator(entry, unet, secondary, Sampling(**values), device)
