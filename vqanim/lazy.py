"""Torch for modules that must not import it at once: the module is imported when something of it is used.

`from vqanim.lazy import F, torch` reads as the real thing and is the real thing to a type checker. It serves
within functions and methods; a base class or a decorator such as `torch.no_grad()` would import torch while
the module is read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["F", "torch"]


class LazyModule:
    """Stands for a module and imports it when the first attribute is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by tools that look at anything they meet
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


__all__ = ["F", "LazyModule", "torch"]

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    torch, F = LazyModule("torch"), LazyModule("torch.nn.functional")
