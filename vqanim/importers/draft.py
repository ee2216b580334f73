"""A scene while it is written, and what became of everything that was given.

Every key of the settings has a fate: taken over, close (with a word on what differs), or left out (with a
word on what there is instead). Nothing disappears silently.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

WIDTH = 108
"""Columns of a comment."""
MAX_TEXT = 1000
"""Characters of a prompt."""
ORDER = (
    "title",
    "size",
    "fps",
    "duration",
    "seed",
    "kind",
    "pace",
    "models",
    "style",
    "start",
    "soundtrack",
    "signals",
    "prompts",
    "camera",
    "carry",
    "guidance",
    "shots",
    "output",
)
"""Of the keys of a scene."""

NEEDED = frozenset(("size", "fps", "duration"))
"""Without these there is no film."""

Fate = Literal["taken", "close", "left"]


@dataclass(frozen=True)
class Field:
    """A value, as YAML writes it."""

    yaml: str
    origin: str = ""
    """Where it comes from, for the comment behind it."""


@dataclass(frozen=True)
class Note:
    """What became of some keys of the settings."""

    fate: Fate
    keys: tuple[str, ...]
    said: str = ""


@dataclass
class Draft:
    """A scene in the making."""

    source: str
    """What was read, as in `Deforum settings`."""
    name: str
    """The file, or the words `a command line`."""
    fields: dict[str, Field] = field(default_factory=dict)
    """By path, as in `camera.zoom`."""
    prompts: list[dict[str, Field]] = field(default_factory=list)
    shots: list[dict[str, Field]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    dropped: list[tuple[str, Field, str]] = field(default_factory=list)
    """(path, value, reason) of what the scene language refused."""
    hint: str = ""
    """A further line for the summary."""

    def put(self, path: str, yaml: str, origin: str = "") -> None:
        """Set a value."""
        self.fields[path] = Field(yaml, origin)

    def take(self, *keys: str) -> None:
        """These keys say the same here."""
        self.notes.append(Note("taken", keys))

    def near(self, keys: str | Sequence[str], said: str) -> None:
        """These keys are close here; `said` names the difference."""
        self._note("close", keys, said)

    def leave(self, keys: str | Sequence[str], said: str) -> None:
        """These keys have no equal; `said` names what there is instead."""
        self._note("left", keys, said)

    def _note(self, fate: Fate, keys: str | Sequence[str], said: str) -> None:
        """Strangers wrote these texts, and a terminal obeys some characters."""
        named = (keys,) if isinstance(keys, str) else tuple(keys)
        if named:
            self.notes.append(Note(fate, tuple(map(plain, named)), plain(said)))

    @property
    def known(self) -> frozenset[str]:
        """All keys that have a fate."""
        return frozenset(key for note in self.notes for key in note.keys)

    def drop(self, path: str, reason: str) -> bool:
        """Take back what the scene language refuses at `prompts[2].weight`; False where nothing is."""
        if match := re.match(r"(prompts)\[(\d+)\](?:\.(\w+))?", path):
            return self._drop_prompt(int(match[2]), match[3] or "", reason)
        if path in NEEDED:
            return False
        inside = [
            known for known in self.fields if path == known or path.startswith((f"{known}.", f"{known}["))
        ]
        inside = inside or [known for known in self.fields if known.startswith(f"{path}.")]
        for known in inside:
            self.dropped.append((known, self.fields.pop(known), reason))
        return bool(inside)

    def _drop_prompt(self, index: int, key: str, reason: str) -> bool:
        if index >= len(self.prompts):
            return False
        prompt = self.prompts[index]
        if key in ("weight", "stop", "inside", "outside") and key in prompt:
            self.dropped.append((f"prompts[{index}].{key}", prompt.pop(key), reason))
            return True
        text = ", ".join(f"{name}: {value.yaml}" for name, value in prompt.items())
        self.dropped.append(("prompts", Field(text), reason))
        del self.prompts[index]
        return True

    def text(self, scene: str) -> str:
        """The scene file, which will be called `scene`."""
        return "\n".join([*self._head(scene), *self._body(), *self._tail()]) + "\n"

    def _head(self, scene: str) -> Iterator[str]:
        yield "# yaml-language-server: $schema=vqanim.schema.json"
        yield f"# From {self.source} ({plain(Path(self.name).name)}), written by vqanim import."
        yield f"# First look at the camera:  vqanim preview {plain(scene)}"
        if close := [note for note in self.notes if note.fate == "close"]:
            yield "#"
            yield "# Close, but not the same:"
            yield from _listed(close)
        yield ""
        yield "vqanim: 1"

    def _body(self) -> Iterator[str]:
        sections: dict[str, list[str]] = {}
        for path in self.fields:
            sections.setdefault(path.partition(".")[0], []).append(path)
        for key in ORDER:
            if key == "prompts" and self.prompts:
                yield from self._prompt_lines()
            elif key == "shots" and self.shots:
                yield from _items("shots", self.shots)
            elif key in sections:
                yield from self._section(key, sections[key])

    def _section(self, key: str, paths: Sequence[str]) -> Iterator[str]:
        if paths == [key]:
            yield from _line(f"{key}: {self.fields[key].yaml}", self.fields[key].origin, "")
            return
        yield f"{key}:"
        done: set[str] = set()
        for path in paths:
            _, name, *deeper = path.split(".")
            if not deeper:
                yield from _line(f"  {name}: {self.fields[path].yaml}", self.fields[path].origin, "  ")
            elif name not in done:
                done.add(name)
                yield f"  {name}:"
                for other in paths:
                    if other.startswith(f"{key}.{name}."):
                        value = self.fields[other]
                        last = other.rpartition(".")[2]
                        yield from _line(f"    {last}: {value.yaml}", value.origin, "    ")

    def _prompt_lines(self) -> Iterator[str]:
        yield from _items("prompts", self.prompts)

    def _tail(self) -> Iterator[str]:
        if self.dropped:
            yield ""
            yield "# Not possible here:"
            for path, value, reason in self.dropped:
                yield from _comment(f"{path}: {value.yaml}", reason)
        if left := [note for note in self.notes if note.fate == "left"]:
            yield ""
            yield "# Left out, because there is nothing like it here:"
            yield from _listed(left)


def _items(key: str, items: Sequence[dict[str, Field]]) -> Iterator[str]:
    yield f"{key}:"
    for item in items:
        dash = "  - "
        for name, value in item.items():
            yield from _line(f"{dash}{name}: {value.yaml}", value.origin, "    ")
            dash = "    "


def _line(text: str, origin: str, indent: str) -> Iterator[str]:
    """A line with its comment behind it, or before it where that would be long."""
    if not origin or origin == text.strip(" -").partition(":")[0]:
        yield text
    elif "\n" not in text and len(text) + len(origin) + 4 <= WIDTH:
        yield f"{text}  # {plain(origin)}"
    elif text.lstrip().startswith("- "):
        first, *rest = text.split("\n")
        yield "\n".join([f"{first}  # {plain(origin)}", *rest]) if not first.endswith("{") else text
    else:
        yield f"{indent}# {plain(origin)}"
        yield text


def _listed(notes: Sequence[Note]) -> Iterator[str]:
    for note in notes:
        yield from _comment(", ".join(note.keys), note.said)


def _comment(what: str, said: str) -> Iterator[str]:
    text = f"{plain(what)}: {plain(said)}" if said else plain(what)
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent="#   ",
        subsequent_indent="#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def plain(text: str) -> str:
    """One line without anything that a file of text should not hold."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def quoted(text: str, most: int = MAX_TEXT) -> str:
    """A text as YAML takes it, whatever is in it."""
    return "'" + plain(text)[:most].strip().replace("'", "''") + "'"


def path_of(name: str, folders: Sequence[Path], scene_folder: Path) -> tuple[str | None, str]:
    """How the scene names a file, or None and the reason why it cannot.

    name: as the settings name it. folders: where it may lie. A scene names files in its own folder only, see
    SECURITY.md.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
        return None, "an address; fetch it yourself and put it beside the scene"
    home = scene_folder.resolve()
    try:
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    except (OSError, ValueError):
        found = None
    if found is None:
        return None, "there is no such file; put it beside the scene"
    real = found.resolve()
    if not real.is_relative_to(home):
        return None, "lies outside the scene's folder; copy it beside the scene"
    return real.relative_to(home).as_posix(), ""
