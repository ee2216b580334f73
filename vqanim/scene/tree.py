"""YAML text to a plain tree of texts, lists and mappings that remember their lines.

Nothing is constructed and no scalar is interpreted: each field reads its own text later. Built from PyYAML's
events, which come without recursion, so that deep nesting is refused before anything can overflow. Anchors
and aliases are refused altogether: a scene has no need of them, and they are what makes YAML bombs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.curves import Base
from vqanim.scene.tabs import replace_tabs

MAX_BYTES = 1_000_000  # size of a scene file
MOST_DIGITS = 1000  # in a row
MAX_SCALAR = 20_000  # characters of one text, which a prompt in the short form may need
MAX_KEY = 1000  # characters of a key
MAX_NESTING = 32  # lists and mappings within one another
MAX_NODES = 50_000
"""Texts, lists and mappings: several times a film of a thousand shots."""

CONTROL = "found the control character {!r}, allowed is plain text"
TABS = "found a tab in the indentation, allowed are spaces only"

_ENDLESS = re.compile(f"[0-9]{{{MOST_DIGITS}}}[0-9]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ENTRY = re.compile(r"[ \t]*-(?:\s|$|[^\W\d_])")  # a line that looks like an entry of a list
_BARE_COLOR = re.compile(r"[:,\[]\s+#[0-9a-fA-F]{3,6}\b")


@dataclass
class Node:
    """Something that was written, and where."""

    file: str
    line: int
    path: str = field(default="", init=False)
    base: Base = field(default="film", init=False)
    """The time on which a curve written here runs."""

    @property
    def place(self) -> Place:
        """Where it was written."""
        return Place(self.file, self.line, self.path)


@dataclass
class Scalar(Node):
    """A text, exactly as typed, without its quotes."""

    text: str
    quoted: bool = False
    note: str = ""
    """A line about how it is written, where it was probably meant otherwise."""

    @property
    def is_none(self) -> bool:
        """True for the bare word `none`."""
        return not self.quoted and self.text == "none"

    def part(self, text: str) -> Scalar:
        """A part of the text as if it stood alone."""
        part = Scalar(self.file, self.line, text)
        part.path, part.base = self.path, self.base
        return part


@dataclass
class Sequence(Node):
    """A list."""

    items: list[Node]


@dataclass
class Mapping(Node):
    """Keys and values, in the order of writing; each key once."""

    entries: list[tuple[Scalar, Node]]

    @property
    def keys_text(self) -> str:
        """Its keys, for a message."""
        return ", ".join(key.text for key, _ in self.entries) or "nothing"

    def get(self, key: str) -> Node | None:
        """The value at a key."""
        return next((value for name, value in self.entries if name.text == key), None)

    def __getitem__(self, key: str) -> Node:
        """The value at a key that is there."""
        return next(value for name, value in self.entries if name.text == key)

    def put(self, key: Scalar, value: Node) -> None:
        """Set the value at a key, in the place of an older one."""
        names = [name.text for name, _ in self.entries]
        index = names.index(key.text) if key.text in names else len(names)
        self.entries[index : index + 1] = [(key, value)]


def is_given(key: str, node: Mapping) -> bool:
    """True when a key is there and its value is not `none`."""
    value = node.get(key)
    return value is not None and not (isinstance(value, Scalar) and value.is_none)


def place_of(key: str, node: Mapping) -> Place:
    """Where a key stands, or would stand."""
    found = node.get(key)
    path = f"{node.path}.{key}" if node.path else key
    return found.place if found is not None else Place(node.file, node.line, path)


def shown(node: Node) -> str:
    """What was found, for a message."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping" if node.entries else "an empty mapping"
    assert isinstance(node, Scalar)
    return quoted(node.text) if node.text else "nothing"


