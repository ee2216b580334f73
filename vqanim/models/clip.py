"""CLIP (Radford et al. 2021): OpenAI's own network, from the `clip` package, filled from a file as data.

It is built by the shapes of the weights and a config, with the heads, activations and norms of other CLIPs
where these differ, and computes in float32.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.errors import InputError, UsageError
from vqanim.models.clip_files.layouts import select_clip, to_openai
from vqanim.models.clip_files.reading import is_openai, parse_description, settle_config
from vqanim.models.entries import ModelFile, PerceptorEntry, file_error
from vqanim.models.families.clip import DEVIATION, MEAN, CLIPConfig
from vqanim.models.open_clip_package import build_open_clip
from vqanim.models.weights import check_fit, freeze, load_into, read_weights
from vqanim.types import Image

TEXT_PARTS = ("token_embedding", "transformer", "positional_embedding", "ln_final", "text_projection", "text")
"""Of the network, what only texts need; the last is open_clip's."""


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
        """`network` has encode_text (tokens [N, context_length]) and encode_image (normalized images)."""
        self.name, self.hash, self.device = name, digest, device
        self.input_size, self.context_length = input_size, context_length
        self.network: Any = freeze(network, device)
        self._fast = isinstance(self.network.visual, clip_package().model.VisionTransformer)
        if self._fast:
            fold_quick_gelus(self.network.visual)
        self._has_text, self._dtype = True, torch.float32
        self._mean, self._deviation = torch.tensor([mean, deviation], device=device).view(2, 1, 3, 1, 1)

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
        visual, encode = self.network.visual, self.network.encode_image
        return F.normalize((embed_images(visual, images) if self._fast else encode(images)).float(), dim=1)

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the image tower compute in `dtype`, but for norms that compute in float32 whatever they get.

        Texts are embedded before.
        """
        self._dtype = dtype
        norms = (nn.BatchNorm2d, clip_package().model.LayerNorm)
        for module in self.network.visual.modules():
            if not isinstance(module, norms) and type(module).__name__ != "LayerNormFp32":  # of open_clip
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
        return tuple(
            f"{self.name} reads at most {self.context_length} tokens; of the prompt "
            f"{text[:30]!r}... these words are cut: {words}"
            for text in texts
            if (words := words_cut(text, self.context_length))
        )


def words_cut(text: str, context_length: int) -> str:
    """The words at the end of a text that do not fit, as they were written; empty when all do."""
    encode = clip_package().clip._tokenizer.encode
    room = context_length - 2  # its start and its end are tokens as well
    if len(encode(text)) <= room:
        return ""
    words = text.split()
    fitting = sum(used <= room for used in accumulate(len(encode(word)) for word in words))
    return " ".join(words[min(fitting, len(words) - 1) :])  # words apart may take fewer tokens than the text


@cache
def clip_package() -> ModuleType:
    """OpenAI's package. Raises InputError with the command that mends it when it cannot be imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources, which warns that it is old
            import clip
    except ImportError as error:
        remedy = "python -m pip install 'clip-anytorch>=2.6.0' 'setuptools<81'"
        raise InputError(f"CLIP cannot be imported ({error}); mend it: {remedy}") from error
    if not hasattr(clip, "tokenize"):  # an unrelated clipboard manager has the same name
        remedy = "pip uninstall clip, then python -m pip install --force-reinstall --no-deps clip-anytorch"
        raise InputError(f"the installed package 'clip' is not OpenAI's; mend it: python -m {remedy}")
    return clip


def build_clip(config: CLIPConfig) -> nn.Module:
    """A network without numbers, on the meta device.

    Raises ValueError or RuntimeError when there can be no such network.
    """
    model = clip_package().model
    seen, read = config.vision_width, config.text_width
    if config.vision_heads < 1 or read < config.text_head_width:
        raise ValueError(f"its towers are less than {max(config.head_width, config.text_head_width)} wide")
    vision = config.embed_dim, config.input_size, config.vision_layers, seen, config.patch_size
    text = config.context_length, config.vocabulary, read, read // config.text_head_width, config.text_layers
    with torch.device("meta"):
        network = model.CLIP(*vision, *text)
        if config.patch_size is None:
            network.visual.attnpool.num_heads = config.vision_heads
        else:
            network.visual = model.VisionTransformer(
                config.input_size, config.patch_size, seen, config.vision_layers, config.vision_heads,
                config.embed_dim,
            )  # fmt: skip
            _set_up_tower(network.visual, config.vision_mlp or 4 * seen, config.quick_gelu, config.vision_eps)
        _set_up_tower(network.transformer, config.text_mlp or 4 * read, config.quick_gelu, config.text_eps)
        network.ln_final.eps = config.text_eps
    return network


