"""Networks that keep less for the way back: gradient checkpointing (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def recomputed(blocks: Iterable[nn.Module]) -> Iterator[None]:
    """Blocks that are called while this lasts keep only their input and compute the rest on the way back.

    The blocks must be frozen and free of random numbers.
    """
    changed = list(blocks)
    for block in changed:
        again = partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)
        block.forward = again  # hides the method of the class
    try:
        yield
    finally:
        for block in changed:
            del block.forward
