"""run.json: the settings of the run that made a folder's frames, for people and tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vqanim.files import Guard
from vqanim.takes.superseded import write_keeping_old

NAME = "run.json"


def write_run(
    folder: Path,
    settings: Mapping[str, Any],
    superseded: Path | None = None,
    guard: Guard = lambda: None,
) -> Path | None:
    """Write the settings (what JSON can hold) to run.json, once: the same settings again change nothing.

    Another run.json that is there moves to `superseded` (where TakeStore.supersede put the stale frames) or
    to the next free superseded/NNN, and is never overwritten. Returns where it went. guard: see
    files.staged. Raises OutputError.
    """
    text = json.dumps(settings, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return write_keeping_old(folder / NAME, text, superseded, guard)


def read_run(folder: Path) -> dict[str, Any] | None:
    """The settings in run.json; None when it is missing or cannot be understood."""
    try:
        settings = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return settings if isinstance(settings, dict) else None
