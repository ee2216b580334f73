"""CLIP guided diffusion: what shapes of weights say about a network, and what scenes may set. No torch until
one is loaded.

The networks are those of guided-diffusion (Dhariwal and Nichol 2021, "Diffusion Models Beat GANs on Image
Synthesis") in pixels, and Katherine Crowson's small secondary model. Settings have the names and meanings
that Disco Diffusion gave them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, TypeAlias

from vqanim.lazy import LazyModule
from vqanim.models.family import Family
from vqanim.own_files import parse_json
from vqanim.settings import Setting, choice, number
from vqanim.types import Stage

loading = LazyModule("vqanim.models.diffusion.generator")

Shapes: TypeAlias = "Mapping[str, Sequence[int]]"

GROUPS = 32
"""Of all norms; channels are multiples of it."""
MAX_LEVELS, MAX_BLOCKS, MAX_CHANNELS = 10, 16, 16_384
"""What no real network reaches, and a made-up file might claim."""
TRAINED_AT = {4: 64, 5: 128, 6: 256, 7: 512}
"""Pixels a side by the number of levels, as guided-diffusion has them."""
FAR = 2.0
"""Times as many pixels, or as few, from which on a size is far from that of the training."""


@dataclass(frozen=True)
class Described:
    """What weights do not show: by guided-diffusion's own names; None where nobody said it."""

    num_heads: int | None = None
    num_head_channels: int | None = None
    use_new_attention_order: bool = False
    noise_schedule: str = "linear"
    diffusion_steps: int = 1000
    image_size: int | None = None

    @classmethod
    def from_mapping(cls, found: Any) -> Described:
        """Read a mapping; other names of guided-diffusion are passed over, since weights show those.

        Raises ValueError for values that cannot be.
        """
        if not isinstance(found, Mapping):
            raise ValueError("expected names and values, such as num_head_channels: 64")
        made: dict[str, Any] = {}
        for name, (kind, allowed) in _DESCRIBED.items():
            value = found.get(name)
            if value is None or (name in ("num_head_channels", "num_heads") and value == -1):
                continue
            if type(value) is not kind or not allowed(value):
                raise ValueError(f"{name}: found {str(value)[:60]!r}, {_ALLOWED[name]}")
            made[name] = value
        if made.get("num_head_channels"):  # which counts where both are given
            made.pop("num_heads", None)
        return cls(**made)

    @classmethod
    def from_bytes(cls, content: bytes) -> Described:
        """Read JSON. Raises ValueError."""
        return cls.from_mapping(parse_json(content))

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"


_ALLOWED = {
    "num_heads": "allowed is a whole number from 1 to 64",
    "num_head_channels": "allowed is a whole number from 1 to 1024",
    "use_new_attention_order": "allowed are true and false",
    "noise_schedule": "allowed are linear and cosine",
    "diffusion_steps": "allowed is a whole number from 2 to 10000",
    "image_size": "allowed is a whole number from 8 to 4096",
}
_DESCRIBED: Mapping[str, tuple[type, Any]] = {
    "num_heads": (int, lambda value: 1 <= value <= 64),
    "num_head_channels": (int, lambda value: 1 <= value <= 1024),
    "use_new_attention_order": (bool, lambda _: True),
    "noise_schedule": (str, lambda value: value in ("linear", "cosine")),
    "diffusion_steps": (int, lambda value: 2 <= value <= 10_000),
    "image_size": (int, lambda value: 8 <= value <= 4096),
}


