"""What a family of models tells about itself. No torch.

A family is one file in `families/`, which holds a `FAMILY`, and one line in the registry there. Its file may
hold its whole code, with `vqanim.lazy` instead of torch, or import a module with the network when it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from vqanim.models.entries import GeneratorEntry
from vqanim.settings import Setting
from vqanim.types import Stage

if TYPE_CHECKING:
    import torch

Load: TypeAlias = "Callable[[Any, torch.device, Mapping[str, Any]], Any]"
"""Entry, device, values of all settings by name -> a frozen `types.Generator` or `types.Perceptor`."""
FirstStages: TypeAlias = "Callable[[int, tuple[int, int], Mapping[str, Any]], tuple[Stage, ...]]"
"""Steps, height and width in pixels, values of all settings -> stages, coarse to fine. No torch."""

COUNTS = 0.05
"""Share from which on a thing is seen in what is painted."""
MOST_SHOWN = 3
"""Things that are named to people for one text."""


@dataclass(frozen=True)
class TextReading:
    """What a perceptor that knows few things makes of a text."""

    text: str
    nearest: tuple[tuple[str, float], ...]
    """Names of the things that the text is drawn to, and their shares of all that it is drawn to, 0..1,
    the largest first; empty where it knows no word of the text, which then means nothing in particular."""
    far: bool
    """Whether the text is far from all that the perceptor knows."""
    unknown: tuple[str, ...]
    """Words of the text that it does not know."""
    colors: bool = False
    """Whether the text is about color or light and nothing else, so that it is above all a palette."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the things that will be seen; none where the text means a little of everything."""
        return tuple(name for name, share in self.nearest[:MOST_SHOWN] if share >= COUNTS)


Describe: TypeAlias = Callable[[Any, Sequence[str]], tuple[TextReading, ...]]
"""Entry, texts -> what a perceptor makes of each, at once. No torch. Raises InputError when a file is missing
or damaged."""

LEAST_SIDE = 64
"""Pixels; a picture whose short side is smaller shows the perceptor too little."""
FULL_SIZE_SHARE = 0.25
"""Share of the steps that is left for the full size."""


@dataclass(frozen=True)
class Family:
    """A kind of models that are loaded in the same way."""

    name: str
    kind: str
    """generator or perceptor."""
    load: Load
    roles: tuple[str, ...] = ()
    """Roles of the files of each model in a catalogue: config, weights ...; empty where none stands there."""
    optional: tuple[str, ...] = ()
    """Roles of files that only some of its models have."""
    settings: tuple[Setting, ...] = ()
    """What a scene may set beside the name of the model."""
    stages: FirstStages | None = None
    """How the steps of a picture that starts from nothing are split; None: from small sizes to full size."""
    describe: Describe | None = None
    """Of perceptors: what they make of texts; None where they know about everything."""
    trouble: Callable[[tuple[int, int], Mapping[str, Any]], str | None] | None = None
    """Why no frame of a height and width in pixels can have the settings that are written, or None."""
    remark: Callable[[GeneratorEntry, tuple[int, int]], str | None] | None = None
    """What people should know about frames of a height and width in pixels, though they can be made."""
    method: str = "descent"
    """How its pictures are worked on: descent, or denoise."""
    keeps_params: bool = False
    """Whether no picture can be turned into its parameters, so that they must be kept beside pictures."""
    latent_seeds: bool = False
    """Whether there is a way from the parameters of one seed to those of another."""
    grid: bool = True
    """Whether its parameters lie over the picture, so that what is asked of latents has places."""
    crisp: bool = False
    """Whether pictures are enlarged and shrunk without smoothing: pixels have borders of their own."""
    entry: GeneratorEntry | None = None
    """Of a family without weights: the one model that it is, of the same name."""

    def __post_init__(self) -> None:
        if self.entry and not (self.entry.name == self.entry.family == self.name and self.entry.version):
            raise ValueError(f"{self.name}: the entry of a family has its name, and a version")


def halved_stages(steps: int, height: int, width: int, multiple: int) -> tuple[Stage, ...]:
    """Split the steps of a first frame, from the smallest size to the full one.

    Each size is half the next one, rounded to `multiple` pixels; the small ones share their steps evenly, and
    stages without a step are left out. At full size every latent is a small patch, and sixty steps give the
    texture of a castle; at half the size they give it towers and a hill, and cost a quarter (as in style
    transfer: Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer").
    """
    sizes: list[tuple[int, int]] = []
    scale = 2
    while min(height, width) // scale >= LEAST_SIDE:
        sizes.append((_rounded(height / scale, multiple), _rounded(width / scale, multiple)))
        scale *= 2
    if not sizes:
        return (Stage(height, width, steps),)
    small_steps = steps - max(1, round(steps * FULL_SIZE_SHARE))
    borders = [round(small_steps * i / len(sizes)) for i in range(len(sizes) + 1)]
    shares = [after - before for before, after in pairwise(borders)]
    small = [Stage(h, w, n) for (h, w), n in zip(reversed(sizes), shares, strict=True) if n > 0]
    return (*small, Stage(height, width, steps - small_steps))


def _rounded(side: float, multiple: int) -> int:
    return multiple * max(1, round(side / multiple))
