"""A file or a command line of a stranger as plain data. Nothing in it is ever run.

JSON, the scene language's own YAML reader (without tags, anchors and aliases), Python's syntax tree of which
only literals are taken (see notebooks), and the words of a shell line.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vqanim.errors import SceneError, UsageError
from vqanim.files import no_file, open_file
from vqanim.importers.notebooks import Assigned, cells_of, is_notebook, read_notebook, read_script
from vqanim.scene import tree

MAX_BYTES = 16_000_000
MAX_WRAPPED, LEAST_WRAPPED = 4, 3  # mappings around settings; keys of settings in them
SCRIPTS = (".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1")
_HEAD = re.compile(r"\s*(?:SETTINGS\s*:\s*|batch_index\s*:\s*\d+\s*|(?://[^\n]*\n\s*)+)(?=\{)")
"""What pytti prints or writes before a JSON text, and comments of people."""
_SCENE_LINE = re.compile(r"\s*(?:\d+(?:\.\d+)?: .*)?|batch_index: .*|\{.*")
"""What pytti writes behind a JSON text: a line for each scene, and what follows in a batch."""
_TEXT = r'("(?:[^"\\\n]|\\.)*")'
_COMMENT = re.compile(rf"{_TEXT}|//[^\n]*|#[^\n]*")
_NEEDLESS = re.compile(rf"{_TEXT}|,(?=\s*[\]}}])")
"""What people leave in a JSON text that they edit."""


class NotRecognized(Exception):
    """Data that is not of the tool that it was thought to be of."""

    def __init__(self, data: Any) -> None:
        super().__init__("not recognized")
        values = [data, *data.values()] if isinstance(data, Mapping) else []
        self.keys = frozenset(key for value in values if isinstance(value, Mapping) for key in value)
        """Those of the data and of the mappings in it."""


@dataclass(frozen=True)
class SettingsFile:
    """What is to be turned into a scene."""

    name: str  # for messages
    text: str
    folder: Path  # where the files that it names may lie
    arguments: tuple[str, ...] | None = None  # what a script is started with, where that is known

    @cached_property
    def json(self) -> Any:
        """The data of a JSON text, None for any other; what pytti writes around it is passed over. Raises
        UsageError with line and column."""
        begin = match.end() if (match := _HEAD.match(self.text)) else 0
        if not self.text[begin:].lstrip().startswith(("{", "[")):
            return None
        try:
            text = self.text[begin:]
            data, end = json.JSONDecoder().raw_decode(text, len(text) - len(text.lstrip()))
        except json.JSONDecodeError as error:
            if (data := _edited(self.text[begin:])) is not None:
                return data
            raise self._broken(begin + error.pos, error.msg) from None
        except (RecursionError, ValueError):
            raise UsageError(f"{self.name}: nested too deeply, or a number without end") from None
        if all(map(_SCENE_LINE.fullmatch, text[end:].splitlines())):
            return data
        raise self._broken(begin + end + re.match(r"\s*", text[end:]).end(), "extra data")  # type: ignore[union-attr]

    def _broken(self, place: int, reason: str) -> UsageError:
        if not self.text[place:].strip():
            reason = "it ends in the middle, perhaps it was not copied whole"
        before = self.text[:place]
        line, column = before.count("\n") + 1, place - before.rfind("\n")
        return UsageError(f"{self.name}:{line}:{column}: this is no whole JSON: {reason.lower()}")

    def inside(self) -> Iterator[SettingsFile]:
        """The mappings in a JSON text's mappings, as files of their own: what a service wraps settings in."""
        found: list[Any] = [self.json]
        for _ in range(MAX_WRAPPED):
            found = [inner for outer in found for inner in _values_of(outer)]
            for value in found:
                if isinstance(value, Mapping) and len(value) >= LEAST_WRAPPED:
                    yield replace(self, text=json.dumps(value))

    @cached_property
    def is_notebook(self) -> bool:
        """Whether this is an .ipynb file."""
        return is_notebook(self.json)

    @cached_property
    def has_fields(self) -> bool:
        """Whether this is a notebook, or a script that was one and has its form fields still."""
        return self.is_notebook or (self.json is None and "@param" in self.text)

    @cached_property
    def assigned(self) -> Assigned:
        """What a notebook's cells, or a script in Python, give to names. Raises UsageError for a script that
        cannot be read."""
        if self.is_notebook:
            return read_notebook(cells_of(self.json))
        return read_notebook([self.text]) if self.has_fields else read_script(self.text, self.name)

    @cached_property
    def keys(self) -> Mapping[str, Any]:
        """What the file may be recognized by: its outermost names, with their values where these are at hand
        already."""
        if self.has_fields:
            return self.assigned.values
        if self.json is not None:
            return self.json if isinstance(self.json, Mapping) else {}
        return dict.fromkeys(
            re.findall(r"^[ \t]*([A-Za-z_]\w*)[ \t]*(?::(?=\s)|=(?!=))", self.text, re.MULTILINE)
        )