def _set_up_tower(tower: nn.Module, mlp: int, quick_gelu: bool, eps: float) -> None:
    """Give the layers of a tower MLPs of a width and an activation, and its norms an epsilon."""
    model = clip_package().model
    for module in tower.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = eps
        elif isinstance(module, model.ResidualAttentionBlock):
            width, gelu = module.ln_1.normalized_shape[0], model.QuickGELU() if quick_gelu else nn.GELU()
            parts = {"c_fc": nn.Linear(width, mlp), "gelu": gelu, "c_proj": nn.Linear(mlp, width)}
            module.mlp = nn.Sequential(OrderedDict(parts))


def load_clip(entry: PerceptorEntry, device: torch.device) -> CLIPPerceptor:
    """Load a CLIP from OpenAI's archive, or from weights of any layout with a config; nothing in them runs.

    It computes in float32; numbers of OpenAI's are rounded to half precision where `clip` has that, so that
    embeddings are those of `clip.load` whatever precision the file has. Raises InputError for a file that is
    no CLIP, or does not say enough about the network and has no config.
    """
    config, tensors, network = read_entry(entry)
    load_into(network, tensors, entry.files["weights"])
    if config.package is None:
        mask = network.build_attention_mask()
        for block in network.transformer.resblocks:
            block.attn_mask = mask
    return CLIPPerceptor(
        entry.name, network, entry.hash, device, input_size=config.input_size,
        context_length=config.context_length, mean=config.mean, deviation=config.deviation,
    )  # fmt: skip


def read_entry(entry: PerceptorEntry) -> tuple[CLIPConfig, dict[str, Tensor], Any]:
    """Config, weights and network, see `fit_clip`, of a model. Raises InputError."""
    file, about = entry.files["weights"], entry.files.get("config")
    tensors = read_weights(file, select_clip)
    described = (parse_description(about), about.locate()) if about else None
    try:
        config = settle_config(tensors, file, described)
    except UsageError as error:
        raise InputError(f"{error}; {file.remedy}") from error
    return config, *fit_clip(config, tensors, file)


def fit_clip(
    config: CLIPConfig, tensors: Mapping[str, Tensor], file: ModelFile
) -> tuple[dict[str, Tensor], Any]:
    """Selected tensors as they are to be loaded, and the network for them, which may be on the meta device.

    Raises InputError when they do not fit.
    """
    network: Any
    if config.package is not None:
        state, network = to_openai(tensors), build_open_clip(config, file)
        check_fit(network, state, file)
        return state, network
    try:
        network = build_clip(config)
    except (ArithmeticError, AssertionError, ValueError, RuntimeError) as error:
        raise file_error(file, f"these weights are no CLIP ({error})") from error
    state = to_openai(tensors)
    check_fit(network, state, file)
    if is_openai(tensors):
        clip_package().model.convert_weights(network)
        half = {name for name, wanted in network.state_dict().items() if wanted.dtype == torch.float16}
        state = {name: tensor.half() if name in half else tensor for name, tensor in state.items()}
    return state, network


# The image tower of CLIP's ViTs with less work: the same embeddings, within rounding. Only the class token of
# the last layer becomes the embedding, so that layer computes what the token needs and nothing for the other
# tokens; QuickGELU becomes one fused operation; products on a CPU are left to the quicker of two libraries;
# and patches become tokens by a product as well, since a convolution with a stride is slow on its way back.


@torch.no_grad()
def fold_quick_gelus(tower: Any) -> None:
    """Make the layers of a `clip.model.VisionTransformer` use SiLU instead of QuickGELU (Hendrycks and Gimpel
    2016), x * sigmoid(1.702 x) = silu(1.702 x) / 1.702; the factors go into the weights around it."""
    for block in tower.transformer.resblocks:
        if not isinstance(block.mlp.gelu, clip_package().model.QuickGELU):
            continue
        block.mlp.c_fc.weight.mul_(1.702)
        block.mlp.c_fc.bias.mul_(1.702)
        block.mlp.c_proj.weight.div_(1.702)
        block.mlp.gelu = nn.SiLU()


