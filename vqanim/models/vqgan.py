"""VQGAN: taming-transformers' encoder, decoder and codebook (Esser, Rombach and Ommer 2021, "Taming
Transformers for High-Resolution Image Synthesis") behind a thin shell of our own."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from taming.modules.diffusionmodules import model as diffusion
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

from vqanim.models.codebook import CodebookGenerator, clamp_with_grad, look_up, recomputed
from vqanim.models.entries import GeneratorEntry, ModelFile, file_error, read_verified
from vqanim.models.families.vqgan import VQGANConfig, parse_config
from vqanim.models.vqgan_weights import keep_used_codes, select_vqgan
from vqanim.models.weights import freeze, load_into, read_weights
from vqanim.types import Image, Params

# taming computes x * sigmoid(x); silu is the same function as one fused kernel (1.23x on a CPU).
diffusion.nonlinearity = F.silu


class FullAttention(nn.Module):
    """taming's `AttnBlock`, by its names: each pixel of a small picture looks at all of them.

    torch's own attention on CPUs never holds all weights of pixels towards pixels at once, on the way back
    neither, so that memory grows with the number of pixels and not with its square (Dao et al. 2022,
    "FlashAttention"). On CUDA it chooses among implementations; as its documentation says, that of cuDNN may
    give other bits each time unless `torch.backends.cudnn.deterministic` is set.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = diffusion.Normalize(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, h, w]."""
        normed = self.norm(x)
        tokens = (part(normed).flatten(2).mT[:, None] for part in (self.q, self.k, self.v))
        query, key, value = (part.contiguous() for part in tokens)  # others are not taken in small parts
        seen = F.scaled_dot_product_attention(query, key, value)[:, 0].mT.view(x.shape)
        return x + self.proj_out(seen)


class LinearAttention(nn.Module):
    """What latent-diffusion's autoencoders have in place of attention for `attn_type: linear`, by its names.

    Each pixel reads one summary of all pixels, so the work grows with their number and not with its square
    (Shen et al. 2021, "Efficient Attention"). Unlike the other kind it adds nothing to what comes in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.to_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, h, w]."""
        queries, keys, values = self.to_qkv(x).flatten(2).chunk(3, dim=1)
        summary = keys.softmax(-1) @ values.transpose(1, 2)
        return self.to_out((summary.transpose(1, 2) @ queries).view(x.shape))


ATTENTION_MODULES: Mapping[str, Callable[[int], nn.Module]] = {
    "vanilla": FullAttention,
    "linear": LinearAttention,
    "none": nn.Identity,
}
"""By `attn_type`, made for a number of channels."""


class VQGAN(nn.Module):
    """Encoder, decoder and codebook with the parameter names of the official `VQModel` or `GumbelVQ`, so that
    official checkpoints load as they are.

    Pictures are float [B, 3, H, W] in 0..1 with H and W multiples of `config.factor`; latents are
    float [B, embed_dim, H / factor, W / factor] in the space of the codebook.
    """

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        dd, channels = config.ddconfig, config.ddconfig["z_channels"]
        with redirect_stdout(io.StringIO()):  # taming prints its latent shape
            self.encoder = diffusion.Encoder(**dd)
            self.decoder = diffusion.Decoder(**dd)
        _replace_attention(self, ATTENTION_MODULES[config.attn_type])
        for module in self.modules():
            if isinstance(module, nn.GroupNorm):
                if module.num_channels % config.norm_groups:
                    raise ValueError(f"{module.num_channels} channels make no {config.norm_groups} groups")
                module.num_groups = config.norm_groups
        self.quantize: Any
        if config.gumbel:
            self.quantize = GumbelQuantize(channels, config.embed_dim, config.n_embed)
        else:
            self.quantize = VectorQuantizer2(config.n_embed, config.embed_dim, beta=0.25)
        self.quant_conv = nn.Conv2d(channels, config.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.embed_dim, channels, 1)

    @property
    def codebook(self) -> Tensor:
        """The codebook, [n_embed, embed_dim]."""
        return (self.quantize.embed if self.config.gumbel else self.quantize.embedding).weight

    def encode(self, image: Tensor) -> Tensor:
        """Picture [B, 3, H, W] in 0..1 to latents [B, C, h, w] in the space of the codebook.

        They are continuous, not yet quantized; but a Gumbel head knows no space between its codes, so with
        one they are the vectors of the likeliest codes.
        """
        features = self.quant_conv(self.encoder(image * 2 - 1))
        if not self.config.gumbel:
            return features
        return look_up(self.quantize.proj(features).argmax(1), self.codebook)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w], as they are, to a picture [B, 3, H, W]; values may leave 0..1."""
        image = self.decoder(self.post_quant_conv(latents))
        if self.config.tanh_out:
            image = image.tanh()
        if image.dtype == torch.bfloat16:  # whose steps are too wide for what follows
            image = image.float()
        return (image + 1) / 2


