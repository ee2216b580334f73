"""VQGAN: taming-transformers' encoder, decoder and codebook behind a thin shell of our own.

The shell has the parameter names of the official `VQModel` and `GumbelVQ` (Esser, Rombach and Ommer 2021,
"Taming Transformers for High-Resolution Image Synthesis"), so official checkpoints load as they are, without
pytorch-lightning, discriminator or training code.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from taming.modules.diffusionmodules import model as diffusion
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

from vqanim.errors import InputError
from vqanim.models.catalogue import GeneratorEntry
from vqanim.models.convert import read_weights
from vqanim.models.recompute import recomputed
from vqanim.models.resolutions import halved_stages
from vqanim.models.upsample import DoublingConv, replace_doublings
from vqanim.models.vqgan_config import VQGANConfig, parse_config
from vqanim.models.weights import load_into, read_verified
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    from vqanim.types import Image, Params

# taming computes x * sigmoid(x); silu is the same function as one fused kernel (1.23x on a CPU).
diffusion.nonlinearity = F.silu

FIRST_STAGE = "first_stage_model."
"""Prefix of a VQGAN's tensors in the checkpoint of a transformer that was trained on top of it."""

Value = TypeVar("Value")


class VQGAN(nn.Module):
    """Encoder, decoder and codebook with the official parameter names, of `VQModel` or `GumbelVQ`.

    Pictures are float [B, 3, H, W] in 0..1 with H and W multiples of `config.factor`; latents are
    float [B, embed_dim, H / factor, W / factor] in the space of the codebook.
    """

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        dd = dict(config.ddconfig)
        with contextlib.redirect_stdout(io.StringIO()):  # taming prints its latent shape
            self.encoder = diffusion.Encoder(**dd)
            self.decoder = diffusion.Decoder(**dd)
        for module in self.modules():
            if isinstance(module, nn.GroupNorm):
                if module.num_channels % config.norm_groups:
                    raise ValueError(f"{module.num_channels} channels make no {config.norm_groups} groups")
                module.num_groups = config.norm_groups
        self.quantize: Any
        if config.gumbel:
            self.quantize = GumbelQuantize(dd["z_channels"], config.embed_dim, config.n_embed)
        else:
            self.quantize = VectorQuantizer2(config.n_embed, config.embed_dim, beta=0.25)
        self.quant_conv = nn.Conv2d(dd["z_channels"], config.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.embed_dim, dd["z_channels"], 1)

    @property
    def codebook(self) -> Tensor:
        """The codebook, [n_embed, embed_dim]."""
        codes: nn.Embedding = self.quantize.embed if self.config.gumbel else self.quantize.embedding
        return codes.weight

    def encode(self, image: Tensor) -> Tensor:
        """Picture [B, 3, H, W] in 0..1 to latents [B, C, h, w] in the space of the codebook.

        They are continuous, not yet quantized; but a Gumbel head knows no space between its codes, so with
        one they are the vectors of the likeliest codes.
        """
        features: Tensor = self.quant_conv(self.encoder(image * 2 - 1))
        return look_up(self.likeliest_codes(features), self.codebook) if self.config.gumbel else features

    def likeliest_codes(self, features: Tensor) -> Tensor:
        """Codes that a Gumbel head gives, without its noise: features [B, C, h, w] -> int64 [B, h, w]."""
        codes: Tensor = self.quantize.proj(features).argmax(1)
        return codes

    @property
    def decoder_blocks(self) -> list[nn.Module]:
        """The parts of the decoder that keep most for the way back."""
        kinds = (diffusion.ResnetBlock, diffusion.AttnBlock, diffusion.Upsample, DoublingConv)
        return [module for module in self.decoder.modules() if isinstance(module, kinds)]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w], as they are, to a picture [B, 3, H, W]; values may leave 0..1."""
        image: Tensor = self.decoder(self.post_quant_conv(latents))
        if image.dtype == torch.bfloat16:  # whose steps are too wide for what follows
            image = image.float()
        return (image + 1) / 2


def nearest_codes(latents: Tensor, codebook: Tensor, squares: Tensor | None = None) -> Tensor:
    """Index of the codebook vector nearest to each latent.

    latents [B, C, h, w], codebook [N, C] -> int64 [B, h, w]. |z - e|^2 differs from |e|^2 - 2 z.e by
    a term that is the same for all codes, so one matrix product and one argmin suffice. `squares` are the
    |e|^2 [N], where they are known already.
    """
    flat = latents.movedim(1, -1).reshape(-1, codebook.shape[1])
    squares = codebook.square().sum(1) if squares is None else squares
    distances = squares - 2 * flat @ codebook.T
    return distances.argmin(1).view(latents.shape[0], *latents.shape[2:])


def look_up(codes: Tensor, codebook: Tensor) -> Tensor:
    """Codes [B, h, w] to their vectors [B, C, h, w]."""
    return F.embedding(codes, codebook).movedim(-1, 1)


class _ClampWithGrad(torch.autograd.Function):
    """Clamp whose gradient is stopped only where following it would lead further out of range."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.range = low, high
        ctx.save_for_backward(x)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        outwards = gradient * (x - x.clamp(*ctx.range)) < 0  # descent moves against the gradient
        return gradient.masked_fill(outwards, 0), None, None