def quoted(text: str) -> str:
    """A text for a message: on one line, in quotes, cut when long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def parse_tree(text: str, file: str, longest: tuple[int, int] = (MAX_SCALAR, MAX_KEY)) -> Node:
    """The tree of a YAML text. Raises SceneError with the first thing that cannot be read.

    longest: characters that a text, and a key, may have: what reads them may take long.
    """
    _check_characters(text, file)
    text, tabs = replace_tabs(text)
    try:
        events = tabs.watched(yaml.parse(text, Loader=yaml.SafeLoader))
        root = _Builder(file, events, text, longest).document()
    except yaml.MarkedYAMLError as error:
        line, reason = _syntax_line(error, text), _syntax_reason(error, text)
        mark = error.problem_mark or error.context_mark
        tabbed = None if "quoted" in (error.context or "") else tabs.indenting(mark.line if mark else line)
        raise _refuse(file, *((line, reason) if tabbed is None else (tabbed + 1, TABS))) from None
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        # Not only YAMLError: the escape "\UFFFFFFFF" is a number that overflows.
        raise _refuse(file, 1, f"this is no YAML: {' '.join(str(error).split())}") from None
    if (tabbed := tabs.indenting()) is not None:
        raise _refuse(file, tabbed + 1, TABS)
    if root is None:
        message = "the file is empty, allowed a scene such as the one that `vqanim new NAME` writes"
        raise _refuse(file, 1, message)
    return root


def annotate(node: Node, path: str = "", base: Base = "film") -> None:
    """Tell every node its path and its time base."""
    node.path, node.base = path, base
    inside: Base = "shot" if path == "shots" or path.startswith("shots[") else base
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            annotate(item, f"{path}[{index}]", inside)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            separator = "" if key.text.startswith("[") or not path else "."
            annotate(value, f"{path}{separator}{key.text}", inside)


def noted(node: Node) -> Iterator[Scalar]:
    """The texts in a tree that have a note, in the order of writing."""
    if isinstance(node, Scalar):
        if node.note:
            yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from noted(item)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            yield from noted(key)
            yield from noted(value)


def _refuse(file: str, line: int, message: str) -> SceneError:
    return SceneError([Problem(Place(file, line), message)])


def _check_characters(text: str, file: str) -> None:
    """Refuse what no scene needs; numbers so long that reading them takes time among it."""
    endless = f"found a number of more than {MOST_DIGITS} digits, which no scene needs"
    for pattern, message in ((_CONTROL, CONTROL), (_ENDLESS, endless)):
        if match := pattern.search(text):
            message = message.format(match.group())
            raise _refuse(file, text.count("\n", 0, match.start()) + 1, message)


@dataclass
class _Builder:
    """Makes the tree from events."""

    file: str
    events: Iterator[yaml.Event]
    text: str
    longest: tuple[int, int]
    nodes: int = 0
    _lines: list[str] = field(default_factory=list)  # of the text, split when they are needed

    def document(self) -> Node | None:
        """The only document; None for an empty one."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise _refuse(self.file, _line_of(event), "found a second document after ---, allowed is one")
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, 0)
        return None if isinstance(root, Scalar) and not root.text and not root.quoted else root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = self._checked_line(event)
        if isinstance(event, yaml.ScalarEvent):
            if match := _CONTROL.search(event.value):
                raise _refuse(self.file, line, CONTROL.format(match.group()))
            self._check_length(event.value, self.longest[0], "text", line)
            return Scalar(self.file, line, event.value, event.style is not None, self._note(event))
        if depth >= MAX_NESTING:
            raise _refuse(self.file, line, f"nested more than {MAX_NESTING} deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(self.file, line, [self._node(item, depth + 1) for item in self._inside()])
        keys: dict[str, int] = {}
        entries = []
        for inner in self._inside():
            key = self._key(self._node(inner, depth + 1), keys)
            entries.append((key, self._node(next(self.events), depth + 1)))
        return Mapping(self.file, line, entries)

    def _check_length(self, text: str, most: int, what: str, line: int) -> None:
        if len(text) > most:
            found = f"found a {what} of {len(text)} characters ({quoted(text)})"
            raise _refuse(self.file, line, f"{found}, allowed are {most}: shorten it")

    def _note(self, event: yaml.ScalarEvent) -> str:
        """What to say of entries of a list that YAML reads as parts of one text."""
        if not event.start_mark or not event.end_mark or event.style not in (None, "|", ">"):
            return ""
        first, last = event.start_mark.line, event.end_mark.line
        if first == last or "-" not in event.value:
            return ""
        self._lines = self._lines or self.text.split("\n")
        entries = [
            line for line in range(first + 1, last + 1) if _ENTRY.match("".join(self._lines[line : line + 1]))
        ]
        if event.style is None and entries:
            found = f"line {entries[0] + 1} begins with - and is read as a part of this text"
            return f"{found}, since it is indented further: put all - of a list in one column"
        if entries and entries[0] == first + 1:
            return f"its lines with - are one text because of the {event.style} before them: leave that out"
        return ""

    def _inside(self) -> Iterator[yaml.Event]:
        """The events up to the end of a list or mapping; those within an item are taken by the item."""
        while not isinstance(event := next(self.events), yaml.CollectionEndEvent):
            yield event

    def _checked_line(self, event: yaml.Event) -> int:
        """The line of something that may be written."""
        line = _line_of(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _refuse(self.file, line, f"more than {MAX_NODES} values, which no scene needs")
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            raise _refuse(self.file, line, f"found the alias *{anchor}, aliases are not allowed")
        if anchor is not None:
            raise _refuse(self.file, line, f"found the anchor &{anchor}, anchors are not allowed")
        if tag is not None:
            raise _refuse(self.file, line, f"found the tag {quoted(tag)}, tags are not allowed")
        return line

    def _key(self, node: Node, lines: dict[str, int]) -> Scalar:
        """A key; lines: of the keys so far."""
        if not isinstance(node, Scalar):
            raise _refuse(self.file, node.line, f"found {shown(node)} as a key, allowed is a name or a time")
        self._check_length(node.text, self.longest[1], "key", node.line)
        if node.text == "<<" and not node.quoted:
            raise _refuse(self.file, node.line, "found the merge key <<, merging is not allowed")
        if node.text in lines:
            message = f"found the key {quoted(node.text)} twice, the first is in line {lines[node.text]}"
            raise _refuse(self.file, node.line, message)
        lines[node.text] = node.line
        return node


def _line_of(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _syntax_line(error: yaml.MarkedYAMLError, text: str) -> int:
    """The line of a complaint; where it comes at the end of the file, that of what was left open."""
    found, opened = error.problem_mark, error.context_mark
    if found is None or (opened is not None and not text[found.index :].strip()):
        found = opened
    return 1 if found is None else int(found.line) + 1


def _syntax_reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """PyYAML's complaint in words for people."""
    problem, context = error.problem or "", error.context or ""
    opened = f" that opens in line {error.context_mark.line + 1}" if error.context_mark else ""
    if "flow" in context:
        what = "[" if "sequence" in context else "{" if "mapping" in context else "[ or {"
        hint = ', a color is written in quotes: "#334455"' if _BARE_COLOR.search(text) else ""
        return f"the {what}{opened} is not closed, or a comma is missing{hint}"
    if "quoted scalar" in context:
        return f"the text in quotes{opened} is not closed" if "end of" in problem else f"{problem} in quotes"
    if "mapping values are not allowed" in problem:
        return "a colon where none is expected: put a text that holds ': ' in quotes, or mend the indentation"
    if "could not find expected ':'" in problem:
        return "found a line without a colon, allowed is `key: value`"
    if "cannot start any token" in problem:
        return f"{problem.split(' that ')[0]} at the beginning of a text, put the text in quotes"
    if "expected <block end>" in problem or "block collection" in context:
        return "the indentation does not fit the lines above"
    return f"this is no YAML: {' '.join(f'{context} {problem}'.split())}"
