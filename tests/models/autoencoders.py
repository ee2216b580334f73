"""First stages of taming-transformers and latent-diffusion, put together thinly of taming's own modules.

They are the reference: their layouts, and what they paint. Attention of latent-diffusion's other kinds and
its tanh are written here anew, in the way of its formulas.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
from pathlib import Path
from typing import Any

import torch
import yaml
from einops import rearrange
from safetensors.torch import save_file
from taming.modules.diffusionmodules.model import AttnBlock, Decoder, Encoder
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

from vqanim.models.adding import add_generator
from vqanim.models.load import load_generator

TARGETS = {
    "taming": "taming.models.vqgan.VQModel",
    "gumbel": "taming.models.vqgan.GumbelVQ",
    "ema": "taming.models.vqgan.EMAVQ",
    "ldm": "ldm.models.autoencoder.VQModelInterface",
}


class LinearAttention(nn.Module):
    """latent-diffusion's, with one head."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.to_qkv, self.to_out = nn.Conv2d(dim, dim * 3, 1, bias=False), nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to the same."""
        height = x.shape[2]
        query, key, value = rearrange(self.to_qkv(x), "b (qkv c) h w -> qkv b c (h w)", qkv=3)
        context = torch.einsum("bdn,ben->bde", key.softmax(dim=-1), value)
        out = torch.einsum("bde,bdn->ben", context, query)
        return self.to_out(rearrange(out, "b c (h w) -> b c h w", h=height))


class EmbeddingEMA(nn.Module):
    """taming's codebook that follows its codes by averages."""

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, dim) * 0.3, requires_grad=False)
        self.cluster_size = nn.Parameter(torch.zeros(count), requires_grad=False)
        self.embed_avg = nn.Parameter(self.weight.clone(), requires_grad=False)


class Autoencoder(nn.Module):
    """A first stage with a codebook, with random weights."""

    def __init__(self, kind: str = "taming", n_embed: int = 48, embed_dim: int = 5, **changes: Any) -> None:
        super().__init__()
        dd = {
            "double_z": False, "z_channels": 6, "resolution": 32, "in_channels": 3, "out_ch": 3, "ch": 32,
            "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [16], "dropout": 0.0, **changes,
        }  # fmt: skip
        self.kind, self.dd = kind, dd
        embed_dim = dd["z_channels"] if kind == "gumbel" else embed_dim
        with contextlib.redirect_stdout(io.StringIO()):
            self.encoder, self.decoder = Encoder(**dd), Decoder(**dd)
        self.quantize: Any
        if kind == "gumbel":
            self.quantize = GumbelQuantize(dd["z_channels"], embed_dim, n_embed)
        else:
            self.quantize = VectorQuantizer2(n_embed, embed_dim, beta=0.25, sane_index_shape=True)
            nn.init.normal_(self.quantize.embedding.weight, std=0.3)
        if kind == "ema":
            self.quantize.embedding = EmbeddingEMA(n_embed, embed_dim)
        self.quant_conv = nn.Conv2d(dd["z_channels"], embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, dd["z_channels"], 1)
        make = {"none": nn.Identity, "linear": LinearAttention}.get(dd.get("attn_type", "vanilla"))
        for parent in [m for m in self.modules() if make is not None]:
            for name, child in list(parent.named_children()):
                if isinstance(child, AttnBlock):
                    assert make is not None
                    setattr(parent, name, make(child.in_channels))
        self.params: dict[str, Any] = {"embed_dim": embed_dim, "n_embed": n_embed, "ddconfig": dd}
        for parameter in self.parameters():  # those of a trained network are not zero
            if parameter.dim() == 1:
                nn.init.uniform_(parameter, -0.2, 0.2)
        for module in self.modules():
            if isinstance(module, nn.GroupNorm):
                nn.init.uniform_(module.weight, 0.7, 1.3)

    def paint(self, image: Tensor, used: Tensor | None = None) -> Tensor:
        """A picture in 0..1 through encoder, codes and decoder. used: codes that a Gumbel head may choose."""
        features = self.quant_conv(self.encoder(image * 2 - 1))
        if self.kind == "gumbel":
            logits = self.quantize.proj(features)
            if used is not None:
                kept = torch.full_like(logits, -torch.inf)
                kept[:, used] = logits[:, used]
                logits = kept
            codes = self.quantize.embed.weight[logits.argmax(1)].movedim(-1, 1)
        else:
            distances = torch.cdist(features.movedim(1, -1).flatten(0, 2), self.quantize.embedding.weight)
            vectors = self.quantize.embedding.weight[distances.argmin(1)]
            codes = vectors.view(len(image), *features.shape[2:], -1).movedim(-1, 1)
        result = self.decoder(self.post_quant_conv(codes))
        return ((result.tanh() if self.dd.get("tanh_out") else result) + 1) / 2

    def config(self) -> dict[str, Any]:
        """Its official config."""
        extra = {"temperature_scheduler_config": {"target": "x.Schedule"}} if self.kind == "gumbel" else {}
        params = {**self.params, "lossconfig": {"target": "torch.nn.Identity"}, "monitor": "val/rec", **extra}
        return {"model": {"base_learning_rate": 4.5e-6, "target": TARGETS[self.kind], "params": params}}


def autoencoder(kind: str = "taming", seed: int = 0, **changes: Any) -> Autoencoder:
    """A frozen one; the same for the same arguments."""
    return _made(kind, seed, repr(sorted(changes.items())))


@functools.cache
def _made(kind: str, seed: int, changes: str) -> Autoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Autoencoder(kind, **dict(ast.literal_eval(changes))).eval().requires_grad_(False)


IMAGE = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(7))


def paint(name: str = "mine") -> Tensor:
    """What the added model makes of the picture."""
    generator = load_generator(name)
    return generator.decode(generator.carry(IMAGE), (32, 48))


def add(folder: Path, checkpoint: Any, config: Any = None, form: str = "m.ckpt", **options: Any) -> list[str]:
    """Save what a checkpoint and a config hold, add them, and give what was noted."""
    path, described = folder / form, None
    if form.endswith(".safetensors"):
        save_file(checkpoint, path)
    else:
        torch.save(checkpoint, path, **options)
    if config is not None:
        described = folder / "config.yaml"
        described.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    notes: list[str] = []
    add_generator("mine", described, path, force=True, note=notes.append)
    return notes


def same(model: Autoencoder) -> None:
    """Whether the added model paints as the original does, wherever the codes are the same."""
    expected = model.paint(IMAGE).clamp(0, 1)
    generator = load_generator("mine")
    low, high = generator.network.codebook.aminmax(dim=0)  # type: ignore[attr-defined]
    features = generator.network.encode(IMAGE)  # type: ignore[attr-defined]
    inside = ((features >= low.view(1, -1, 1, 1)) & (features <= high.view(1, -1, 1, 1))).all()
    if not inside:  # latents are kept within the range of the codebook, which may alter a code
        painted = generator.decode({"z": features}, (32, 48))
    else:
        painted = paint()
    torch.testing.assert_close(painted, expected, atol=1e-4, rtol=0)


def dumped(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config)


def within(config: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """The config of a model on top of a VQGAN."""
    first = {"first_stage_config": config["model"], "unet_config": {"target": "x.UNet", "params": {"ch": 4}}}
    return {"model": {"target": name, "params": {**first, **more}}, "data": {"target": "main.Data"}}
