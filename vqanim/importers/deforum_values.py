"""Single values among Deforum's settings, where numbers may be written as texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def number_of(settings: Mapping[str, Any], key: str, usual: float) -> float:
    """A number, also one written as a text; the usual one where there is none."""
    value = settings.get(key, usual)
    try:
        found = float(value) if not isinstance(value, bool) else usual
    except (TypeError, ValueError, OverflowError):
        return usual
    return found if math.isfinite(found) else usual


def is_on(settings: Mapping[str, Any], *keys: str) -> bool:
    """Whether one of some switches is on."""
    return any(str(settings.get(key, "")).lower() in ("true", "1", "yes") for key in keys)


def size_of(settings: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height in pixels."""
    width, height = (int(number_of(settings, key, 512)) for key in ("W", "H"))
    return min(max(width, 16), 4096), min(max(height, 16), 4096)