def _values_of(data: Any) -> Iterable[Any]:
    """What lies in a mapping, or in a list of one."""
    if isinstance(data, Mapping):
        return data.values()
    return data if isinstance(data, list) and len(data) == 1 else ()


def _edited(text: str) -> Any:
    """What is JSON but for comments and needless commas, or a dictionary as Python prints it; None for
    anything else."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(
            _NEEDLESS.sub(lambda match: match[1] or "", _COMMENT.sub(lambda m: m[1] or "", text))
        )
    if text.lstrip().startswith("{'"):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return ast.literal_eval(text.strip())
    return None


class Settings(dict[str, Any]):
    """Keys and values; numbers and switches may be written as texts."""

    def number(self, key: str, default: float) -> float:
        """A finite number; the default where there is none."""
        value = self.get(key, default)
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            if not isinstance(value, bool) and math.isfinite(found := float(value)):
                return found
        return default

    def integer(self, key: str) -> int | None:
        """A whole number of any size, to its last digit; None where there is none."""
        value = self.get(key)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,40}(\.0*)?\s*", value):
            return int(value.partition(".")[0])
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def whole(self, key: str, default: int, low: int, high: float = math.inf) -> int:
        """A whole number, kept between two."""
        return int(min(max(int(self.number(key, default)), low), high))

    def word(self, key: str, default: str = "") -> str:
        """A value as a text."""
        return str(self.get(key, default))

    def is_on(self, *keys: str) -> bool:
        """Whether one of some switches is on."""
        return any(self.word(key).lower() in ("true", "1", "yes") for key in keys)

    def given(self, *keys: str) -> tuple[str, ...]:
        """Those keys that are there."""
        return tuple(key for key in keys if key in self)


def settings_from(data: Any, file: SettingsFile, reads: str, keys: Iterable[str]) -> Settings:
    """Settings with at least one of some keys. Raises UsageError and NotRecognized."""
    if not isinstance(data, Mapping):
        found = "a list" if isinstance(data, list) else f"{data!r}"[:40]
        raise UsageError(f"{file.name}: found {found}, allowed are {reads}: keys and values")
    if not set(keys) & set(data):
        raise NotRecognized(data)
    return Settings(data)


def read_file(given: str) -> SettingsFile:
    """A file's text, or a command line itself. Raises UsageError."""
    path = Path(given)
    with contextlib.suppress(OSError, ValueError):  # a command line is longer than any file's name
        if path.is_file():
            return SettingsFile(given, _text(path, given), path.parent)
        if path.exists():
            raise UsageError(f"{given}: {no_file(path)}; give a file of settings")
    if (script := _started_script(given)) is not None:
        return script
    if is_command(given):
        return SettingsFile("a command line", given, Path())
    raise UsageError(
        f"{given}: no such file; give a settings file, or a command in quotes: "
        "vqanim import 'python generate.py -p \"a castle\"'"
    )


def is_command(text: str) -> bool:
    """Whether a text holds a call of generate.py."""
    return bool(re.search(r"\bgenerate\.py\b", text) or re.match(r"\s*-{1,2}[a-z_]+\s+\S", text))


def _started_script(given: str) -> SettingsFile | None:
    """A script with what it is started with, `./zoom.sh "a castle" zoom.png 150`."""
    with contextlib.suppress(OSError, ValueError):
        words = shlex.split(given)
        words = words[1:] if words and words[0] in ("bash", "sh", "call") else words
        if words and words[0].lower().endswith(SCRIPTS) and (path := Path(words[0])).is_file():
            return SettingsFile(words[0], _text(path, words[0]), path.parent, tuple(words[1:]))
    return None


def _text(path: Path, name: str) -> str:
    try:
        with open_file(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name}: larger than {MAX_BYTES // 1_000_000} MB, which no settings file is")
    text = "\0"
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if "\0" in text:
        raise UsageError(f"{name}: is no text; allowed are settings, a command line or a configuration")
    if not text.strip():
        raise UsageError(f"{name}: is empty")
    return text


def parse_yaml(file: SettingsFile) -> dict[str, Any]:
    """The keys of a YAML text; every value a text, a list or a mapping of texts. Raises UsageError."""
    try:
        root = tree.parse_tree(file.text, file.name, (MAX_BYTES, MAX_BYTES))
    except SceneError as error:
        raise UsageError(str(error)) from None
    if not isinstance(root, tree.Mapping):
        raise UsageError(f"{file.name}: found {tree.shown(root)}, allowed are keys and values")
    return {key.text: _plain(value) for key, value in root.entries}


def _plain(node: tree.Node) -> Any:
    """A tree is at most 32 deep."""
    if isinstance(node, tree.Mapping):
        return {key.text: _plain(value) for key, value in node.entries}
    if isinstance(node, tree.Sequence):
        return [_plain(item) for item in node.items]
    assert isinstance(node, tree.Scalar)
    return node.text
