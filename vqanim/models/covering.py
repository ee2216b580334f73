"""Square pictures of one size, fitted to frames of any: enlarged or shrunk to cover them, and cropped to the
middle."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vqanim.types import Image


class Cover:
    """Fits squares of `side` pixels to frames. Done by two products, whose gradients are the same bits on
    every run, also on a GPU."""

    def __init__(self, side: int, device: torch.device) -> None:
        self.side, self.device = side, device
        self._places: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def __call__(self, square: Image, size: tuple[int, int]) -> Image:
        """[B, C, side, side] to [B, C, H, W]; size: height and width in pixels. Values may leave 0..1."""
        if size == (self.side, self.side):
            return square
        rows, columns = self._placing(size)
        return rows @ square @ columns.T

    def _placing(self, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """What makes rows and columns of a frame of those of the square."""
        if size not in self._places:
            reach = max(size)
            square = torch.eye(self.side)[None, None]
            whole = F.interpolate(square, (reach, self.side), mode="bicubic", antialias=True)[0, 0]
            starts = [(reach - side) // 2 for side in size]
            rows, columns = (
                whole[a : a + side].to(self.device) for a, side in zip(starts, size, strict=True)
            )
            self._places[size] = rows, columns
        return self._places[size]
