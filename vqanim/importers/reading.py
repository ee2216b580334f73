"""A file or a command line of a stranger as plain data. Nothing in it is ever run.

JSON, the scene language's own YAML reader (without tags, anchors and aliases), Python's syntax tree of which
only literals are taken, and the words of a shell line.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqanim.errors import SceneError, UsageError
from vqanim.scene import tree

MAX_BYTES = 1_000_000
MOST_WORDS = 2000
"""Of a command line."""
NOTEBOOK_NAMES = frozenset(
    ("animation_mode", "max_frames", "animation_prompts", "zoom", "angle", "translation_x", "prompts")
)

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """What is to be turned into a scene."""

    name: str
    """For messages."""
    text: str
    folder: Path
    """Where the files that it names may lie."""
    is_file: bool


def read_given(given: str) -> Given:
    """A file's text, or a command line itself. Raises UsageError."""
    path = Path(given)
    try:
        is_file, is_there = path.is_file(), path.exists()
    except (OSError, ValueError):  # a command line is longer than any file's name
        is_file = is_there = False
    if is_file:
        return Given(given, _decode(given, _bytes(path)), path.parent, True)
    if is_there:
        raise UsageError(f"{given}: is no file")
    if looks_like_command(given):
        return Given("a command line", given, Path(), False)
    raise UsageError(
        f"{given}: no such file; give a settings file, or a command in quotes: "
        "vqanim import 'python generate.py -p \"a castle\"'"
    )


def looks_like_command(text: str) -> bool:
    """Whether a text holds a call of generate.py."""
    return bool(re.search(r"\bgenerate\.py\b", text) or re.match(r"\s*-{1,2}[a-z_]+\s+\S", text))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES // 1000} kB, which no settings file is")
    return data


def _decode(name: str, data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name}: is no text; allowed are settings, a command line or a configuration")
    if not text.strip():
        raise UsageError(f"{name}: is empty")
    return text


def parse_json(given: Given) -> Any:
    """The data of a JSON text. Raises UsageError with line and column."""
    try:
        return json.loads(given.text)
    except json.JSONDecodeError as error:
        end = not given.text[error.pos :].strip()
        reason = "it ends in the middle, perhaps it was not copied whole" if end else error.msg.lower()
        raise UsageError(
            f"{given.name}:{error.lineno}:{error.colno}: this is no whole JSON: {reason}"
        ) from None
    except (RecursionError, ValueError):
        raise UsageError(f"{given.name}: nested too deeply, or a number without end") from None


def parse_yaml(given: Given) -> dict[str, Any]:
    """The keys of a YAML text; every value a text, a list or a mapping of texts. Raises UsageError."""
    try:
        root = tree.parse_tree(given.text, given.name)
    except SceneError as error:
        raise UsageError(str(error)) from None
    if not isinstance(root, tree.Mapping):
        raise UsageError(f"{given.name}: found {tree.shown(root)}, allowed are keys and values")
    plain = _plain(root)
    assert isinstance(plain, dict)
    return plain


def _plain(node: tree.Node) -> Any:
    """A tree is at most 32 deep."""
    if isinstance(node, tree.Mapping):
        return {key.text: _plain(value) for key, value in node.entries}
    if isinstance(node, tree.Sequence):
        return [_plain(item) for item in node.items]
    assert isinstance(node, tree.Scalar)
    return node.text


def parse_cells(given: Given) -> dict[str, Any]:
    """The literals that a notebook's cell, or a part of a script, gives to names. Raises UsageError."""
    lines = [re.sub(r"^\s*[%!].*", "", text) for text in given.text.split("\n")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse("\n".join(lines))
    except SyntaxError as error:
        raise UsageError(f"{given.name}:{error.lineno or 1}: cannot be read: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError(f"{given.name}: cannot be read: nested too deeply") from None
    found: dict[str, Any] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except (ValueError, TypeError, MemoryError, RecursionError, SyntaxError):
                continue
    return found


def cells_of_notebook(notebook: Settings) -> str:
    """The code of a .ipynb file."""
    codes = []
    cells = notebook.get("cells")
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, Mapping) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            codes.append("".join(map(str, source)) if isinstance(source, list) else str(source))
    return "\n".join(_settings_only(code) for code in codes)


def _settings_only(code: str) -> str:
    """A cell if it holds settings; others may hold anything."""
    return code if any(re.search(rf"^\s*{name}\s*=", code, re.MULTILINE) for name in NOTEBOOK_NAMES) else ""


def parse_words(given: Given) -> tuple[list[str], int]:
    """The words of the first call of generate.py behind that name, and how many calls there are.

    Raises UsageError.
    """
    joined = re.sub(r"\\\r?\n", " ", given.text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    calls = [line for line in lines if "generate.py" in line] or lines
    if not calls:
        raise UsageError(f"{given.name}: holds no command")
    try:
        words = shlex.split(calls[0], comments=True)
    except ValueError:
        raise UsageError(f"{given.name}: the command has a quote that is not closed") from None
    if len(words) > MOST_WORDS:
        raise UsageError(f"{given.name}: the command has more than {MOST_WORDS} words")
    for place, word in enumerate(words):
        if word.endswith("generate.py"):
            return words[place + 1 :], len(calls)
    return words, len(calls)
