"""A scene while it is written, and what became of everything that was given.

Every key of the settings has a fate: taken over, close (with a word on what differs), or left out (with a
word on what there is instead). Nothing disappears silently.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from vqanim.importers.curves import Curve, constant_of, number, shortened, to_yaml
from vqanim.importers.reading import Settings

WIDTH = 108  # columns of a comment
MAX_TEXT = 1000  # characters of a prompt
MAX_KEY = 60  # characters of an unknown key
ORDER = (
    "title size fps duration seed kind pace models style start soundtrack signals prompts camera carry "
    "guidance output"
).split()
"""Of the keys of a scene."""
NEEDED = frozenset(("size", "fps", "duration"))  # without these there is no film
DEFAULTS = {"camera.zoom": 1.0, "camera.fov": 60.0, "camera.center.x": 0.5, "camera.center.y": 0.5}
"""Of a scene's camera; its other curves are 0."""
AT_REST = "off, empty or without effect in these settings"
UNKNOWN = "not known here"

Fate = Literal["taken", "close", "left"]


@dataclass(frozen=True)
class Field:
    """A value, as YAML writes it."""

    yaml: str
    origin: str = ""  # where it comes from, for the comment behind it


@dataclass(frozen=True)
class Note:
    """What became of some keys of the settings."""

    fate: Fate
    keys: tuple[str, ...]
    message: str = ""


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

    def put(self, path: str, value: str | Curve, origin: str = "") -> None:
        """Set a value; a text is YAML already."""
        yaml = value if isinstance(value, str) else to_yaml(value, "  " * path.count("."))
        self.fields[path] = Field(yaml, origin)

    def put_curve(self, path: str, curve: Curve, origin: str = "") -> None:
        """Set a curve of the camera unless it is what a scene has anyway."""
        if constant_of(curve) != DEFAULTS.get(path, 0.0):
            self.put(path, curve, origin)

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
        fields = {key: Field(yaml) for key, yaml in target.items()}
        if constant_of(weight) != 1.0:
            fields["weight"] = Field(to_yaml(weight, "      "))
        if stop:
            fields["stop"] = Field(number(min(abs(stop), 10)))
        self.prompts.append(fields)
        return fields

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

    def leave_others(self, message_of: Callable[[str], str]) -> None:
        """Leave out all keys without a fate; what is at rest comes last."""
        known = self.known
        messages = {key: message_of(key) for key in self.settings if key not in known}
        for key in sorted(messages, key=lambda key: messages[key] == AT_REST):
            self.leave(plain(key)[:MAX_KEY], messages[key])

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
        known = [key for key in self.fields if path not in NEEDED]
        inside = [key for key in known if path == key or path.startswith((f"{key}.", f"{key}["))]
        inside = inside or [key for key in known if key.startswith(f"{path}.")]
        for key in inside:
            self.dropped.append((key, self.fields.pop(key), reason))
        return bool(inside)

    def text(self, scene: str) -> str:
        """The scene file, which will be called `scene`."""
        lines = [
            "# yaml-language-server: $schema=vqanim.schema.json",
            f"# From {self.source} ({plain(Path(self.name).name)}), written by vqanim import.",
            f"# First look at the camera:  vqanim preview {plain(scene)}",
            *self._listed("close", "#", "# Close, but not the same:"),
            *("", "vqanim: 1", *_lines(self._tree())),
            *(("", "# Not possible here:") if self.dropped else ()),
        ]
        for path, value, reason in self.dropped:
            lines += _comment(f"{path}: {value.yaml}", reason)
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
            yield from _comment(", ".join(note.keys), note.message)


def _lines(tree: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Field):
            yield from _line(name, value, indent)
        elif isinstance(value, list):
            yield f"{name}:"
            for item in value:
                first, *others = _lines(item, "    ")
                yield from (f"  - {first[4:]}", *others)
        else:
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")


def _line(name: str, value: Field, indent: str) -> Iterator[str]:
    """A line with its comment behind it, or before it where that would be long."""
    text = f"{indent}{name}: {value.yaml}"
    if value.origin in ("", name):
        yield text
    elif "\n" not in text and len(text) + len(value.origin) + 4 <= WIDTH:
        yield f"{text}  # {plain(value.origin)}"
    else:
        yield f"{indent}# {plain(value.origin)}"
        yield text


def _comment(what: str, message: str) -> Iterator[str]:
    text = f"{plain(what)}: {plain(message)}" if message else plain(what)
    wrapper = textwrap.TextWrapper(WIDTH, "#   ", "#     ", break_long_words=False, break_on_hyphens=False)
    yield from wrapper.wrap(text)


def plain(text: str) -> str:
    """One line without anything that a file of text should not hold."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def quoted(text: str, most: int = MAX_TEXT) -> str:
    """A text as YAML takes it, whatever is in it."""
    return "'" + plain(text)[:most].strip().replace("'", "''") + "'"
