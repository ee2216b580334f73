"""Tiny models of the exact official layouts with random weights, in every form of file.

The VQGANs are put together of taming's own modules as its `VQModel` and `GumbelVQ` do it (those classes do
not import with today's pytorch-lightning), so that they are both the files' makers and the reference.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

from vqanim.models.clip import clip_package
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.entries import GeneratorEntry, LocalFile, PerceptorEntry


def nearest_classes(perceptor: ConsePerceptor, text: str, count: int) -> list[int]:
    """Numbers of the classes nearest to what is seen in a text, nearest first."""
    seen = perceptor.encode_text([text])[0, : perceptor.seen.shape[1]]
    return (perceptor.seen @ seen).topk(count).indices.tolist()


def local(path: Path) -> LocalFile:
    """A file as it is now."""
    return LocalFile(path, "get it again", hashlib.sha256(path.read_bytes()).hexdigest())


def generator_entry(config: Path, weights: Path, multiple: int) -> GeneratorEntry:
    """A catalogue entry for a VQGAN's files."""
    files = {"config": local(config), "weights": local(weights)}
    return GeneratorEntry(
        name="mine", kind="generator", family="vqgan", files=files, license="", source="",
        good_at="", multiple=multiple, learning_rate=0.1,
    )  # fmt: skip


def perceptor_entry(weights: Path, family: str = "clip", name: str = "mine") -> PerceptorEntry:
    """A catalogue entry for a perceptor's file."""
    return PerceptorEntry(
        name=name, kind="perceptor", family=family, files={"weights": local(weights)},
        license="", source="", good_at="", cutouts=4,
    )  # fmt: skip


