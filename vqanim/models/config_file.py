"""Config files of other people's training programs, as plain data with the lines of its keys. No torch.

Read is YAML as PyYAML, omegaconf and Lightning write it, and JSON. Anchors, merging and interpolations
(`${model.params.embed_dim}`) are followed as far as they lead to data; tags of Python make data as well, and
a tag that would call something is refused. Nothing in a file runs. Values are taken by key in the ways in
which people write them; errors name line and place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from vqanim.models.entries import PAGE, is_page
from vqanim.models.unpickle import makes_value

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
"""Texts, lists and mappings, those that aliases stand for included; the longest official config has a few
hundred."""
MAX_NESTING = 32
MAX_HOPS = 16
"""Interpolations that lead to interpolations."""
MAX_TEXT = 1_000
"""Characters of a text that is put together of interpolations, and of what each of them stands for."""
MAX_DIGITS = 40
"""Of a whole number."""
TAB_WIDTHS = (8, 4, 2)
"""Of the columns that tabs lead to, in the order of trying."""

_PYTHON_TAG = "tag:yaml.org,2002:python/"
_ENDLESS = re.compile(r"[-+0-9.:_eE xob]+")
_INTERPOLATION = re.compile(r"\$\{([^${}:]{1,200})\}")


class ConfigError(ValueError):
    """What is wrong with a config, without the file's name."""


