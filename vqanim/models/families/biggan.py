"""BigGAN-deep, as Big Sleep paints with: what its config and the shapes of its weights say, and its settings.
No torch until one is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from vqanim.lazy import LazyModule
from vqanim.models.config_file import ConfigError, read_config
from vqanim.models.entries import GeneratorEntry, did_you_mean
from vqanim.models.family import Family
from vqanim.models.weightless import single_stage
from vqanim.settings import names, number

loading = LazyModule("vqanim.models.biggan.files")
nearest = LazyModule("vqanim.models.conse.nearest")

Shapes: TypeAlias = "Mapping[str, Sequence[int]]"

MAX_SIDE = 4096
"""Pixels of a picture."""
MAX_WIDTH = 65_536
"""Channels of a layer, numbers in a latent, rows of statistics."""
MAX_LAYERS = 64
MAX_CLASSES = 100_000
FIRST_SIDE, FIRST_WIDTH = 4, 16
"""Of what a network begins with: pixels a side, and how many times `channel_width` channels."""
REDUCTION, ATTENTION_REDUCTION = 4, 8
"""How many times fewer channels a block has inside, and attention compares."""
IMAGENET_CLASSES = 1000

CONFIG_MARK = b"attention_layer_position"
"""Stands in the config of a BigGAN and of nothing else."""

_TENSOR = re.compile(
    r"((?:[A-Za-z0-9_]+\.){0,8}?)"
    r"(embeddings\.weight|generator\.(?:gen_z|conv_to_rgb|bn|layers\.\d{1,3})\.[A-Za-z0-9_.]{1,100})"
)


def split_name(name: str) -> tuple[str, str] | None:
    """What stands before the official name of a BigGAN's tensor, and that name; None for other tensors."""
    match = _TENSOR.fullmatch(name)
    return None if match is None else (match[1], match[2])


def find_prefix(tensors: Collection[str]) -> str | None:
    """What stands before all official names of a BigGAN among the names of tensors; None where there is no
    BigGAN."""
    before = {split[0] for name in tensors if (split := split_name(name))}
    whole = [one for one in before if f"{one}embeddings.weight" in tensors and _has_blocks(one, tensors)]
    return min(whole, key=len, default=None)


def _has_blocks(prefix: str, tensors: Collection[str]) -> bool:
    return any(name.startswith(f"{prefix}generator.layers.0.bn_0.") for name in tensors)


