"""A scene while it is written, and what became of everything that was given.

Every key of the settings has a fate: taken over, close (with a word on what differs), or left out (with a
word on what there is instead). Nothing disappears silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.clock import Clock, frames_text
from vqanim.importers.curves import (
    Curve,
    Formula,
    Keys,
    Untranslatable,
    constant_of,
    number,
    shortened,
    to_yaml,
)
from vqanim.importers.layout import MAX_TEXT, Field, comment, lines_of, plain, quoted
from vqanim.importers.reading import Settings
from vqanim.importers.sampling import FAR, KEYFRAMED, NEAR, frame_values, held, is_late, keyframes, says
from vqanim.scene.fields.prompts import MAX_PROMPTS

__all__ = ["AT_REST", "LIMITS", "UNKNOWN", "Draft", "Fate", "Field", "Note", "plain", "quoted"]

MAX_KEY = 60  # characters of an unknown key
MAX_NAMED = 1000  # keys that a comment names
ORDER = (
    "title size fps duration seed kind pace models style start soundtrack signals prompts camera carry "
    "guidance output"
).split()
"""Of the keys of a scene."""
NEEDED = frozenset(("size", "fps", "duration"))  # without these there is no film
DEFAULTS = {"camera.zoom": 1.0, "camera.fov": 60.0, "camera.center.x": 0.5, "camera.center.y": 0.5}
"""Of a scene's camera; its other curves are 0."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "camera.zoom": (1e-3, 1e3),
    "camera.pan.x": (-500, 500),
    "camera.pan.y": (-500, 500),
    **dict.fromkeys(("camera.rotate", "camera.yaw", "camera.tilt"), (-1e6, 1e6)),
    **dict.fromkeys(("camera.center.x", "camera.center.y"), (-1000, 1000)),
    "camera.fov": (5, 150),
    "carry.noise": (0, 1),
    "carry.sharpen": (0, 1),
    "guidance.steps": (0, 100),
}
"""Of curves: what a scene may have, or a film survives."""
FACTORS = frozenset(("camera.zoom",))  # curves that multiply
ALL_KEYS = 18_000
"""Keyframes of a scene, which may have 50,000 values in all."""
AT_REST = "off, empty or without effect in these settings"
UNKNOWN = "not known here"

Fate = Literal["taken", "close", "left"]


@dataclass(frozen=True)
class Note:
    """What became of some keys of the settings."""

    fate: Fate
    keys: tuple[str, ...]
    message: str = ""


@dataclass(frozen=True)
class _Sampled:
    """Keyframes of a draft, which may be too many."""

    values: NDArray[np.float64]  # at every frame
    where: dict[str, Field]
    key: str
    what: str  # for messages
    indent: str
    count: int


