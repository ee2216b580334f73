"""FFT: a picture as its Fourier spectrum, in which every frequency is a parameter. No weights.

Frequencies are scaled as those of photographs fall off, and those of a band share a second moment, so that a
step changes large shapes as readily as fine ones, and what next to nothing pulls at stays (Olah et al. 2017,
"Feature Visualization"; aphantasia by Vadim Epstein, 2021, from whom decay and rate are near).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

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


BANDS = 8
"""Of frequencies, an octave."""
SPREADS = (2.2, 3.5, 3.5)
"""Standard deviations of the color axes above which a picture is led back; half of all photographs have less
than 1.8, 3.0 and 2.4."""
LED_BACK = 0.3
"""Share of the way, in octaves, that a step leads back."""


def of_bands(values: Tensor) -> Tensor:
    """The mean of values [1, 3, H, W // 2 + 1, 2] over each band of frequencies, an eighth of an octave wide,
    of each color axis; in the same shape."""
    index, sizes = band_numbers(values.shape[2], values.shape[3], values.device)
    flat = values.mean(-1)[0].flatten(1)  # real and imaginary parts turn into each other where things move
    sums = flat.new_zeros(3, len(sizes)).scatter_add(1, index.expand(3, -1), flat)
    means = (sums / sizes).gather(1, index.expand(3, -1))
    return means.view(1, 3, *values.shape[2:4], 1).repeat(1, 1, 1, 1, 2)


@lru_cache(maxsize=8)
def band_numbers(height: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Number of each frequency's band, [H * columns], and how many frequencies each band has, at least 1."""
    rows = torch.fft.fftfreq(height, device=device)[:, None]
    radius = (rows.square() + (torch.arange(columns, device=device) / (2 * columns - 2)).square()).sqrt()
    octaves = (radius.clamp(min=1 / (2 * height)) * 2 * height).log2()
    numbers = (BANDS * octaves).round().long().flatten()
    return numbers, torch.bincount(numbers).clamp(min=1)


class FFT(WeightlessGenerator):
    """A spectrum as a `types.Generator`; `spectrum` is float32 [1, 3, H, W // 2 + 1, 2]: real, imaginary."""

    knobs: Mapping[str, Knob] = MappingProxyType({"spectrum": Knob(spatial=False, shared=of_bands)})

    def __init__(self, entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> None:
        super().__init__(entry, device, settings)
        colors = max(1.0, settings["colors"])
        self._spreads = torch.tensor(SPREADS, device=device) * torch.tensor(
            [1.0, colors, colors], device=device
        )

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

    def project(self, params: Params) -> None:
        """Lead the spread of each color axis back to that of photographs: a film adds up what its frames
        exaggerate."""
        spectrum = params["spectrum"]
        height, columns = spectrum.shape[2:4]
        size = (height, 2 * columns - 2)
        energy = (spectrum * self._scale(*size)[None, ..., None]).square().sum(-1)
        energy[..., 1:-1] *= 2  # the half of the spectrum that a real picture need not keep
        energy[..., 0, 0] = 0  # the mean is no spread
        spread = (energy.sum((2, 3)) / (size[0] * size[1])).sqrt()
        allowed = self._spreads * self.settings["contrast"]
        factor = (allowed / spread.clamp(min=1e-6)).clamp(max=1) ** LED_BACK
        mean = spectrum[:, :, 0, 0].clone()
        spectrum.mul_(factor[:, :, None, None, None])
        spectrum[:, :, 0, 0] = mean

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
        version="fft 2",
        multiple=2,
        learning_rate=0.15,
        noise=0.0,
        match_detail=0.0,
        good_at="dense, painterly detail at any size, without a GPU",
        source="part of vqanim, after aphantasia by Vadim Epstein",
        license="MIT, as vqanim",
        commercial="yes",
    ),
)