class Section(dict[str, Any]):
    """A mapping of a config file that knows where its keys stand."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        """Where it begins, counted from 1."""
        self.lines: dict[str, int] = {}


def read_config(content: bytes) -> Any:
    """The data of a config file: Sections, lists, numbers, texts, true, false and None.

    Interpolations that lead nowhere stay texts. Raises ConfigError.
    """
    if is_page(content):
        raise ConfigError(PAGE)
    return resolve(read_plain(content))


def read_plain(content: bytes, limit: int = MAX_BYTES, nodes: int = MAX_NODES) -> Any:
    """The same with interpolations as they are written. nodes: how many values there may be."""
    if len(content) > limit:
        raise ConfigError(f"it has {len(content):,} bytes, allowed are {limit:,}")
    try:
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = content.decode("utf-16") if utf16 else content.decode("utf-8-sig", "replace")
        return _parse(text.replace("\xa0", " "), nodes)
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigError(f"it is no YAML ({' '.join(str(error).split())[:200]})") from error


def _parse(text: str, nodes: int) -> Any:
    """The first reading of tabs that is YAML. Raises YAMLError of the last one."""
    widths = TAB_WIDTHS if "\t" in text else TAB_WIDTHS[:1]
    for width in widths:
        try:
            expanded = text.expandtabs(width)
            _check_events(expanded, nodes)
            documents = [_plain(node, {}) for node in yaml.compose_all(expanded, Loader=yaml.SafeLoader)]
        except yaml.YAMLError:
            if width == widths[-1]:
                raise
        else:
            break
    return documents[0] if len(documents) == 1 else documents


def _check_events(text: str, most: int) -> None:
    """Refuse what could take forever or overflow, before anything is built: more than so many values, those
    that aliases stand for included, deep nesting, and numbers without end. Raises ConfigError, YAMLError."""
    total = 0
    around: list[_Open] = []
    sizes: dict[str, tuple[int, int]] = {}
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        count, height = 0, 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ConfigError(
                    f"found the alias *{str(event.anchor)[:60]} of nothing that stands before it"
                )
            count, height = sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            sizes.pop(event.anchor or "", None)
            around.append(_Open(event.anchor, total))
            count = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = around.pop()
            height = closed.height + 1
            if closed.anchor:
                sizes[closed.anchor] = total - closed.before, height
        elif isinstance(event, yaml.ScalarEvent):
            count = 1
            if len(event.value) > MAX_TEXT and event.style is None and _ENDLESS.fullmatch(event.value):
                raise ConfigError(f"found a number of {len(event.value):,} characters")
            if event.anchor:
                sizes[event.anchor] = 1, 0
        total += count
        if around:
            around[-1].height = max(around[-1].height, height)
        if total > most or len(around) + height > MAX_NESTING:
            about = f"more than {most:,} values, or is nested more than {MAX_NESTING} deep"
            raise ConfigError(f"it has {about}")


@dataclass
class _Open:
    """A list or mapping that has begun."""

    anchor: str | None
    before: int
    """Number of values when it began."""
    height: int = 0
    """Of what it holds so far."""


def _plain(node: yaml.Node | None, known: dict[int, Any]) -> Any:
    """The data of a node. known: that of nodes that aliases stand for, by id."""
    if node is None:
        return None
    if id(node) not in known:
        _check_tag(node)
        if isinstance(node, yaml.MappingNode):
            known[id(node)] = _section(node, known)
        elif isinstance(node, yaml.SequenceNode):
            known[id(node)] = [_plain(item, known) for item in node.value]
        else:
            known[id(node)] = _scalar(node)
    return known[id(node)]


def _check_tag(node: yaml.Node) -> None:
    kind, _, name = node.tag.removeprefix(_PYTHON_TAG).partition(":")
    calls = node.tag.startswith(_PYTHON_TAG) and kind in ("object/apply", "object/new")
    if calls and not makes_value(name):
        line = node.start_mark.line + 1
        raise ConfigError(f"line {line}: it wants to call {name[:80]!r}, which is refused; nothing was run")


def _section(node: yaml.MappingNode, known: dict[int, Any]) -> Section:
    section = Section(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        value = _plain(value_node, known)
        if key_node.tag == "tag:yaml.org,2002:merge":
            for other in value if isinstance(value, list) else [value]:
                for key in other.keys() - section.keys() if isinstance(other, Section) else ():
                    section[key], section.lines[key] = other[key], other.lines[key]
    for key_node, value_node in node.value:
        if key_node.tag != "tag:yaml.org,2002:merge" and isinstance(key_node, yaml.ScalarNode):
            key = str(key_node.value)
            section[key] = _plain(value_node, known)
            section.lines[key] = key_node.start_mark.line + 1
    return section


_VALUE_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))


def _scalar(node: yaml.Node) -> Any:
    if node.tag == f"{_PYTHON_TAG}none":
        return None
    if node.tag not in _VALUE_TAGS:
        return str(node.value)
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node)
    except (ValueError, LookupError, ArithmeticError, AttributeError) as error:  # `!!int ""`, `!!bool maybe`
        raise ConfigError(_no_value(node)) from error
    finally:
        loader.dispose()
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:  # in hexadecimal Python reads any number
        raise ConfigError(_no_value(node))
    return value


def _no_value(node: yaml.Node) -> str:
    kind = node.tag.rpartition(":")[2]
    what = {"int": "a number", "float": "a number", "bool": "true or false"}.get(kind, "a value")
    line = node.start_mark.line + 1
    return f"it is no YAML (line {line}: found {str(node.value)[:40]!r}, which is not {what} of any use)"


def resolve(root: Any) -> Any:
    """Put in place of each interpolation what it leads to, if that is in the same data, which is changed."""
    for container, key, above in list(_texts(root)):
        container[key] = _followed(container[key], root, (*above, container), 0)
    return root


def walk(root: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each mapping and list once, with its keys from the root, in the order of the file."""
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(root, ())]
    met = set()
    while waiting:
        here, path = waiting.pop()
        if not isinstance(here, dict | list) or id(here) in met or len(path) > MAX_NESTING:
            continue
        met.add(id(here))
        yield here, path
        items = here.items() if isinstance(here, dict) else enumerate(here)
        waiting += reversed([(value, (*path, key)) for key, value in items])


def _texts(root: Any) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """Each text that has an interpolation: its container, its key there, the containers around that."""
    for here, path in walk(root):
        above = [root]
        for key in path:
            above.append(above[-1][key])
        for key, value in here.items() if isinstance(here, dict) else enumerate(here):
            if isinstance(value, str) and "${" in value:
                yield here, key, tuple(above[:-1])


