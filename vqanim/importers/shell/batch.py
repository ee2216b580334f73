"""The calls of some programs in a Windows batch file, as script.py finds them in others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from vqanim.importers.shell.arithmetic import arithmetic, assigned_by
from vqanim.importers.shell.expansion import GIVEN, MAX_EXPANDED, Gap, Value, gaps_of, text_of
from vqanim.importers.shell.script import Call, Loop

_SIGNS = re.compile(
    r"""^[^\S\n]*(?:@?echo\s+off|rem\b|::|set\s+"?\w+=|setlocal\b)|%\w+%|%%\w|\^\r?\n""",
    re.IGNORECASE | re.MULTILINE,
)
_VARIABLE = re.compile(r"%%~?\w*?([A-Za-z])\b|%~?\w*?([0-9*])|%(\w+)((?::[^%]*)?)%|!(\w+)!")
_SET = re.compile(r'set\s+(/[ap]\s+)?("?)([\w() ]+?)\s?=\s?(.*)', re.IGNORECASE | re.DOTALL)
_SUM = re.compile(r'set\s+/a\s+"?(.*?)"?\s*', re.IGNORECASE | re.DOTALL)
_FOR = re.compile(
    r'for\s+(?:/(\w)\s+(?:"[^"]*"\s+)?)?%%~?(\w)\s+in\s*\(([^)]*)\)\s*do\s*(.*)', re.IGNORECASE | re.DOTALL
)
_IF = re.compile(
    r"""if\s+(?:/i\s+)?(?:not\s+)?(?:(?:exist|defined|errorlevel)\s+(?:"[^"]*"|\S+)
    |(?:"[^"]*"|[^\s=]+)\s*(?:==|equ|neq|lss|leq|gtr|geq)\s*(?:"[^"]*"|\S+))\s+(.*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_WORD = re.compile(r'(?:[^\s"^]+|\^.?|"(?:\\"|[^"])*(?:"|$))+')
_COMMANDS = re.compile(r'((?:[^"&|<>^]+|\^.?|"(?:\\"|[^"])*(?:"|$))+)')
_GAP = re.compile("\0(\\d+)\0")


def is_batch(name: str, text: str) -> bool:
    """Whether a file is one, by its name or by what stands in its text."""
    if name.lower().endswith((".bat", ".cmd")):
        return True
    return (
        not name.lower().endswith((".sh", ".bash"))
        and bool(_SIGNS.search(text))
        and not re.search(r"\$\w|^#!", text)
    )


def calls_in_batch(text: str, programs: Sequence[str], arguments: Sequence[str] | None = None) -> list[Call]:
    """The calls of programs, in the order of the file; see shell.calls_in."""
    walker = _Walker(programs, arguments)
    for line, command in _lines(text):
        walker.line = line
        walker.command(command)
    return walker.calls


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(line, command), those that go on behind ^ as one."""
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        ends = len(line) - len(line.rstrip("^"))
        begun.append(line[:-1] + " " if ends % 2 else line)
        if not ends % 2:
            yield number - len(begun) + 1, "".join(begun)
            begun = []
    if begun:
        yield text.count("\n") + 2 - len(begun), "".join(begun)


@dataclass
class _Walker:
    """Goes through the lines of a batch file."""

    programs: Sequence[str]
    arguments: Sequence[str] | None
    line: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    blocks: list[Loop | None] = field(default_factory=list)  # within ( and ), None for a branch
    labels: dict[str, int] = field(default_factory=dict)  # how many calls there were before
    used: set[str] = field(default_factory=set)
    expanded: int = 0  # characters

    def command(self, text: str) -> None:
        """Go on with a line, or with what stands behind `do` or `if`."""
        text = text.strip().lstrip("@").strip()
        while text.startswith(")"):
            text = re.sub(
                r"^\)\s*(?:else\s*(\(|if\b)?)?", lambda found: found[1] or "", text, flags=re.IGNORECASE
            )
            if self.blocks:
                self.blocks.pop()
        if text.startswith("("):
            self.blocks.append(None)
            text = text[1:].strip()
        if not text or re.match(r"rem\b|::|echo\b", text, re.IGNORECASE):
            return
        if text.startswith(":"):
            self.labels[text[1:].split()[0].lower() if text[1:].split() else ""] = len(self.calls)
        elif match := _FOR.fullmatch(text):
            self._inside(self._loop(match), match[4])
        elif match := _IF.fullmatch(text):
            self._inside(None, match[1])
        elif match := re.match(r"goto\s+:?(\w+)", text, re.IGNORECASE):
            self._go_back(match[1].lower())
        elif re.match(r"set\s", text, re.IGNORECASE):
            self._set(text)
        else:
            for part in _COMMANDS.findall(text):
                self._program(part)

    def _inside(self, loop: Loop | None, text: str) -> None:
        if text.strip().startswith("("):
            self.blocks.append(loop)
            inside = text.strip()[1:]
            closed = inside.rstrip().endswith(")")
            self.command(inside.rstrip().removesuffix(")") if closed else inside)
            if closed and self.blocks:
                self.blocks.pop()
        else:
            self.blocks.append(loop)
            self.command(text)
            self.blocks.pop()

    def _loop(self, match: re.Match[str]) -> Loop:
        name, turns = match[2], None
        header = f"for %%{name} in ({' '.join(match[3].split())[:40]})"
        items = match[3].replace(",", " ").split()
        if match[1] in ("l", "L") and len(items) == 3:
            begin, step, end = (
                arithmetic(text_of(self._expanded(item)) or "", lambda _: None) for item in items
            )
            if begin is not None and step and end is not None:
                turns = max(0, (end - begin) // step + 1)
        elif not match[1] and not set("*?%!") & set(match[3]):
            turns = len(_WORD.findall(match[3]))
        self.values[f"%{name}"] = (Gap(f"%%{name}", f"another in each turn of the loop ({header})"),)
        return Loop(header, turns)

    def _go_back(self, label: str) -> None:
        loop = Loop(f"goto {label}", None)
        for place in range(self.labels.get(label, len(self.calls)), len(self.calls)):
            if self.calls[place].loop is None:
                self.calls[place] = replace(self.calls[place], loop=loop)

    def _set(self, text: str) -> None:
        if match := _SUM.fullmatch(text):
            for name, expression in assigned_by(match[1].replace("%", "")):
                value = arithmetic(
                    expression, lambda name: text_of(self.values.get(name.lower(), (Gap("", ""),)))
                )
                self._keep(name, (Gap(f"%{name}%", "calculated") if value is None else str(value),))
        elif match := _SET.fullmatch(text):
            name, written = match[3].strip(), match[4].strip()
            if match[2]:
                written = written.rpartition('"')[0] or written
            asked = (Gap(f"%{name}%", "read while the script runs"),)
            self._keep(name, asked if match[1] else self._expanded(written))

    def _keep(self, name: str, value: Value) -> None:
        key = name.lower()
        before = self.values.get(key)
        if before is not None and before != value and self.blocks and not gaps_of(before):
            how = "set in several ways" if self.blocks[-1] is None else "another in each turn of the loop"
            self.unsure[key] = f"it is {how}, of which the first is taken"
            return
        self.values[key] = value

    def _expanded(self, text: str) -> Value:
        """A text with its variables, whose quotes count as if they were written there."""
        parts: list[str | Gap] = []
        end = 0
        for match in _VARIABLE.finditer(text):
            parts += [text[end : match.start()], *self._variable(match)]
            end = match.end()
        parts.append(text[end:])
        self.expanded += sum(len(part) + 10 if isinstance(part, str) else 50 for part in parts)
        if self.expanded > MAX_EXPANDED:
            return (Gap(text[:20], "longer than is read here"),)
        return tuple(part for part in parts if part != "")

    def _variable(self, match: re.Match[str]) -> Value:
        loop, argument, name, change, late = match.groups()
        if loop:
            return self.values.get(f"%{loop}", (match[0],))
        if argument:
            given = self.arguments
            if argument == "*":
                return (Gap("%*", GIVEN),) if given is None else (" ".join(f'"{word}"' for word in given),)
            if given is None or argument == "0":
                return (Gap(f"%{argument}", GIVEN),)
            return (given[int(argument) - 1],) if int(argument) <= len(given) else ()
        name = name or late
        self.used.add(name.lower())
        value = self.values.get(name.lower())
        if value is None or change:
            return (Gap(match[0], "not understood here" if change else "not set in the script"),)
        return value

    def _program(self, text: str) -> None:
        self.used = set()
        value = self._expanded(text)
        gaps = gaps_of(value)
        numbers = iter(range(len(gaps)))
        joined = "".join(part if isinstance(part, str) else f"\0{next(numbers)}\0" for part in value)
        words = [_with_gaps(_without_quotes(word), gaps) for word in _WORD.findall(joined)]
        for place, word in enumerate(words):
            name = re.split(r"[/\\]", text_of(word) or "")[-1]
            if program := next((program for program in self.programs if name == program), None):
                loop = next((loop for loop in reversed(self.blocks) if loop), None)
                notes = tuple((name, self.unsure[name]) for name in sorted(self.used & self.unsure.keys()))
                self.calls.append(Call(program, tuple(words[place + 1 :]), self.line, loop, notes))
                return


def _without_quotes(word: str) -> str:
    """A word as a program gets it."""

    def part(found: re.Match[str]) -> str:
        if found[0].startswith("^"):
            return found[0][1:]
        return (
            found[0].removeprefix('"').removesuffix('"').replace('\\"', '"')
            if found[0].startswith('"')
            else found[0]
        )

    return re.sub(r'\^.?|"(?:\\"|[^"])*(?:"|$)|[^"^]+', part, word)


def _with_gaps(word: str, gaps: Sequence[Gap]) -> Value:
    parts = _GAP.split(word)
    return tuple(
        gaps[int(part)] if place % 2 else part for place, part in enumerate(parts) if part or place % 2
    )
