"""Manifests of Parseq: a file of its own, or the text of one in Deforum's `parseq_manifest`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import curves, deforum
from vqanim.importers.curves import Point
from vqanim.importers.draft import UNKNOWN, Draft, plain, quoted
from vqanim.importers.keyframes import rename
from vqanim.importers.manifests.frames import Frames
from vqanim.importers.manifests.merging import DEEP_FIELDS, SCHEDULES, Merged, manifest_in, merged, thinned
from vqanim.importers.reading import Settings, SettingsFile, settings_from
from vqanim.importers.recognition import Evidence, by_names
from vqanim.importers.schedules import Clock

READS = "a Parseq manifest"
INLINE = "Deforum settings with a Parseq manifest"
OWN = frozenset(
    """rendered_frames rendered_frames_meta managedFields displayedFields keyframes keyframeLock timeSeries
    reverseRender docId versionId""".split()
)
"""What only Parseq has."""
_KNOWN = frozenset("meta header options prompts timestamp changes name displayFields".split())
_EDITOR = "of Parseq's editor"
MAX_PROMPTS, MAX_KEYS = 1000, 12_000  # keyframes of all prompts
_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?)\s*"
_PART_WEIGHT = re.compile(rf"(?:\s:|:\s){_NUMBER}$", re.ASCII)
_TERM = re.compile(rf"\(([^():]+):{_NUMBER}\)", re.ASCII)


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only it has, or by a whole manifest in settings of Deforum."""
    if not isinstance(file.json, Mapping) or file.has_fields:
        return Evidence(0)
    if manifest_in(file.json, file.name) is not None:
        return Evidence(1000, "a whole manifest of Parseq in parseq_manifest")
    rows = file.json.get("keyframes")
    keyed = isinstance(rows, list) and any("frame" in row for row in rows if isinstance(row, Mapping))
    if not keyed and "rendered_frames" not in file.json:
        return Evidence(0)
    return by_names(file, "Parseq", OWN.__contains__, lambda name: name in OWN | _KNOWN)


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    data = settings_from(file.json, file, READS, OWN | {"parseq_manifest"})
    manifest = manifest_in(data, file.name)
    if manifest is not None:
        return _read_inline(data, manifest, file, scene_folder)
    found = merged({}, data, file.name)
    moves = (found.frames.fields.get(key, {}).values() for key in DEEP_FIELDS)
    found.settings["animation_mode"] = "3D" if any(any(values) for values in moves) else "2D"
    draft = _draft(found, file, scene_folder, READS)
    rename(draft, {target: key for key, target in SCHEDULES.items() if target != key} | _OPTIONS)
    _tell_fields(draft, found)
    draft.settings = Settings(data)
    draft.near("animation_mode", "not in a manifest: 3D where it moves in depth, else 2D")
    if "rendered_frames" in data and found.frames.rendered:
        draft.take("rendered_frames")
        draft.leave(
            data.given("keyframes", "prompts", "managedFields"), "rendered_frames say what comes of it"
        )
    draft.take("keyframes", "prompts", "managedFields", "options", "rendered_frames")
    draft.leave_others(lambda key: _EDITOR if key in OWN | _KNOWN else UNKNOWN)
    return draft


_OPTIONS = {"max_frames": "", "fps": "output_fps", "diffusion_cadence": "cadence", "animation_mode": ""}


def _read_inline(
    data: Settings, manifest: Mapping[str, Any], file: SettingsFile, scene_folder: Path
) -> Draft:
    found = merged(data, manifest, file.name)
    overridden = [key for key in found.overridden if key in data]
    if found.frames.prompts:
        given = ("prompts", "animation_prompts", *deforum.POSITIVE_KEYS, *deforum.NEGATIVE_KEYS)
        overridden += data.given(*given)
    key = "parseq_manifest" if "rendered_frames" in manifest else "fetched_parseq_manifest_summary"
    note = (key, f"frame by frame instead of {', '.join(overridden) or 'what Deforum has anyway'}")
    draft = _draft(found, file, scene_folder, INLINE, (note,))
    _tell_fields(draft, found)
    return draft


def _draft(
    found: Merged, file: SettingsFile, scene_folder: Path, source: str, notes: Iterable[tuple[str, str]] = ()
) -> Draft:
    frames = found.frames

    def put_texts(draft: Draft, clock: Clock) -> None:
        for key, differs in notes:
            draft.near(draft.settings.given(key), differs)
        draft.take("parseq_manifest", "parseq_use_deltas", "parseq_non_schedule_overrides")
        if frames.prompts:
            _put_prompts(draft, frames, clock)
        else:
            deforum.put_prompts(draft, clock)

    draft = deforum.draft_of(found.settings, file, scene_folder, source, put_texts)
    for key, differs in found.notes:
        draft.near(plain(key), differs)
    if not frames.rendered:
        draft.near("keyframes", "worked out here, as the manifest holds no rendered_frames")
    return draft


