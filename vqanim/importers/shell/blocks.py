"""The commands of a shell script in their order, with the blocks in which they stand: loops, branches,
functions, groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from vqanim.importers.shell.words import ShellError, Token, Word

MAX_DEPTH = 100  # of blocks within one another

Kind = Literal["loop", "branch", "function", "group"]


@dataclass(frozen=True)
class Command:
    """A simple command: assignments, or a program with arguments."""

    words: tuple[Word, ...]
    line: int  # counted from 1
    conditional: bool = False  # behind && or ||
    arithmetic: str = ""  # of `(( ... ))`


@dataclass(frozen=True)
class Block:
    """The begin of a block."""

    kind: Kind
    name: str = ""  # of a function
    names: tuple[str, ...] = ()  # variables of a loop
    words: tuple[Word, ...] = ()  # what they go through
    counter: str = ""  # of a loop `for (( ... ))`
    header: str = ""  # of a loop, for messages
    end: int = 0  # the place of its End among the events


@dataclass(frozen=True)
class End:
    """The end of the innermost block."""


Event: TypeAlias = Command | Block | End

_SKIPPED = frozenset(("!", "time", "coproc"))


def events_of(tokens: Iterable[Token]) -> list[Event]:
    """Commands, and where blocks begin and end; what is not closed ends with the script. Raises
    ShellError."""
    parser = _Parser()
    for token in tokens:
        parser.take(token)
    return parser.finish()


class _Parser:
    """Knows in which block and at which place of a command the next token stands."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._open: list[tuple[Kind, int]] = []
        self._words: list[Word] = []
        self._line = 1
        self._conditional = False
        self._header: list[Word] | None = None  # of the `for`, `while` or `case` at hand
        self._header_kind = ""
        self._counter = ""
        self._pending: Block | None = None  # a loop until its `do`
        self._function = ""  # a name until its `{`
        self._in_parens = False  # of `name ()`
        self._patterns: list[bool] = []  # of each `case`: whether a pattern comes next

    def take(self, token: Token) -> None:
        """The next token."""
        if self._header is not None:
            self._take_header(token)
        elif self._patterns and self._patterns[-1]:
            self._take_pattern(token)
        elif token.operator == "((" and token.word is not None:
            self._flush()
            self._events.append(Command((), token.line, self._conditional, token.word.pieces[0].text))
        elif token.word is None:
            self._take_operator(token.operator)
        elif self._words or not self._take_keyword(token.word.plain, token.line):
            self._function = ""
            self._line = self._line if self._words else token.line
            self._words.append(token.word)

    def finish(self) -> list[Event]:
        """Everything."""
        self._flush()
        while self._open:
            self._leave()
        return self._events

    def _flush(self) -> None:
        if self._words:
            self._events.append(Command(tuple(self._words), self._line, self._conditional))
            self._words.clear()
            self._conditional = False

    def _take_operator(self, operator: str) -> None:
        if operator == "(" and len(self._words) == 1 and self._words[0].plain and not self._function:
            self._function, self._in_parens = self._words.pop().plain, True
            return
        opens, closes = operator == "(" and not self._in_parens, operator == ")" and self._in_parens
        if self._function and not self._words and (opens or closes):  # `function name ()` has them too
            self._in_parens = opens
            return
        self._flush()
        if operator == "(":
            self._enter(Block("function", self._function) if self._function else Block("group"))
        elif operator == ")":
            self._leave()
        elif operator in (";;", ";&", ";;&") and self._patterns:
            self._leave()
            self._patterns[-1] = True
        elif operator != "\n" or not self._conditional:
            self._conditional = operator in ("&&", "||")

    def _take_keyword(self, word: str, line: int) -> bool:
        """Whether a word at the begin of a command is one of the language."""
        if word in ("for", "select", "while", "until", "case", "function"):
            self._header, self._header_kind, self._counter = [], word, ""
            # The condition of a loop is a command of its own, as in `while read file`.
            if word in ("while", "until"):
                self._pending = Block("loop", header=word)
                self._header = None
        elif word == "do":
            self._enter(self._conditioned(self._pending or Block("loop", header="loop")))
            self._pending = None
        elif word in ("then", "else"):
            if word == "else":
                self._leave("branch")
            self._enter(Block("branch"))
        elif word == "{":
            self._enter(Block("function", self._function) if self._function else Block("group"))
        elif word in ("done", "fi", "elif", "}"):
            self._leave({"done": "loop", "fi": "branch", "elif": "branch"}.get(word))
        elif word == "esac":
            self._end_case()
        else:
            return word in _SKIPPED
        return True

    def _conditioned(self, block: Block) -> Block:
        """A loop whose header tells of the command that it depends on."""
        last = self._events[-1] if self._events else None
        if block.header not in ("while", "until") or not isinstance(last, Command):
            return block
        shown = " ".join(map(shown_word, last.words)) or f"(({last.arithmetic}))"
        return replace(block, header=f"{block.header} {shown}"[:60])

    def _take_header(self, token: Token) -> None:
        """What stands between `for` and `do`, `case` and `in`, behind `function`."""
        assert self._header is not None
        header, kind = self._header, self._header_kind
        if token.operator == "((" and token.word is not None:
            self._counter = token.word.pieces[0].text
        elif token.word is not None and kind == "case" and header and token.word.plain == "in":
            self._patterns.append(True)
            self._header = None
        elif token.word is not None and kind == "function":
            self._function, self._header = token.word.plain, None
        elif token.word is not None:
            header.append(token.word)
        elif header or self._counter:
            if kind == "case":
                return
            self._header = None
            self._pending = self._loop(kind, header)

    def _loop(self, kind: str, header: list[Word]) -> Block:
        if self._counter:
            name = self._counter.partition("=")[0].strip()
            shown = " ".join(self._counter.split())[:60]
            return Block("loop", names=(name,), counter=self._counter, header=f"for (({shown}))")
        name, words = header[0].plain, tuple(header[2:])
        shown = f"{kind} {name} in " + " ".join(map(shown_word, words[:4])) + (" ..." if words[4:] else "")
        return Block("loop", names=(name,), words=words, header=shown)

    def _take_pattern(self, token: Token) -> None:
        if token.word is not None and token.word.plain == "esac":
            self._end_case(inside=False)
        elif token.operator == ")":
            self._patterns[-1] = False
            self._enter(Block("branch"))

    def _end_case(self, inside: bool = True) -> None:
        if self._patterns:
            if inside:
                self._leave("branch")
            self._patterns.pop()

    def _enter(self, block: Block) -> None:
        self._function = ""
        if len(self._open) >= MAX_DEPTH:
            raise ShellError(f"line {self._line}: more than {MAX_DEPTH} blocks within one another")
        self._open.append((block.kind, len(self._events)))
        self._events.append(block)

    def _leave(self, kind: str | None = None) -> None:
        """End the innermost block, or what is still open within the innermost one of a kind."""
        if not self._open or (kind and kind not in [open_kind for open_kind, _ in self._open]):
            return
        while self._open:
            found, place = self._open.pop()
            block = self._events[place]
            assert isinstance(block, Block)
            self._events[place] = replace(block, end=len(self._events))
            self._events.append(End())
            if kind in (None, found):
                return


def shown_word(word: Word) -> str:
    """A word for messages."""
    brackets = {"text": "{}", "name": "${}", "command": "$({})", "arithmetic": "$(({}))"}
    shown = "".join(brackets[piece.kind].replace("{}", piece.text) for piece in word.pieces)
    shown = " ".join(shown.split())
    return f'"{shown}"' if " " in shown else shown