def clamp_with_grad(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp to low..high; values outside still get the gradient that brings them back (Crowson 2021)."""
    clamped: Tensor = _ClampWithGrad.apply(x, low, high)
    return clamped


class VQGANGenerator:
    """A frozen VQGAN as a `types.Generator`. Its latents are `z`, float32 [B, C, H / multiple, W / multiple].

    Latents are continuous and kept within the codebook's range; decoding snaps each to its nearest code
    and passes the gradient straight through (van den Oord et al. 2017).
    """

    exact = False
    knobs: Mapping[str, Knob] = MappingProxyType({"z": Knob()})

    def __init__(self, name: str, network: VQGAN, digest: str, device: torch.device) -> None:
        self.name = name
        self.hash = digest
        self.multiple = network.config.factor
        self.device = device
        self.network = network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self._low, self._high = (
            bound.values.view(1, -1, 1, 1) for bound in (network.codebook.min(0), network.codebook.max(0))
        )
        replace_doublings(self.network.decoder, diffusion.Upsample)
        self._squares = network.codebook.square().sum(1)
        self._dtype = torch.float32

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the decoder compute in `dtype`; encoder and codebook stay as they are."""
        self._dtype = dtype
        for part in (self.network.decoder, self.network.post_quant_conv):
            part.to(dtype)

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """Small sizes first, so that shapes come before texture."""
        return halved_stages(steps, *size, self.multiple)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """Latents of the picture that a shot begins with; `rng` is not needed here."""
        return self.carry(picture)

    @torch.no_grad()
    def carry(self, picture: Image) -> Params:
        """Latents of a picture [B, 3, H, W] in 0..1, within the codebook's range.

        Raises ValueError when H or W is not a multiple of `multiple`.
        """
        if any(side % self.multiple for side in picture.shape[-2:]):
            raise ValueError(
                f"expected sides that are multiples of {self.multiple}, got {tuple(picture.shape)}"
            )
        picture = picture.to(self.device, torch.float32, memory_format=torch.channels_last)
        return {"z": self._clamped(self.network.encode(picture))}

    def decode(self, latents: Params, recompute: bool = False) -> Image:
        """Picture [B, 3, H, W] in 0..1 of the latents' nearest codes, differentiable in the latents.

        recompute: on the way back compute the decoder's blocks again, instead of keeping what is in them.
        """
        z = latents["z"]
        codebook = self.network.codebook
        codes = look_up(nearest_codes(z.detach(), codebook, self._squares), codebook)
        quantized = (z + (codes - z).detach()).to(self._dtype)
        with recomputed(self.network.decoder_blocks if recompute else ()):
            image = self.network.decode(quantized).to(z.dtype)
        return clamp_with_grad(image, 0.0, 1.0)

    def size_of(self, latents: Params) -> tuple[int, int]:
        """Height and width of the picture of latents, in pixels."""
        height, width = latents["z"].shape[-2:]
        return self.multiple * height, self.multiple * width

    @torch.no_grad()
    def project(self, latents: Params) -> None:
        """Clamp the latents, in place, to each channel's range in the codebook."""
        latents["z"].copy_(self._clamped(latents["z"]))

    def prior(self, latents: Params, image: Image) -> Mapping[str, Tensor]:
        """Empty: what the decoder can show is prior enough."""
        return {}

    def _clamped(self, z: Tensor) -> Tensor:
        return torch.maximum(torch.minimum(z, self._high), self._low)


def select_first_stage(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Of the tensors of an official checkpoint those of its VQGAN, by their names in a `VQModel`.

    A transformer's checkpoint holds its VQGAN under a prefix; discriminator and perceptual loss are dropped.
    """
    if any(name.startswith(FIRST_STAGE) for name in tensors):
        tensors = {k.removeprefix(FIRST_STAGE): v for k, v in tensors.items() if k.startswith(FIRST_STAGE)}
    return {name: value for name, value in tensors.items() if not name.startswith("loss.")}


def build_vqgan(config: VQGANConfig, path: Path, remedy: str) -> VQGAN:
    """A network without numbers, on the meta device: its size costs nothing.

    Raises InputError that names the config file when there can be no such network.
    """
    try:
        with torch.device("meta"):
            return VQGAN(config)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: there is no such network ({error}); widths (ch times ch_mult) are multiples "
            f"of 32 and of norm_groups; {remedy}"
        ) from error


def load_vqgan(entry: GeneratorEntry, device: torch.device) -> VQGANGenerator:
    """Build a VQGAN from its config file and its weights, a checkpoint of any kind.

    Raises InputError when a file is missing, damaged or does not fit the other.
    """
    config_file, weights_file = entry.files["config"], entry.files["weights"]
    config_path, path = config_file.locate(), weights_file.locate()
    content = read_verified(config_path, config_file.sha256, config_file.remedy)
    config = parse_config(content, config_path, config_file.remedy)
    if config.factor != entry.multiple:
        raise InputError(
            f"{config_path}: the network shrinks pictures {config.factor}x, the catalogue "
            f"says {entry.multiple}x; {config_file.remedy}"
        )
    network = build_vqgan(config, config_path, config_file.remedy)
    load_into(network, read_weights(weights_file, select_first_stage), path, weights_file.remedy)
    return VQGANGenerator(entry.name, network, entry.hash, device)
