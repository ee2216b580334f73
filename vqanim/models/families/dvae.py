"""Discrete VAEs as in DALL-E: what shapes of weights say about them. No torch until one is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vqanim.lazy import LazyModule
from vqanim.models.family import Family

dvae = LazyModule("vqanim.models.dvae")

Part: TypeAlias = Literal["encoder", "decoder"]
PARTS: tuple[Part, ...] = ("encoder", "decoder")
Shapes: TypeAlias = "Mapping[str, Sequence[int]]"

MAX_GROUPS = 8
MAX_BLOCKS = 64
MAX_CHANNELS = 100_000
"""What no real dVAE reaches, and a made-up file might claim."""

_TENSOR = re.compile(
    r"((?:[^.]+\.)*?)blocks\.(input|output\.conv|(group_\d+)\.(?:group\.)?(block_\d+)\."
    r"(?:(id_path)|res_path\.(?:path\.)?(conv_[1-4])))\.(w|b|weight|bias)"
)
"""A tensor's name: OpenAI's, or as FLAVA's codebook in the transformers package has it."""


def split_name(name: str) -> tuple[str, str] | None:
    """What stands before OpenAI's name of a dVAE's tensor, and that name; None for other tensors."""
    if (match := _TENSOR.fullmatch(name)) is None:
        return None
    before, inside, group, block, skip, conv, kind = match.groups()
    if group:
        inside = f"{group}.{block}.{skip or f'res_path.{conv}'}"
    return before, f"blocks.{inside}.{kind[0]}"


@dataclass(frozen=True)
class HalfConfig:
    """The network of an encoder or a decoder; all numbers are channels."""

    part: Part
    input: tuple[int, int]
    """Of its first convolution, in and out."""
    groups: tuple[tuple[tuple[int, int], ...], ...]
    """In and out of each block, by groups; between two groups the picture is halved or doubled."""
    output: int

    @property
    def factor(self) -> int:
        """Pixels per code along a side."""
        return int(2 ** (len(self.groups) - 1))

    @property
    def codes(self) -> int:
        """How many codes there are."""
        return self.output if self.part == "encoder" else self.input[0]

    @classmethod
    def from_shapes(cls, part: Part, shapes: Shapes) -> HalfConfig:
        """Read the network off the shapes of its weights, by OpenAI's names.

        Raises ValueError when they are not those of such a half.
        """
        if find_part(shapes) != part:
            raise ValueError(f"its first convolution is not that of {_named(part)}")
        last: dict[int, int] = {}
        for group, block in (_numbers(name) for name in shapes if name.endswith("res_path.conv_1.w")):
            last[group] = max(block, last.get(group, 0))
        groups = [last.get(group, 0) for group in range(1, min(max(last, default=0), MAX_GROUPS + 1) + 1)]
        if not 1 <= len(groups) <= MAX_GROUPS or not all(1 <= n <= MAX_BLOCKS for n in groups):
            about = f"1 to {MAX_GROUPS} groups of 1 to {MAX_BLOCKS} blocks"
            raise ValueError(f"it has groups of {groups} blocks, allowed are {about}")
        found = tuple(
            tuple(
                (
                    _side(shapes, f"blocks.group_{group}.block_{block}.res_path.conv_1.w", 1),
                    _side(shapes, f"blocks.group_{group}.block_{block}.res_path.conv_4.w", 0),
                )
                for block in range(1, count + 1)
            )
            for group, count in enumerate(groups, 1)
        )
        first = _side(shapes, "blocks.input.w", 1), _side(shapes, "blocks.input.w", 0)
        return cls(part, first, found, _side(shapes, "blocks.output.conv.w", 0))


@dataclass(frozen=True)
class DVAEConfig:
    """Both halves of a dVAE, which fit each other."""

    encoder: HalfConfig
    decoder: HalfConfig

    @classmethod
    def from_shapes(cls, encoder: Shapes, decoder: Shapes) -> DVAEConfig:
        """Read the network off the shapes of its weights. Raises ValueError when there is none of them."""
        front, back = HalfConfig.from_shapes("encoder", encoder), HalfConfig.from_shapes("decoder", decoder)
        if (front.codes, front.factor) != (back.codes, back.factor):
            about = f"the encoder knows {front.codes:,} codes of {front.factor} pixels"
            raise ValueError(f"{about}, the decoder {back.codes:,} of {back.factor}: they are of two models")
        if front.input[0] != 3 or back.output != 6:
            about = f"found {front.input[0]} and {back.output}"
            raise ValueError(f"{about} channels of pictures, expected 3 in and 6 out (RGB with its spread)")
        return cls(front, back)

    @property
    def about(self) -> str:
        """What kind of dVAE it is, in words."""
        back = self.decoder
        return f"dVAE, f{back.factor}, {back.codes:,} codes of {back.input[1]} channels"


def find_part(shapes: Shapes) -> Part | None:
    """Which half weights are of, by OpenAI's names; None when they are of neither.

    An encoder looks at pictures with a wide first convolution; a decoder's is a codebook, one pixel wide.
    """
    shape = shapes.get("blocks.input.w", ())
    if len(shape) != 4:
        return None
    return "encoder" if shape[2] > 1 else "decoder"


def _named(part: Part) -> str:
    return f"{'an' if part == 'encoder' else 'a'} {part}"


def _numbers(name: str) -> tuple[int, int]:
    group, block = (int(number[:4]) for number in re.findall(r"_(\d+)\.", name)[:2])
    return group, block


def _side(shapes: Shapes, name: str, axis: int) -> int:
    shape = shapes.get(name)
    if shape is None:
        raise ValueError(f"it has no {name!r}")
    if len(shape) != 4 or not 1 <= shape[axis] <= MAX_CHANNELS:
        raise ValueError(f"{name} has the shape {list(shape)}, expected a convolution's")
    return int(shape[axis])


FAMILY = Family(
    "dvae",
    "generator",
    lambda entry, device, _: dvae.load_dvae(entry, device),
    roles=PARTS,
)
