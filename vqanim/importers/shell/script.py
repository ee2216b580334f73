"""The calls of some programs in a shell script, with the values of its variables. Nothing is ever run.

A script is walked from its first line to its last: assignments are kept, bodies of functions are walked
where they are called, bodies of loops once. What only running it would tell (a loop's variable, an argument,
what a command prints) is a Gap in a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vqanim.importers.shell.arithmetic import arithmetic, assigned_by
from vqanim.importers.shell.blocks import Block, Command, Event, events_of
from vqanim.importers.shell.expansion import Gap, Value, Variables, gaps_of, text_of
from vqanim.importers.shell.words import Lexer, Piece, ShellError, Word

MAX_STEPS = 30_000  # commands walked, those of functions as often as they are called
MAX_DEPTH = 8  # of functions that call one another


@dataclass(frozen=True)
class Loop:
    """Commands that are run again and again."""

    header: str  # for messages
    turns: int | None  # None where only running it would tell


@dataclass(frozen=True)
class Call:
    """A program with its arguments."""

    program: str
    arguments: tuple[Value, ...]
    line: int  # counted from 1
    loop: Loop | None
    notes: tuple[tuple[str, str], ...] = ()
    """(variable, what is not sure about its value)"""


def calls_in(text: str, programs: Sequence[str], arguments: Sequence[str] | None = None) -> list[Call]:
    """The calls of programs in a script, in the order in which they are run first; all commands where
    `programs` has an empty name. arguments: what the script is started with, $1 and so on; None where that is
    not known. Raises ShellError."""
    given: list[Value] | None = None if arguments is None else [(argument,) for argument in arguments]
    walker = _Walker(programs, Variables(given))
    walker.walk(events_of(Lexer(text).tokens()))
    for name in list(walker.functions) if not walker.calls else ():  # that nobody calls
        walker.variables.given = None
        walker.walk(walker.functions[name])
    return walker.calls


_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\[[^\]]*\])?(\+?)=", re.ASCII)
_DECLARE = frozenset("export declare typeset local readonly".split())
_SEQUENCE = re.compile(r"\{(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.-?(\d{1,9}))?\}", re.ASCII)
_COUNTER = re.compile(r"\s*(\w+)\s*=([^;]*);\s*\1\s*(<=|<)([^;]*);\s*(?:\1\s*\+\+|\+\+\s*\1)\s*", re.ASCII)


@dataclass
class _Scope:
    """A block at hand."""

    kind: str
    loop: Loop | None = None
    first_call: int = 0
    assigned: set[str] = field(default_factory=set)


@dataclass
class _Walker:
    """Goes through the commands of a script."""

    programs: Sequence[str]
    variables: Variables
    calls: list[Call] = field(default_factory=list)
    functions: dict[str, Sequence[Event]] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    scopes: list[_Scope] = field(default_factory=list)
    read: list[dict[str, Value | None]] = field(default_factory=list)  # those of each call
    floor: int = 0  # how many scopes lie around the function at hand
    steps: int = 0
    depth: int = 0

    def walk(self, events: Sequence[Event]) -> None:
        """Go through some commands."""
        place, outer, floor = 0, len(self.scopes), self.floor
        self.floor = outer
        while place < len(events) and self.steps < MAX_STEPS:
            event, place = events[place], place + 1
            self.steps += 1
            if isinstance(event, Command):
                self._command(event)
            elif isinstance(event, Block) and event.kind == "function":
                self.functions[event.name] = events[place : event.end]
                place = event.end + 1
            elif isinstance(event, Block):
                self._enter(event)
            elif len(self.scopes) > outer:
                self._leave(self.scopes.pop())
        del self.scopes[outer:]
        self.floor = floor

    def _enter(self, block: Block) -> None:
        loop = None
        if block.kind == "loop":
            loop = Loop(block.header, self._turns(block))
            for name in block.names:
                self.variables.arrays.pop(name, None)
                self.variables.values[name] = (
                    Gap(f"${name}", f"another in each turn of the loop ({block.header})"),
                )
        self.scopes.append(_Scope(block.kind, loop, len(self.calls)))

    def _leave(self, scope: _Scope) -> None:
        """Tell of what a loop's commands use and its later turns change."""
        if self.scopes:
            self.scopes[-1].assigned |= scope.assigned
        if scope.loop is None:
            return
        for place in range(scope.first_call, len(self.calls)):
            for name, value in self.read[place].items():
                if (
                    self.variables.values.get(name, value) != value
                    and value is not None
                    and not gaps_of(value)
                ):
                    note = (name, "another in each turn of the loop, of which the first is taken")
                    call = self.calls[place]
                    self.calls[place] = replace(call, notes=tuple(dict.fromkeys((*call.notes, note))))

    def _turns(self, block: Block) -> int | None:
        """How often a loop is run, where its header says so."""
        if block.counter:
            match = _COUNTER.fullmatch(block.counter)
            first, last = (
                (arithmetic(part, self.variables.number) for part in (match[2], match[4]))
                if match
                else (None,) * 2
            )
            if match is None or first is None or last is None:
                return None
            return max(0, last - first + (match[3] == "<="))
        turns = 0
        for word in block.words:
            if match := _SEQUENCE.fullmatch(word.plain):
                turns += abs(int(match[2]) - int(match[1])) // (int(match[3] or 1) or 1) + 1
                continue
            sequence = word.pieces[0].text.split() if word.pieces[0].kind == "command" else []
            if len(word.pieces) == 1 and sequence[:1] == ["seq"]:
                ends = [arithmetic(part.strip("\"'"), self.variables.number) for part in sequence[1:]]
                if not 1 <= len(ends) <= 2 or (last := ends[-1]) is None or (first := [1, *ends][-2]) is None:
                    return None
                turns += max(0, last - first + 1)
                continue
            fields = list(self.variables.expand(word))
            if any(map(gaps_of, fields)) or any(set("*?") & set(text_of(found) or "") for found in fields):
                return None
            turns += len(fields)
        return turns or None

    def _command(self, command: Command) -> None:
        self.variables.used = {}
        if command.arithmetic:
            self._let(command.arithmetic)
            return
        words = list(command.words)
        first = next((i for i, word in enumerate(words) if not _assigned(word)), len(words))
        if first == len(words):
            for word in words:
                self._assign(word, command.conditional)
            return
        name = words[first].plain
        if name in _DECLARE:
            for word in words[first + 1 :]:
                if _assigned(word):
                    self._assign(word, command.conditional)
            return
        fields = [found for word in words[first:] for found in self.variables.expand(word)]
        name = (text_of(fields[0]) or "") if fields else ""
        self._special(name, fields)
        if name in self.functions:
            self._run_function(name, fields[1:])
        self._note_call(fields, command.line)

    def _special(self, name: str, fields: list[Value]) -> None:
        texts = [text_of(found) or "" for found in fields]
        if name == "set" and "--" in texts:
            self.variables.given = fields[texts.index("--") + 1 :]
        elif name == "shift" and self.variables.given is not None:
            self.variables.given = self.variables.given[
                int(texts[1]) if texts[1:] and texts[1].isdecimal() else 1 :
            ]
        elif name == "let":
            for text in texts[1:]:
                self._let(text)
        elif name in ("read", "getopts", "mapfile", "readarray", "unset") or texts[:2] == ["printf", "-v"]:
            for text in filter(str.isidentifier, texts[1:]):
                self.variables.arrays.pop(text, None)
                self.variables.values[text] = (Gap(f"${text}", "read while the script runs"),)
                if name == "unset":
                    del self.variables.values[text]

    def _let(self, text: str) -> None:
        for name, expression in assigned_by(text):
            value = arithmetic(expression, self.variables.number)
            self.variables.values[name] = (Gap(f"${name}", "calculated") if value is None else str(value),)

    def _run_function(self, name: str, given: list[Value]) -> None:
        if self.depth >= MAX_DEPTH:
            return
        before, self.variables.given = self.variables.given, given
        self.depth += 1
        self.walk(self.functions[name])
        self.depth -= 1
        self.variables.given = before

    def _note_call(self, fields: list[Value], line: int) -> None:
        texts = [text_of(found) or "" for found in fields]
        if not texts or texts[0] in ("echo", "printf", ":"):
            return
        if texts[0] in ("bash", "sh", "eval") and self.depth < MAX_DEPTH:
            for text in texts[1:]:  # a command in quotes
                if " " in text and any(program and program in text for program in self.programs):
                    self.depth += 1
                    with suppress(ShellError):
                        self.walk(events_of(Lexer(text).tokens()))
                    self.depth -= 1
        for place, text in enumerate(texts):
            name = re.split(r"[/\\]", text)[-1]
            program = next((p for p in self.programs if name == p or (not p and not place)), None)
            if program is not None:
                loop = next((scope.loop for scope in reversed(self.scopes) if scope.loop), None)
                notes = tuple(
                    (name, self.unsure[name]) for name in sorted(self.variables.used & self.unsure.keys())
                )
                arguments = tuple(fields[place + bool(program) :])
                self.calls.append(Call(program, arguments, line, loop, notes))
                self.read.append(self.variables.used)
                return

    def _assign(self, word: Word, conditional: bool) -> None:
        first = word.pieces[0].text
        match = _ASSIGNMENT.match(first)
        assert match is not None
        name = match[1]
        if word.items is not None:
            found = [item for part in word.items for item in self.variables.expand(part)]
            self.variables.arrays[name] = (self.variables.arrays.get(name, []) if match[3] else []) + found
            self.variables.values.pop(name, None)
            return
        if match[2]:  # an element of an array
            self.variables.arrays.pop(name, None)
            return
        pieces = (Piece("text", first[match.end() :]), *word.pieces[1:])
        value = self.variables.joined(pieces)
        before = self.variables.values.get(name)
        if match[3] and before is not None:
            value = self.variables.bounded((*before, *value))
        conditional = conditional or any(scope.kind == "branch" for scope in self.scopes[self.floor :])
        differs = before is not None and before != value and not gaps_of(before) and not match[3]
        if differs and conditional:
            self.unsure[name] = "it is set in several ways, of which the first is taken"
            return
        if conditional and (before is None or gaps_of(before)):
            self.unsure[name] = "it is set under a condition"
        scope = self.scopes[-1] if self.scopes else _Scope("")
        if match[3] and scope.loop and name not in scope.assigned:
            value = (Gap(f"${name}", "it grows in a loop"),)
        scope.assigned.add(name)
        self.variables.arrays.pop(name, None)
        self.variables.values[name] = value
        if not conditional:
            self.unsure.pop(name, None)


def _assigned(word: Word) -> bool:
    first = word.pieces[0]
    return first.kind == "text" and not first.quoted and _ASSIGNMENT.match(first.text) is not None