@dataclass(frozen=True)
class BigGANConfig:
    """The network of a BigGAN-deep, by the official names of its config."""

    output_dim: int
    """Pixels a side of its square pictures."""
    z_dim: int
    class_embed_dim: int
    channel_width: int
    num_classes: int
    layers: tuple[tuple[bool, int, int], ...]
    """Of each block: whether it doubles the picture, and channels in and out, in `channel_width`."""
    attention_layer_position: int
    """Number of the block before which attention stands; without one where there is no such block."""
    eps: float
    n_stats: int
    """Truncations for which the means and variances of layers are known, evenly from 0 to 1."""

    @property
    def latents(self) -> int:
        """How many rows of noise and classes make a picture: one to begin with, and one for each block."""
        return len(self.layers) + 1

    @property
    def about(self) -> str:
        """What kind of BigGAN it is, in words."""
        side = self.output_dim
        return f"BigGAN-deep, {side}x{side} pixels, {self.num_classes:,} classes, {self.latents} latents"

    def dump(self) -> str:
        """The official JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> BigGANConfig:
        """Read a config file, JSON or YAML. Raises ValueError that says what is wrong, without the file."""
        try:
            found = read_config(content)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        if not isinstance(found, Mapping) or CONFIG_MARK.decode() not in found:
            raise ValueError("it is not of a BigGAN: it has no attention_layer_position")
        return cls.from_mapping(found)

    @classmethod
    def from_mapping(cls, found: Mapping[str, Any]) -> BigGANConfig:
        """Raises ValueError for what is missing, of another kind, or fits no network."""
        z_dim = _whole(found, "z_dim", 1, MAX_WIDTH)
        return cls(
            _whole(found, "output_dim", FIRST_SIDE, MAX_SIDE),
            z_dim,
            _whole(found, "class_embed_dim", 1, MAX_WIDTH) if "class_embed_dim" in found else z_dim,
            _whole(found, "channel_width", 1, MAX_WIDTH),
            _whole(found, "num_classes", 1, MAX_CLASSES),
            _layers(found.get("layers")),
            _whole(found, "attention_layer_position", 0, 10_000),
            _eps(found.get("eps", 1e-4)),
            _whole(found, "n_stats", 2, MAX_WIDTH) if "n_stats" in found else 51,
        ).checked()

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> BigGANConfig:
        """The network of weights without a config, by official names; what they do not show is as in all
        that were published: every second block doubles the picture, eps is 0.0001. Raises ValueError."""
        width = _shape(shapes, "generator.bn.weight", 1)[0]
        z_dim, classes = _shape(shapes, "embeddings.weight", 2)
        numbers = {
            int(match[1]) for name in shapes if (match := re.match(r"generator\.layers\.(\d+)\.", name))
        }
        if not 1 <= len(numbers) <= MAX_LAYERS or numbers != {*range(len(numbers))}:
            raise ValueError(f"it has the layers {sorted(numbers)[:16]}, expected 0, 1, 2 and so on")
        blocks: list[tuple[bool, int, int]] = []
        attention = len(numbers)
        for layer in sorted(numbers):
            name = f"generator.layers.{layer}"
            if f"{name}.gamma" in shapes:
                attention = len(blocks)
                continue
            inside = _shape(shapes, _weight(shapes, f"{name}.conv_0"), 4)[1]
            outside = _shape(shapes, _weight(shapes, f"{name}.conv_3"), 4)[0]
            blocks.append((len(blocks) % 2 == 1, inside // width, outside // width))
        side = FIRST_SIDE * 2 ** sum(doubles for doubles, *_ in blocks)
        stats = _shape(shapes, "generator.bn.running_means", 2)[0]
        return cls(
            side, z_dim, z_dim, width, classes, tuple(blocks), attention, 1e-4, stats
        ).checked()  # fmt: skip

    def checked(self) -> BigGANConfig:
        """Itself. Raises ValueError unless its layers fit each other and the size of its pictures."""
        side = FIRST_SIDE * 2 ** sum(doubles for doubles, *_ in self.layers)
        if side != self.output_dim:
            raise ValueError(
                f"output_dim is {self.output_dim}, but its layers make pictures of {side} pixels"
            )
        if self.class_embed_dim != self.z_dim:
            raise ValueError(f"class_embed_dim is {self.class_embed_dim}, expected z_dim, {self.z_dim}")
        last = FIRST_WIDTH
        for place, (_, inside, outside) in enumerate(self.layers):
            if inside != last or outside not in (inside, inside / 2):
                about = f"layers: block {place} leads from {inside} to {outside} channel widths"
                raise ValueError(f"{about}, expected from {last} to as many or half of them")
            if inside * self.channel_width % REDUCTION or inside * self.channel_width > MAX_WIDTH:
                raise ValueError(f"layers: block {place} has {inside * self.channel_width} channels")
            last = outside
        if last != 1:
            raise ValueError(f"layers: the last block gives {last} channel widths, expected 1")
        if self.attention_layer_position < len(self.layers):
            wide = self.layers[self.attention_layer_position][1] * self.channel_width
            if wide % ATTENTION_REDUCTION:
                about = f"expected a multiple of {ATTENTION_REDUCTION}"
                raise ValueError(f"attention looks at {wide} channels, {about}")
        if self.channel_width < 3:
            raise ValueError(f"channel_width is {self.channel_width}, expected 3 at least, for RGB")
        return self


def _whole(found: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = found.get(key)
    if type(value) is not int or not low <= value <= high:
        shown = "nothing" if key not in found else repr(value)[:40]
        raise ValueError(f"{key}: found {shown}, expected a whole number from {low} to {high:,}")
    return value


def _eps(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < 1:
        raise ValueError(f"eps: found {str(value)[:40]!r}, expected a number between 0 and 1")
    return float(value)


def _layers(value: Any) -> tuple[tuple[bool, int, int], ...]:
    expected = (
        f"1 to {MAX_LAYERS} blocks such as [true, 16, 8]: whether it doubles, channel widths in and out"
    )
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_LAYERS:
        raise ValueError(f"layers: expected {expected}")
    found = []
    for place, row in enumerate(value):
        kinds = [type(each) for each in row] if isinstance(row, list) else []
        if kinds != [bool, int, int] or not all(1 <= each <= 1024 for each in row[1:]):
            raise ValueError(f"layers: found {str(row)[:40]!r} as block {place}, expected {expected}")
        found.append((row[0], row[1], row[2]))
    return tuple(found)


def _weight(shapes: Shapes, name: str) -> str:
    """The name of a layer's weight, which a spectral norm changes."""
    known = ("weight_orig", "parametrizations.weight.original", "weight")
    return next((f"{name}.{one}" for one in known if f"{name}.{one}" in shapes), f"{name}.weight_orig")


