"""Pixels: a picture of colored cells, in which the color of every cell is a parameter. No weights.

Colors are kept in axes in which those of photographs are independent (Olah et al. 2017, "Feature
Visualization"), so that a step changes brightness before it changes hue, and go through a sigmoid. A picture
that starts from nothing is found on coarse grids first. With a palette each cell shows the color of it that
is nearest in Oklab, and the gradient passes as if it showed its own (Bengio et al. 2013, "Estimating or
Propagating Gradients Through Stochastic Neurons"); colors that are found learn from the cells that show them,
as in the limited palettes of pytti.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vqanim.lazy import LazyModule, torch
from vqanim.models.entries import GeneratorEntry
from vqanim.models.family import Family
from vqanim.models.weightless import WeightlessGenerator, cells
from vqanim.models.weightless.color_axes import from_axes, to_axes
from vqanim.models.weightless.palettes import PALETTES
from vqanim.settings import choice, flag, palette, whole
from vqanim.types import Knob, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image, Params

oklab = LazyModule("vqanim.oklab")

LEAST_CELLS = 16
"""Cells across on the coarsest grid."""
TV = 0.3
"""Weight of the differences of neighbors, which keep single cells from sparkling."""
BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
"""Order in which the cells of a square of four by four become light (Bayer 1973)."""
ROUNDS = 12
"""Of looking for the colors of a picture."""


def stages(steps: int, size: tuple[int, int], settings: Mapping[str, Any]) -> tuple[Stage, ...]:
    """As many steps on a grid as on each of the next ones, twice as fine, from about 16 cells across."""
    grids = 1
    while settings["cells"] / 2**grids >= LEAST_CELLS:
        grids += 1
    borders = [steps * number // grids for number in range(grids + 1)]
    return tuple(
        Stage(*size, end - begin, 1 / 2 ** (grids - 1 - number))
        for number, (begin, end) in enumerate(pairwise(borders))
        if end > begin
    )


class Pixels(WeightlessGenerator):
    """Cells as a `types.Generator`; `colors` is float32 [1, 3, rows, columns]. `palette`, float32
    [1, 3, N, 1], are the colors that are found, where their number is set."""

    def __init__(self, entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> None:
        super().__init__(entry, device, settings)
        wanted = settings["palette"]
        colors = PALETTES[wanted] if isinstance(wanted, str) else wanted
        self._found = wanted if isinstance(wanted, int) else 0
        self._fixed = (
            torch.tensor(colors, device=device).T[None, :, :, None] if isinstance(colors, tuple) else None
        )
        self.exact = wanted is not None
        self.knobs = {"colors": Knob()}
        if self._found:
            self.knobs["palette"] = Knob(adam="element", spatial=False, rate=0.5)
        self._order = (torch.tensor(BAYER, device=device) + 0.5) / 16 - 0.5

    def stages(self, steps: int, size: tuple[int, int]) -> tuple[Stage, ...]:
        """Coarse grids first; size: height and width in pixels."""
        return stages(steps, size, self.settings)

    def start(self, picture: Image, rng: torch.Generator, stage: Stage) -> Params:
        """The mean colors of the picture in the cells of a stage; `rng` is not needed here."""
        return self._fit(picture, max(1, round(self.settings["cells"] * stage.detail)))

    def carry(self, picture: Image) -> Params:
        """The mean colors of a picture [1, 3, H, W] in 0..1 in its cells, and those of its palette."""
        return self._fit(picture, self.settings["cells"])

    def decode(self, params: Params, size: tuple[int, int], recompute: bool = False) -> Image:
        """Every cell in its color, [1, 3, H, W]: each pixel shows the cell that its middle lies in."""
        colors = from_axes(params["colors"])
        if self.exact:
            colors = self._in_palette(colors, params)
        return self._cells_of(params["colors"], size).fill(colors)

    def prior(self, params: Params, image: Image) -> Mapping[str, Tensor]:
        """The differences of neighboring cells."""
        colors = torch.sigmoid(params["colors"])
        return {"tv": TV * (colors.diff(dim=2).abs().mean() + colors.diff(dim=3).abs().mean())}

    def _fit(self, picture: Image, across: int) -> Params:
        height, width = picture.shape[2:]
        means = cells.fitted(self.settings["shape"], across, height, width).mean(
            picture.to(self.device, torch.float32)
        )
        found = {"colors": to_axes(means)}
        if self._found:
            found["palette"] = to_axes(main_colors(means, self._found))
        return found

    def _cells_of(self, colors: Tensor, size: tuple[int, int]) -> cells.Cells:
        """The cells of parameters, whose number is that of a stage."""
        coarser = (max(1, round(self.settings["cells"] / 2**halved)) for halved in range(10))
        patterns = (cells.fitted(self.settings["shape"], across, *size) for across in coarser)
        return next(found for found in patterns if found.grid == tuple(colors.shape[2:]))

    def _in_palette(self, colors: Image, params: Params) -> Image:
        """Each color as the nearest of the palette; the gradient reaches both."""
        allowed = from_axes(params["palette"]) if self._found else self._fixed
        assert allowed is not None
        with torch.no_grad():
            wanted, known = oklab.to_oklab(colors), oklab.to_oklab(allowed)[0, :, :, 0].T
            if self.settings["dither"]:
                wanted = wanted + self._threshold(wanted, known)
            nearest = torch.cdist(wanted[0].flatten(1).T[None], known[None])[0].argmin(1)
        shown = allowed[0, :, :, 0].index_select(1, nearest).view_as(colors)
        return shown + (colors - colors.detach())

    def _threshold(self, wanted: Tensor, known: Tensor) -> Tensor:
        """What is added to lightness before the nearest color is chosen, [1, 3, rows, columns]: a pattern as
        strong as the colors of the palette are apart."""
        rows, columns = wanted.shape[2:]
        apart = torch.cdist(known[None], known[None])[0]
        apart.fill_diagonal_(float("inf"))
        pattern = self._order.repeat(rows // 4 + 1, columns // 4 + 1)[:rows, :columns]
        shift = torch.zeros_like(wanted)
        shift[:, 0] = pattern * apart.min(1).values.mean()
        return shift


def main_colors(picture: Image, count: int) -> Image:
    """So many colors [1, 3, count, 1] that stand for those of a picture [1, 3, h, w]: k-means, begun with the
    color that is farthest from those before."""
    pixels = picture[0].flatten(1).T
    chosen = [pixels.mean(0)]
    for _ in range(count - 1):
        chosen.append(pixels[torch.cdist(pixels, torch.stack(chosen)).min(1).values.argmax()])
    centers = torch.stack(chosen)
    for _ in range(ROUNDS):
        members = torch.nn.functional.one_hot(torch.cdist(pixels, centers).argmin(1), count).to(pixels.dtype)
        counts = members.sum(0)[:, None]
        centers = torch.where(counts > 0, members.T @ pixels / counts.clamp(min=1), centers)
    return centers.T[None, :, :, None]


def trouble(size: tuple[int, int], settings: Mapping[str, Any]) -> str | None:
    """Why a frame of height and width in pixels cannot have these cells; a default makes do with fewer."""
    if settings.get("cells", 0) > size[1]:
        return f"found {settings['cells']} cells across {size[1]} pixels, allowed at most {size[1]}"
    return None


FAMILY = Family(
    "pixels",
    "generator",
    Pixels,
    stages=stages,
    settings=(
        whole("cells", 4, 512, 64, "Cells across a frame"),
        choice("shape", cells.SHAPES, "square", "What the cells look like"),
        palette("palette", PALETTES, "The colors that cells may have"),
        flag("dither", False, "Whether cells of two colors of the palette stand for one between them"),
    ),
    trouble=trouble,
    crisp=True,
    entry=GeneratorEntry(
        name="pixels",
        kind="generator",
        family="pixels",
        version="pixels 2",
        multiple=2,
        learning_rate=0.3,
        smoothing=2.0,
        good_at="a first film without a GPU: colored cells, crisp at any size",
        source="part of vqanim",
        license="MIT, as vqanim",
        commercial="yes",
    ),
)
