"""CLIP (Radford et al. 2021): OpenAI's own network, from the `clip` package, filled from a file as data.

The network is built by the shapes of the weights, as `clip.load` does it, and computes in float32.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.errors import InputError
from vqanim.models.convert import read_weights
from vqanim.models.entries import PerceptorEntry
from vqanim.models.vit import embed_images, fold_gelus
from vqanim.models.weights import load_into

if TYPE_CHECKING:
    from vqanim.types import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the colors of CLIP's training pictures; its input is normalised by them."""

VOCABULARY = 49_408
"""Tokens of CLIP's tokenizer."""

MAX_LAYERS = 200
MAX_CONTEXT = 4_096
"""What no real CLIP reaches, and a made-up file might claim."""

TEXT_PARTS = ("token_embedding", "transformer", "positional_embedding", "ln_final", "text_projection", "text")
"""Of the network, what only texts need; the last is open_clip's."""

_ABOUT = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's archives hold beside the weights."""

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

Value = TypeVar("Value")


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
        try:
            context, text_width = shapes["positional_embedding"]
            vocabulary, _ = shapes["token_embedding.weight"]
            _, embed_dim = shapes["text_projection"]
            text_layers = _layers(shapes, r"transformer\.resblocks\.(\d+)\.")
            layers: int | tuple[int, ...]
            patch: int | None
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
        found = cls(
            embed_dim, size, layers, width, patch, context, vocabulary, text_width, text_layers
        )  # fmt: skip
        found._check()
        return found

    def _check(self) -> None:
        layers = (
            self.text_layers,
            *(self.vision_layers if isinstance(self.vision_layers, tuple) else (self.vision_layers,)),
        )
        if not all(1 <= count <= MAX_LAYERS for count in layers):
            raise ValueError(f"it has {max(layers)} and {min(layers)} layers, allowed are 1 to {MAX_LAYERS}")
        if self.text_width < 64 or (self.patch_size is not None and self.vision_width < 64):
            raise ValueError("its towers are less than 64 wide")
        if not 3 <= self.context_length <= MAX_CONTEXT or self.input_size < 1:
            raise ValueError(f"it reads {self.context_length} tokens and {self.input_size} pixels")
        if self.vocabulary < VOCABULARY:
            raise ValueError(f"it knows {self.vocabulary:,} tokens, CLIP's tokenizer has {VOCABULARY:,}")

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