def _shape(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None:
        raise ValueError(f"it has no {name!r}")
    if len(shape) != dimensions or not all(1 <= n <= max(MAX_WIDTH, MAX_CLASSES) for n in shape):
        raise ValueError(f"{name} has the shape {list(shape)}, expected {dimensions} numbers above 0")
    return tuple(int(n) for n in shape)


def find_class(name: str) -> int:
    """The number of the ImageNet class that a person calls `name`. Raises ValueError with near names."""
    classes: tuple[tuple[str, ...], ...] = nearest.class_names()
    wanted = " ".join(name.lower().replace("_", " ").split())
    known = [[each.lower() for each in one] for one in classes]
    for place, one in enumerate(known):
        if one[0] == wanted:
            return place
    found = [place for place, one in enumerate(known) if wanted in one]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(repr(classes[place][0]) for place in found[:3])
        raise ValueError(f"{name!r} is a kind of {len(found)} classes; name one, such as {some}")
    hint = did_you_mean(wanted, (one[0] for one in classes)) or did_you_mean(
        wanted, (each for one in classes for each in one)
    )
    about = "they are those of ImageNet, such as 'castle'"
    raise ValueError(f"{name!r} is no class that a BigGAN knows; {hint}{about}")


def trouble(size: tuple[int, int], settings: Mapping[str, Any]) -> str | None:
    """Why no frame can have the settings that are written: class names that nobody knows."""
    wanted = settings.get("classes")
    if not isinstance(wanted, tuple):
        return None
    try:
        for name in wanted:
            find_class(name)
    except ValueError as error:
        return f"classes: {error}"
    return None


def remark(entry: GeneratorEntry, size: tuple[int, int]) -> str | None:
    """That pictures are fitted to a frame of another size, height and width in pixels."""
    if not (side := entry.side) or size == (side, side):
        return None
    height, width = size
    change = "enlarged" if max(size) > side else "shrunk" if max(size) < side else ""
    how = " and ".join([*filter(None, [change]), *(["cropped"] if height != width else [])])
    return f"size: {entry.name} paints squares of {side}x{side}, which are {how} to {width}x{height}"


FAMILY = Family(
    "biggan",
    "generator",
    lambda entry, device, settings: loading.load_biggan(entry, device, settings),
    roles=("config", "weights"),
    settings=(
        number(
            "truncation", 0.02, 1.0, 1.0, "How varied pictures may be: less is nearer to a class's usual look"
        ),
        names(
            "classes",
            IMAGENET_CLASSES,
            "How many classes of ImageNet may be mixed, or those to begin with: castle, [castle, lakeside]",
        ),
        number(
            "ema",
            0.0,
            0.999,
            0.99,
            "Share that the average of steps keeps at each; a picture that starts anew is that average",
        ),
    ),
    stages=single_stage,  # the network paints one size only
    trouble=trouble,
    remark=remark,
    keeps_params=True,
    latent_seeds=True,
    grid=False,
)
