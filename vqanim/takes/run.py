"""run.json: the settings of the run that made a folder's frames, for people and tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.takes.superseded import write_keeping_old

NAME = "run.json"
MAX_RATE = 240
"""Frames a second; more than a scene may ask for."""


def write_run(folder: Path, settings: Mapping[str, Any], superseded: Path | None = None) -> Path | None:
    """Write the settings (what JSON can hold) to run.json, once: the same settings again change nothing.

    Another run.json that is there moves to `superseded` (where TakeStore.supersede put the stale frames) or
    to the next free superseded/NNN, and is never overwritten. Returns where it went. Raises OutputError.
    """
    text = json.dumps(settings, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return write_keeping_old(folder / NAME, text, superseded)


def read_run(folder: Path) -> dict[str, Any] | None:
    """The settings in run.json; None when it is missing or cannot be understood."""
    try:
        settings = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return settings if isinstance(settings, dict) else None


def painted_rate(folder: Path) -> Fraction | None:
    """How many frames a second the run in run.json painted; None when that cannot be told."""
    settings = read_run(folder) or {}
    try:
        rate = Fraction(str(settings.get("rate", settings.get("fps"))))
    except (ValueError, ZeroDivisionError):
        return None
    return rate if 1 <= rate <= MAX_RATE else None
