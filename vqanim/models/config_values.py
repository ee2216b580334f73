"""Values of a config by key, in the ways in which people write them; errors name line and place. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vqanim.models.config_file import ConfigError


def line_of(parent: Any, key: Any) -> str:
    """Where a key stands, or the mapping that should have it; empty where that is not known."""
    line = getattr(parent, "lines", {}).get(key) or getattr(parent, "line", None)
    return f"line {line}: " if line else ""


def shown(value: Any) -> str:
    """A value for a message: short, also where it is endless."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return "a list"
    return repr(str(value)[:60])


def wrong(parent: Mapping[str, Any], key: str, place: str, expected: str) -> str:
    """What is wrong with a value, in words."""
    value = parent.get(key)
    about = f"found {shown(value)}" if key in parent else "is missing"
    if isinstance(value, str) and "${" in value:
        about += ", which refers to nothing in this file; write the value in its place"
    return f"{line_of(parent, key)}{place}{key}: {about}, expected {expected}"


_WHOLE = re.compile(r"\+?\d[\d_]{0,15}(\.\d{0,15})?([eE]\+?\d{1,2})?")


def whole(value: Any) -> int | None:
    """A whole number, in any of the ways in which people write one; None for anything else."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = float(value.strip())
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if type(value) is int else None


def number(parent: Mapping[str, Any], key: str, place: str, most: int) -> int:
    """The whole number of a key, from 1 to `most`. Raises ConfigError."""
    found = whole(parent.get(key))
    if found is None or not 1 <= found <= most:
        raise ConfigError(wrong(parent, key, place, f"a whole number from 1 to {most:,}"))
    return found


def numbers(parent: Mapping[str, Any], key: str, place: str, most: int) -> list[int]:
    """At most ten such numbers, as a list or as a text. Raises ConfigError."""
    found: Any = parent.get(key)
    if isinstance(found, str) and len(found) <= 200:
        found = [part for part in re.split(r"[\s,]+", found.strip().strip("[]()").strip()) if part]
    if key in parent and found is None:
        found = []
    if not isinstance(found, list | tuple):
        found = [found]
    result = [whole(item) for item in found[:11]]
    if len(found) > 10 or any(item is None or not 1 <= item <= most for item in result):
        raise ConfigError(wrong(parent, key, place, f"at most 10 whole numbers from 1 to {most:,}"))
    return [item for item in result if item is not None]


def flag(parent: Mapping[str, Any], key: str, place: str, default: bool = False) -> bool:
    """Whether a key says yes. Raises ConfigError."""
    found = parent.get(key)
    if found is None:
        return default
    words = {"true": True, "false": False, "1": True, "0": False}
    answer = words.get(str(found).strip().lower()) if isinstance(found, str | int) else None
    if answer is None:
        raise ConfigError(wrong(parent, key, place, "true or false"))
    return answer
