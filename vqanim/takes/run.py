"""run.json: the settings of the run that made a folder's frames, for people and tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.files import Guard, write_atomic
from vqanim.own_files import Damaged, log, read_json
from vqanim.scene.numbers import parse_ratio
from vqanim.takes.outputs import write_keeping_old

NAME = "run.json"
HARMLESS = ("torch", "device", "threads", "weights", "deterministic")
"""Settings after whose change frames are kept. They alter the last bits of a step, which grow from frame to
frame: after a few, new ones differ visibly from those that would have been painted before."""
REPAINTING = ("models", "size", "seed", "engine")  # settings that every frame depends on
MOST_THREADS = 1024
_MODEL = {"name?": str}
_SETTINGS = {"models?": {"generator?": (_MODEL, None), "perceptors?": ([_MODEL], None)}, "size?": [int]}
MAX_RATE = 240  # frames a second; more than a scene may ask for


@dataclass(frozen=True)
class Change:
    """A setting that the last run in this folder did not have."""

    name: str
    before: Any
    now: Any

    @property
    def repaints(self) -> bool:
        """Whether no frame from before holds."""
        return self.name in REPAINTING

    @property
    def texts(self) -> tuple[str, str, str]:
        """Name, before and now, for people."""
        return self.name, _short(self.before), _short(self.now)


def _short(value: Any) -> str:
    """A setting in few words: models by their names, a size as 256x144."""
    if isinstance(value, Mapping):
        names = [value.get("generator"), *(value.get("perceptors") or [])]
        return " + ".join(dict.fromkeys(str(one.get("name")) for one in names if isinstance(one, Mapping)))
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)


def write_run(
    folder: Path, settings: Mapping[str, Any], archive: Path | None = None, guard: Guard = lambda: None
) -> Path | None:
    """Write the settings (what JSON can hold) to run.json, as `write_keeping_old` does. archive: where
    TakeStore.archive put the stale frames. Raises OutputError."""
    text = json.dumps(settings, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    before = read_run(folder)
    if before is not None and before != settings and _effective(before) == _effective(settings):
        write_atomic(folder / NAME, text, guard)  # nothing is lost with what was asked for in other words
        return None
    return write_keeping_old(folder / NAME, text, archive, guard)


def _effective(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what was asked for to get them."""
    return {name: value for name, value in settings.items() if name != "asked"}


def read_run(folder: Path) -> dict[str, Any] | None:
    """The settings in run.json; None when it is missing or cannot be understood."""
    try:
        return read_json(folder / NAME, _SETTINGS) or None
    except Damaged as error:
        log.warning(
            "%s: %s; so nobody can tell what was changed since these frames were painted",
            folder / NAME,
            error,
        )
        return None


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[Change, ...]:
    """What is otherwise than in the settings of the run before; nothing where there was none."""
    known = before or {}
    names = (name for name in (*HARMLESS, *REPAINTING) if name in known and name in now)
    return tuple(Change(name, known[name], now[name]) for name in names if known[name] != now[name])


def painted_threads(folder: Path) -> int | None:
    """How many threads each process of the run in run.json had; None when that cannot be told."""
    found = (read_run(folder) or {}).get("threads")
    return found if type(found) is int and 1 <= found <= MOST_THREADS else None


def painted_rate(folder: Path) -> Fraction | None:
    """How many frames a second the run in run.json painted; None when that cannot be told."""
    settings = read_run(folder) or {}
    with suppress(ValueError, ZeroDivisionError):
        rate = parse_ratio(str(settings.get("rate", settings.get("fps"))))
        return rate if 1 <= rate <= MAX_RATE else None
    return None
