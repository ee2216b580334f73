"""CLIPs: their networks, and what shapes of weights say about them. No torch until one is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vqanim.lazy import LazyModule
from vqanim.models.family import Family

clip = LazyModule("vqanim.models.clip")

VOCABULARY = 49_408
"""Tokens of CLIP's tokenizer."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the colors of CLIP's training pictures; its input is normalized by them."""

MAX_LAYERS = 200
MAX_CONTEXT = 4_096
"""What no real CLIP reaches, and a made-up file might claim."""

_PUBLISHED: Mapping[tuple[int, object, int], tuple[str, int]] = {
    (64, (3, 4, 6, 3), 0): ("RN50", 64),
    (64, (3, 4, 23, 3), 0): ("RN101", 64),
    (80, (4, 6, 10, 6), 0): ("RN50x4", 64),
    (96, (6, 8, 18, 8), 0): ("RN50x16", 64),
    (128, (3, 15, 36, 10), 0): ("RN50x64", 64),
    (384, 12, 1536): ("ViT-S", 64),
    (512, 12, 2048): ("ViT-M", 64),
    (768, 12, 3072): ("ViT-B", 64),
    (896, 12, 3584): ("ViT-B-plus", 64),
    (1024, 24, 4096): ("ViT-L", 64),
    (1280, 32, 5120): ("ViT-H", 80),
    (1408, 40, 6144): ("ViT-g", 88),
    (1664, 48, 8192): ("ViT-bigG", 104),
    (1792, 56, 15360): ("ViT-e", 112),
}
"""Image towers of OpenAI and of open_clip's configs by width, layers and width of the MLPs: name, and width
of a head, which no shape of a weight tells."""


@dataclass(frozen=True)
class CLIPConfig:
    """The network of a CLIP, and how its pictures are normalized. The defaults are OpenAI's."""

    embed_dim: int
    input_size: int
    """Side of its images, in pixels."""
    vision_layers: int | tuple[int, ...]
    """Of a transformer their number; of a ResNet the blocks of its four stages."""
    vision_width: int
    patch_size: int | None
    """Pixels; None for a ResNet."""
    context_length: int
    """Tokens of a text, with its start and its end."""
    vocabulary: int
    text_width: int
    text_layers: int
    vision_mlp: int = 0
    """Width inside the MLPs of the image tower; 0: 4 times the tower's, or a ResNet's, which has no MLP."""
    text_mlp: int = 0
    head_width: int = 64
    """Channels of a head of the image tower's attention."""
    text_head_width: int = 64
    quick_gelu: bool = True
    """Whether the MLPs have OpenAI's QuickGELU, x * sigmoid(1.702 x), instead of GELU."""
    vision_eps: float = 1e-5
    text_eps: float = 1e-5
    """Of the layer norms."""
    mean: tuple[float, ...] = MEAN
    deviation: tuple[float, ...] = DEVIATION
    package: Mapping[str, Any] | None = None
    """Of a network with an image tower that OpenAI has not, what open_clip needs to build it; the sizes of
    the image tower above are then 0."""

    @classmethod
    def from_shapes(cls, shapes: Mapping[str, Sequence[int]]) -> CLIPConfig:
        """Read the network off the shapes of its weights, as `clip.model.build_model` does.

        What they cannot say (heads, activation, norms, colors) is OpenAI's. Raises ValueError when they are
        not those of a CLIP.
        """
        layers: int | tuple[int, ...]
        patch: int | None
        try:
            context, text_width = shapes["positional_embedding"]
            vocabulary, _ = shapes["token_embedding.weight"]
            _, embed_dim = shapes["text_projection"]
            text_layers = _layers(shapes, r"transformer\.resblocks\.(\d+)\.")
            text_mlp, vision_mlp = shapes["transformer.resblocks.0.mlp.c_fc.weight"][0], 0
            if "visual.proj" in shapes:
                width, _, patch, _ = shapes["visual.conv1.weight"]
                layers = _layers(shapes, r"visual\.transformer\.resblocks\.(\d+)\.")
                size = patch * _side(shapes["visual.positional_embedding"])
                vision_mlp = shapes["visual.transformer.resblocks.0.mlp.c_fc.weight"][0]
            else:
                width, patch = shapes["visual.layer1.0.conv1.weight"][0], None
                layers = tuple(_layers(shapes, rf"visual\.layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4))
                size = 32 * _side(shapes["visual.attnpool.positional_embedding"])
        except KeyError as error:
            raise ValueError(f"it has no {error.args[0]!r}") from error
        counts = (text_layers, *(layers if isinstance(layers, tuple) else (layers,)))
        if not all(1 <= count <= MAX_LAYERS for count in counts):
            raise ValueError(f"it has {max(counts)} and {min(counts)} layers, allowed are 1 to {MAX_LAYERS}")
        if not 3 <= context <= MAX_CONTEXT or size < 1:
            raise ValueError(f"it reads {context} tokens and {size} pixels")
        if vocabulary != VOCABULARY:
            about = f"it knows {vocabulary:,} tokens, CLIP's tokenizer has {VOCABULARY:,}"
            raise ValueError(f"{about}; models with another tokenizer cannot be used")
        return cls(
            embed_dim, size, layers, width, patch, context, vocabulary, text_width, text_layers,
            vision_mlp, text_mlp,
        )  # fmt: skip

    @property
    def architecture(self) -> str:
        """The official name, such as `ViT-B/32`, or one made like it."""
        if self.package is not None:
            return str(self.package["vision_cfg"].get("timm_model_name") or "of open_clip")
        name = self._published[0]
        if self.patch_size is None:
            return name or f"RN ({self.vision_width} wide)"
        at = "@336px" if self.input_size == 336 else ""
        return f"{name or f'ViT ({self.vision_width} wide)'}/{self.patch_size}{at}"

    @property
    def published_head_width(self) -> int | None:
        """The width of a head in all published CLIPs of this size; None where no such is known."""
        return self._published[1] or None

    @property
    def vision_heads(self) -> int:
        """Heads of the image tower's attention; of a ResNet in its last layer."""
        return self.vision_width * (32 if self.patch_size is None else 1) // self.head_width

    @property
    def _published(self) -> tuple[str, int]:
        mlp = 0 if self.patch_size is None else self.vision_mlp or 4 * self.vision_width
        return _PUBLISHED.get((self.vision_width, self.vision_layers, mlp), ("", 0))


def _layers(shapes: Mapping[str, object], pattern: str) -> int:
    return len({match.group(1) for name in shapes if (match := re.match(pattern, name))})


def _side(shape: Sequence[int]) -> int:
    side = round((shape[0] - 1) ** 0.5)
    if side * side + 1 != shape[0]:
        raise ValueError(f"its image has {shape[0] - 1} positions, expected a square number")
    return side


FAMILY = Family(
    "clip",
    "perceptor",
    lambda entry, device, _: clip.load_clip(entry, device),
    roles=("weights",),
    optional=("config",),
)
