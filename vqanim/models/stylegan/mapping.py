"""The mapping of StyleGAN2 and StyleGAN3: noise, and a class where there are some, to a latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vqanim.models.families.stylegan import MappingConfig, StyleGANFacts
from vqanim.models.stylegan.ops import Dense


class Mapping(nn.Module):
    """Noise [B, z_dim] to latents [B, w_dim]; `state_dict` has the official names."""

    w_avg: Tensor

    def __init__(self, config: MappingConfig, facts: StyleGANFacts) -> None:
        super().__init__()
        if config.c_dim:
            self.embed = Dense(config.c_dim, config.embed)
        self.classes = config.c_dim
        wide = config.z_dim + config.embed
        for number, width in enumerate(config.widths):
            layer = Dense(wide, width, facts.mapping_activation, facts.lr_multiplier)
            self.add_module(f"fc{number}", layer)
            wide = width
        self.register_buffer("w_avg", torch.empty(wide))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """z: [B, z_dim]. label: int64 [B], where there are classes."""
        x = _normalized(z)
        if self.classes and label is not None:
            one_hot = nn.functional.one_hot(label, self.classes).to(x.dtype)
            x = torch.cat([x, _normalized(self.embed(one_hot))], 1)
        for name, layer in self.named_children():
            if name != "embed":
                x = layer(x)
        return x


def _normalized(x: Tensor) -> Tensor:
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