def _tell_fields(draft: Draft, found: Merged) -> None:
    """What became of the fields that are no schedules of Deforum."""
    others = [
        key for key in found.frames.fields if key not in SCHEDULES and not key.endswith(("_delta", "_pc"))
    ]
    weights = [key for key in others if key.startswith("prompt_weight_")]
    draft.near(weights, "stand in the weights of prompts")
    left = [plain(key)[:60] for key in others if key not in weights]
    draft.leave(left, "fields of Parseq for what is not here, or for its own formulas")


def _put_prompts(draft: Draft, frames: Frames, clock: Clock) -> None:
    """The prompts of all frames, with weights over time. Words in brackets whose weight changes are prompts
    of their own, as Deforum's `(words:`formula`)` are. Raises UsageError for too many."""
    texts = {frame: text for frame, text in frames.prompts.items() if frame < clock.frames}
    weights: dict[tuple[bool, str], set[str]] = {}
    for text in set(texts.values()):
        for piece, negative, _ in _pieces(text):
            for words, weight in _TERM.findall(piece):
                weights.setdefault((negative, words), set()).add(weight)
    varying = frozenset(key for key, found in weights.items() if len(found) > 1)
    spans: dict[tuple[str, bool], dict[int, float]] = {}
    for frame, text in texts.items():
        for words, negative, weight in _pulls(text, varying):
            span = spans.setdefault((words, negative), {})
            span[frame] = span.get(frame, 0.0) + weight
        if len(spans) > MAX_PROMPTS:
            raise UsageError(
                f"{draft.name}: found over {MAX_PROMPTS} prompts, allowed are at most {MAX_PROMPTS}"
            )
    for (words, negative), span in spans.items():
        factor = deforum.NEGATIVE if negative else 1.0
        values = {frame: span.get(frame, 0.0) * factor for frame in texts}
        draft.add_prompt({"text": quoted(words)}, _course(values, clock, max(MAX_KEYS // len(spans), 20)))
    if any(negative for _, negative in spans):
        draft.near("--neg", f"what stands behind it weighs {deforum.NEGATIVE:g}; try others")
    if varying:
        draft.near("(words:weight)", "words whose weight changes are prompts of their own")
    if weights.keys() - varying:
        draft.near("(words:1.3)", "words within a text cannot weigh more; the brackets are gone")
    if any(re.search(r"<\w{1,40}:[^<>]{0,500}>", text) for text in set(texts.values())):
        draft.leave("<lora:...>", "networks for Stable Diffusion")
    draft.take("prompts", "animation_prompts", *deforum.POSITIVE_KEYS, *deforum.NEGATIVE_KEYS)


def _course(values: Mapping[int, float], clock: Clock, most: int) -> curves.Curve:
    """A weight over time: steps where it holds for long, else straight lines. most: keyframes."""
    held, last = [], None
    for frame, value in sorted(values.items()):
        if value != last:
            held.append((frame, value))
        last = value
    allowed = 1e-3 * max(map(abs, values.values()))
    while len(lines := thinned(values, allowed)) > most:
        allowed *= 2
    step = len(held) <= len(lines)
    return curves.simplified(
        Point(clock.second(frame if place else 0), value, step)
        for place, (frame, value) in enumerate(held if step else lines)
    )


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[tuple[str, bool, float], ...]:
    """(text, whether it is one to keep away from, weight) of `a: 0.3 AND b: 0.7 --neg c: 0.3 AND d: 0.7`."""
    positive, *negatives = text.split("--neg")
    return (*_weighted(positive, negative=False), *_weighted(" ".join(negatives), negative=True))


def _weighted(text: str, *, negative: bool) -> Iterator[tuple[str, bool, float]]:
    for piece in re.split(" AND ", " ".join(text.split())):
        match = _PART_WEIGHT.search(piece)
        yield (piece[: match.start()], negative, float(match[1])) if match else (piece, negative, 1.0)


@lru_cache(maxsize=4096)
def _pulls(text: str, varying: frozenset[tuple[bool, str]]) -> tuple[tuple[str, bool, float], ...]:
    """Cleaned texts with their weights."""
    found = []
    for piece, negative, weight in _pieces(text):
        for words, strength in _TERM.findall(piece):
            if (negative, words) in varying:
                found.append((deforum.clean(words), negative, weight * float(strength)))
        rest = _TERM.sub(lambda match: " " if (negative, match[1]) in varying else match[0], piece)  # noqa: B023
        found.append((deforum.clean(rest), negative, weight))
    return tuple(pull for pull in found if pull[0])
