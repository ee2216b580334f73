"""Training batches: random crops of photographs, and pictures that went through the model before."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pictures
import torch
from PIL import Image
from torch import Tensor


def random_crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> Tensor:
    """A square of random place and scale, shrunk to `side` pixels, mirrored half the time."""
    height, width, _ = picture.shape
    biggest = min(height, width)
    size = min(biggest, int(side * (biggest / side) ** rng.uniform(0, 1)))
    size = max(size, min(side, biggest))
    top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    crop = Image.fromarray(picture[top : top + size, left : left + size])
    if size != side:
        crop = crop.resize((side, side), Image.Resampling.LANCZOS)
    array = np.asarray(crop)
    if rng.random() < 0.5:
        array = array[:, ::-1]
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255


def recolour(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Gamma, saturation and, for a third, a turn of the hues, so that all colours are seen."""
    grey = image.mean(0, keepdim=True)
    if rng.random() < 0.35:
        a = rng.uniform(-math.pi, math.pi)
        c, s, third = math.cos(a), math.sin(a), 1 / 3
        p, q = third * (1 - c), math.sqrt(third) * s
        turn = [[c + p, p - q, p + q], [p + q, c + p, p - q], [p - q, p + q, c + p]]
        image = torch.einsum("ij,jhw->ihw", torch.tensor(turn, dtype=image.dtype), image)
    image = grey + (image - grey) * float(rng.uniform(0.7, 1.5))
    return image.clamp(0, 1) ** float(2 ** rng.uniform(-0.6, 0.6))


class Photographs:
    """Crops of the training photographs; detailed pictures are drawn more often."""

    def __init__(self, training: list[np.ndarray]) -> None:
        self.training = training
        weights = np.sqrt([pictures.detail(p) for p in training])
        self.weights = weights / weights.sum()

    def draw(self, count: int, side: int, rng: np.random.Generator) -> Tensor:
        """Crops [count, 3, side, side] in 0..1."""
        chosen = rng.choice(len(self.training), count, p=self.weights)
        crops = [recolour(random_crop(self.training[i], side, rng), rng) for i in chosen]
        return torch.stack(crops).to(memory_format=torch.channels_last)


@dataclass
class Pool:
    """Pictures that have been through the model several times, each with the photograph that it was.

    Trained to lead them back, the model has photographs as attractors instead of drifting away from them
    (the sample pool of Mordvintsev et al. 2020, "Growing Neural Cellular Automata").
    """

    photographs: Photographs
    side: int
    count: int
    """Pictures a batch."""
    size: int
    """Pictures in the pool."""
    oldest: int = 40
    """Passes after which a picture makes room for a fresh one."""
    original: list[Tensor] = field(default_factory=list)
    current: list[Tensor] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)
    drawn: list[int] = field(default_factory=list)

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(current, original) [count, 3, side, side] of random members."""
        while len(self.original) < self.size:
            self.original += self.photographs.draw(1, self.side, rng)
            self.current.append(self.original[-1])
            self.passes.append(0)
        self.drawn = list(rng.choice(self.size, self.count, replace=False))
        for member in self.drawn:
            if self.passes[member] >= self.oldest * rng.uniform(0.1, 1):
                (self.original[member],) = self.photographs.draw(1, self.side, rng)
                self.current[member], self.passes[member] = self.original[member], 0
        layout = {"memory_format": torch.channels_last}
        return (
            torch.stack([self.current[m] for m in self.drawn]).to(**layout),
            torch.stack([self.original[m] for m in self.drawn]).to(**layout),
        )

    def put_back(self, made: Tensor) -> None:
        """Keep what the model made of the last draw, rounded as a saved frame is."""
        for member, picture in zip(self.drawn, made.detach().clamp(0, 1), strict=True):
            self.current[member] = (picture * 255).round() / 255
            self.passes[member] += 1
