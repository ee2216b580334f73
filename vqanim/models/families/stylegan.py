"""StyleGAN2 and StyleGAN3: what names and shapes of weights say about them. No torch until one is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from vqanim.lazy import LazyModule
from vqanim.models.family import Family
from vqanim.settings import number, whole

loading = LazyModule("vqanim.models.stylegan.files")

Shapes: TypeAlias = "Mapping[str, Sequence[int]]"

MAX_SIDE = 4096
"""Pixels of a picture."""
MAX_WIDTH = 16_384
"""Channels of a layer, numbers in a latent."""
MAX_LAYERS = 64
MAX_CLASSES = 100_000
ACTIVATIONS = ("lrelu", "relu", "linear")

_STYLEGAN2 = re.compile(r"synthesis\.b(\d{1,4})\.conv1\.weight")
_STYLEGAN3 = re.compile(r"synthesis\.(L(\d{1,2})_(\d{1,4})_(\d{1,5}))\.weight")


@dataclass(frozen=True)
class StyleGANFacts:
    """What weights do not show; the values are those of the official code where nothing else is said."""

    lr_multiplier: float = 0.01
    """Factor on weights and biases of the mapping."""
    mapping_activation: str = "lrelu"
    activation: str = "lrelu"
    """Of the layers of a StyleGAN2; one of ACTIVATIONS."""
    conv_clamp: float | None = 256
    """Limit of what layers give."""
    margin_size: int = 10
    """Of a StyleGAN3, pixels around the picture that layers compute as well."""
    lrelu_upsampling: int = 2
    output_scale: float = 0.25

    @classmethod
    def from_mapping(cls, found: Mapping[str, Any]) -> StyleGANFacts:
        """Facts by name; others are passed over. Raises ValueError for a value that cannot be one."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name not in found:
                continue
            value = values[field.name] = found[field.name]
            if field.name.endswith("activation"):
                if value not in ACTIVATIONS:
                    allowed = ", ".join(ACTIVATIONS)
                    raise ValueError(f"{field.name}: found {str(value)[:40]!r}, known are {allowed}")
                continue
            if value is None and field.name == "conv_clamp":
                continue
            is_whole = field.name in ("margin_size", "lrelu_upsampling")
            fits = type(value) is int or (type(value) is float and not is_whole)
            if not fits or not (0 if field.name == "margin_size" else 1e-6) <= value <= 10_000:
                raise ValueError(f"{field.name}: found {str(value)[:40]!r}, expected a number above 0")
        return cls(**values)


@dataclass(frozen=True)
class MappingConfig:
    """The network that makes latents of noise."""

    z_dim: int
    c_dim: int
    """How many classes there are; 0 without."""
    embed: int
    """Channels of an embedded class; 0 without."""
    widths: tuple[int, ...]
    """Channels that each layer gives; the last are those of a latent."""


@dataclass(frozen=True)
class Block2:
    """A block of a StyleGAN2."""

    side: int
    channels: int


@dataclass(frozen=True)
class Layer3:
    """A layer of a StyleGAN3."""

    name: str
    side: int
    channels: int
    kernel: int
    up_filter: tuple[int, ...]
    """Shape; empty without one."""
    down_filter: tuple[int, ...]