class VQGANGenerator(CodebookGenerator):
    """A frozen VQGAN as a `types.Generator`; see `CodebookGenerator` for its latents."""

    def __init__(self, name: str, network: VQGAN, digest: str, device: torch.device) -> None:
        self.network = freeze(network, device)
        super().__init__(name, digest, device, network.config.factor, network.codebook)
        _replace_doublings(self.network.decoder)
        kinds = (
            diffusion.ResnetBlock,
            FullAttention,
            LinearAttention,
            diffusion.Upsample,
            DoublingConv,
        )
        self._blocks = [part for part in self.network.decoder.modules() if isinstance(part, kinds)]

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the decoder compute in `dtype`; encoder and codebook stay as they are."""
        self._dtype = dtype
        self.network.decoder.to(dtype)
        self.network.post_quant_conv.to(dtype)

    @torch.no_grad()
    def carry(self, picture: Image) -> Params:
        """Latents of a picture [B, 3, H, W] in 0..1, within the codebook's range.

        Raises ValueError when H or W is not a multiple of `multiple`.
        """
        return {"z": self.network.encode(self.fitting(picture)).clamp(self._low, self._high)}

    def decode(self, latents: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """Picture [B, 3, H, W] in 0..1 of the latents' nearest codes, differentiable in the latents.

        recompute: on the way back compute the decoder's blocks again, instead of keeping what is in them.
        """
        z = latents["z"]
        with recomputed(self._blocks if recompute else ()):
            image = self.network.decode(self.quantized(z).to(self._dtype)).to(z.dtype)
        return clamp_with_grad(image, 0.0, 1.0)


def build_vqgan(config: VQGANConfig, file: ModelFile) -> VQGAN:
    """A network without numbers, on the meta device: its size costs nothing.

    Raises InputError that names the config file when there can be no such network.
    """
    try:
        with torch.device("meta"):
            return VQGAN(config)
    except (ValueError, RuntimeError) as error:
        hint = "widths (ch times ch_mult) are multiples of 32 and of norm_groups"
        raise file_error(file, f"there is no such network ({error}); {hint}") from error


def load_vqgan(entry: GeneratorEntry, device: torch.device) -> VQGANGenerator:
    """Build a VQGAN from its config file and its weights, a checkpoint of any kind.

    Raises InputError when a file is missing, damaged or does not fit the other.
    """
    config_file, weights_file = entry.files["config"], entry.files["weights"]
    config = parse_config(read_verified(config_file), config_file)
    if config.factor != entry.multiple:
        about = f"the network shrinks pictures {config.factor}x, the catalogue says {entry.multiple}x"
        raise file_error(config_file, about)
    tensors = read_weights(weights_file, select_vqgan)
    if not config.named:
        config = replace(config, gumbel="quantize.embed.weight" in tensors)
    config, tensors = keep_used_codes(config, tensors, weights_file)
    network = build_vqgan(config, config_file)
    load_into(network, tensors, weights_file)
    return VQGANGenerator(entry.name, network, entry.hash, device)


class DoublingConv(nn.Module):
    """Stands for taming's `Upsample` once its weights are known and frozen; keeps their names.

    Doubles a picture and convolves it 3x3, as one 2x2 convolution of the small picture. After doubling, four
    neighbors are equal, so some of the nine taps meet the same value and their weights can be added up
    beforehand, differently for each of the four positions within a doubled pixel. That is 4/9 of the work (as
    sub-pixel convolutions: Shi et al. 2016), and the same within rounding.
    """

    kernels: Tensor
    """[4 C, D, 2, 2], for top left, top right, bottom left and bottom right."""
    biases: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        """`conv` has a 3x3 kernel and a padding of 1."""
        super().__init__()
        self.conv = conv
        halves = (_pair(conv.weight.detach(), row, 2) for row in (0, 1))
        kernels = torch.cat([_pair(half, column, 3) for half in halves for column in (0, 1)])
        kernels = kernels.contiguous(memory_format=torch.channels_last)
        bias = kernels.new_zeros(len(conv.weight)) if conv.bias is None else conv.bias.detach()
        self.register_buffer("kernels", kernels, persistent=False)
        self.register_buffer("biases", bias.repeat(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, 2 h, 2 w]."""
        return _Weave.apply(F.conv2d(x, self.kernels, self.biases, padding=1))


def _pair(kernel: Tensor, phase: int, dim: int) -> Tensor:
    """The three taps along a dimension as two: the first or the last stays alone."""
    before, middle, after = kernel.unbind(dim)
    return torch.stack((before, middle + after) if phase == 0 else (before + middle, after), dim)


class _Weave(torch.autograd.Function):
    """[B, 4 C, h + 1, w + 1], four pictures, to [B, C, 2 h, 2 w], one: a single copy each way."""

    @staticmethod
    def forward(ctx: Any, phases: Tensor) -> Tensor:
        phases = phases.contiguous(memory_format=torch.channels_last)
        ctx.like = phases.shape
        return _doubled_view(phases).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        phases = gradient.new_zeros(ctx.like).contiguous(memory_format=torch.channels_last)
        view = _doubled_view(phases)
        view.copy_(gradient.permute(0, 2, 3, 1).reshape(view.shape))
        return phases


def _doubled_view(phases: Tensor) -> Tensor:
    """Phases [B, 4 C, h + 1, w + 1], channels last, seen as [B, h, 2, w, 2, C].

    Of the phase at (a, b) it is the part that begins at row a and column b.
    """
    count, channels, height, width = phases.shape
    batch, _, row, column = phases.stride()
    channels //= 4
    size = (count, height - 1, 2, width - 1, 2, channels)
    return phases.as_strided(size, (batch, row, row + 2 * channels, column, column + channels, 1))


def _replace_doublings(network: nn.Module) -> None:
    """Put a `DoublingConv` in place of every `Upsample` of a network that has a convolution."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, diffusion.Upsample) and child.with_conv:
                setattr(parent, name, DoublingConv(child.conv))


def _replace_attention(network: nn.Module, make: Callable[[int], nn.Module]) -> None:
    """Put a kind of attention in place of every `AttnBlock` of a network."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, diffusion.AttnBlock):
                setattr(parent, name, make(child.in_channels))