def embed_images(tower: Any, images: Tensor) -> Tensor:
    """Normalised images [B, 3, S, S] to embeddings [B, D], not yet unit vectors, as the tower gives them."""
    patches = embed_patches(images, tower.conv1.weight)
    first = tower.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
    x = tower.ln_pre(torch.cat([first, patches], 1) + tower.positional_embedding.to(patches.dtype))
    *blocks, last = tower.transformer.resblocks
    for block in blocks:
        x = run_block(block, x, x.shape[1])
    return tower.ln_post(run_block(last, x, 1)[:, 0]) @ tower.proj


def embed_patches(images: Tensor, weight: Tensor) -> Tensor:
    """Images [B, 3, S, S] to tokens [B, N, C]: a convolution by `weight` [C, 3, P, P] with a stride of P, as
    one product. P divides S."""
    size = weight.shape[-1]
    patches = images.unfold(2, size, size).unfold(3, size, size).permute(0, 2, 3, 1, 4, 5)
    return linear(patches.flatten(3).flatten(1, 2), weight.flatten(1), None)


def run_block(block: Any, x: Tensor, wanted: int) -> Tensor:
    """A layer: tokens [B, N, C] to the first `wanted` of the tokens after it, [B, wanted, C]."""
    x = x[:, :wanted] + attend(block.attn, block.ln_1(x), wanted)
    up, down = block.mlp.c_fc, block.mlp.c_proj
    hidden = block.mlp.gelu(linear(block.ln_2(x), up.weight, up.bias))
    return x + linear(hidden, down.weight, down.bias)


def attend(attention: nn.MultiheadAttention, x: Tensor, wanted: int) -> Tensor:
    """Attention of the first `wanted` tokens to all tokens [B, N, C]."""
    count, tokens, width = x.shape
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    if wanted == tokens:
        query, key, value = linear(x, weight, bias).view(count, tokens, 3, -1).unbind(2)
    else:
        query = linear(x[:, :wanted], weight[:width], bias[:width])
        key, value = linear(x, weight[width:], bias[width:]).view(count, tokens, 2, -1).unbind(2)
    query, key, value = (
        part.view(count, -1, attention.num_heads, attention.head_dim).transpose(1, 2)
        for part in (query, key, value)
    )
    if x.device.type == "cpu":  # whose way back is several times faster in float32 than in bfloat16
        query, key, value = (part.to(torch.float32) for part in (query, key, value))
    seen = F.scaled_dot_product_attention(query, key, value).to(x.dtype).transpose(1, 2).flatten(2)
    return linear(seen, attention.out_proj.weight, attention.out_proj.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of x [..., C]; on a CPU as a 1x1 convolution, differentiable in x only.

    Torch gives products in float32 to MKL and convolutions to oneDNN, which is a sixth faster where MKL does
    not know the CPU as one of its maker's.
    """
    return _Product.apply(x, weight, bias) if x.device.type == "cpu" else F.linear(x, weight, bias)


class _Product(torch.autograd.Function):
    """Keeps the frozen weight for the way back, and not, as a convolution does, what came in."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return _as_tokens(F.conv2d(_as_columns(x), weight[:, :, None, None], bias), x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,), (weight,) = gradients, ctx.saved_tensors
        shaped = gradient.new_empty(*gradient.shape[:-1], weight.shape[1])  # only its shape is looked at
        back = torch.ops.aten.convolution_backward(
            _as_columns(gradient), _as_columns(shaped), weight[:, :, None, None], None,
            (1, 1), (0, 0), (1, 1), False, (0, 0), 1, (True, False, False),
        )[0]  # fmt: skip
        return _as_tokens(back, gradient), None, None


def _as_columns(tokens: Tensor) -> Tensor:  # [..., C] as a picture [1, C, N, 1], channels last
    return tokens.reshape(1, -1, 1, tokens.shape[-1]).permute(0, 3, 1, 2)


def _as_tokens(columns: Tensor, like: Tensor) -> Tensor:  # the other way, in the shape of `like`
    return columns.permute(0, 2, 3, 1).reshape(*like.shape[:-1], columns.shape[1])
