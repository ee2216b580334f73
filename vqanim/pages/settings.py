"""What two renders were asked for, and where that differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vqanim.errors import SceneError
from vqanim.scene.tree import MAX_BYTES, Node, Scalar, parse_tree
from vqanim.scene.tree import Mapping as MappingNode
from vqanim.scene.tree import Sequence as ListNode

OF_A_RUN = tuple("quality vqanim engine torch machine device threads weights deterministic".split())
"""Of run.json, what the scene does not say."""
LONGEST = 160
"""Characters of a setting that are shown."""

_TIME = re.compile(r"[-\d]|bar |beat ")
"""How a key of a curve begins."""
_LINEAR = re.compile(r"\[([^],]+), linear\]")
"""A value with the easing that goes without saying."""

Difference = tuple[str, str, str]
"""Path of a setting, as in `camera.zoom`, and its text in both; empty where one does not have it."""


def settings_of(folder: Path, run: Mapping[str, Any]) -> dict[str, str]:
    """Every setting of a render by its path; of the scene as it is resolved, then of the run."""
    found = dict(_scene(folder / "scene.resolved.yaml"))
    for key in OF_A_RUN:
        if key in run:
            found[key] = str(run[key])
    models = run.get("models")
    if isinstance(models, Mapping):
        perceptors = models.get("perceptors")
        for entry in (models.get("generator"), *(perceptors if isinstance(perceptors, list) else [])):
            if isinstance(entry, Mapping):
                found[f"hash of {entry.get('name')}"] = str(entry.get("hash"))
    return found


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Difference, ...]:
    """The settings that are not the same, in their order."""
    paths = dict.fromkeys((*one, *other))
    pairs = ((path, one.get(path, ""), other.get(path, "")) for path in paths)
    return tuple((path, _short(a), _short(b)) for path, a, b in pairs if a != b)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2].rstrip()}.."


def _scene(path: Path) -> Iterator[tuple[str, str]]:
    """Nothing where it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            tree = parse_tree(file.read(MAX_BYTES), str(path))
    except (OSError, ValueError, SceneError):
        return
    yield from _flat(tree, "")


def _flat(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Paths and texts; a curve and a list of plain values are one text."""
    if (text := _plain(node)) is not None:
        yield path, text
    elif isinstance(node, MappingNode):
        for key, value in node.entries:
            yield from _flat(value, f"{path}.{key.text}" if path else key.text)
    elif isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            yield from _flat(item, f"{path}[{number}]")


def _plain(node: Node) -> str | None:
    """A text for what is read at a glance; None for more."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, ListNode):
        texts = [_plain(item) for item in node.items]
        known = [text for text in texts if text is not None]
        return f"[{', '.join(known)}]" if len(known) == len(texts) else None
    if isinstance(node, MappingNode) and all(_TIME.match(key.text) for key, _ in node.entries):
        pairs = [(key.text, _plain(value)) for key, value in node.entries]
        return _LINEAR.sub(r"\1", "{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}")
    return None