def _followed(text: str, root: Any, around: tuple[Any, ...], hops: int) -> Any:
    """What a text with interpolations means. around: the containers that it stands in, the nearest last."""
    if hops > MAX_HOPS:
        return text
    if whole := _INTERPOLATION.fullmatch(text.strip()):
        found, place = _look_up(whole[1], root, around)
        return _followed(found, root, place, hops + 1) if isinstance(found, str) and "${" in found else found
    if len(text) > MAX_TEXT:
        return text

    def value(match: re.Match[str]) -> str:
        found, _ = _look_up(match[1], root, around)
        simple = isinstance(found, int | float) or (isinstance(found, str) and len(found) <= MAX_TEXT)
        return str(found) if simple else match[0]

    return _INTERPOLATION.sub(value, text)


def _look_up(name: str, root: Any, around: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What an interpolation names, and the containers around that; itself if there is nothing of that name.

    Where only a part of a config is left, the first steps of the way may be missing.
    """
    steps = [step for step in re.split(r"[.\[\]]", name.strip().lstrip(".")) if step]
    ups = len(name.strip()) - len(name.strip().lstrip("."))
    if ups:
        starts = [(around[len(around) - ups], steps)] if ups <= len(around) else []
    else:
        starts = [(root, steps[first:]) for first in range(len(steps))]
    for start, way in starts:
        here, passed = start, []
        for step in way:
            passed.append(here)
            if isinstance(here, dict) and step in here:
                here = here[step]
            elif isinstance(here, list) and step.isdecimal() and int(step[:6]) < len(here):
                here = here[int(step[:6])]
            else:
                break
        else:
            return here, tuple(passed)
    return f"${{{name}}}", around


def line_of(parent: Any, key: Any) -> str:
    """Where a key stands, or the mapping that should have it; empty where that is not known."""
    line = getattr(parent, "lines", {}).get(key) or getattr(parent, "line", None)
    return f"line {line}: " if line else ""


def shown(value: Any) -> str:
    """A value for a message: short, also where it is endless."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return "a list"
    return repr(str(value)[:60])


def wrong(parent: Mapping[str, Any], key: str, place: str, expected: str) -> str:
    """What is wrong with a value, in words."""
    value = parent.get(key)
    about = f"found {shown(value)}" if key in parent else "is missing"
    if isinstance(value, str) and "${" in value:
        about += ", which refers to nothing in this file; write the value in its place"
    return f"{line_of(parent, key)}{place}{key}: {about}, expected {expected}"


_WHOLE = re.compile(r"\+?\d[\d_]{0,15}(\.\d{0,15})?([eE]\+?\d{1,2})?")


def whole(value: Any) -> int | None:
    """A whole number, in any of the ways in which people write one; None for anything else."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = float(value.strip())
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if type(value) is int else None


def number(parent: Mapping[str, Any], key: str, place: str, most: int) -> int:
    """The whole number of a key, from 1 to `most`. Raises ConfigError."""
    found = whole(parent.get(key))
    if found is None or not 1 <= found <= most:
        raise ConfigError(wrong(parent, key, place, f"a whole number from 1 to {most:,}"))
    return found


def numbers(parent: Mapping[str, Any], key: str, place: str, most: int) -> list[int]:
    """At most ten such numbers, as a list or as a text. Raises ConfigError."""
    found: Any = parent.get(key)
    if isinstance(found, str) and len(found) <= 200:
        found = [part for part in re.split(r"[\s,]+", found.strip().strip("[]()").strip()) if part]
    if key in parent and found is None:
        found = []
    if not isinstance(found, list | tuple):
        found = [found]
    result = [whole(item) for item in found[:11]]
    if len(found) > 10 or any(item is None or not 1 <= item <= most for item in result):
        raise ConfigError(wrong(parent, key, place, f"at most 10 whole numbers from 1 to {most:,}"))
    return [item for item in result if item is not None]


def flag(parent: Mapping[str, Any], key: str, place: str, default: bool = False) -> bool:
    """Whether a key says yes. Raises ConfigError."""
    found = parent.get(key)
    if found is None:
        return default
    words = {"true": True, "false": False, "1": True, "0": False}
    answer = words.get(str(found).strip().lower()) if isinstance(found, str | int) else None
    if answer is None:
        raise ConfigError(wrong(parent, key, place, "true or false"))
    return answer
