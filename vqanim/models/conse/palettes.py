"""Palettes of pictures and of words: what colors there are, as vectors.

A palette says which colors a picture has, or words such as "golden", "night" or "foggy" ask for: a soft
histogram over a fixed set of anchor colors in Oklab (Ottosson 2020). Its square root is a unit vector, and
the product of two of them, Bhattacharyya's coefficient, is 1 for equal palettes and 0 for those that share no
color. So a palette can stand beside any other unit vector in an embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.models.conse.color_words import ColorReading, ColorWords
from vqanim.models.conse.words import tokens
from vqanim.oklab import to_oklab

GRAYS = (0.08, 0.3, 0.5, 0.7, 0.95)
"""Lightness of the anchors without a hue."""
HUES = 8
RINGS = ((0.35, 0.11), (0.58, 0.15), (0.8, 0.11))
"""(lightness, chroma) of the anchors with a hue; there are HUES of each."""
WIDTH = 0.06
"""Distance in Oklab over which a color belongs to an anchor less and less."""
CELLS = 16
"""Cells along a side of the picture whose mean colors are counted: specks of color make no palette."""


@cache
def anchors(device: torch.device) -> Tensor:
    """Anchor colors in Oklab, [K, 3], brought to the device once: a step must not wait for a copy."""
    grays = [(lightness, 0.0, 0.0) for lightness in GRAYS]
    turns = [2 * math.pi * (hue + 0.5) / HUES for hue in range(HUES)]
    rings = [(light, c * math.cos(a), c * math.sin(a)) for light, c in RINGS for a in turns]
    return torch.tensor(grays + rings).to(device)


def histogram(colors: Tensor) -> Tensor:
    """Share of each anchor among sRGB colors [B, 3, H, W] in 0..1 -> [B, K], rows summing to 1."""
    points = anchors(colors.device)
    lab = to_oklab(colors).flatten(2).transpose(1, 2)
    squares = lab.square().sum(-1, keepdim=True) - 2 * lab @ points.T + points.square().sum(1)
    return F.softmax(-squares / (2 * WIDTH**2), dim=-1).mean(1)


def palette(pictures: Tensor) -> Tensor:
    """Palettes of pictures [B, 3, S, S] in 0..1 as unit vectors [B, K], differentiable."""
    cells = F.avg_pool2d(pictures, max(1, pictures.shape[-1] // CELLS))
    return (histogram(cells) + 1e-6).sqrt()


class PaletteTable:
    """Words and phrases with the colors that they ask for, and how much of their meaning these are, 0..1.

    A text asks for its colors on a part `cover` (0..1) of the picture; the rest has the usual ones.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Read `{cover: 0..1, usual: COLORS, groups: {group: {strength: 0..1, words: {word: COLORS}}}}`,
        where COLORS is a list of "#rrggbb" and one that comes twice counts twice.

        Raises KeyError, TypeError or ValueError for another form.
        """
        self.usual, self.cover = shares_of(content["usual"]), float(content["cover"])
        self.words = ColorWords(content)
        self.swatches = {
            " ".join(tokens(text)): shares_of(colors)
            for group in content["groups"].values()
            for text, colors in group["words"].items()
        }

    def read(self, text: str, phrase_length: Callable[[Sequence[str]], int]) -> ColorReading:
        """What the words of a text say of colors; see `ColorWords.read`."""
        return self.words.read(text, phrase_length)

    def shares(self, reading: ColorReading) -> Tensor:
        """Of the anchors, [K], summing to 1: the colors of all entries, each by its strength."""
        if not reading.entries:
            return self.usual
        strengths = self.words.strengths
        total = torch.stack([strengths[entry] * self.swatches[entry] for entry in reading.entries]).sum(0)
        return self.cover * total / total.sum() + (1 - self.cover) * self.usual


def shares_of(colors: Sequence[str]) -> Tensor:
    """Shares of the anchors [K] of colors written `#rrggbb`, each counting the same. Raises ValueError."""
    values = [[int(color.removeprefix("#")[i : i + 2], 16) / 255 for i in (0, 2, 4)] for color in colors]
    return histogram(torch.tensor(values).T[None, :, :, None])[0]
