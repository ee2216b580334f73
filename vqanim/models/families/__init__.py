"""The families of models. A new one is a file in this folder with a `FAMILY`, and a line here. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from vqanim.models.family import Family

MODULES = ("vqgan", "pixels", "fft", "clip", "open_clip", "conse")
"""Files of this folder, in the order in which families are named to people."""

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (import_module(f"{__name__}.{name}").FAMILY for name in MODULES)
}
"""By name, which is that in the catalogue."""
