"""Adam with one second moment for a whole tensor, in plain tensor operations.

Adam's second moment per element (Kingma and Ba 2015) shakes regions that no prompt cares about as hard as
the subject. One moment for the tensor keeps the gradient's shape: less flicker and more structure. The
update reads nothing back from the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-12


class TensorAdam:
    """Optimiser of one tensor; made anew for every frame.

    A step moves the tensor by `learning_rate` (root mean square) when all gradients agree.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.first = torch.zeros_like(tensor)
        self.second = torch.zeros((), device=tensor.device, dtype=tensor.dtype)
        self.count = 0

    def go_on(self, first: Tensor, second: Tensor, count: int) -> None:
        """Take over the moments of another one after `count` steps."""
        self.first.copy_(first)
        self.second.copy_(second)
        self.count = count

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the tensor against the gradient, in place."""
        self.count += 1
        self.first.lerp_(gradient, 1 - BETA1)
        self.second.lerp_(gradient.square().mean(), 1 - BETA2)
        scale = (self.second / (1 - BETA2**self.count)).sqrt() + EPSILON
        self.tensor.sub_(self.first / scale, alpha=learning_rate / (1 - BETA1**self.count))
