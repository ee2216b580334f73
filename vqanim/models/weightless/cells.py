"""Pictures made of cells: which cell every pixel lies in, for squares, hexagons, triangles and diamonds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vqanim.lazy import F, torch

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image

SHAPES = ("square", "hex", "triangle", "diamond")
_ROW = {"hex": math.sqrt(3) / 2, "diamond": 0.5}
"""From one row of cells to the next, in widths of a cell."""


@dataclass(frozen=True)
class Cells:
    """A pattern of cells over a picture, a rectangle of rows and columns of which some lie outside."""

    shape: str
    """One of SHAPES."""
    side: int
    """Pixels from a cell to its neighbor; of triangles, the length of a side."""
    height: int
    width: int
    """Of the picture, in pixels."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = math.ceil(self.height / self.side), math.ceil(self.width / self.side)
        if self.shape == "square":
            return rows, columns
        if self.shape == "triangle":
            return math.ceil(self.height / _triangle_height(self.side)), 2 * columns + 2
        return math.ceil(self.height / (self.side * _ROW[self.shape])) + 1, columns + 1

    def mean(self, picture: Image) -> Tensor:
        """The mean color [B, C, rows, columns] of a picture [B, C, H, W] in each cell; 0.5 where none of its
        pixels lies."""
        rows, columns = self.grid
        if self.shape == "square":
            # Cells that the border cuts have the mean of what is left of them.
            more = (0, columns * self.side - self.width, 0, rows * self.side - self.height)
            padded = F.pad(picture, more, mode="replicate") if any(more) else picture
            return F.avg_pool2d(padded, self.side)
        index = self._index(picture.device)
        batch, channels = picture.shape[:2]
        sums = torch.zeros(batch, channels, rows * columns, device=picture.device)
        sums.index_add_(2, index, picture.flatten(2))
        counts = torch.bincount(index, minlength=rows * columns)
        found = torch.where(counts > 0, sums / counts.clamp(min=1), torch.full_like(sums, 0.5))
        return found.view(batch, channels, rows, columns)

    def fill(self, colors: Tensor) -> Image:
        """Every cell in its color [B, C, rows, columns], as a picture [B, C, H, W]; differentiable."""
        if self.shape == "square":
            large = colors.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)
            return large[:, :, : self.height, : self.width]
        found = colors.flatten(2).index_select(2, self._index(colors.device))
        return found.view(*colors.shape[:2], self.height, self.width)

    def _index(self, device: torch.device) -> Tensor:
        return _indices(self, device)


def fitted(shape: str, across: int, height: int, width: int) -> Cells:
    """Cells of a whole number of pixels, as near as can be to so many across a picture of height and width in
    pixels."""
    return Cells(shape, max(1, round(width / across)), height, width)


def _triangle_height(side: int) -> float:
    return side * math.sqrt(3) / 2


@lru_cache(maxsize=16)
def _indices(cells: Cells, device: torch.device) -> Tensor:
    """The number of the cell of each pixel, int64 [H * W], by its middle."""
    y = torch.arange(cells.height, dtype=torch.float64)[:, None] + 0.5
    x = torch.arange(cells.width, dtype=torch.float64)[None] + 0.5
    y, x = y.expand(-1, cells.width), x.expand(cells.height, -1)
    found = _triangles(cells, y, x) if cells.shape == "triangle" else _offset_rows(cells, y, x)
    return found.flatten().to(device)


def _offset_rows(cells: Cells, y: Tensor, x: Tensor) -> Tensor:
    """The nearest of centers in rows of which every second is moved by half a cell: by distance these are
    hexagons, by the sum of both distances diamonds. Odd rows begin at the border."""
    columns = cells.grid[1]
    apart = cells.side * _ROW[cells.shape]
    first = torch.floor(y / apart)
    best, nearest = torch.full_like(x, math.inf), torch.zeros_like(x, dtype=torch.int64)
    for row in (first, first + 1):
        shift = 0.5 * (1 - row % 2) * cells.side
        column = torch.round((x - shift) / cells.side).clamp(0, columns - 1)
        down, right = (y - row * apart).abs(), (x - shift - column * cells.side).abs()
        far = down.square() + right.square() if cells.shape == "hex" else down + right
        closer = far < best
        best = torch.where(closer, far, best)
        nearest = torch.where(closer, (row * columns + column).long(), nearest)
    return nearest


def _triangles(cells: Cells, y: Tensor, x: Tensor) -> Tensor:
    """Rows of triangles that stand on a side and on a corner in turn. A box of half a side holds halves of
    two of them, which a diagonal parts."""
    tall, half = _triangle_height(cells.side), cells.side / 2
    row, box = torch.floor(y / tall), torch.floor(x / half)
    down, right = y / tall - row, x / half - box
    rising = (box + row) % 2 == 0
    beyond = torch.where(rising, right > 1 - down, right > down)
    return (row * cells.grid[1] + box + beyond).long()