@dataclass(frozen=True)
class StyleGANConfig:
    """The network of a StyleGAN's generator."""

    version: int
    """2 or 3."""
    mapping: MappingConfig
    side: int
    """Of its square pictures, in pixels."""
    colors: int
    """1 or 3."""
    facts: StyleGANFacts
    blocks: tuple[Block2, ...] = ()
    """Of a StyleGAN2."""
    architecture: str = "skip"
    """Of a StyleGAN2: skip, resnet or orig."""
    noise: bool = True
    kernel: int = 3
    resample_filter: tuple[int, ...] = (4, 4)
    """Shape of a StyleGAN2's filter."""
    layers: tuple[Layer3, ...] = ()
    """Of a StyleGAN3."""
    first: tuple[int, int] = (0, 0)
    """Of a StyleGAN3, channels and side of what it begins with."""

    @property
    def w_dim(self) -> int:
        """Numbers in a latent."""
        return self.mapping.widths[-1]

    @property
    def num_ws(self) -> int:
        """How many latents make a picture, one for each layer."""
        return 2 * len(self.blocks) if self.version == 2 else len(self.layers) + 1

    @property
    def about(self) -> str:
        """What kind of StyleGAN it is, in words."""
        name = "StyleGAN2" if self.version == 2 else f"StyleGAN3-{'r' if self.kernel == 1 else 't'}"
        classes = f", {self.mapping.c_dim:,} classes" if self.mapping.c_dim else ""
        return f"{name}, {self.side}x{self.side} pixels, {self.num_ws} latents of {self.w_dim}{classes}"

    @property
    def learning_rate(self) -> float:
        """Step of the latents where a scene gives none."""
        return 0.1 if self.version == 2 else 0.05

    def to_mapping(self) -> dict[str, Any]:
        """What is kept beside the weights, which show the rest."""
        return {"stylegan": self.version, **asdict(self.facts)}

    @classmethod
    def from_shapes(cls, shapes: Shapes, facts: StyleGANFacts) -> StyleGANConfig:
        """Read the network off the shapes of its weights, by NVIDIA's names.

        Raises ValueError when they are not those of a StyleGAN.
        """
        version = find_version(shapes)
        if version is None:
            raise ValueError("it has neither the layers of a StyleGAN2 nor those of a StyleGAN3")
        mapping = _mapping(shapes)
        found = _stylegan2(shapes, mapping, facts) if version == 2 else _stylegan3(shapes, mapping, facts)
        if found.colors not in (1, 3):
            raise ValueError(f"its pictures have {found.colors} channels, expected 3 for RGB or 1 for gray")
        return found


def find_version(names: Iterable[str]) -> int | None:
    """2 or 3 for names of tensors of a StyleGAN's generator, else None."""
    names = list(names)
    if any(_STYLEGAN2.fullmatch(name) for name in names):
        return 2
    return 3 if any(_STYLEGAN3.fullmatch(name) for name in names) else None


def differences(config: StyleGANConfig, given: Mapping[str, Any]) -> list[str]:
    """Where a config file with NVIDIA's names contradicts the weights."""
    found = {
        "z_dim": config.mapping.z_dim,
        "c_dim": config.mapping.c_dim,
        "w_dim": config.w_dim,
        "img_resolution": config.side,
        "img_channels": config.colors,
    }
    return [
        f"{key} is {str(given[key])[:40]} in the config and {value} in the weights"
        for key, value in found.items()
        if key in given and given[key] != value
    ]


def _mapping(shapes: Shapes) -> MappingConfig:
    layers: list[tuple[int, ...]] = []
    while f"mapping.fc{len(layers)}.weight" in shapes and len(layers) < MAX_LAYERS:
        layers.append(_shape(shapes, f"mapping.fc{len(layers)}.weight", 2))
    if not layers:
        raise ValueError("it has no 'mapping.fc0.weight'; a StyleGAN is needed with its mapping")
    embed, classes = (0, 0)
    if "mapping.embed.weight" in shapes:
        embed, classes = _shape(shapes, "mapping.embed.weight", 2)
    z_dim = layers[0][1] - embed
    if z_dim < 1 or classes > MAX_CLASSES:
        raise ValueError(f"its mapping takes {z_dim} numbers and {classes} classes")
    return MappingConfig(z_dim, classes, embed, tuple(out for out, _ in layers))


