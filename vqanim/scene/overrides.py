"""Values from the command line, such as `prompts[0].weight=2`, put into a scene before it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.tree import Mapping, Node, Scalar, Sequence, parse_tree, quoted, shown

SOURCE = "--set"  # the file of a value from the command line
MAX_PATH = 16  # keys and indices of a path on the command line

_STEP = re.compile(r"\.?([^.\[\]=]+)|\[(\d{1,6})\]")


def apply_overrides(root: Mapping, overrides: Iterable[str]) -> list[Problem]:
    """Change the tree in place, in the order given. The mistakes, one for each override that has one."""
    problems: list[Problem] = []
    for override in overrides:
        try:
            _apply(root, override)
        except SceneError as error:
            problems += error.problems
    return problems


def _apply(root: Mapping, override: str) -> None:
    path, equals, value = override.partition("=")
    path = path.strip()
    steps = _steps(path)
    if not equals or not steps:
        raise _mistake("", f"found {quoted(override)}, allowed key.path=value such as guidance.steps=3")
    if len(steps) > MAX_PATH:
        raise _mistake("", f"found {quoted(override)}, allowed at most {MAX_PATH} steps in a path")
    parent, step = _descend(root, path, steps[:-1]), steps[-1]
    node = _value(path, value)
    _strip_lines(node)
    if isinstance(step, int):
        _list_at(parent, path, step).items[step] = node
    else:
        _mapping_at(parent, path, step).put(Scalar(SOURCE, 0, step), node)


def _steps(path: str) -> list[str | int]:
    """Keys and indices; none at all where a path cannot be read."""
    found = list(_STEP.finditer(path))
    whole = "".join(step.group() for step in found) == path
    if not whole or any(step[1] and step[0].startswith(".") != (step.start() > 0) for step in found):
        return []
    return [step[1] or int(step[2]) for step in found]


def _value(path: str, text: str) -> Node:
    if not text.strip():
        raise _mistake(path, "found nothing after =, allowed a value; `none` takes one away")
    try:
        return parse_tree(text, SOURCE)
    except SceneError as error:
        raise _mistake(path, error.problems[0].message) from None


def _descend(node: Node, path: str, steps: list[str | int]) -> Node:
    for step, after in pairwise([*steps, None]):
        if isinstance(step, int):
            node = _list_at(node, path, step).items[step]
            continue
        mapping = _mapping_at(node, path, str(step))
        if (child := mapping.get(str(step))) is None:
            if isinstance(after, int):
                raise _mistake(path, f"there is no list {step}")
            child = Mapping(SOURCE, 0, [])
            mapping.put(Scalar(SOURCE, 0, str(step)), child)
        node = child
    return node


def _list_at(node: Node, path: str, index: int) -> Sequence:
    """The node, which must be a list that has the index."""
    if not isinstance(node, Sequence):
        raise _mistake(path, f"[{index}] needs a list, the scene has {shown(node)} there")
    if index >= (count := len(node.items)):
        raise _mistake(path, f"there is no [{index}], the list has {count} and counts from [0]")
    return node


def _mapping_at(node: Node, path: str, step: str) -> Mapping:
    if not isinstance(node, Mapping):
        raise _mistake(path, f"{step} needs a mapping, the scene has {shown(node)} there")
    return node


def _strip_lines(node: Node) -> None:
    """The command line has no lines."""
    node.line = 0
    if isinstance(node, Sequence):
        for item in node.items:
            _strip_lines(item)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            key.line = 0
            _strip_lines(value)


def _mistake(path: str, message: str) -> SceneError:
    return SceneError([Problem(Place(SOURCE, 0, path), message)])