@dataclass
class Draft:
    """A scene in the making."""

    source: str  # what was read, as in `Deforum settings`
    name: str  # the file, or the words `a command line`
    settings: Settings
    folders: tuple[Path, ...]  # where the files may lie that the settings name; the last is the scene's
    fields: dict[str, Field] = field(default_factory=dict)  # by path, as in `camera.zoom`
    prompts: list[dict[str, Field]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    dropped: list[tuple[str, Field, str]] = field(default_factory=list)
    """(path, value, reason) of what the scene language refused."""
    signals: frozenset[str] = frozenset()
    """Names that formulas may have besides `t`, because the scene takes them from its soundtrack."""
    hint: str = ""  # a further line for the summary
    recognized_by: str = ""  # what gave the tool away; nothing where it was named
    clock: Clock | None = None  # the film's frames, as soon as they are known
    _sampled: dict[tuple[int, str], _Sampled] = field(default_factory=dict)

    def put(self, path: str, value: str | Curve, origin: str = "") -> None:
        """Set a value; a text is YAML already."""
        if not isinstance(value, str):
            value = self._kept(value, path, origin)
            value = self._yaml(value, self.fields, path, path, "  " * path.count("."))
        self.fields[path] = Field(value, origin)

    def put_seed(self, seed: int, key: str, origin: str = "") -> None:
        """Set the seed, of which a scene has 63 bits."""
        self.put("seed", str(seed % 2**63), origin or key)
        if seed >= 2**63:
            self.near(key, f"{seed}: a scene has seeds below 2 to the power of 63: {seed % 2**63}")

    def put_curve(self, path: str, curve: Curve, origin: str = "") -> None:
        """Set a curve of the camera unless it is what a scene has anyway."""
        if constant_of(curve) != DEFAULTS.get(path, 0.0):
            self.put(path, curve, origin)

    def put_values(
        self, path: str, values: NDArray[np.float64], origin: str = "", readable: Curve | None = None
    ) -> None:
        """Set a curve by its values at every frame [frames], kept within what a scene allows, which is told.
        readable: the same for people, written where it says the same; else keyframes are."""
        kept = self._kept_values(values, path, origin)
        if np.ptp(kept) <= 1e-12 * np.abs(kept).max():
            self.put_curve(path, float(kept[0]), origin)
        elif path in FACTORS and self.clock is not None and is_late(kept, self.clock):
            curve = held(kept, readable, self.clock)
            if isinstance(readable, Formula) and not isinstance(curve, Formula):
                self._note_keyframes(origin.partition(":")[0] or path)
            self.put_curve(path, curve, origin)
        elif readable is not None and self.clock is not None and says(readable, kept, self.clock):
            self.put_curve(path, readable, origin)
        else:
            assert self.clock is not None
            if isinstance(readable, Formula):
                self._note_keyframes(origin.partition(":")[0] or path)
            self.put_curve(path, keyframes(kept, self.clock, factors=path in FACTORS)[0], origin)

    def _kept(self, curve: Curve, path: str, origin: str) -> Curve:
        """A curve within what a scene allows."""
        if self.clock is None or path not in LIMITS:
            return curve
        try:
            values = frame_values(curve, self.clock)
        except Untranslatable:  # of signals, whose values are heard later
            return curve
        known = np.flatnonzero(np.isfinite(values))
        if not known.size:
            return curve
        full = np.interp(np.arange(len(values)), known, values[known])
        kept = self._kept_values(full, path, origin)
        if known.size == len(values) and np.array_equal(kept, full):
            return curve
        return keyframes(kept, self.clock, factors=path in FACTORS)[0]

    def _kept_values(self, values: NDArray[np.float64], path: str, origin: str) -> NDArray[np.float64]:
        low, high = LIMITS.get(path, (-np.inf, np.inf))
        kept = np.clip(np.nan_to_num(values, nan=DEFAULTS.get(path, 0.0)), low, high)
        beyond = ~(np.abs(kept - values) <= 1e-9 * np.abs(kept))
        key = origin.partition(":")[0] or path
        self.tell(key, beyond, f"{path} is kept within {number(low)} to {number(high)}")
        return kept

    def tell(self, keys: str | Sequence[str], where: NDArray[np.bool_], message: str) -> None:
        """Say of these keys what is different at some frames, if there are any. where: bool [frames]."""
        if where.any():
            self.near(keys, f"at {frames_text(np.flatnonzero(where).tolist())}: {message}")

    def _yaml(self, curve: Curve, where: dict[str, Field], key: str, what: str, indent: str) -> str:
        """A curve as a scene may have it: keyframes for an expression that it would refuse."""
        self._sampled.pop((id(where), key), None)
        if self.clock is None:
            return to_yaml(curve, indent)
        if isinstance(curve, Formula):
            with suppress(Untranslatable):
                values = frame_values(curve, self.clock)
                known = np.flatnonzero(np.isfinite(values))
                if known.size and not says(curve, values, self.clock):
                    values = np.interp(np.arange(len(values)), known, values[known])
                    curve, _ = keyframes(values, self.clock, factors=what in FACTORS)
                    self._note_keyframes(what)
        if isinstance(curve, Keys):
            values = frame_values(curve, self.clock)
            self._sampled[id(where), key] = _Sampled(values, where, key, what, indent, len(curve.points))
        return to_yaml(curve, indent)

    def _note_keyframes(self, key: str) -> None:
        """Say once that keyframes stand for a formula."""
        if not any(key in note.keys and KEYFRAMED in note.message for note in self.notes):
            self.near(key, KEYFRAMED)

    def _fit(self) -> None:
        """Take fewer keyframes where there are more than a scene may have; what is far then is told."""
        clock, tolerance, drawn = self.clock, NEAR, list(self._sampled.values())
        count = sum(sampled.count for sampled in drawn)
        if clock is None or count <= ALL_KEYS:
            return
        while count > ALL_KEYS:
            tolerance *= 1.5
            found = [keyframes(s.values, clock, tolerance, factors=s.what in FACTORS) for s in drawn]
            counts = [len(curve.points) if isinstance(curve, Keys) else 0 for curve, _ in found]
            count = sum(counts)
        for sampled, (curve, off), number_of_keys in zip(drawn, found, counts, strict=True):
            if sampled.key in sampled.where:
                shown = to_yaml(curve, sampled.indent)
                sampled.where[sampled.key] = replace(sampled.where[sampled.key], yaml=shown)
            if off > FAR:
                told = (
                    f"a scene has no room for more than {number_of_keys} keyframes of {clock.frames} frames"
                )
                self.near(sampled.what, f"{told}: off by up to {off:.1%}")
        self._sampled.clear()

    def put_models(self, generator: str, *perceptors: str) -> None:
        """Set large models."""
        shown = perceptors[0] if len(perceptors) == 1 else f"[{', '.join(perceptors)}]"
        origin = "fetched with the first render; for a quick look: --models pocket"
        self.put("models", f"{{generator: {generator}, perceptor: {shown}}}", origin)

    def add_prompt(
        self, target: Mapping[str, str], weight: Curve = 1.0, stop: float | None = None
    ) -> dict[str, Field]:
        """Add a prompt and return its fields. target: what it shows and where, as YAML. stop: how similar is
        enough; of what is pushed away, how far, so that its sign does not matter."""
        fields = {key: Field(self._short(yaml) if key == "text" else yaml) for key, yaml in target.items()}
        if constant_of(weight) != 1.0:
            self._note_ratio(target.get("text", ""), weight)
            what = next(iter(target.values()), "")[:MAX_KEY]
            fields["weight"] = Field(self._yaml(weight, fields, "weight", f"{what}: weight", "      "))
        if stop:
            fields["stop"] = Field(number(min(abs(stop), 10)))
        self.prompts.append(fields)
        return fields

    def _note_ratio(self, yaml: str, weight: Curve) -> None:
        """Say of `16:9`, of which the tools take a part for a weight, how it stays in the text."""
        points = weight.points if isinstance(weight, Keys) else ()
        numbers = {constant_of(weight)} if isinstance(weight, float | int) else {p.value for p in points}
        number_ = max((value for value in numbers if value), default=0.0)
        if re.search(r"\d'$", yaml) and number_ >= 2 and number_ == int(number_):
            read = (
                f"of {shortened(f'{yaml[1:-1]}:{number_:g}')} the number behind the colon is a weight there"
            )
            self.near("prompts", f"{read}; where it belongs to the text, write it into text, with weight: 1")

    def _short(self, yaml: str) -> str:
        """A text in quotes that a scene may have; what is cut off is told, once."""
        text = yaml[1:-1].replace("''", "'")
        if len(text) <= MAX_TEXT:
            return yaml
        told = f"of a text longer than {MAX_TEXT} characters the rest is left out; models read far less of it"
        if not any(note.message == told for note in self.notes):
            self.near("prompts", told)
        return quoted(text[:MAX_TEXT])

    def take(self, *keys: str) -> None:
        """Those of these keys that are there and have no fate yet say the same here."""
        known = self.known
        given = (plain(key) for key in self.settings.given(*keys) if key not in known)
        self.notes.append(Note("taken", tuple(given)))

    def near(self, keys: str | Sequence[str], message: str) -> None:
        """These keys are close here; the message names the difference."""
        self._note("close", keys, message)

    def leave(self, keys: str | Sequence[str], message: str) -> None:
        """These keys have no equal; the message names what there is instead, once for all that share it."""
        self._note("left", keys, message)

    def refuse(self, key: str, reason: str) -> None:
        """The value of this key has no equal."""
        self.leave(key, f"{shortened(self.settings.word(key))}: {reason}")

    def leave_prompts(self, first: str, count: int) -> None:
        """So many texts, from the first of them on, have no room in a scene."""
        what = f"{count} texts, from {shortened(first)}" if count > 1 else shortened(first)
        self.leave("prompts", f"{what}: a scene has at most {MAX_PROMPTS} prompts")

    def leave_others(self, message_of: Callable[[str], str]) -> None:
        """Leave out all keys without a fate; what is at rest comes last."""
        known = self.known
        keys: dict[str, list[str]] = {}
        for key in self.settings:
            if key not in known:
                keys.setdefault(message_of(key), []).append(plain(key)[:MAX_KEY])
        for message in sorted(keys, key=lambda message: message == AT_REST):
            self.leave(keys[message], message)

    def _note(self, fate: Fate, keys: str | Sequence[str], message: str) -> None:
        """Strangers wrote these texts, and a terminal obeys some characters."""
        named = tuple(map(plain, (keys,) if isinstance(keys, str) else keys))
        message = plain(message)
        for place, note in enumerate(self.notes):
            if fate == "left" and (note.fate, note.message) == (fate, message):
                self.notes[place] = replace(note, keys=note.keys + named)
                return
        if named:
            self.notes.append(Note(fate, named, message))

    @property
    def known(self) -> frozenset[str]:
        """All keys that have a fate."""
        return frozenset(key for note in self.notes for key in note.keys)

    def find(self, name: str) -> tuple[str | None, str]:
        """How the scene names a file, or None and the reason why it cannot. A scene names files in its own
        folder only, see SECURITY.md."""
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
            return None, "an address; fetch it yourself and put it beside the scene"
        try:
            found = next((folder / name for folder in self.folders if (folder / name).is_file()), None)
        except (OSError, ValueError):
            found = None
        if found is None:
            return None, "there is no such file; put it beside the scene"
        real, home = found.resolve(), self.folders[-1].resolve()
        if not real.is_relative_to(home):
            return None, "lies outside the scene's folder; copy it beside the scene"
        return real.relative_to(home).as_posix(), ""

    def file(self, name: str, keys: str | Sequence[str], then: str = "") -> str | None:
        """A file in quotes, as the scene names it; else None, and its keys are left out. then: what to write
        once the file is there."""
        path, reason = self.find(name)
        if path is None:
            self.leave(keys, f"{shortened(name)}: {reason}" + (f", then write {then}" if then else ""))
            return None
        return quoted(path)

    def drop(self, path: str, reason: str) -> bool:
        """Take back what the scene language refuses at `prompts[2].weight`; False where nothing is."""
        if match := re.match(r"prompts\[(\d+)\](?:\.(\w+))?", path):
            index, key = int(match[1]), match[2] or ""
            if index >= len(self.prompts):
                return False
            if key in ("weight", "stop", "inside", "outside") and key in self.prompts[index]:
                self.dropped.append((f"prompts[{index}].{key}", self.prompts[index].pop(key), reason))
            else:
                text = ", ".join(f"{name}: {value.yaml}" for name, value in self.prompts.pop(index).items())
                self.dropped.append(("prompts", Field(text), reason))
            return True
        if path == "prompts" and len(self.prompts) > MAX_PROMPTS:
            first = next(iter(self.prompts[MAX_PROMPTS].values()))
            self.leave_prompts(first.yaml.strip("'"), len(self.prompts) - MAX_PROMPTS)
            del self.prompts[MAX_PROMPTS:]
            return True
        known = [key for key in self.fields if path not in NEEDED]
        inside = [key for key in known if path == key or path.startswith((f"{key}.", f"{key}["))]
        inside = inside or [key for key in known if key.startswith(f"{path}.")]
        for key in inside:
            self.dropped.append((key, self.fields.pop(key), reason))
        return bool(inside)

    def text(self, scene: str) -> str:
        """The scene file, which will be called `scene`."""
        self._fit()
        lines = [
            "# yaml-language-server: $schema=vqanim.schema.json",
            f"# From {self.source} ({plain(Path(self.name).name)}), written by vqanim import.",
            f"# First look at the camera:  vqanim preview {plain(scene)}",
            *self._listed("close", "#", "# Close, but not the same:"),
            *("", "vqanim: 1", *lines_of(self._tree())),
            *(("", "# Not possible here:") if self.dropped else ()),
        ]
        for path, value, reason in self.dropped:
            lines += comment(f"{path}: {value.yaml}", reason)
        lines += self._listed("left", "", "# Left out, because there is nothing like it here:")
        return "\n".join(lines) + "\n"

    def _tree(self) -> dict[str, Any]:
        """The fields in the order of a scene, as mappings in mappings."""
        tree: dict[str, Any] = {}
        values = self.fields | ({"prompts": self.prompts} if self.prompts else {})
        for path in sorted(values, key=lambda path: ORDER.index(path.partition(".")[0])):
            *parents, last = path.split(".")
            inside = tree
            for parent in parents:
                inside = inside.setdefault(parent, {})
            inside[last] = values[path]
        return tree

    def _listed(self, fate: Fate, *title: str) -> Iterator[str]:
        notes = [note for note in self.notes if note.fate == fate]
        yield from title if notes else ()
        for note in notes:
            more = len(note.keys) - MAX_NAMED
            named = ", ".join(note.keys[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
            yield from comment(named, note.message)
