"""What a manifest of Parseq says of every frame: as it was rendered there, or worked out of its keyframes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.curves import Untranslatable
from vqanim.importers.manifests.language import Node, number_at, parse
from vqanim.importers.manifests.moment import Keyed, Moment
from vqanim.importers.schedules import MAX_FRAMES

MAX_KEYFRAMES, MAX_FIELDS, MAX_PROMPTS = 5000, 200, 1000
MAX_VALUES = 5_000_000  # that are computed of one manifest
DEFAULTS: Mapping[str, float] = {
    "seed": -1, "scale": 7, "noise": 0.08, "strength": 0.6, "contrast": 1, "zoom": 1, "translation_z": 10,
    "prompt_weight_1": 1, "prompt_weight_8": 1, "transform_center_x": 0.5, "transform_center_y": 0.5,
    "perspective_flip_fv": 50, "fov": 40, "near": 200, "far": 10_000, "antiblur_kernel": 5,
    "antiblur_sigma": 1, "antiblur_amount": 0.2,
}  # fmt: skip
"""Of Parseq's fields without a value in any keyframe; of the others it is 0."""
_EXPRESSION = re.compile(r"\$\{([^}]*)\}")


@dataclass
class Frames:
    """Values by field and frame, and the prompts."""

    count: int
    fields: dict[str, dict[int, float]] = field(default_factory=dict)
    prompts: dict[int, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)  # by field: why it is not as there
    rendered: bool = True  # by Parseq


def frames_of(manifest: Mapping[str, Any], name: str) -> Frames:
    """The frames of a manifest; its rendered frames where it has them. Raises UsageError."""
    rendered = manifest.get("rendered_frames")
    if isinstance(rendered, list) and rendered:
        return _rendered(rendered, name)
    return _Renderer(manifest, name).frames()


