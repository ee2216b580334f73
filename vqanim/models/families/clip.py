"""CLIPs in OpenAI's layout: what the shapes of their weights say. No torch until a model is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vqanim.lazy import LazyModule
from vqanim.models.family import Family

clip = LazyModule("vqanim.models.clip")

VOCABULARY = 49_408
"""Tokens of CLIP's tokenizer."""

MAX_LAYERS = 200
MAX_CONTEXT = 4_096
"""What no real CLIP reaches, and a made-up file might claim."""

_OFFICIAL = {
    (64, (3, 4, 6, 3)): "RN50",
    (64, (3, 4, 23, 3)): "RN101",
    (80, (4, 6, 10, 6)): "RN50x4",
    (96, (6, 8, 18, 8)): "RN50x16",
    (128, (3, 15, 36, 10)): "RN50x64",
    (768, 12): "ViT-B",
    (1024, 24): "ViT-L",
}
"""Names by width and layers of the image tower."""


@dataclass(frozen=True)
class CLIPConfig:
    """The network of a CLIP."""

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

    @classmethod
    def from_shapes(cls, shapes: Mapping[str, Sequence[int]]) -> CLIPConfig:
        """Read the network off the shapes of its weights, as `clip.model.build_model` does.

        Raises ValueError when they are not those of a CLIP.
        """
        layers: int | tuple[int, ...]
        patch: int | None
        try:
            context, text_width = shapes["positional_embedding"]
            vocabulary, _ = shapes["token_embedding.weight"]
            _, embed_dim = shapes["text_projection"]
            text_layers = _layers(shapes, r"transformer\.resblocks\.(\d+)\.")
            if "visual.proj" in shapes:
                width, _, patch, _ = shapes["visual.conv1.weight"]
                layers = _layers(shapes, r"visual\.transformer\.resblocks\.(\d+)\.")
                size = patch * _side(shapes["visual.positional_embedding"])
            else:
                width, patch = shapes["visual.layer1.0.conv1.weight"][0], None
                layers = tuple(_layers(shapes, rf"visual\.layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4))
                size = 32 * _side(shapes["visual.attnpool.positional_embedding"])
        except KeyError as error:
            raise ValueError(f"it has no {error.args[0]!r}") from error
        counts = (text_layers, *(layers if isinstance(layers, tuple) else (layers,)))
        if not all(1 <= count <= MAX_LAYERS for count in counts):
            raise ValueError(f"it has {max(counts)} and {min(counts)} layers, allowed are 1 to {MAX_LAYERS}")
        if text_width < 64 or (patch is not None and width < 64):
            raise ValueError("its towers are less than 64 wide")
        if not 3 <= context <= MAX_CONTEXT or size < 1:
            raise ValueError(f"it reads {context} tokens and {size} pixels")
        if vocabulary < VOCABULARY:
            raise ValueError(f"it knows {vocabulary:,} tokens, CLIP's tokenizer has {VOCABULARY:,}")
        return cls(embed_dim, size, layers, width, patch, context, vocabulary, text_width, text_layers)

    @property
    def architecture(self) -> str:
        """The official name, such as `ViT-B/32`, or one made like it."""
        name = _OFFICIAL.get((self.vision_width, self.vision_layers))
        if self.patch_size is None:
            return name or f"RN ({self.vision_width} wide)"
        at = "@336px" if self.input_size == 336 else ""
        return f"{name or f'ViT ({self.vision_width} wide)'}/{self.patch_size}{at}"


def _layers(shapes: Mapping[str, object], pattern: str) -> int:
    return len({match.group(1) for name in shapes if (match := re.match(pattern, name))})


def _side(shape: Sequence[int]) -> int:
    side = round((shape[0] - 1) ** 0.5)
    if side * side + 1 != shape[0]:
        raise ValueError(f"its image has {shape[0] - 1} positions, expected a square number")
    return side


FAMILY = Family(
    "clip", "perceptor", lambda entry, device, _: clip.load_clip(entry, device), roles=("weights",)
)