@dataclass(frozen=True)
class UNetConfig:
    """A network of guided-diffusion."""

    channels: int
    """Of the embedding of time; the unit of `widths` in the original code."""
    widths: tuple[int, ...]
    """Channels of each level, fine to coarse."""
    blocks: int
    """Of each level on the way down; one more on the way up."""
    attention: tuple[bool, ...]
    """Whether each level looks at all places at once."""
    scale_shift: bool
    """Whether time scales what it shifts."""
    resample: str
    """How levels are halved and doubled: by a residual `block`, by a `conv`, or `plain`."""
    learn_sigma: bool
    """Whether it tells how much noise to add, beside the noise that it finds."""
    described: Described = Described()

    @property
    def multiple(self) -> int:
        """Width and height of its pictures are multiples of this, in pixels."""
        return int(2 ** (len(self.widths) - 1))

    @property
    def side(self) -> int | None:
        """Pixels a side that it was trained at, as far as its levels tell."""
        return self.described.image_size or TRAINED_AT.get(len(self.widths))

    def heads(self, width: int) -> int:
        """Attention heads of a level."""
        if self.described.num_head_channels:
            return max(1, width // self.described.num_head_channels)
        return self.described.num_heads or 1

    @property
    def about(self) -> str:
        """What kind of network it is, in words."""
        size = f", trained at {self.side}x{self.side}" if self.side else ""
        channels = f"{min(self.widths)} to {max(self.widths)} channels"
        return f"guided diffusion, {len(self.widths)} levels of {channels}{size}"

    @classmethod
    def from_shapes(cls, shapes: Shapes, described: Described | None = None) -> UNetConfig:
        """Read the network off the shapes of its weights, by their official names.

        described: what they do not show; None: as fine-tunes of that kind usually have it.
        Raises ValueError when they are not those of an unconditional network for RGB.
        """
        if trouble := _other_kind(shapes):
            raise ValueError(trouble)
        count = _count(shapes, "input_blocks")
        blocks, resample = _blocks(shapes, count)
        if not 1 <= blocks <= MAX_BLOCKS or count % (blocks + 1):
            raise ValueError(f"it has {count} input blocks, which do not make levels of {blocks}")
        levels = count // (blocks + 1)
        if levels > MAX_LEVELS:
            raise ValueError(f"it has {levels} levels, allowed are {MAX_LEVELS}")
        first = [1 + level * (blocks + 1) for level in range(levels)]
        widths = tuple(_side(shapes, f"input_blocks.{n}.0.in_layers.2.weight", 0) for n in first)
        config = cls(
            channels=_side(shapes, "time_embed.0.weight", 1),
            widths=widths,
            blocks=blocks,
            attention=tuple(f"input_blocks.{n}.1.qkv.weight" in shapes for n in first),
            scale_shift=_side(shapes, "input_blocks.1.0.emb_layers.1.weight", 0) == 2 * widths[0],
            resample=resample,
            learn_sigma=_side(shapes, "out.2.weight", 0) == 6,
        )
        if any(width % GROUPS for width in (*widths, _side(shapes, "input_blocks.0.0.weight", 0))):
            raise ValueError(f"its levels have {list(widths)} channels, allowed are multiples of {GROUPS}")
        config = replace(config, described=config.usual() if described is None else described)
        wide = [width for width, attends in zip(widths, config.attention, strict=True) if attends]
        if wrong := [width for width in (*wide, widths[-1]) if width % config.heads(width)]:
            raise ValueError(f"{wrong[0]} channels do not make {config.heads(wrong[0])} heads of attention")
        return config

    def usual(self) -> Described:
        """What networks of this kind usually have that weights do not show: OpenAI's large ones heads of 64
        channels, what was trained with its defaults 4 heads, and the small fine-tunes without scaled norms
        a single one."""
        if self.channels >= 192:
            return Described(num_head_channels=64)
        plain = self.resample != "block" and not self.scale_shift
        return Described(num_heads=1 if plain else 4)


def _other_kind(shapes: Shapes) -> str | None:
    """What weights are of that is near, but not it; None for the right ones."""
    if "input_blocks.0.0.weight" not in shapes:
        return "it has no 'input_blocks.0.0.weight'"
    if not any(name.startswith("output_blocks.") for name in shapes):
        return "it is a classifier: it has no output blocks"
    if "label_emb.weight" in shapes:
        return "it paints classes (it has a label_emb); take an unconditional one"
    if any(".transformer_blocks." in name for name in shapes):
        return "it is the network of a latent diffusion model with texts of its own, as in Stable Diffusion"
    channels = _side(shapes, "input_blocks.0.0.weight", 1)
    if channels == 6:
        return "it makes small pictures large (its input has 6 channels)"
    out = _side(shapes, "out.2.weight", 0)
    if channels != 3 or out not in (3, 6):
        return f"it has {channels} channels in and {out} out, expected 3 in and 3 or 6 out"
    return None


def _count(shapes: Shapes, part: str) -> int:
    """How many blocks a part has."""
    numbers = [name.split(".")[1] for name in shapes if name.startswith(f"{part}.")]
    known = [int(number) for number in numbers if number.isdecimal() and len(number) < 4]
    return max(known, default=-1) + 1


def _blocks(shapes: Shapes, count: int) -> tuple[int, str]:
    """Residual blocks of a level, and how levels are resampled: the first block of the way up that doubles
    the picture tells both."""
    for block in range(min(count, 2 + MAX_BLOCKS)):
        here = [name for name in shapes if name.startswith(f"output_blocks.{block}.")]
        if any(".conv.weight" in name for name in here):
            return block, "conv"
        if sum(name.endswith(".in_layers.2.weight") for name in here) > 1:
            return block, "block"
        if not any(name.startswith(f"input_blocks.{block}.") for name in shapes):
            return block - 1, "plain"
    return count - 1, "plain"


def _side(shapes: Shapes, name: str, axis: int) -> int:
    shape = shapes.get(name)
    if shape is None:
        raise ValueError(f"it has no {name!r}")
    if len(shape) <= axis or not 1 <= shape[axis] <= MAX_CHANNELS:
        raise ValueError(f"{name} has the shape {list(shape)}")
    return int(shape[axis])


@dataclass(frozen=True)
class SecondaryConfig:
    """Crowson's small network that guesses the picture, through which the gradient is quick to follow."""

    widths: tuple[int, ...]
    """Channels of each level, fine to coarse, without the last one."""
    inner: tuple[tuple[int, int], ...]
    """Channels in and out of the convolutions of the coarsest level."""
    features: int
    """Of the embedding of time."""

    @property
    def multiple(self) -> int:
        """Width and height of its pictures are multiples of this, in pixels."""
        return int(2 ** len(self.widths))

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> SecondaryConfig:
        """Read it off the shapes of its weights, by their official names. Raises ValueError."""
        prefix, widths = "net.", []
        features = 2 * _side(shapes, "timestep_embed.weight", 0)
        first = 0  # of the convolutions; pooling comes before them in all levels but the first
        while f"{prefix}{first + 2}.main.1.0.weight" in shapes:
            widths.append(_side(shapes, f"{prefix}{first}.0.weight", 0))
            prefix, first = f"{prefix}{first + 2}.main.", 1
            if len(widths) > MAX_LEVELS:
                raise ValueError(f"it has more than {MAX_LEVELS} levels")
        inner: list[tuple[int, int]] = []
        while len(inner) < MAX_BLOCKS and (name := f"{prefix}{first + len(inner)}.0.weight") in shapes:
            inner.append((_side(shapes, name, 1), _side(shapes, name, 0)))
        if not widths or not inner:
            raise ValueError("it has no 'net.2.main.1.0.weight'")
        if _side(shapes, "net.0.0.weight", 1) != 3 + features:
            raise ValueError(f"its input has not 3 + {features} channels")
        return cls(tuple(widths), tuple(inner), features)


@dataclass(frozen=True)
class Sampling:
    """How a network is sampled and guided: the settings of a scene, by name."""

    sampler: str = "ddim"
    eta: float = 0.8
    clip_guidance_scale: float = 1000.0
    tv_scale: float = 150.0
    range_scale: float = 50.0
    clamp_max: float = 0.05


SETTINGS = (
    choice("sampler", ("ddim", "ddpm"), "ddim", "How noise is taken away, step by step"),
    number("eta", 0.0, 1.0, 0.8, "How much fresh noise each step of ddim adds: 0 is none, 1 as much as ddpm"),
    Setting(
        "secondary",
        "flag",
        "Whether the gradient goes through the small secondary model, which is quicker and looser; where it "
        "is not written, if the model has one",
        None,
    ),
    number("clip_guidance_scale", 0.0, 1e6, 1000.0, "How strongly prompts and all other terms pull"),
    number("tv_scale", 0.0, 1e6, 150.0, "How strongly the picture is held smooth while it is guided"),
    number("range_scale", 0.0, 1e6, 50.0, "How strongly its colors are held in their range"),
    number(
        "clamp_max", 0.0, 10.0, 0.05, "The most that a step's pull may be (its root mean square); 0: no limit"
    ),
)


def alphabars(described: Described) -> tuple[float, ...]:
    """Share of the picture's variance that is left after each step of the noising, from the first on.

    `linear` is Ho et al. 2020, `cosine` Nichol and Dhariwal 2021.
    """
    steps = described.diffusion_steps
    if described.noise_schedule == "linear":
        low, high = 0.1 / steps, 20.0 / steps
        betas = [low + (high - low) * n / (steps - 1) for n in range(steps)]
    else:
        bars = [math.cos((n / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for n in range(steps + 1)]
        betas = [min(1 - after / before, 0.999) for before, after in pairwise(bars)]
    found, left = [], 1.0
    for beta in betas:
        left *= 1 - min(beta, 0.999)
        found.append(left)
    return tuple(found)


def size_remark(side: int | None, size: tuple[int, int]) -> str | None:
    """What people should know about a size, height and width in pixels, of a network trained at `side`."""
    if not side:
        return None
    ratio = size[0] * size[1] / side**2
    if 1 / FAR <= ratio <= FAR:
        return None
    found = "smaller" if ratio < 1 else "larger"
    what = "shapes may fall apart" if ratio < 1 else "things may repeat across the picture"
    trained = f"the {side}x{side} that the generator was trained at"
    return f"size: {size[1]}x{size[0]} is much {found} than {trained}: {what}"


def one_stage(steps: int, size: tuple[int, int], _: Mapping[str, Any]) -> tuple[Stage, ...]:
    """All steps at full size: noise is coarse and fine at once."""
    return (Stage(*size, steps),)


FAMILY = Family(
    "diffusion",
    "generator",
    lambda entry, device, settings: loading.load_diffusion(entry, device, settings),
    roles=("weights",),
    optional=("secondary", "config"),
    settings=SETTINGS,
    stages=one_stage,
    remark=lambda entry, size: size_remark(entry.side, size),
    method="denoise",
)
