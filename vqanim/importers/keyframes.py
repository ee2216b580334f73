"""What the notebooks before Deforum have in common: keyframes that are numbers, and Deforum's camera.

The rule (get_inbetweens of VQGAN-CLIP-animations and of Disco Diffusion): straight lines between keys; the
first value stands before the first key. The last frame has the value of the last key, also where that lies
behind it: so the last line is shorter and steeper than what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import curves
from vqanim.importers.curves import Curve, Point, Untranslatable
from vqanim.importers.deforum_camera import put_camera
from vqanim.importers.draft import Draft
from vqanim.importers.reading import Settings
from vqanim.importers.schedules import Clock, number_in

MOVES = "angle zoom translation_x translation_y".split()
MAX_KEYS = 100_000
_KEY = re.compile(r"['\"]?(\d{1,9})['\"]?\s*:\s*\(?([^,:()]*)\)?", re.ASCII)
DEEP_MOVES = "translation_x translation_y translation_z rotation_3d_x rotation_3d_y rotation_3d_z".split()


@dataclass(frozen=True)
class Pull:
    """A prompt of one frame."""

    target: tuple[tuple[str, str], ...]  # what it shows, as YAML by key
    weight: float = 1.0
    stop: float | None = None


def numbers_of(value: Any, clock: Clock) -> dict[int, float]:
    """Numbers by frame, ascending, none of them behind the last frame. Raises Untranslatable, UsageError."""
    found: dict[int, float] = {}
    for frame, text in sorted(_keys(value).items()):
        number = number_in(text)
        if number is None or not text.strip():
            raise Untranslatable(f"{curves.shortened(text)} at frame {frame} is no number")
        found[frame] = number
    last = clock.frames - 1
    kept = {frame: number for frame, number in found.items() if frame <= last}
    return {**kept, last: found[max(found)]} if max(found) > last else kept


def _keys(value: Any) -> dict[int, str]:
    """What is written for each frame."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Mapping):
        raise Untranslatable(f"{curves.shortened(str(value))} is no schedule")
    if isinstance(value, Mapping):
        value = ", ".join(f"{frame}: {number}" for frame, number in value.items())
    text = str(value).strip().strip("{}")
    if text and number_in(text) is not None:
        return {0: text}
    keys = {int(frame): number for frame, number in _KEY.findall(text)}
    if not keys or _KEY.sub("", text).strip(" ,;\n\t"):
        found = curves.shortened(text)
        raise Untranslatable(f"{found} cannot be read: allowed is `0: (1.02), 30: (1.05)`")
    if len(keys) > MAX_KEYS:
        raise UsageError(f"a schedule has {len(keys)} keyframes, allowed are at most {MAX_KEYS}")
    return keys


def curve_over(value: Any, clock: Clock) -> Curve:
    """Keyframes as numbers over time. Raises Untranslatable, UsageError."""
    numbers = numbers_of(value, clock)
    return curves.simplified(Point(clock.second(frame), number) for frame, number in numbers.items())


def put_moves(
    draft: Draft, clock: Clock, mode: str, given: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Write the camera as Deforum's, which has the same formulas. given: further settings of Deforum. names:
    those of the tool for those of Deforum; none for what it has no setting for."""
    settings = draft.settings
    moves: dict[str, Any] = {}
    for key in MOVES if mode == "2D" else DEEP_MOVES:
        if settings.get(key) in (None, ""):
            continue
        try:
            moves[key] = numbers_of(settings[key], clock)
        except Untranslatable as error:
            draft.refuse(key, str(error))
    draft.settings = Settings({**moves, **given, "animation_mode": mode})
    put_camera(draft, clock)
    draft.settings = settings
    rename(draft, {key: name if name in settings else "" for key, name in names.items()})


def rename(draft: Draft, names: Mapping[str, str]) -> None:
    """Tell what became of settings by the names that they have in the file."""
    for place, note in enumerate(draft.notes):
        keys = dict.fromkeys(names.get(key, key) for key in note.keys)
        draft.notes[place] = replace(note, keys=tuple(key for key in keys if key))
    draft.notes = [note for note in draft.notes if note.keys]
    words = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    for path, written in draft.fields.items():
        origin = words.sub(lambda match: names[match[1]] or match[1], written.origin)
        draft.fields[path] = replace(written, origin=origin)


def put_pulls(draft: Draft, frames: Mapping[int, Iterable[Pull]], clock: Clock) -> None:
    """Write prompts that hold from their frame to the next one; the first of them stand before it too."""
    edges = sorted(frame for frame in frames if frame < clock.frames) or sorted(frames)[:1]
    spans: dict[tuple[tuple[tuple[str, str], ...], float | None], dict[int, float]] = {}
    for frame in edges:
        for pull in frames[frame]:
            weights = spans.setdefault((pull.target, pull.stop), {})
            weights[frame] = weights.get(frame, 0.0) + pull.weight
    for (target, stop), weights in spans.items():
        points = [
            Point(clock.second(edge if place else 0), weights.get(edge, 0.0), step=True)
            for place, edge in enumerate(edges)
        ]
        draft.add_prompt(dict(target), curves.simplified(points), stop)
