"""The methods: how pictures are worked on. A new one is a file in this folder and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vqanim.guidance.denoise import Denoise
from vqanim.guidance.descent import Descent
from vqanim.types import Method

METHODS: Mapping[str, Callable[..., Method]] = {
    "descent": Descent,
    "denoise": Denoise,
}
"""By the name that a family gives: generator, objective, memory, graphs -> a method."""
