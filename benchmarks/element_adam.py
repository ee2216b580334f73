"""Adam as it is usually written, to compare with: a second moment for every element, not one for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from torch import Tensor

from vqanim.guidance import descent
from vqanim.guidance.adam import Adam, make_adam


@contextmanager
def element_adam(use: bool) -> Iterator[None]:
    """Let all descents in this context have a second moment for each element, if `use`."""

    def chosen(tensor: Tensor, moments: str) -> Adam:
        return make_adam(tensor, "element" if use or moments == "element" else "tensor")

    with mock.patch.object(descent, "make_adam", chosen):
        yield
