"""A manifest of Parseq as settings of Deforum, which it overrides frame by frame.

Parseq's values are places, Deforum's are steps from one frame to the next; so a manifest brings both, and
the steps have `_delta` behind their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.manifests.frames import Frames, frames_of, number_of
from vqanim.importers.reading import Settings

STEPPED = frozenset(
    """angle zoom translation_x translation_y translation_z rotation_3d_x rotation_3d_y rotation_3d_z
    perspective_flip_theta perspective_flip_phi perspective_flip_gamma""".split()
)
"""Fields that move the picture."""
DEEP_FIELDS = ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
SCHEDULES: Mapping[str, str] = {
    "scale": "cfg_scale_schedule",
    "antiblur_kernel": "kernel_schedule",
    "antiblur_sigma": "sigma_schedule",
    "antiblur_amount": "amount_schedule",
    "antiblur_threshold": "threshold_schedule",
    **{name: f"{name}_schedule" for name in "noise strength contrast seed fov near far".split()},
    **{name: f"{name}_schedule" for name in "subseed subseed_strength noise_multiplier clipskip".split()},
    **{name: name for name in ("transform_center_x", "transform_center_y", "perspective_flip_fv")},
    **{name: name for name in STEPPED},
}
"""Deforum's names of Parseq's fields."""
NEAR = 2e-4  # how far a value may be from the line between two keys, as a part of all that the curve spans
_DERIVED = re.compile(r".*_(?:delta|pc)")


@dataclass
class Merged:
    """Settings with a manifest in them."""

    settings: Settings
    frames: Frames
    overridden: list[str] = field(default_factory=list)  # Deforum's names
    notes: list[tuple[str, str]] = field(default_factory=list)  # (field, what differs)


def manifest_in(settings: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The manifest that stands in settings of Deforum; None for none, and for an address alone, of which
    Deforum keeps the keyframes besides. Raises UsageError for one that is cut."""
    value = settings.get("parseq_manifest")
    if isinstance(value, str) and value.strip() and not value.strip().startswith("{"):
        value = settings.get("fetched_parseq_manifest_summary")
    if isinstance(value, str) and value.strip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise UsageError(
                f"{name}: parseq_manifest: this is no whole JSON; copy the manifest again"
            ) from None
    return value if isinstance(value, Mapping) and value else None


def merged(settings: Mapping[str, Any], manifest: Mapping[str, Any], name: str) -> Merged:
    """Settings of Deforum with what a manifest says instead. Raises UsageError."""
    frames = frames_of(manifest, name)
    found = Merged(Settings(settings), frames)
    found.notes += [
        (key, f"{trouble}; straight lines lead from key to key") for key, trouble in frames.troubles.items()
    ]
    for target, value in _options(settings, manifest, frames):
        found.settings[target] = value
        found.overridden.append(target)
    steps = str(settings.get("parseq_use_deltas", True)).lower() not in ("false", "0", "no")
    for key, values in frames.fields.items():
        if _DERIVED.fullmatch(key):
            continue
        if key not in SCHEDULES:
            continue
        target = SCHEDULES[key]
        if key in STEPPED and steps:
            values = _steps(found, key, values)
        allowed = NEAR * (max(values.values()) - min(values.values()))
        found.settings[target] = {frame: _digits(value) for frame, value in thinned(values, allowed)}
        found.overridden.append(target)
    return found


def _options(
    settings: Mapping[str, Any], manifest: Mapping[str, Any], frames: Frames
) -> Iterator[tuple[str, Any]]:
    """The frame rate, the length and the cadence, unless Deforum's are to hold."""
    if str(settings.get("parseq_non_schedule_overrides", True)).lower() in ("false", "0", "no"):
        return
    options = manifest.get("options")
    options = options if isinstance(options, Mapping) else {}
    yield "max_frames", frames.count
    for key, target in (("output_fps", "fps"), ("cadence", "diffusion_cadence")):
        if number_of(options.get(key)):
            yield target, options[key]


def _steps(found: Merged, key: str, values: Mapping[int, float]) -> dict[int, float]:
    """From frame to frame; nothing moves the first one, which so has what the second has."""
    given = found.frames.fields.get(f"{key}_delta")
    rest = 1.0 if key == "zoom" else 0.0
    if given is None and found.frames.rendered:
        found.notes.append((key, f"no {key}_delta in rendered_frames: taken as steps from frame to frame"))
        return dict(values)
    if given is None:
        frames = sorted(values)
        given = {after: rest + values[after] - values[before] for before, after in pairwise(frames)}
        given[frames[0]] = rest
    first, *others = sorted(given)
    return {**given, first: given[others[0]]} if others else {first: rest}


def _digits(value: float) -> str:
    """A number without an exponent."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def thinned(values: Mapping[int, float], allowed: float) -> list[tuple[int, float]]:
    """Values by frame without those on the line between others, in one pass. allowed: how far off they may
    lie."""
    items = sorted(values.items())
    kept, low, high = [items[0]], float("-inf"), float("inf")
    for place, (frame, value) in enumerate(items[1:], 1):
        begin, start = kept[-1]
        width = frame - begin
        slope = (value - start) / width
        if not low <= slope <= high:
            kept.append(items[place - 1])
            begin, start = kept[-1]
            width = frame - begin
            slope, low, high = (value - start) / width, float("-inf"), float("inf")
        low, high = max(low, slope - allowed / width), min(high, slope + allowed / width)
    if kept[-1] != items[-1]:
        kept.append(items[-1])
    return kept
