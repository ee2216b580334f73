"""Adam as it is usually written, to compare with: a second moment for every element, not one for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from vqanim.guidance import guide
from vqanim.guidance.adam import BETA1, BETA2, EPSILON, TensorAdam


class ElementAdam(TensorAdam):
    """Kingma and Ba's Adam (2015); a step moves every element by `learning_rate` when all gradients agree."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor)
        self.second = torch.zeros_like(tensor)

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the tensor against the gradient, in place."""
        self.count += 1
        self.first.lerp_(gradient, 1 - BETA1)
        self.second.lerp_(gradient.square(), 1 - BETA2)
        scale = (self.second / (1 - BETA2**self.count)).sqrt() + EPSILON
        self.tensor.sub_(self.first / scale, alpha=learning_rate / (1 - BETA1**self.count))


@contextmanager
def element_adam(use: bool) -> Iterator[None]:
    """Let guides made or used in this context take ElementAdam, if `use`."""
    usual = guide.TensorAdam
    guide.TensorAdam = ElementAdam if use else usual  # type: ignore[misc]
    try:
        yield
    finally:
        guide.TensorAdam = usual  # type: ignore[misc]