class CLIPPerceptor:
    """A frozen CLIP as a `types.Perceptor`; embeddings are float32 [N, D]."""

    def __init__(
        self,
        name: str,
        network: nn.Module,
        digest: str,
        device: torch.device,
        *,
        input_size: int,
        context_length: int,
        mean: Sequence[float] = MEAN,
        deviation: Sequence[float] = DEVIATION,
    ) -> None:
        """`network` has encode_text (tokens [N, context_length]) and encode_image (normalised images)."""
        self.name = name
        self.hash = digest
        self.input_size = input_size
        self.context_length = context_length
        self.device = device
        self.network: Any = (
            network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        )
        self._fast = isinstance(self.network.visual, clip_package().model.VisionTransformer)
        if self._fast:
            fold_gelus(self.network.visual)
        self._has_text = True
        self._dtype = torch.float32
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(deviation, device=device).view(1, 3, 1, 1)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts to unit vectors [N, D]; of a text that is too long the end is cut, see `notes`.

        Raises RuntimeError after `release_text`.
        """
        if not self._has_text:
            raise RuntimeError(f"the text tower of {self.name} was released; load it anew to embed texts")
        tokens = clip_package().tokenize(list(texts), self.context_length, truncate=True)
        return F.normalize(self.network.encode_text(tokens.to(self.device)), dim=1)

    def encode_image(self, images: Image) -> Tensor:
        """Images [B, 3, S, S] in 0..1 to unit vectors [B, D], differentiable."""
        images = ((images - self._mean) / self._deviation).to(self._dtype)
        images = images.contiguous(memory_format=torch.channels_last)
        if self._fast:
            return F.normalize(embed_images(self.network.visual, images).float(), dim=1)
        return F.normalize(self.network.encode_image(images).float(), dim=1)

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the image tower compute in `dtype`, but for norms that compute in float32 whatever they get.

        Texts are embedded before.
        """
        self._dtype = dtype
        for module in self.network.visual.modules():
            if not _keeps_single(module):
                for parameter in module.parameters(recurse=False):
                    parameter.data = parameter.data.to(dtype)

    def release_text(self) -> None:
        """Free the text tower, once all texts are embedded."""
        for part in TEXT_PARTS:
            if hasattr(self.network, part):
                delattr(self.network, part)
        self._has_text = False

    def notes(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Names the words of each text that are cut because it is too long."""
        found = ((text, words_cut(text, self.context_length)) for text in texts)
        return tuple(
            f"{self.name} reads at most {self.context_length} tokens; of the prompt "
            f"{text[:30]!r}... these words are cut: {words}"
            for text, words in found
            if words
        )


def _keeps_single(module: nn.Module) -> bool:
    """Whether a module takes low precision, but wants weights in float32; the last is open_clip's."""
    kinds = (nn.BatchNorm2d, clip_package().model.LayerNorm)
    return isinstance(module, kinds) or type(module).__name__ == "LayerNormFp32"


def words_cut(text: str, context_length: int) -> str:
    """The words at the end of a text that do not fit, as they were written; empty when all do."""
    encode = clip_package().clip._tokenizer.encode
    room = context_length - 2  # its start and its end are tokens as well
    if len(encode(text)) <= room:
        return ""
    words = text.split()
    used = 0
    for index, word in enumerate(words):
        used += len(encode(word))
        if used > room:
            return " ".join(words[index:])
    return words[-1]  # the parts took fewer tokens than the whole


@cache
def clip_package() -> ModuleType:
    """OpenAI's package. Raises InputError with the command that mends it when it cannot be imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources, which warns that it is old
            import clip
    except ImportError as error:
        raise InputError(
            f"CLIP cannot be imported ({error}); mend it: "
            "python -m pip install 'clip-anytorch>=2.6.0' 'setuptools<81'"
        ) from error
    if not hasattr(clip, "tokenize"):  # an unrelated clipboard manager has the same name
        raise InputError(
            "the installed package 'clip' is not OpenAI's; mend it: python -m pip uninstall clip, then "
            "python -m pip install --force-reinstall --no-deps clip-anytorch"
        )
    return clip


def select_clip(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Of the tensors of a CLIP file the weights; its constants can be computed."""
    return {
        name: value
        for name, value in tensors.items()
        if name not in _ABOUT and name.rpartition(".")[2] != "attn_mask"
    }


def build_clip(config: CLIPConfig) -> nn.Module:
    """A network without numbers, on the meta device, with half precision where `clip` has it.

    Raises ValueError or RuntimeError when there can be no such network.
    """
    model = clip_package().model
    with torch.device("meta"):
        network = model.CLIP(
            config.embed_dim,
            config.input_size,
            config.vision_layers,
            config.vision_width,
            config.patch_size,
            config.context_length,
            config.vocabulary,
            config.text_width,
            config.text_width // 64,
            config.text_layers,
        )
        model.convert_weights(network)
    return network


def fill_clip(network: Any, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Give a network from `build_clip` its numbers, in float32.

    Where `clip` keeps half precision they are rounded to it, so that the embeddings are those of `clip.load`
    whatever precision the file has. Raises InputError when names or shapes do not fit.
    """
    half = {name for name, wanted in network.state_dict().items() if wanted.dtype == torch.float16}
    rounded = {name: tensor.half() if name in half else tensor for name, tensor in tensors.items()}
    load_into(network, rounded, path, remedy)
    mask = network.build_attention_mask()
    for block in network.transformer.resblocks:
        block.attn_mask = mask


def load_clip(entry: PerceptorEntry, device: torch.device) -> CLIPPerceptor:
    """Load a CLIP from OpenAI's TorchScript archive or from a state dict of any kind; nothing in it runs.

    Raises InputError when the file is missing, damaged or no CLIP.
    """
    file = entry.files["weights"]
    tensors = read_weights(file, select_clip)
    config, network = make_clip(tensors, file.locate(), file.remedy)
    fill_clip(network, tensors, file.locate(), file.remedy)
    return CLIPPerceptor(
        entry.name,
        network,
        entry.hash,
        device,
        input_size=config.input_size,
        context_length=config.context_length,
    )


def make_clip(tensors: Mapping[str, Tensor], path: Path, remedy: str) -> tuple[CLIPConfig, nn.Module]:
    """The network that fits the shapes of tensors, without numbers. Raises InputError for no CLIP."""
    try:
        config = CLIPConfig.from_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        return config, build_clip(config)
    except (ArithmeticError, AssertionError, LookupError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: these weights are no CLIP ({error}); {remedy}") from error