def _stylegan2(shapes: Shapes, mapping: MappingConfig, facts: StyleGANFacts) -> StyleGANConfig:
    sides = sorted(int(match[1]) for name in shapes if (match := _STYLEGAN2.fullmatch(name)))
    if sides != [4 * 2**step for step in range(len(sides))] or sides[-1] > MAX_SIDE:
        raise ValueError(f"it has blocks of {sides[:16]} pixels, expected 4, 8, 16 and so on, to {MAX_SIDE}")
    top = f"synthesis.b{sides[-1]}"
    architecture = "skip" if "synthesis.b4.torgb.weight" in shapes else "orig"
    if len(sides) > 1 and f"{top}.skip.weight" in shapes:
        architecture = "resnet"
    return StyleGANConfig(
        2,
        mapping,
        sides[-1],
        _shape(shapes, f"{top}.torgb.weight", 4)[0],
        facts,
        blocks=tuple(Block2(side, _shape(shapes, f"synthesis.b{side}.conv1.weight", 4)[0]) for side in sides),
        architecture=architecture,
        noise="synthesis.b4.conv1.noise_const" in shapes,
        kernel=_shape(shapes, "synthesis.b4.conv1.weight", 4)[2],
        resample_filter=_filter(shapes, f"{top}.resample_filter") or (4, 4),
    )


def _stylegan3(shapes: Shapes, mapping: MappingConfig, facts: StyleGANFacts) -> StyleGANConfig:
    found = {int(match[2]): match for name in shapes if (match := _STYLEGAN3.fullmatch(name))}
    if sorted(found) != list(range(len(found))) or not 4 <= len(found) <= MAX_LAYERS:
        raise ValueError(f"it has the layers {sorted(found)[:16]}, expected 0, 1, 2 and so on")
    layers = []
    for _, match in sorted(found.items()):
        name = f"synthesis.{match[1]}"
        kernel = _shape(shapes, f"{name}.weight", 4)[2]
        filters = [_filter(shapes, f"{name}.{way}_filter") for way in ("up", "down")]
        layers.append(Layer3(match[1], int(match[3]), int(match[4]), kernel, *filters))
    side = layers[-1].side
    if not 4 <= side <= MAX_SIDE or any(layer.side > side + 2 * facts.margin_size for layer in layers):
        raise ValueError(f"its layers have {[layer.side for layer in layers][:16]} pixels")
    first = _shape(shapes, "synthesis.input.weight", 2)[0], layers[0].side
    config = StyleGANConfig(
        3, mapping, side, layers[-1].channels, facts, kernel=layers[0].kernel, layers=tuple(layers),
        first=first,
    )  # fmt: skip
    if wrong := [rate for rate in sampling_rates(config) if rate < 1 or rate & (rate - 1)]:
        about = f"{wrong[0]} samples within the margin of {facts.margin_size}"
        raise ValueError(f"its layers have {about}, expected a power of two; give its config")
    return config


def sampling_rates(config: StyleGANConfig) -> list[int]:
    """Samples along a side that each layer of a StyleGAN3 gives, without margins; the last two have none."""
    sides = [layer.side for layer in config.layers]
    return [side - 2 * config.facts.margin_size for side in sides[:-2]] + sides[-2:]


def _shape(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None:
        raise ValueError(f"it has no {name!r}")
    if len(shape) != dimensions or not all(1 <= n <= max(MAX_WIDTH, MAX_CLASSES) for n in shape):
        raise ValueError(f"{name} has the shape {list(shape)}, expected {dimensions} numbers above 0")
    return tuple(int(n) for n in shape)


def _filter(shapes: Shapes, name: str) -> tuple[int, ...]:
    shape = tuple(int(n) for n in shapes.get(name, ()))
    if len(shape) > 2 or not all(1 <= n <= 256 for n in shape) or len({*shape}) > 1:
        raise ValueError(f"{name} has the shape {list(shape)}, expected a filter's")
    return shape


FAMILY = Family(
    "stylegan",
    "generator",
    lambda entry, device, settings: loading.load_stylegan(entry, device, settings),
    roles=("weights",),
    optional=("config",),
    keeps_params=True,
    latent_seeds=True,
    grid=False,
    settings=(
        number(
            "truncation",
            0.0,
            2.0,
            0.7,
            "How far a beginning lies from the average picture: 0 is the average, 1 as varied as in training",
        ),
        whole("class", 0, MAX_CLASSES - 1, None, "Class of a model that knows some; else the seed picks one"),
    ),
)