def number_of(value: Any) -> float | None:
    """A finite number, which may be written as a text."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _frame(row: Any, name: str) -> int | None:
    found = number_of(row.get("frame")) if isinstance(row, Mapping) else None
    if found is not None and not 0 <= found <= MAX_FRAMES:
        raise UsageError(f"{name}: a frame {found:g} of Parseq, allowed are 0 to {MAX_FRAMES}")
    return None if found is None else int(found)


def _rendered(rows: Sequence[Any], name: str) -> Frames:
    if len(rows) > MAX_FRAMES:
        raise UsageError(f"{name}: rendered_frames: found {len(rows)}, allowed are at most {MAX_FRAMES}")
    found = Frames(0)
    for row in rows:
        frame = _frame(row, name)
        if frame is None:
            continue
        found.count = max(found.count, frame + 1)
        for key, value in row.items():
            if key == "deforum_prompt":
                found.prompts[frame] = str(value)
            elif key != "frame" and (number := number_of(value)) is not None:
                found.fields.setdefault(str(key), {})[frame] = number
    if not found.count:
        raise UsageError(
            f"{name}: rendered_frames: none has a number of its frame; allowed is {{frame: 0, ...}}"
        )
    # As Deforum has it: what the first frame lacks is not Parseq's.
    first = min(set(found.prompts).union(*found.fields.values()), default=0)
    found.fields = {
        key: dict(sorted(values.items())) for key, values in found.fields.items() if first in values
    }
    found.prompts = dict(sorted(found.prompts.items()))
    return found


class _Renderer:
    """Keyframes and their formulas, frame by frame."""

    def __init__(self, manifest: Mapping[str, Any], name: str) -> None:
        options = manifest.get("options")
        options = options if isinstance(options, Mapping) else {}
        self.name, self._prompts = name, manifest.get("prompts")
        self.fps = max(number_of(options.get("output_fps")) or 20.0, 0.1)
        self.bpm = max(number_of(options.get("bpm")) or 140.0, 1.0)
        self.cadence = max(number_of(options.get("cadence")) or 1.0, 1.0)
        given = manifest.get("keyframes")
        rows = {
            frame: row
            for row in (given if isinstance(given, list) else [])
            if (frame := _frame(row, name)) is not None
        }
        if not rows:
            found = "rendered_frames, and no keyframes with a frame"
            raise UsageError(
                f"{name}: a manifest of Parseq without {found}; render it there and save it again"
            )
        if len(rows) > MAX_KEYFRAMES:
            raise UsageError(f"{name}: keyframes: found {len(rows)}, allowed are at most {MAX_KEYFRAMES}")
        self._rows: dict[int, Mapping[str, Any]] = dict(sorted(rows.items()))
        self.first, self.last = min(rows), max(rows)
        managed = manifest.get("managedFields")
        names = managed if isinstance(managed, list) else _values_in(self._rows.values())
        self._fields = list(dict.fromkeys(map(str, names)))[:MAX_FIELDS]
        if len(self._fields) * (self.last + 1) > MAX_VALUES:
            raise UsageError(f"{name}: {len(self._fields)} fields of {self.last + 1} frames are too many")

    def frames(self) -> Frames:
        """All fields, and with them the prompts."""
        found = Frames(self.last + 1, rendered=False)
        for key in self._fields:
            keyed = self._keyed(key)
            try:
                found.fields[key] = self._course(key, keyed)
            except Untranslatable as error:
                found.troubles[key] = str(error)
                frames = range(self.first, self.last + 1)
                found.fields[key] = {frame: keyed.linear(frame) for frame in frames}
        try:
            found.prompts = dict(self._texts(found.fields))
        except Untranslatable as error:
            found.troubles["prompts"] = str(error)
        return found

    def _keyed(self, key: str) -> Keyed:
        values = {
            frame: number
            for frame, row in self._rows.items()
            if (number := number_of(row.get(key))) is not None
        }
        spread = list(values.values()) or [DEFAULTS.get(key, 0.0)]
        values = {self.first: spread[0], self.last: spread[-1], **values}
        return Keyed(*map(tuple, zip(*sorted(values.items()), strict=True)))

    def _course(self, key: str, keyed: Keyed) -> dict[int, float]:
        """The values at all frames; a formula holds until the next one."""
        node: Node = parse("L")
        computed: list[float] = []
        for frame in range(self.first, self.last + 1):
            if text := str((self._rows.get(frame) or {}).get(f"{key}_i") or "").strip():
                node = parse(text)
            computed.append(number_at(node, self._moment(frame, keyed, computed)))
        return dict(enumerate(computed, self.first))

    def _moment(
        self,
        frame: int,
        keyed: Keyed,
        computed: Sequence[float] = (),
        fields: Mapping[str, float] | None = None,
    ) -> Moment:
        return Moment(frame, keyed, self.fps, self.bpm, self.last, self.cadence, computed, fields)

    def _texts(self, fields: Mapping[str, Mapping[int, float]]) -> Iterator[tuple[int, str]]:
        """The prompts of all frames, composed as Parseq does for Deforum."""
        prompts = _listed(self._prompts, self.last)
        if len(prompts) > MAX_PROMPTS:
            raise UsageError(f"{self.name}: prompts: found {len(prompts)}, allowed are at most {MAX_PROMPTS}")
        keyed = Keyed((self.first, self.last + 1), (0.0, 0.0))
        for frame in range(self.first, self.last + 1) if prompts else ():
            at = self._moment(frame, keyed, fields={key: values[frame] for key, values in fields.items()})
            active = [prompt for prompt in prompts if prompt.begin <= frame <= prompt.end]
            weights = [_filled(prompt.weight(frame), at) for prompt in active]
            many = len(active) > 1
            sides = []
            for texts in ([prompt.positive for prompt in active], [prompt.negative for prompt in active]):
                filled = (_filled(text, at) for text in texts)
                parts = [
                    f"{text}: {weight}" if many else text
                    for text, weight in zip(filled, weights, strict=True)
                ]
                sides.append(" AND ".join(parts))
            yield frame, f"{sides[0]} --neg {sides[1]}" if sides[1].strip() else sides[0]


def _values_in(rows: Any) -> list[str]:
    """Fields that have a number in a keyframe."""
    return [
        key for row in rows for key, value in row.items() if key != "frame" and number_of(value) is not None
    ]


def _filled(text: str, at: Moment) -> str:
    """A text with the values of its `${...}`."""

    def value(match: re.Match[str]) -> str:
        found = parse(match[1])(at)
        return found if isinstance(found, str) else f"{found:.5f}"

    try:
        return " ".join(_EXPRESSION.sub(value, text).split())
    except (ArithmeticError, ValueError) as error:
        raise Untranslatable(str(error)) from None


@dataclass(frozen=True)
class _Prompt:
    """A text between two frames, which may fade in and out."""

    positive: str
    negative: str
    begin: int
    end: int
    kind: str  # of the overlap: none, linear, custom
    custom: str
    fade_in: float
    fade_out: float

    def weight(self, frame: int) -> str:
        """As Parseq writes it; an expression where it is one."""
        if self.kind == "custom":
            return f"${{{self.custom}}}"
        if self.kind == "linear" and frame < self.begin + self.fade_in:
            return f"{(frame - self.begin) / self.fade_in:.4g}"
        if self.kind == "linear" and frame > self.end - self.fade_out:
            return f"{1 - (frame - self.end + self.fade_out) / self.fade_out:.4g}"
        return "1"


def _listed(prompts: Any, last: int) -> list[_Prompt]:
    """The prompts of all three formats: one pair of texts, a list, and a list with a common part."""
    if isinstance(prompts, Mapping) and prompts.get("enabled") is False:
        return []
    common: Mapping[str, Any] = {}
    place, given = "append", prompts
    if isinstance(prompts, Mapping) and isinstance(prompts.get("promptList"), list):
        given, place = prompts["promptList"], str(prompts.get("commonPromptPos") or "append")
        common = prompts["commonPrompt"] if isinstance(prompts.get("commonPrompt"), Mapping) else {}
    elif isinstance(prompts, Mapping):
        given = [{**prompts, "allFrames": True}]
    elif not isinstance(prompts, list):
        given = []
    return [
        _prompt(prompt, common, place, last)
        for prompt in given
        if isinstance(prompt, Mapping) and prompt.get("enabled") is not False
    ]


def _prompt(given: Mapping[str, Any], common: Mapping[str, Any], place: str, last: int) -> _Prompt:
    overlap = given.get("overlap")
    overlap = overlap if isinstance(overlap, Mapping) else {}
    whole = bool(given.get("allFrames", "from" not in given))
    begin = 0 if whole else int(number_of(given.get("from")) or 0)
    end = last if whole else int(number_of(given.get("to")) or 0)
    positive, negative = (
        _joined(str(given.get(side) or ""), str(common.get(side) or ""), place)
        for side in ("positive", "negative")
    )
    return _Prompt(
        positive,
        negative,
        begin,
        end,
        str(overlap.get("type") or "none"),
        str(overlap.get("custom") or "1"),
        max(number_of(overlap.get("inFrames")) or 0.0, 0.0),
        max(number_of(overlap.get("outFrames")) or 0.0, 0.0),
    )


def _joined(text: str, common: str, place: str) -> str:
    if place == "template":
        return common.replace("[prompt]", text) if common.strip() else text
    return " ".join([common, text] if place == "prepend" else [text, common]).strip()
