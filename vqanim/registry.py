"""What a folder offers: a file for each thing, and one line that names the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def collect(package: str, files: Iterable[str], kind: type[Kind]) -> Mapping[str, Kind]:
    """All objects of a kind that some modules of a package define, by their `name`, in order.

    Raises ValueError when two of them have one name.
    """
    found: dict[str, Kind] = {}
    for file in files:
        for value in vars(import_module(f"{package}.{file}")).values():
            if isinstance(value, kind):
                name: Any = getattr(value, "name", None)
                if found.setdefault(name, value) is not value:
                    raise ValueError(f"{package}.{file}: there is another {name!r}")
    return found
