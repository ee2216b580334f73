"""FFT: a picture as its Fourier spectrum, in which every frequency is a parameter. No weights.

Frequencies are scaled as those of photographs fall off, and every one has a second moment of its own, so that
a step changes large shapes as readily as fine ones (Olah et al. 2017, "Feature Visualization"; aphantasia by
Vadim Epstein, 2021, from whom decay and rate are near).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from vqanim.lazy import torch
from vqanim.models.entries import GeneratorEntry
from vqanim.models.family import Family
from vqanim.models.weightless import WeightlessGenerator, single_stage
from vqanim.models.weightless.color_axes import from_axes, to_axes
from vqanim.models.weightless.exposure import CONTRAST, FAINT, exposure
from vqanim.settings import number
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image, Params


class FFT(WeightlessGenerator):
    """A spectrum as a `types.Generator`; `spectrum` is float32 [1, 3, H, W // 2 + 1, 2]: real, imaginary."""

    knobs: Mapping[str, Knob] = MappingProxyType({"spectrum": Knob(adam="element", spatial=False)})

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The spectrum of the picture, of fresh noise a faint one: what stands out early on stays for long.
        `rng` is not needed here."""
        return self.carry(torch.lerp(picture.mean(), picture, FAINT) if stage.fresh else picture)

    def carry(self, picture: Image) -> Params:
        """The spectrum of a picture [1, 3, H, W] in 0..1."""
        values = to_axes(picture.to(self.device, torch.float32))
        scale = self._scale(picture.shape[2], picture.shape[3])
        spectrum = torch.fft.rfft2(values, norm="ortho") / scale
        return {"spectrum": torch.view_as_real(spectrum).contiguous()}

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """The picture [1, 3, H, W] of a spectrum."""
        spectrum = torch.view_as_complex(params["spectrum"]) * self._scale(*size)
        return from_axes(torch.fft.irfft2(spectrum, s=size, norm="ortho"))

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """The distance to the exposure of photographs."""
        return exposure(image, self.settings["contrast"])

    def _scale(self, height: int, width: int) -> Tensor:
        """Of each color axis and frequency, [3, H, W // 2 + 1]."""
        return axes_scale(height, width, self.settings["decay"], self.settings["colors"], self.device)


@lru_cache(maxsize=8)
def frequency_scale(height: int, width: int, decay: float, device: torch.device) -> Tensor:
    """Of each frequency, [H, W // 2 + 1]: a spectrum of unit noise is a picture of unit spread."""
    rows = torch.fft.fftfreq(height, device=device)[:, None]
    columns = torch.fft.rfftfreq(width, device=device)
    frequency = (rows.square() + columns.square()).sqrt().clamp(min=1 / max(height, width))
    scale = frequency**-decay
    return scale / scale.square().mean().sqrt()


@lru_cache(maxsize=8)
def axes_scale(height: int, width: int, decay: float, colors: float, device: torch.device) -> Tensor:
    """Of each color axis and frequency, [3, H, W // 2 + 1]: brightness, then the two axes of color."""
    axes = torch.tensor([1.0, colors, colors], device=device).view(3, 1, 1)
    return axes * frequency_scale(height, width, decay, device)


FAMILY = Family(
    "fft",
    "generator",
    FFT,
    stages=single_stage,  # a spectrum is coarse and fine at once
    settings=(
        number("decay", 0.0, 3.0, 1.5, "How steeply fine detail falls off: more is softer"),
        number("colors", 0.2, 3.0, 1.0, "How readily colors change, beside brightness"),
        CONTRAST,
    ),
    entry=GeneratorEntry(
        name="fft",
        kind="generator",
        family="fft",
        version="fft 1",
        multiple=2,
        learning_rate=0.15,
        good_at="dense, painterly detail at any size, without a GPU",
        source="part of vqanim, after aphantasia by Vadim Epstein",
        license="MIT, as vqanim",
        commercial="yes",
    ),
)
