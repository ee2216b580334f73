"""The discrete VAE of DALL-E: OpenAI's encoder and decoder (Ramesh et al. 2021, "Zero-Shot Text-to-Image
Generation") by their official names, and painting with it.

The decoder begins with a 1x1 convolution of the codes' probabilities, which is a codebook: each code has a
vector, a column of its weights. Painted with are such vectors, each drawn to the nearest code, as with VQGAN.
Logits of all codes would be 64 times as many numbers, and a softmax of the confident ones that an encoder
gives of the frame before passes next to no gradient, so that frames would hardly change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqanim.models.codebook import CodebookGenerator, clamp_with_grad, look_up, recomputed
from vqanim.models.entries import GeneratorEntry, ModelFile, file_error
from vqanim.models.families.dvae import PARTS, DVAEConfig, HalfConfig, Part, find_part, split_name
from vqanim.models.weights import freeze, load_into, read_weights
from vqanim.types import Image, Params

MARGIN = 0.1
"""Pictures are kept this far from 0 and 1 inside, where a sigmoid would need endless numbers."""
REACH = 0.3
"""How far a latent must go, in each of its channels, before another code is painted: three steps of 0.1."""


class Conv(nn.Module):
    """A convolution that keeps the size, with OpenAI's names of weights and biases."""

    def __init__(self, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.w, self.b = (
            nn.Parameter(torch.empty(n_out, n_in, kernel, kernel)),
            nn.Parameter(torch.empty(n_out)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, h, w] to [B, n_out, h, w]."""
        return F.conv2d(x, self.w, self.b, padding=self.w.shape[2] // 2)


class Block(nn.Module):
    """Four convolutions beside a short way."""

    def __init__(self, n_in: int, n_out: int, kernels: tuple[int, ...], gain: float, doubles: bool) -> None:
        """gain: of the convolutions. doubles: whether the picture is doubled first; then kernels[0] is 1."""
        super().__init__()
        hidden = n_out // 4
        self.gain, self.doubles = gain, doubles
        self.id_path = Conv(n_in, n_out, 1) if n_in != n_out else nn.Identity()
        self.res_path = nn.Module()
        sizes = (n_in, hidden), (hidden, hidden), (hidden, hidden), (hidden, n_out)
        for number, (size, kernel) in enumerate(zip(sizes, kernels, strict=True), 1):
            self.res_path.add_module(f"conv_{number}", Conv(*size, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, h, w] to [B, n_out, h, w], or twice as large.

        What looks at single pixels comes before the doubling, which is the same and a quarter of the work.
        """
        first, *others = self.res_path.children()
        skip, rest = self.id_path(x), first(F.relu(x))
        if self.doubles:
            skip, rest = _doubled(skip), _doubled(rest)
        for conv in others:
            rest = conv(F.relu(rest))
        return cast(Tensor, skip + self.gain * rest)


class Half(nn.Module):
    """An encoder or a decoder; `state_dict` has the official names, which begin with `blocks`."""

    def __init__(self, config: HalfConfig) -> None:
        super().__init__()
        encodes = config.part == "encoder"
        kernels = (3, 3, 3, 1) if encodes else (1, 3, 3, 3)
        gain = 1 / sum(map(len, config.groups)) ** 2
        self.pools = encodes
        self.blocks = nn.Module()
        self.blocks.add_module("input", Conv(*config.input, 7 if encodes else 1))
        for number, sizes in enumerate(config.groups, 1):
            group = nn.Module()
            for place, size in enumerate(sizes, 1):
                doubles = not encodes and number > 1 and place == 1
                group.add_module(f"block_{place}", Block(*size, kernels, gain, doubles))
            self.blocks.add_module(f"group_{number}", group)
        output = nn.Module()
        output.add_module("conv", Conv(config.groups[-1][-1][1], config.output, 1))
        self.blocks.add_module("output", output)

    @property
    def input(self) -> Conv:
        """The first convolution."""
        return cast(Conv, self.blocks.get_submodule("input"))

    def forward(self, x: Tensor) -> Tensor:
        """What comes behind the first convolution: its result to the half's own."""
        for name, group in self.blocks.named_children():
            if name.startswith("group"):
                if self.pools and name != "group_1":
                    x = F.max_pool2d(x, 2)
                for block in group.children():
                    x = block(x)
        return cast(Tensor, self.blocks.get_submodule("output.conv")(F.relu(x)))


class DVAE(nn.Module):
    """Encoder and decoder.

    Pictures are float [B, 3, H, W] in 0..1 with H and W multiples of the factor; vectors are float
    [B, C, H / factor, W / factor], those of codes being rows of `codebook`.
    """

    def __init__(self, config: DVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Half(config.encoder), Half(config.decoder)

    @property
    def codebook(self) -> Tensor:
        """The vectors of all codes, [N, C]."""
        return self.decoder.input.w[:, :, 0, 0].T

    def encode(self, image: Tensor) -> Tensor:
        """Picture to the likeliest codes, int64 [B, h, w]."""
        inside = (1 - 2 * MARGIN) * image + MARGIN
        return cast(Tensor, self.encoder(self.encoder.input(inside))).argmax(1)

    def decode(self, vectors: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Vectors to a picture; values may leave 0..1. dtype: what the decoder's blocks compute in.

        Of the six channels the last three tell how sure the picture is, which nobody asks here.
        """
        hidden = (vectors + self.decoder.input.b.view(1, -1, 1, 1)).to(dtype)
        colors = cast(Tensor, self.decoder(hidden))[:, :3].float().sigmoid()
        return (colors - MARGIN) / (1 - 2 * MARGIN)


class DVAEGenerator(CodebookGenerator):
    """A frozen dVAE as a `types.Generator`. Its latents are vectors of codes, in units in which the next code
    is about REACH away (see `distance_to_next`)."""

    def __init__(self, name: str, network: DVAE, digest: str, device: torch.device) -> None:
        self.network = freeze(network, device)
        self._unit = distance_to_next(network.codebook) / REACH
        codebook = (network.codebook / self._unit).contiguous()
        super().__init__(name, digest, device, network.config.decoder.factor, codebook)
        self._blocks = [part for part in network.decoder.modules() if isinstance(part, Block)]

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the decoder compute in `dtype`; encoder and codebook stay as they are."""
        self._dtype = dtype
        for name, part in self.network.decoder.blocks.named_children():
            if name != "input":
                part.to(dtype)

    @torch.no_grad()
    def carry(self, picture: Image) -> Params:
        """Latents of the likeliest codes of a picture [B, 3, H, W] in 0..1.

        Raises ValueError when H or W is not a multiple of `multiple`.
        """
        return {"z": look_up(self.network.encode(self.fitting(picture)), self._codebook)}

    def decode(self, latents: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """Picture [B, 3, H, W] in 0..1 of the latents' nearest codes, differentiable in the latents.

        recompute: on the way back compute the decoder's blocks again, instead of keeping what is in them.
        """
        with recomputed(self._blocks if recompute else ()):
            image = self.network.decode(self.quantized(latents["z"]) * self._unit, self._dtype)
        return clamp_with_grad(image, 0.0, 1.0)


def distance_to_next(codebook: Tensor, trials: int = 256) -> float:
    """How far a code goes, in the root mean square of its channels, until another one is nearer.

    It is the median over ways in which codes differ. In many dimensions that is far, and how far depends on
    what a training left, so it is looked at: frames begin at codes, and with too short steps they would stay
    there. codebook: [N, C]. Never 0.
    """
    rng = torch.Generator().manual_seed(0)
    codes = codebook.detach().to("cpu", torch.float32)
    starts = torch.randint(len(codes), (trials,), generator=rng)
    ways = F.normalize(torch.randn(trials, len(codes), generator=rng) @ (codes - codes.mean(0)))
    apart = torch.cdist(codes[starts], codes, compute_mode="donot_use_mm_for_euclid_dist").square()
    along = ways @ codes.T - (ways * codes[starts]).sum(1, keepdim=True)
    known = (apart > 1e-6 * apart.max()) & (along > 1e-6 * apart.sqrt())
    distances = torch.where(known, apart / (2 * along), torch.inf).amin(1)
    reached = distances[distances.isfinite()]
    if not len(reached):
        return 1.0
    return float(reached.median()) / float(codes.shape[1]) ** 0.5


@dataclass
class DVAESelection:
    """Selects of the tensors of a checkpoint those of dVAEs, by OpenAI's names behind any prefix."""

    names: list[str] = field(default_factory=list)
    """Names in the first place of the checkpoint that was looked at."""

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors of dVAEs; empty when there is none."""
        self.names = self.names or list(tensors)
        split = {name: split_name(name) for name in tensors}
        return {"".join(own): tensors[name] for name, own in split.items() if own}


def select_dvae(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Of the tensors of a checkpoint those of dVAEs."""
    return DVAESelection()(tensors)


def take_half(tensors: Mapping[str, Tensor], part: Part, file: ModelFile) -> dict[str, Tensor]:
    """Of a selection the tensors of one half, by OpenAI's names; a file may hold both.

    Raises InputError when it has no such half.
    """
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        before, _, own = name.rpartition("blocks.")
        halves.setdefault(before, {})[f"blocks.{own}"] = tensor
    parts = {
        before: find_part({name: t.shape for name, t in half.items()}) for before, half in halves.items()
    }
    fitting = [before for before, found in parts.items() if found == part]
    if not fitting:
        found = next((found for found in parts.values() if found), None)
        about = f"this is the {found} of a dVAE, not its {part}" if found else f"there is no {part} of a dVAE"
        raise file_error(file, about)
    return halves[min(fitting, key=len)]


def build_dvae(tensors: Mapping[Part, Mapping[str, Tensor]], files: Mapping[str, ModelFile]) -> DVAE:
    """The network that weights are of, with them. Raises InputError when there is none."""
    shapes = {part: {name: tensor.shape for name, tensor in tensors[part].items()} for part in PARTS}
    for part in PARTS:
        try:
            HalfConfig.from_shapes(part, shapes[part])
        except ValueError as error:
            raise file_error(files[part], f"this is no {part} of a dVAE: {error}") from error
    try:
        config = DVAEConfig.from_shapes(shapes["encoder"], shapes["decoder"])
    except ValueError as error:
        raise file_error(files["decoder"], f"it does not fit {files['encoder'].locate()}: {error}") from error
    with torch.device("meta"):
        network = DVAE(config)
    for part in PARTS:
        load_into(network.get_submodule(part), tensors[part], files[part])
    return network


def load_dvae(entry: GeneratorEntry, device: torch.device) -> DVAEGenerator:
    """Build a dVAE from the files of its two halves, checkpoints of any kind.

    Raises InputError when a file is missing, damaged or does not fit the other.
    """
    read = {part: read_weights(entry.files[part], select_dvae) for part in PARTS}
    network = build_dvae(
        {part: take_half(read[part], part, entry.files[part]) for part in PARTS}, entry.files
    )
    if (factor := network.config.decoder.factor) != entry.multiple:
        about = f"the network shrinks pictures {factor}x, the catalogue says {entry.multiple}x"
        raise file_error(entry.files["decoder"], about)
    return DVAEGenerator(entry.name, network, entry.hash, device)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
