"""The brightness and spread of photographs, to which pictures without weights are held. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vqanim.settings import number

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image

MEAN, SPREAD = 0.45, 0.2
"""Mean and standard deviation of a picture's channels, near those of photographs."""
WEIGHT = 2.0
"""Of the distance to them: nothing else keeps a film from becoming darker or paler."""
FAINT = 0.1
"""Contrast of the noise that a picture grows from: what stands out early on stays for long."""
CONTRAST = number("contrast", 0.2, 3.0, 1.0, "Of the picture, of that of photographs")


def exposure(image: Image, contrast: float) -> Mapping[str, Tensor]:
    """The distance of a picture [1, 3, H, W] in 0..1 to that mean, and to that spread times `contrast`."""
    off = (image.mean() - MEAN).square() + (image.std() - contrast * SPREAD).square()
    return {"exposure": WEIGHT * off}
