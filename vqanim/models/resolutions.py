"""Coarse to fine: a picture that starts from nothing is painted at small sizes before the full one.

At full size every latent is a small patch, and sixty steps give the texture of a castle; at half the size
the same steps give it towers and a hill (and cost a quarter). Multi-scale optimization is old craft in
style transfer (Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer"). No torch.
"""

from __future__ import annotations

from itertools import pairwise

from vqanim.types import Stage

LEAST_SIDE = 64
"""Pixels; a picture whose short side is smaller shows the perceptor too little."""
FULL_SIZE_SHARE = 0.25
"""Share of the steps that is left for the full size."""


def halved_stages(steps: int, height: int, width: int, multiple: int) -> tuple[Stage, ...]:
    """Split the steps of a first frame, from the smallest size to the full one.

    Each size is half the next one, rounded to `multiple` pixels; the small ones share their steps evenly.
    The steps of all stages add up to `steps`, and stages without a step are left out.
    """
    sizes: list[tuple[int, int]] = []
    scale = 2
    while min(height, width) // scale >= LEAST_SIDE:
        sizes.append((_rounded(height / scale, multiple), _rounded(width / scale, multiple)))
        scale *= 2
    if not sizes:
        return (Stage(height, width, steps),)
    small_steps = steps - max(1, round(steps * FULL_SIZE_SHARE))
    borders = [round(small_steps * i / len(sizes)) for i in range(len(sizes) + 1)]
    shares = [after - before for before, after in pairwise(borders)]
    small = [Stage(h, w, n) for (h, w), n in zip(reversed(sizes), shares, strict=True) if n > 0]
    return (*small, Stage(height, width, steps - small_steps))


def _rounded(side: float, multiple: int) -> int:
    return multiple * max(1, round(side / multiple))
