"""What is done when a step does not fit into memory: the same step, computed with less of it.

Decoded once, the picture is shown to the perceptors in smaller and smaller parts of their cutouts, whose
gradients add up; then the decoder keeps only what passes between its blocks and recomputes the rest in the
backward pass. The picture is the same within rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from vqanim.errors import DeviceError
from vqanim.lazy import torch

Memory = Literal["full", "chunks", "checkpoint"]


@dataclass(frozen=True)
class MemoryLevel:
    """A way to compute a step."""

    name: Memory
    chunk: int | None
    """Cutouts that a perceptor looks at together; None for all."""
    recompute: bool
    """Whether the decoder recomputes its blocks in the backward pass."""


LEVELS = (
    MemoryLevel("full", None, False),
    MemoryLevel("chunks", 8, False),
    MemoryLevel("checkpoint", 2, True),
)
"""Each needs less memory than the one before, and more time."""

Result = TypeVar("Result")


class MemoryPolicy:
    """The level at which a run computes. It goes on to the next when memory runs out and never back."""

    def __init__(self, memory: Memory = "full") -> None:
        """`memory` names the first level, for those who know what they have."""
        self.level = next(level for level in LEVELS if level.name == memory)

    def run_within_memory(self, compute: Callable[[MemoryLevel], Result]) -> Result:
        """What `compute` gives at this level, or at the first one after it at which memory suffices.

        Raises DeviceError with the next step when it suffices at none.
        """
        while True:
            try:
                return compute(self.level)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Out here, because the exception's traceback keeps the tensors of the failed attempt alive.
            above = LEVELS[LEVELS.index(self.level) + 1 :]
            if not above:
                raise DeviceError(OUT_OF_MEMORY)
            self.level = above[0]
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


OUT_OF_MEMORY = (
    "out of memory, though everything was done to spare it; lower size, guidance.cutouts or the number of "
    "perceptors, or use another --device (the frames so far are kept: run the same command again to continue)"
)

_SIGNS = (
    "can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED", "unable to find an engine",
    "Unable to find a valid cuDNN algorithm",
)  # fmt: skip
"""Of the CPU's allocator on Linux and Windows, of MPS, of CUDA's libraries, and of cuDNN, which finds no way
to convolve where none fits into what is free."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of torch says that memory ran out, on any device."""
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in _SIGNS)
