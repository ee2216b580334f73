"""The song that a configuration of pytti listens to, and the bands of it that formulas may name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vqanim.importers.deforum_values import number_of
from vqanim.importers.draft import Draft, path_of, quoted
from vqanim.importers.formulas import shortened
from vqanim.importers.values import number
from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES

FILTERS = "input_audio_filters"
SPLITS = ("input_audio_band_split_low_medium", "input_audio_band_split_medium_high")
LOWEST, HIGHEST = 20.0, 16_000.0
"""Hz."""
USUAL_SPLITS = (500.0, 3500.0)
MOST_BANDS = 16
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")


def put_sound(
    settings: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path
) -> frozenset[str]:
    """Write soundtrack and signals; gives the names that formulas may have. None without a song."""
    name = str(settings.get("input_audio", "")).strip(" '")
    keys = [key for key in settings if key.startswith("input_audio")]
    if not name:
        draft.take(*keys)
        return frozenset()
    path, why = path_of(name, folders, home)
    if path is None:
        draft.leave(keys, f"{shortened(name)}: {why}, then write soundtrack: song.mp3 and signals")
        return frozenset()
    start = max(0.0, number_of(settings, "input_audio_offset", 0.0))
    draft.put("soundtrack", f"{{file: {quoted(path)}, start: {number(start)}s}}", "input_audio")
    bands = dict(_bands(settings))
    if bands:
        shown = ", ".join(
            f"{key}: {{band: [{number(low)}, {number(high)}]}}" for key, (low, high) in bands.items()
        )
        draft.put("signals", f"{{{shown}}}", FILTERS if FILTERS in settings else "the bands of input_audio")
    draft.near(keys, "bands are filtered over the whole song, and 1 where each is loudest")
    return frozenset(bands)


def _bands(settings: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Names and their lowest and highest pitch in Hz: around centers, or what two borders divide."""
    filters = settings.get(FILTERS)
    if isinstance(filters, list):
        for one in filters[:MOST_BANDS]:
            name = str(one.get("variable_name", "")) if isinstance(one, Mapping) else ""
            if _NAME.fullmatch(name) and name not in {*VARIABLES, *CONSTANTS, *FUNCTIONS, *SIGNALS}:
                center, width = number_of(one, "f_center", 100), abs(number_of(one, "f_width", 50))
                low = min(max(center - width / 2, LOWEST), HIGHEST - 1)
                yield name, (low, min(max(center + width / 2, low + 1), HIGHEST))
        return
    low, high = (number_of(settings, key, usual) for key, usual in zip(SPLITS, USUAL_SPLITS, strict=True))
    low = min(max(low, LOWEST + 1), HIGHEST - 2)
    high = min(max(high, low + 1), HIGHEST - 1)
    yield "fLo", (LOWEST, low)
    yield "fMid", (low, high)
    yield "fHi", (high, HIGHEST)
