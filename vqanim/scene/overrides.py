"""Values from the command line, such as `prompts[0].weight=2`, put into a tree before it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence as Many

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.tree import Mapping, Node, Scalar, Sequence, parse_tree, quoted, shown

SOURCE = "--set"
"""The file of a value from the command line."""

MAX_STEPS = 16
"""Keys and indices of a path."""

_STEP = re.compile(r"\.?([^.\[\]=]+)|\[(\d{1,6})\]")


def apply_overrides(root: Mapping, overrides: Many[str]) -> list[Problem]:
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
        raise _refuse("", f"found {quoted(override)}, allowed key.path=value such as guidance.steps=3")
    if len(steps) > MAX_STEPS:
        raise _refuse("", f"found {quoted(override)}, allowed at most {MAX_STEPS} steps in a path")
    parent = _descend(root, path, steps[:-1])
    _put(parent, path, steps[-1], _value(path, value))


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or (match.group().startswith(".") != (position > 0) and match.group(1)):
            return []
        steps.append(match.group(1) if match.group(1) is not None else int(match.group(2)))
        position = match.end()
    return steps


def _value(path: str, text: str) -> Node:
    if not text.strip():
        raise _refuse(path, "found nothing after =, allowed a value; `none` takes one away")
    try:
        return parse_tree(text, SOURCE)
    except SceneError as error:
        raise _refuse(path, error.problems[0].message) from None


def _descend(root: Node, path: str, steps: Many[str | int]) -> Node:
    node = root
    for number, step in enumerate(steps):
        if isinstance(step, int):
            node = _item(node, path, step)
            continue
        mapping = _as_mapping(node, path, step)
        child = mapping.get(step)
        if child is None:
            if number + 1 < len(steps) and isinstance(steps[number + 1], int):
                raise _refuse(path, f"there is no list {step}")
            child = Mapping(SOURCE, 0, [])
            mapping.put(Scalar(SOURCE, 0, step), child)
        node = child
    return node


def _put(parent: Node, path: str, step: str | int, value: Node) -> None:
    _strip_lines(value)
    if isinstance(step, int):
        _item(parent, path, step)
        assert isinstance(parent, Sequence)
        parent.items[step] = value
    else:
        _as_mapping(parent, path, step).put(Scalar(SOURCE, 0, step), value)


def _item(node: Node, path: str, index: int) -> Node:
    if not isinstance(node, Sequence):
        raise _refuse(path, f"[{index}] needs a list, the scene has {shown(node)} there")
    if index >= len(node.items):
        count = len(node.items)
        raise _refuse(path, f"there is no [{index}], the list has {count} and counts from [0]")
    return node.items[index]


def _as_mapping(node: Node, path: str, step: str) -> Mapping:
    if not isinstance(node, Mapping):
        raise _refuse(path, f"{step} needs a mapping, the scene has {shown(node)} there")
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


def _refuse(path: str, message: str) -> SceneError:
    return SceneError([Problem(Place(SOURCE, 0, path), message)])
