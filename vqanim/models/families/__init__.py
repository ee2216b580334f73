"""The families of models. A new one is a file in this folder with a `FAMILY`, and a line here. No torch."""

from __future__ import annotations

from collections.abc import Mapping

from vqanim.models.family import Family
from vqanim.registry import collect

MODULES = (
    "vqgan",
    "dvae",
    "diffusion",
    "stylegan",
    "biggan",
    "pixels",
    "fft",
    "rgb",
    "clip",
    "open_clip",
    "conse",
)
"""Files of this folder, in the order in which families are named to people."""

FAMILIES: Mapping[str, Family] = collect(__name__, MODULES, Family)
"""By name, which is that in the catalogue."""