def ddconfig(levels: int, z_channels: int = 32) -> dict[str, Any]:
    """Arguments of taming's Encoder and Decoder: f2 to the power of levels - 1, with attention at the end."""
    resolution = 32
    return {
        "double_z": False, "z_channels": z_channels, "resolution": resolution, "in_channels": 3, "out_ch": 3,
        "ch": 32, "ch_mult": [1] * levels, "num_res_blocks": 1,
        "attn_resolutions": [resolution // 2 ** (levels - 1)], "dropout": 0.0,
    }  # fmt: skip


class TamingVQ(nn.Module):
    """taming's `VQModel`, or `GumbelVQ`, without Lightning; `loss` is in the checkpoint as well."""

    def __init__(self, levels: int, gumbel: bool, n_embed: int = 64, z_channels: int = 32) -> None:
        super().__init__()
        embed_dim = z_channels if gumbel else 8
        dd = ddconfig(levels, z_channels)
        with contextlib.redirect_stdout(io.StringIO()):
            self.encoder, self.decoder = Encoder(**dd), Decoder(**dd)
        self.loss = nn.ModuleDict(
            {"discriminator": nn.Conv2d(3, 4, 1), "perceptual_loss": nn.Conv2d(3, 4, 1)}
        )
        self.quantize: Any = (
            GumbelQuantize(z_channels, embed_dim, n_embed)
            if gumbel
            else VectorQuantizer2(n_embed, embed_dim, beta=0.25)
        )
        if not gumbel:  # the codes of a trained model are as far apart as its features
            nn.init.normal_(self.quantize.embedding.weight, std=0.3)
        self.quant_conv = nn.Conv2d(z_channels, embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, z_channels, 1)
        self.gumbel, self.params = gumbel, {"embed_dim": embed_dim, "n_embed": n_embed, "ddconfig": dd}

    def before_codes(self, image: Tensor) -> Tensor:
        """Picture in -1..1 to what is quantized."""
        return self.quant_conv(self.encoder(image))

    def decode(self, codes: Tensor) -> Tensor:
        """Vectors of codes to a picture in -1..1."""
        return self.decoder(self.post_quant_conv(codes))

    def config(self) -> dict[str, Any]:
        """Its official config."""
        name = "GumbelVQ" if self.gumbel else "VQModel"
        loss = {"target": "taming.modules.losses.vqperceptual.DummyLoss"}
        extra = {"kl_weight": 1e-8, "temperature_scheduler_config": {"target": "taming.lr_scheduler.X"}}
        params = {
            **self.params,
            "monitor": "val/rec_loss",
            "lossconfig": loss,
            **(extra if self.gumbel else {}),
        }
        target = f"taming.models.vqgan.{name}"
        return {"model": {"base_learning_rate": 4.5e-06, "target": target, "params": params}}


def taming_vq(levels: int = 2, gumbel: bool = False, seed: int = 0) -> TamingVQ:
    """A frozen one with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TamingVQ(levels, gumbel).eval().requires_grad_(False)


def transformer_config(model: TamingVQ) -> dict[str, Any]:
    """The official config of a transformer on top of a VQGAN."""
    params = {
        "transformer_config": {"target": "GPT", "params": {}},
        "first_stage_config": model.config()["model"],
    }
    return {"model": {"target": "taming.models.cond_transformer.Net2NetTransformer", "params": params}}


def write_config(folder: Path, config: Mapping[str, Any]) -> Path:
    """A config as a file."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(dict(config)))
    return path


STRANGE = "pytorch_lightning_of_old"
"""A module that is there while a checkpoint is written, but not when it is read."""


def strange_class(name: str) -> type:
    """A class of the strange module."""
    module = sys.modules.setdefault(STRANGE, ModuleType(STRANGE))
    cls = type(name, (), {"__module__": module.__name__})
    setattr(module, name, cls)
    return cls


def forget_strange_classes() -> None:
    """From here on nobody can import them."""
    sys.modules.pop(STRANGE, None)


def lightning(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What Lightning puts around a state dict: classes, objects, numpy values, an optimiser."""
    config = strange_class("DictConfig")()
    config.content = {"learning_rate": 1e-4}
    return {
        "epoch": 12,
        "pytorch-lightning_version": "1.0.8",
        "callbacks": {
            strange_class("ModelCheckpoint"): {
                "best_model_score": np.float64(0.25), "history": np.arange(3.0), "path": Path("best.ckpt"),
            }
        },
        "hyper_parameters": config,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 1e-4}]}],
        "state_dict": OrderedDict(state),
    }  # fmt: skip


def _save_lightning(state: Mapping[str, Tensor], path: Path) -> None:
    torch.save(lightning(state), path)
    forget_strange_classes()


def _save_legacy(state: Mapping[str, Tensor], path: Path) -> None:
    torch.save(lightning(state), path, _use_new_zipfile_serialization=False)
    forget_strange_classes()


def _save_nested(state: Mapping[str, Tensor], path: Path) -> None:
    torch.save({"state_dict": dict(state)}, path)


def _save_plain(state: Mapping[str, Tensor], path: Path) -> None:
    torch.save(
        OrderedDict((k, nn.Parameter(v) if v.is_floating_point() else v) for k, v in state.items()), path
    )


def _save_safetensors(state: Mapping[str, Tensor], path: Path) -> None:
    save_file({name: tensor.clone() for name, tensor in state.items()}, path)


FORMS: Mapping[str, Callable[[Mapping[str, Tensor], Path], None]] = {
    "lightning.ckpt": _save_lightning,
    "legacy.ckpt": _save_legacy,
    "nested.pt": _save_nested,
    "plain.pth": _save_plain,
    "model.safetensors": _save_safetensors,
}
"""How weights come, by the name of the file."""


def tiny_clip(kind: str, seed: int = 0) -> Any:
    """OpenAI's network at small size with random weights: `ViT` for 64 pixels or `RN` for 64 pixels.

    As in its archives, its state has the three numbers by which OpenAI's are told from other CLIPs.
    """
    model = clip_package().model
    vision = (2, 64, 16) if kind == "ViT" else ((1, 1, 2, 1), 8, None)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = model.CLIP(32, 64, *vision, 77, 49_408, 64, 1, 2)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(cast("Tensor", module.running_mean), -0.1, 0.1)
                nn.init.uniform_(module.weight, 0.5, 1.5)
    model.convert_weights(network)
    for name, value in {"input_resolution": 64, "context_length": 77, "vocab_size": 49_408}.items():
        network.__dict__.pop(name, None)
        network.register_buffer(name, torch.tensor(value))
    return network.eval().requires_grad_(False)
